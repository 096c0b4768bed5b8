// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {Attestor} from "../../../contracts/Attestor.sol";
import {Attestation, IAttestor} from "../../../contracts/interfaces/IAttestor.sol";
import {ISeatVenue} from "../../../contracts/interfaces/ISeatVenue.sol";
import {VenueErrorsLib} from "../../../contracts/libraries/VenueErrorsLib.sol";
import {SeatVenue} from "../../../contracts/venues/SeatVenue.sol";
import {VenueBase} from "./VenueBase.sol";

/// @notice Three attestors, two of which suffice, and one seat.
abstract contract SeatVenueBase is VenueBase {
    uint64 internal constant USDC = 1e6;
    address internal constant ACCOUNT = address(0xACC);
    address internal constant DEPOSIT_ADDRESS = address(0xDE9);

    Attestor internal attestor;
    SeatVenue internal venue;
    /// @dev Keys in ascending order of their addresses.
    uint256[3] internal keys;

    function setUp() public virtual {
        setUpWorld();
        keys = [uint256(1), 2, 3];
        for (uint256 pass; pass < 2; ++pass) {
            for (uint256 i; i < 2; ++i) {
                if (vm.addr(keys[i]) > vm.addr(keys[i + 1])) (keys[i], keys[i + 1]) = (keys[i + 1], keys[i]);
            }
        }
        attestor = new Attestor(address(vault), signers(), 2);
        venue = new SeatVenue(address(vault), address(usdc), address(attestor), ACCOUNT, DEPOSIT_ADDRESS);
    }

    function signers() internal view returns (address[] memory list) {
        list = new address[](3);
        for (uint256 i; i < 3; ++i) {
            list[i] = vm.addr(keys[i]);
        }
    }

    function attestation(int64 equity, uint64 received, uint64 returned) internal view returns (Attestation memory) {
        return Attestation({
            chainId: block.chainid,
            vault: address(vault),
            venue: address(venue),
            nonce: venue.lastNonce() + 1,
            asOf: uint64(block.timestamp),
            equity: equity,
            received: received,
            returned: returned,
            markSheet: keccak256("sheet")
        });
    }

    function sign(Attestation memory a, uint256 key) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, attestor.digestOf(a));
        return abi.encodePacked(r, s, v);
    }

    function signedByTwo(Attestation memory a) internal view returns (bytes[] memory signatures) {
        signatures = new bytes[](2);
        (signatures[0], signatures[1]) = (sign(a, keys[0]), sign(a, keys[2]));
    }

    function observe(Attestation memory a) internal returns (int128 value, uint64 asOf, bytes32 sheet) {
        bytes memory data = abi.encode(a, signedByTwo(a));
        vm.prank(address(vault));
        (value, asOf,, sheet) = venue.observe(data);
    }

    function expectRefusal(Attestation memory a, bytes4 reason) internal {
        bytes memory data = abi.encode(a, signedByTwo(a));
        vm.prank(address(vault));
        vm.expectRevert(reason);
        venue.observe(data);
    }

    function sendToVenue(uint64 amount) internal {
        usdc.mint(address(venue), amount);
        vm.prank(address(vault));
        venue.send(amount);
    }

    function collect() internal returns (uint64) {
        vm.prank(address(vault));
        return venue.collect();
    }
}

contract SeatVenueTest is SeatVenueBase {
    function test_Send_ForwardsToTheDepositAddress() public {
        sendToVenue(100);
        usdc.mint(address(venue), 50);
        vm.expectEmit(address(venue));
        emit ISeatVenue.Forwarded(50, 150);
        vm.prank(address(vault));
        venue.send(50);
        assertEq(usdc.balanceOf(DEPOSIT_ADDRESS), 150, "at the venue's door");
        assertEq(venue.sentTotal(), 150, "sent");
    }

    function test_C8_ValueIsEquityPlusReturnedLessCollected() public {
        sendToVenue(100 * USDC);
        usdc.mint(address(venue), 30 * USDC);
        (int128 value, uint64 asOf, bytes32 sheet) = observe(attestation(75e6, 100 * USDC, 30 * USDC));
        assertEqInt(value, 105e6, "what came home counts until it is collected");
        assertEq(asOf, START, "as of");
        assertEq(sheet, keccak256("sheet"), "sheet");
        collect();
        vm.warp(START + 1);
        (value,,) = observe(attestation(75e6, 100 * USDC, 30 * USDC));
        assertEqInt(value, 75e6, "and not after");
        (int64 equity, uint64 asOfView) = venue.equity();
        assertEqInt(equity, 75e6, "last equity");
        assertEq(asOfView, START + 1, "its time");
    }

    function test_C8_ValueMayBeNegative() public {
        (int128 value,,) = observe(attestation(-7, 0, 0));
        assertEqInt(value, -7, "a bankrupt seat");
    }

    /// @dev A collect between asOf and mark takes from book what the attestation still counts at the venue.
    function testFuzz_C8_ArrivalsAndCollectsBetweenAsOfAndMarkCommute(uint64 arrival, bool collected) public {
        arrival = uint64(bound(arrival, 0, 100e6));
        sendToVenue(100 * USDC);
        Attestation memory a = attestation(100e6, 100 * USDC, 0);
        int256 book = 100e6;
        usdc.mint(address(venue), arrival);
        if (collected) {
            collect();
            book -= int64(arrival);
        }
        (int128 value,,) = observe(a);
        assertEqInt(value - book, 0, "no profit, no loss");
    }

    function test_C8_RevertWhen_NonceDoesNotRise() public {
        observe(attestation(0, 0, 0));
        vm.warp(START + 1);
        Attestation memory a = attestation(0, 0, 0);
        a.nonce = 1;
        expectRefusal(a, VenueErrorsLib.NonceNotRising.selector);
    }

    function test_C8_RevertWhen_AsOfDoesNotRise() public {
        observe(attestation(0, 0, 0));
        expectRefusal(attestation(0, 0, 0), VenueErrorsLib.AsOfNotRising.selector);
    }

    function test_C8_RevertWhen_AsOfIsInTheFuture() public {
        Attestation memory a = attestation(0, 0, 0);
        a.asOf = uint64(START + 1);
        expectRefusal(a, VenueErrorsLib.AsOfInFuture.selector);
    }

    function test_C8_RevertWhen_AsOfIsOlderThan15Minutes() public {
        Attestation memory a = attestation(5, 0, 0);
        vm.warp(START + 15 minutes + 1);
        expectRefusal(a, VenueErrorsLib.AsOfTooOld.selector);
        vm.warp(START + 15 minutes);
        (int128 value,,) = observe(a);
        assertEqInt(value, 5, "just in time");
    }

    function test_C8_RevertWhen_VenueHasNotCreditedAllThatWasSent() public {
        sendToVenue(100);
        expectRefusal(attestation(0, 99, 0), VenueErrorsLib.ReceivedNotSent.selector);
        expectRefusal(attestation(0, 101, 0), VenueErrorsLib.ReceivedNotSent.selector);
    }

    function test_C8_RevertWhen_MoreReturnedThanEverArrived() public {
        usdc.mint(address(venue), 10);
        collect();
        usdc.mint(address(venue), 5);
        assertEq(venue.returnedTotal(), 15, "arrived");
        expectRefusal(attestation(0, 0, 16), VenueErrorsLib.ReturnedTooMuch.selector);
    }

    function test_C8_DonationInFrontOfAMarkRefusesNothing() public {
        Attestation memory a = attestation(100, 0, 0);
        usdc.mint(address(venue), 1);
        (int128 value,,) = observe(a);
        assertEqInt(value, 100, "counted at the next one");
    }

    function test_C8_RevertWhen_MeantForAnother() public {
        Attestation memory a = attestation(0, 0, 0);
        a.chainId = 1;
        expectRefusal(a, VenueErrorsLib.WrongChain.selector);
        a = attestation(0, 0, 0);
        a.vault = STRANGER;
        expectRefusal(a, VenueErrorsLib.WrongVault.selector);
        a = attestation(0, 0, 0);
        a.venue = STRANGER;
        expectRefusal(a, VenueErrorsLib.WrongVenue.selector);
    }

    function test_C8_RefusedAttestationLeavesNoTrace() public {
        Attestation memory a = attestation(9, 1, 0);
        expectRefusal(a, VenueErrorsLib.ReceivedNotSent.selector);
        assertEq(venue.lastNonce(), 0, "nonce");
        (int64 equity, uint64 asOf) = venue.equity();
        assertEqInt(equity, 0, "equity");
        assertEq(asOf, 0, "as of");
    }

    /// @dev Any change of a signed value makes the signatures somebody else's.
    function testFuzz_C8_RevertWhen_EquityIsChangedAfterSigning(int64 equity) public {
        Attestation memory a = attestation(100, 0, 0);
        vm.assume(equity != 100);
        bytes[] memory signatures = signedByTwo(a);
        a.equity = equity;
        vm.prank(address(vault));
        (bool ok,) = tried(address(venue), abi.encodeCall(venue.observe, (abi.encode(a, signatures))));
        assertFalse(ok, "changed");
    }

    function test_Recall_AsksTheCustodianAndLapsesAfter24Hours() public {
        vm.startPrank(address(vault));
        vm.expectEmit(address(venue));
        emit ISeatVenue.HomeRequested(40);
        venue.recall(40);
        vm.expectRevert(VenueErrorsLib.NothingToAdvance.selector);
        venue.advance();
        vm.warp(START + 24 hours - 1);
        vm.expectRevert(VenueErrorsLib.NotLapsable.selector);
        venue.lapse();
        vm.warp(START + 24 hours);
        venue.lapse();
        vm.expectRevert(VenueErrorsLib.ZeroAmount.selector);
        venue.recall(0);
        vm.stopPrank();
    }

    /// @dev 39 of 40 come, the venue's fee off; the next request must not wait for the last dollar.
    function test_Recall_RequestsAddUpUntilAllCameHome() public {
        vm.prank(address(vault));
        venue.recall(40);
        usdc.mint(address(venue), 39);
        collect();
        vm.prank(address(vault));
        venue.recall(4);
        vm.prank(address(vault));
        vm.expectRevert(VenueErrorsLib.NotLapsable.selector);
        venue.lapse();
        usdc.mint(address(venue), 5);
        assertEq(collect(), 5, "whole balance");
        assertEq(usdc.balanceOf(address(vault)), 44, "at the vault");
        assertEq(venue.collectedTotal(), 44, "counted");
        vm.prank(address(vault));
        venue.lapse(); // nothing open: nothing to wait for
    }

    function test_RevertWhen_CallerIsNotTheVault() public {
        vm.startPrank(STRANGER);
        vm.expectRevert(VenueErrorsLib.NotVault.selector);
        venue.send(1);
        vm.expectRevert(VenueErrorsLib.NotVault.selector);
        venue.recall(1);
        vm.expectRevert(VenueErrorsLib.NotVault.selector);
        venue.advance();
        vm.expectRevert(VenueErrorsLib.NotVault.selector);
        venue.lapse();
        vm.expectRevert(VenueErrorsLib.NotVault.selector);
        venue.collect();
        vm.expectRevert(VenueErrorsLib.NotVault.selector);
        venue.observe("");
        vm.stopPrank();
    }

    function test_AssetOf_HasNothingToRead() public {
        assertTrue(venue.quiet(), "checked by observe");
        vm.expectRevert(VenueErrorsLib.NoAssets.selector);
        venue.assetOf(0);
    }
}

contract AttestorTest is SeatVenueBase {
    function verify(Attestation memory a, bytes[] memory signatures, bytes4 reason) internal {
        vm.expectRevert(reason);
        attestor.verify(a, signatures);
    }

    function test_Verify_AcceptsEveryPairAndAllThree() public view {
        Attestation memory a = attestation(1, 2, 3);
        for (uint256 i; i < 3; ++i) {
            for (uint256 j = i + 1; j < 3; ++j) {
                bytes[] memory pair = new bytes[](2);
                (pair[0], pair[1]) = (sign(a, keys[i]), sign(a, keys[j]));
                attestor.verify(a, pair);
            }
        }
        bytes[] memory all = new bytes[](3);
        (all[0], all[1], all[2]) = (sign(a, keys[0]), sign(a, keys[1]), sign(a, keys[2]));
        attestor.verify(a, all);
    }

    /// @dev The digest, written out from the standard, for the signers in Python.
    function test_DigestOf_IsEip712() public view {
        Attestation memory a = attestation(-1, 2, 3);
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Perp Prime Attestor"),
                keccak256("1"),
                block.chainid,
                address(attestor)
            )
        );
        bytes32 typehash = keccak256(
            "Attestation(uint256 chainId,address vault,address venue,uint64 nonce,uint64 asOf,int64 equity,uint64 received,uint64 returned,bytes32 markSheet)"
        );
        bytes32 fields = keccak256(
            abi.encode(
                typehash, a.chainId, a.vault, a.venue, a.nonce, a.asOf, a.equity, a.received, a.returned, a.markSheet
            )
        );
        assertEq(attestor.digestOf(a), keccak256(abi.encodePacked(hex"1901", domain, fields)), "digest");
    }

    function test_RevertWhen_TooFewSigned() public {
        Attestation memory a = attestation(1, 2, 3);
        bytes[] memory one = new bytes[](1);
        one[0] = sign(a, keys[0]);
        verify(a, one, VenueErrorsLib.TooFewSignatures.selector);
    }

    function test_RevertWhen_OneSignedTwice() public {
        Attestation memory a = attestation(1, 2, 3);
        bytes[] memory twice = new bytes[](2);
        (twice[0], twice[1]) = (sign(a, keys[1]), sign(a, keys[1]));
        verify(a, twice, VenueErrorsLib.SignersNotAscending.selector);
    }

    function test_RevertWhen_SignersAreNotAscending() public {
        Attestation memory a = attestation(1, 2, 3);
        bytes[] memory turned = new bytes[](2);
        (turned[0], turned[1]) = (sign(a, keys[2]), sign(a, keys[0]));
        verify(a, turned, VenueErrorsLib.SignersNotAscending.selector);
    }

    function testFuzz_RevertWhen_ASignerIsNoAttestor(uint256 key) public {
        key = bound(key, 4, type(uint128).max);
        Attestation memory a = attestation(1, 2, 3);
        bool first = vm.addr(key) < vm.addr(keys[0]);
        bytes[] memory pair = new bytes[](2);
        (pair[0], pair[1]) = first ? (sign(a, key), sign(a, keys[0])) : (sign(a, keys[0]), sign(a, key));
        verify(a, pair, VenueErrorsLib.NotAttestor.selector);
    }

    /// @dev Any length, any content: refused, never accepted and never half accepted.
    function testFuzz_RevertWhen_SignatureIsMalformed(bytes calldata garbage) public {
        Attestation memory a = attestation(1, 2, 3);
        bytes[] memory pair = signedByTwo(a);
        vm.assume(keccak256(garbage) != keccak256(pair[1]));
        pair[1] = garbage;
        (bool ok,) = tried(address(attestor), abi.encodeCall(attestor.verify, (a, pair)));
        assertFalse(ok, "accepted");
    }

    /// @dev The other root of the same curve point: OpenZeppelin refuses it.
    function test_RevertWhen_SignatureIsMalleated() public {
        Attestation memory a = attestation(1, 2, 3);
        bytes[] memory pair = signedByTwo(a);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[2], attestor.digestOf(a));
        uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        pair[1] = abi.encodePacked(r, bytes32(order - uint256(s)), v == 27 ? uint8(28) : uint8(27));
        verify(a, pair, VenueErrorsLib.SignatureInvalid.selector);
    }

    function test_RevertWhen_DigestBelongsToAnotherAttestor() public {
        Attestation memory a = attestation(1, 2, 3);
        bytes[] memory pair = signedByTwo(a);
        Attestor other = new Attestor(address(vault), signers(), 2);
        (bool ok,) = tried(address(other), abi.encodeCall(other.verify, (a, pair)));
        assertFalse(ok, "another verifying contract");
    }

    function test_Roles_CuratorAddsAndRemoves() public {
        vm.startPrank(CURATOR);
        vm.expectEmit(address(attestor));
        emit IAttestor.AttestorAdded(STRANGER);
        attestor.addAttestor(STRANGER);
        vm.expectRevert(VenueErrorsLib.DuplicateAttestor.selector);
        attestor.addAttestor(STRANGER);
        assertEq(attestor.attestorCount(), 4, "four");
        vm.expectEmit(address(attestor));
        emit IAttestor.AttestorRemoved(STRANGER);
        attestor.removeAttestor(STRANGER);
        vm.expectRevert(VenueErrorsLib.NotAttestor.selector);
        attestor.removeAttestor(STRANGER);
        vm.stopPrank();
    }

    function test_RevertWhen_RemovalWouldLeaveFewerThanTheThreshold() public {
        address[] memory list = signers();
        vm.startPrank(CURATOR);
        attestor.removeAttestor(list[0]);
        vm.expectRevert(VenueErrorsLib.BelowThreshold.selector);
        attestor.removeAttestor(list[1]);
        vm.stopPrank();
    }

    function test_RevertWhen_ARemovedAttestorSigns() public {
        vm.prank(CURATOR);
        attestor.removeAttestor(vm.addr(keys[2]));
        Attestation memory a = attestation(1, 2, 3);
        verify(a, signedByTwo(a), VenueErrorsLib.NotAttestor.selector);
    }

    function test_RevertWhen_StrangerChangesAttestors() public {
        address[] memory list = signers();
        vm.startPrank(KEEPER);
        vm.expectRevert(VenueErrorsLib.NotCurator.selector);
        attestor.addAttestor(KEEPER);
        vm.expectRevert(VenueErrorsLib.NotCurator.selector);
        attestor.removeAttestor(list[0]);
        vm.stopPrank();
    }

    function test_Constructor_RefusesAnEmptyOrShortSet() public {
        address[] memory list = signers();
        vm.expectRevert(VenueErrorsLib.BelowThreshold.selector);
        new Attestor(address(vault), list, 4);
        vm.expectRevert(VenueErrorsLib.BelowThreshold.selector);
        new Attestor(address(vault), list, 0);
        list[2] = list[0];
        vm.expectRevert(VenueErrorsLib.DuplicateAttestor.selector);
        new Attestor(address(vault), list, 2);
    }
}
