// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {PrimeVault} from "contracts/PrimeVault.sol";
import {VaultFactory} from "contracts/VaultFactory.sol";
import {Kind} from "contracts/interfaces/IVaultFactory.sol";
import {ErrorsLib} from "contracts/libraries/ErrorsLib.sol";
import {TestUSDC} from "contracts/sim/TestUSDC.sol";
import {PrimeVaultBase, TestVenue} from "./PrimeVaultBase.sol";

/// @notice A venue of other code, so that it has a template of its own.
contract OtherVenue is TestVenue {
    constructor(address vault_, TestUSDC usdc_) TestVenue(vault_, usdc_) {}

    function other() external pure returns (bool) {
        return true;
    }
}

/// @notice Rule G2 with the real factory on the vault's other end: tiers come from templates, and money leaves without it.
contract VaultFactoryVaultTest is PrimeVaultBase {
    VaultFactory internal maker;

    function setUp() public override {
        vm.warp(1_800_000_000);
        usdc = new TestUSDC(address(this));
        maker = new VaultFactory(boss, 0, address(0));
        address[] memory keepers = new address[](2);
        (keepers[0], keepers[1]) = (keeper, keeper2);
        vault =
            PrimeVault(_make(Kind.Vault, 0, type(PrimeVault).creationCode, abi.encode(usdc, boss, curator, keepers)));
        t1 = TestVenue(_make(Kind.Venue, 1, type(TestVenue).creationCode, abi.encode(vault, usdc)));
        t2 = TestVenue(_make(Kind.Venue, 2, type(OtherVenue).creationCode, abi.encode(vault, usdc)));
        vm.startPrank(curator);
        vault.addVenue(address(t1), 1e15, 10_000);
        vault.addVenue(address(t2), 1e15, 10_000);
        vm.stopPrank();
        _insure(1000 * USD);
        _openAccount(alice, 10_000 * USD);
        _openAccount(bob, 10_000 * USD);
        _openAccount(carol, 10_000 * USD);
        _send(t1, 12_000 * USD);
    }

    function _make(Kind kind, uint8 tier, bytes memory code, bytes memory arguments) internal returns (address) {
        vm.prank(boss);
        maker.addTemplate(keccak256(code), kind, tier, uint32(code.length));
        return maker.create(keccak256(code), abi.encodePacked(code, arguments), 0);
    }

    function test_G2_TheVaultTakesTheTierOfTheTemplate() public view {
        assertEq(vault.factory(), address(maker), "its factory");
        assertEq(vault.venueOf(address(t1)).tier, 1, "read");
        assertEq(vault.venueOf(address(t2)).tier, 2, "attested");
        assertEq(vault.bandOf(address(t1)).bps, 0, "no band");
        assertEq(vault.bandOf(address(t2)).bps, 500, "a band");
    }

    /// @dev The same code, for the same vault, but from elsewhere.
    function testFuzz_G2_RevertWhen_TheVenueIsNotFromTheFactory(address elsewhere, uint64 cap, uint16 bps) public {
        vm.assume(elsewhere != address(0));
        vm.prank(elsewhere);
        TestVenue venue = new TestVenue(address(vault), usdc);
        bytes memory data = abi.encodeCall(vault.addVenue, (address(venue), cap, bps));
        _refusedLater(curator, data, ErrorsLib.NotFromFactory.selector);
    }

    /// @dev Another factory may list any code at any tier: it is not this vault's.
    function testFuzz_G2_RevertWhen_AnotherFactoryMadeIt(uint8 tier) public {
        tier = uint8(bound(tier, 1, 2));
        maker = new VaultFactory(boss, 0, address(0));
        address[] memory keepers = new address[](2);
        (keepers[0], keepers[1]) = (keeper, keeper2);
        address other = _make(Kind.Vault, 0, type(PrimeVault).creationCode, abi.encode(usdc, boss, curator, keepers));
        address venue = _make(Kind.Venue, tier, type(TestVenue).creationCode, abi.encode(other, usdc));
        _refusedLater(curator, abi.encodeCall(vault.addVenue, (venue, 1e12, 1000)), ErrorsLib.NotFromFactory.selector);
    }

    /// @dev Claims and exit with a factory that reverts at everything.
    function testFuzz_G2_TheFactoryIsOnNoWayOut(uint64 asked) public {
        asked = uint64(bound(asked, 10 * USD, 9_000 * USD));
        uint256 ticket = _request(2, asked);
        _commitApproval(ticket, asked);
        vm.etch(address(maker), hex"fe");
        assertEq(vault.claim(ticket), asked, "paid");
        vm.warp(block.timestamp + 4 days);
        vault.triggerExit(0);
        vm.warp(block.timestamp + 1 days);
        vault.triggerExit(0);
        _home(t1, 12_000 * USD);
        vault.sync(address(t1));
        uint256 share = uint256(vault.laneOf(1)) * vault.idle() / vault.sumEquity();
        assertEq(vault.claimExit(1), share, "its lane and its share of the insurance");
        assertEq(vault.claimExit(2) + asked, usdc.balanceOf(bob), "all of bob's");
        _checkBalance();
    }
}
