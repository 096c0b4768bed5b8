// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {PooledAccount} from "contracts/PooledAccount.sol";
import {VaultFactory} from "contracts/VaultFactory.sol";
import {PoolConfig} from "contracts/interfaces/IPooledAccount.sol";
import {IVaultFactory, Kind, Template} from "contracts/interfaces/IVaultFactory.sol";
import {FactoryErrorsLib} from "contracts/libraries/FactoryErrorsLib.sol";
import {TestUSDC} from "contracts/sim/TestUSDC.sol";
import {Base} from "./Base.sol";
import {TestVault} from "./PooledAccountBase.sol";
import {TestVenue} from "./PrimeVaultBase.sol";

/// @notice A contract whose constructor says no.
contract Refusing {
    error No(uint256 why);

    constructor(uint256 why) {
        revert No(why);
    }
}

/// @notice Rule G2: listed code, registry, tiers, the protocol's fee.
contract VaultFactoryTest is Base {
    VaultFactory internal factory;
    TestUSDC internal usdc;
    TestVault internal vault;

    address internal boss = address(0xB055);
    address internal protocol = address(0x9207);
    address internal seeder = address(0x5EED);
    address internal stranger = address(0x57A);

    bytes32 internal vaultTemplate;
    bytes32 internal poolTemplate;
    bytes32 internal venueTemplate;

    function setUp() public {
        usdc = new TestUSDC(address(this));
        factory = new VaultFactory(boss, 1000, protocol);
        vaultTemplate = _list(type(TestVault).creationCode, Kind.Vault, 0);
        poolTemplate = _list(type(PooledAccount).creationCode, Kind.Pool, 0);
        venueTemplate = _list(type(TestVenue).creationCode, Kind.Venue, 2);
        vault = TestVault(factory.create(vaultTemplate, _vaultCode(), 0));
    }

    function _list(bytes memory code, Kind kind, uint8 tier) internal returns (bytes32 template) {
        template = keccak256(code);
        vm.prank(boss);
        factory.addTemplate(template, kind, tier, uint32(code.length));
    }

    function _vaultCode() internal view returns (bytes memory) {
        return abi.encodePacked(type(TestVault).creationCode, abi.encode(usdc));
    }

    function _venueCode(address vault_) internal view returns (bytes memory) {
        return abi.encodePacked(type(TestVenue).creationCode, abi.encode(vault_, usdc));
    }

    /// @dev Seeded at the place where `creator` will make it.
    function _poolCode(address creator, address vault_, uint16 bps, address recipient)
        internal
        returns (bytes memory code)
    {
        PoolConfig memory config = PoolConfig({
            vault: vault_,
            manager: stranger,
            feeRecipient: stranger,
            seeder: seeder,
            seed: 100e6,
            managementBps: 100,
            performanceBps: 1000,
            protocolBps: bps,
            protocolRecipient: recipient,
            name: "Pool",
            symbol: "P"
        });
        code = abi.encodePacked(type(PooledAccount).creationCode, abi.encode(config));
        usdc.mint(seeder, 100e6);
        address place = factory.predict(creator, code, 0);
        vm.prank(seeder);
        usdc.approve(place, 100e6);
    }

    function _refused(address who, bytes memory data, bytes4 reason) internal {
        vm.prank(who);
        (bool ok, bytes4 got) = tried(address(factory), data);
        assertFalse(ok, "not refused");
        assertEq(bytes32(got), bytes32(reason), "reason");
    }

    function testFuzz_G2_Create_AtThePredictedPlace(address creator, bytes32 salt) public {
        bytes memory code = _vaultCode();
        address place = factory.predict(creator, code, salt);
        uint256 count = factory.createdCount();
        vm.expectEmit(address(factory));
        emit IVaultFactory.Created(place, Kind.Vault, vaultTemplate, creator);
        vm.prank(creator);
        address made = factory.create(vaultTemplate, code, salt);
        assertEq(made, place, "place");
        assertTrue(factory.kindOf(made) == Kind.Vault, "kind");
        assertEq(factory.tierOf(made), 0, "a vault has no tier");
        assertEq(factory.createdCount(), count + 1, "registry");
        assertEq(factory.createdAt(count), made, "last");
        assertEq(address(TestVault(made).asset()), address(usdc), "its arguments");
    }

    function testFuzz_G2_Create_NobodyTakesAnothersPlace(address one, address other, bytes32 salt) public view {
        vm.assume(one != other);
        bytes memory code = _vaultCode();
        assertTrue(factory.predict(one, code, salt) != factory.predict(other, code, salt), "places differ");
    }

    function testFuzz_G2_Create_RevertWhen_OneBitOfTheCodeDiffers(uint256 at_, uint8 bit) public {
        bytes memory code = _vaultCode();
        at_ = bound(at_, 0, type(TestVault).creationCode.length - 1);
        code[at_] ^= bytes1(uint8(1) << (bit % 8));
        bytes memory data = abi.encodeCall(factory.create, (vaultTemplate, code, 0));
        _refused(stranger, data, FactoryErrorsLib.CodeMismatch.selector);
    }

    function testFuzz_G2_Create_RevertWhen_TheCodeIsShort(uint256 length) public {
        length = bound(length, 0, type(TestVault).creationCode.length - 1);
        bytes memory code = _vaultCode();
        assembly ("memory-safe") {
            mstore(code, length) // Shorter than it was.
        }
        bytes memory data = abi.encodeCall(factory.create, (vaultTemplate, code, 0));
        _refused(stranger, data, FactoryErrorsLib.CodeMismatch.selector);
    }

    function testFuzz_G2_Create_RevertWhen_NotListed(bytes32 template) public {
        vm.assume(template != vaultTemplate && template != poolTemplate && template != venueTemplate);
        bytes memory data = abi.encodeCall(factory.create, (template, _vaultCode(), 0));
        _refused(stranger, data, FactoryErrorsLib.TemplateUnknown.selector);
    }

    function test_G2_Create_RevertWhen_ThereAlready() public {
        (bool ok,) = tried(address(factory), abi.encodeCall(factory.create, (vaultTemplate, _vaultCode(), 0)));
        assertFalse(ok, "once");
    }

    function testFuzz_G2_Create_PassesTheConstructorsReasonOn(uint256 why) public {
        bytes32 template = _list(type(Refusing).creationCode, Kind.Vault, 0);
        bytes memory code = abi.encodePacked(type(Refusing).creationCode, why);
        vm.expectRevert(abi.encodeWithSelector(Refusing.No.selector, why));
        factory.create(template, code, 0);
    }

    function testFuzz_G2_Venue_HasItsTemplatesTier(uint8 tier, address creator) public {
        tier = uint8(bound(tier, 1, 2));
        if (tier == 1) {
            factory = new VaultFactory(boss, 0, address(0));
            _list(type(TestVault).creationCode, Kind.Vault, 0);
            _list(type(TestVenue).creationCode, Kind.Venue, 1);
            vault = TestVault(factory.create(vaultTemplate, _vaultCode(), 0));
        }
        vm.prank(creator);
        address made = factory.create(venueTemplate, _venueCode(address(vault)), 0);
        assertEq(factory.tierOf(made), tier, "tier");
        assertTrue(factory.kindOf(made) == Kind.Venue, "kind");
    }

    function testFuzz_G2_Tier_NoneForWhatWasNotMadeHere(address other) public view {
        assertEq(factory.tierOf(other), 0, "unknown");
        assertTrue(other == address(vault) || factory.kindOf(other) == Kind.None, "unknown");
    }

    function testFuzz_G2_Venue_RevertWhen_ForAVaultFromElsewhere(address elsewhere) public {
        vm.assume(elsewhere != address(vault));
        bytes memory data = abi.encodeCall(factory.create, (venueTemplate, _venueCode(elsewhere), 0));
        _refused(stranger, data, FactoryErrorsLib.NotOurVault.selector);
    }

    function testFuzz_G2_Pool_CarriesTheProtocolFee(uint16 bps, uint16 later) public {
        bps = uint16(bound(bps, 0, 3000));
        later = uint16(bound(later, 0, 3000));
        vm.prank(boss);
        factory.setProtocolFee(bps, protocol);
        bytes memory code = _poolCode(stranger, address(vault), bps, protocol);
        vm.prank(stranger);
        PooledAccount pool = PooledAccount(factory.create(poolTemplate, code, 0));
        assertTrue(factory.kindOf(address(pool)) == Kind.Pool, "kind");
        vm.prank(boss);
        factory.setProtocolFee(later, boss);
        assertEq(pool.protocolBps(), bps, "copied for good");
        assertEq(pool.protocolRecipient(), protocol, "copied for good");
    }

    function testFuzz_G2_Pool_RevertWhen_TheProtocolFeeIsAnother(uint16 bps, bool recipient) public {
        bps = uint16(bound(bps, 0, 3000));
        bytes memory code =
            _poolCode(stranger, address(vault), recipient ? 1000 : bps, recipient ? address(1) : protocol);
        if (!recipient && bps == 1000) return;
        bytes memory data = abi.encodeCall(factory.create, (poolTemplate, code, 0));
        _refused(stranger, data, FactoryErrorsLib.WrongProtocolFee.selector);
    }

    function test_G2_Pool_RevertWhen_OverAVaultFromElsewhere() public {
        TestVault elsewhere = new TestVault(usdc);
        bytes memory code = _poolCode(stranger, address(elsewhere), 1000, protocol);
        bytes memory data = abi.encodeCall(factory.create, (poolTemplate, code, 0));
        _refused(stranger, data, FactoryErrorsLib.NotOurVault.selector);
    }

    function testFuzz_G2_Template_IsListedOnceAndForGood(bytes32 template, uint8 kind, uint8 tier, uint32 length)
        public
    {
        vm.assume(template != vaultTemplate && template != poolTemplate && template != venueTemplate);
        kind = uint8(bound(kind, 0, 3));
        tier = uint8(bound(tier, 0, 3));
        bytes memory data = abi.encodeCall(factory.addTemplate, (template, Kind(kind), tier, length));
        _refused(stranger, data, FactoryErrorsLib.NotOwner.selector);
        bool fits = kind == 3 ? tier == 1 || tier == 2 : tier == 0;
        if (kind == 0 || !fits || length == 0) {
            _refused(boss, data, FactoryErrorsLib.BadTemplate.selector);
            return;
        }
        vm.expectEmit(address(factory));
        emit IVaultFactory.TemplateAdded(template, Kind(kind), tier, length);
        vm.prank(boss);
        factory.addTemplate(template, Kind(kind), tier, length);
        Template memory t = factory.templateOf(template);
        assertTrue(t.kind == Kind(kind) && t.tier == tier && t.codeLength == length, "as listed");
        _refused(boss, data, FactoryErrorsLib.TemplateExists.selector);
    }

    function testFuzz_G2_ProtocolFee_Bounds(uint16 bps, address recipient, address who) public {
        bytes memory data = abi.encodeCall(factory.setProtocolFee, (bps, recipient));
        if (who != boss) _refused(who, data, FactoryErrorsLib.NotOwner.selector);
        if (bps > 3000) {
            _refused(boss, data, FactoryErrorsLib.FeeTooHigh.selector);
        } else if (bps > 0 && recipient == address(0)) {
            _refused(boss, data, FactoryErrorsLib.ZeroAddress.selector);
        } else {
            vm.expectEmit(address(factory));
            emit IVaultFactory.ProtocolFeeSet(bps, recipient);
            vm.prank(boss);
            factory.setProtocolFee(bps, recipient);
            assertEq(factory.protocolBps(), bps, "bps");
            assertEq(factory.protocolRecipient(), recipient, "recipient");
        }
    }

    function testFuzz_G2_ProtocolFee_RevertWhen_NobodyGetsIt(uint16 bps) public {
        bytes memory data = abi.encodeCall(factory.setProtocolFee, (uint16(bound(bps, 1, 3000)), address(0)));
        _refused(boss, data, FactoryErrorsLib.ZeroAddress.selector);
    }

    function test_Constructor_RevertWhen_NoOwner() public {
        vm.expectRevert(FactoryErrorsLib.ZeroAddress.selector);
        new VaultFactory(address(0), 0, address(0));
    }
}
