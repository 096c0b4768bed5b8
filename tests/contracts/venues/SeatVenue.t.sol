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
    function testFuzz_Send_ForwardsToTheDepositAddress(uint64 first, uint64 second) public {
        (first, second) = (uint64(bound(first, 1, 1e15)), uint64(bound(second, 1, 1e15)));
        sendToVenue(first);
        usdc.mint(address(venue), second);
        vm.expectEmit(address(venue));
        emit ISeatVenue.Forwarded(second, first + second);
        vm.prank(address(vault));
        venue.send(second);
        assertEq(usdc.balanceOf(DEPOSIT_ADDRESS), first + second, "at the venue's door");
        assertEq(venue.sentTotal(), first + second, "sent");
    }

    function testFuzz_C8_ValueIsEquityPlusReturnedLessCollected(uint64 sent, uint64 home, int64 worth) public {
        (sent, home) = (uint64(bound(sent, 1, 1e15)), uint64(bound(home, 0, 1e15)));
        worth = int64(boundInt(worth, -1e15, 1e15));
        sendToVenue(sent);
        usdc.mint(address(venue), home);
        (int128 value, uint64 asOf, bytes32 sheet) = observe(attestation(worth, sent, home));
        assertEqInt(value, int256(worth) + int64(home), "what came home counts until it is collected");
        assertEq(asOf, START, "as of");
        assertEq(sheet, keccak256("sheet"), "sheet");
        collect();
        vm.warp(START + 1);
        (value,,) = observe(attestation(worth, sent, home));
        assertEqInt(value, worth, "and not after");
        (int64 equity, uint64 asOfView) = venue.equity();
        assertEqInt(equity, worth, "last equity");
        assertEq(asOfView, START + 1, "its time");
    }

    function testFuzz_C8_ValueMayBeNegative(int64 worth) public {
        (int128 value,,) = observe(attestation(worth, 0, 0));
        assertEqInt(value, worth, "whatever was signed, a bankrupt seat too");
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

    function testFuzz_C8_RevertWhen_NonceDoesNotRise(uint64 nonce, uint64 again) public {
        nonce = uint64(bound(nonce, 1, type(uint64).max));
        Attestation memory a = attestation(0, 0, 0);
        a.nonce = nonce;
        observe(a);
        vm.warp(START + 1);
        a.asOf = uint64(START + 1);
        a.nonce = uint64(bound(again, 0, nonce));
        expectRefusal(a, VenueErrorsLib.NonceNotRising.selector);
    }

    function testFuzz_C8_RevertWhen_AsOfDoesNotRise(uint64 asOf) public {
        observe(attestation(0, 0, 0));
        Attestation memory a = attestation(0, 0, 0);
        a.asOf = uint64(bound(asOf, 0, START));
        expectRefusal(a, VenueErrorsLib.AsOfNotRising.selector);
    }

    function testFuzz_C8_RevertWhen_AsOfIsInTheFuture(uint64 asOf) public {
        Attestation memory a = attestation(0, 0, 0);
        a.asOf = uint64(bound(asOf, START + 1, type(uint64).max));
        expectRefusal(a, VenueErrorsLib.AsOfInFuture.selector);
    }

    function testFuzz_C8_RevertWhen_AsOfIsOlderThan15Minutes(uint256 age) public {
        age = bound(age, 0, 30 minutes);
        Attestation memory a = attestation(5, 0, 0);
        vm.warp(START + age);
        if (age > 15 minutes) return expectRefusal(a, VenueErrorsLib.AsOfTooOld.selector);
        (int128 value,,) = observe(a);
        assertEqInt(value, 5, "in time");
    }

    function testFuzz_C8_RevertWhen_VenueHasNotCreditedExactlyWhatWasSent(uint64 sent, uint64 received) public {
        sent = uint64(bound(sent, 1, 1e15));
        vm.assume(received != sent);
        sendToVenue(sent);
        expectRefusal(attestation(0, received, 0), VenueErrorsLib.ReceivedNotSent.selector);
    }

    function testFuzz_C8_RevertWhen_MoreReturnedThanEverArrived(uint64 collected, uint64 here, uint64 returned) public {
        (collected, here) = (uint64(bound(collected, 0, 1e15)), uint64(bound(here, 0, 1e15)));
        usdc.mint(address(venue), collected);
        collect();
        usdc.mint(address(venue), here);
        assertEq(venue.returnedTotal(), collected + here, "arrived");
        returned = uint64(bound(returned, collected + here + 1, type(uint64).max));
        expectRefusal(attestation(0, 0, returned), VenueErrorsLib.ReturnedTooMuch.selector);
    }

    function testFuzz_C8_DonationInFrontOfAMarkRefusesNothing(uint64 donation) public {
        Attestation memory a = attestation(100, 0, 0);
        usdc.mint(address(venue), donation);
        (int128 value,,) = observe(a);
        assertEqInt(value, 100, "counted at the next one");
    }

    function testFuzz_C8_RevertWhen_MeantForAnother(uint256 chainId, address other) public {
        vm.assume(chainId != block.chainid && other != address(vault) && other != address(venue));
        Attestation memory a = attestation(0, 0, 0);
        a.chainId = chainId;
        expectRefusal(a, VenueErrorsLib.WrongChain.selector);
        a = attestation(0, 0, 0);
        a.vault = other;
        expectRefusal(a, VenueErrorsLib.WrongVault.selector);
        a = attestation(0, 0, 0);
        a.venue = other;
        expectRefusal(a, VenueErrorsLib.WrongVenue.selector);
    }

    function testFuzz_C8_RefusedAttestationLeavesNoTrace(int64 worth, uint64 received, uint64 nonce) public {
        Attestation memory a = attestation(worth, uint64(bound(received, 1, type(uint64).max)), 0);
        a.nonce = uint64(bound(nonce, 1, type(uint64).max));
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

    function testFuzz_Recall_AsksTheCustodianAndLapsesAfter24Hours(uint64 amount, uint256 wait) public {
        amount = uint64(bound(amount, 1, type(uint64).max));
        wait = bound(wait, 0, 48 hours);
        vm.startPrank(address(vault));
        vm.expectEmit(address(venue));
        emit ISeatVenue.HomeRequested(amount);
        venue.recall(amount);
        vm.expectRevert(VenueErrorsLib.NothingToAdvance.selector);
        venue.advance();
        vm.warp(START + wait);
        if (wait < 24 hours) vm.expectRevert(VenueErrorsLib.NotLapsable.selector);
        venue.lapse();
        vm.expectRevert(VenueErrorsLib.ZeroAmount.selector);
        venue.recall(0);
        vm.stopPrank();
    }

    /// @dev 39 of 40 come, the venue's fee off; the next request must not wait for the last dollar.
    function testFuzz_Recall_RequestsAddUpUntilAllCameHome(uint64 first, uint64 fee, uint64 second) public {
        (first, second) = (uint64(bound(first, 2, 1e15)), uint64(bound(second, 1, 1e15)));
        fee = uint64(bound(fee, 1, first - 1));
        vm.prank(address(vault));
        venue.recall(first);
        usdc.mint(address(venue), first - fee);
        collect();
        vm.prank(address(vault));
        venue.recall(second);
        vm.prank(address(vault));
        vm.expectRevert(VenueErrorsLib.NotLapsable.selector);
        venue.lapse();
        usdc.mint(address(venue), fee + second);
        assertEq(collect(), fee + second, "whole balance");
        assertEq(usdc.balanceOf(address(vault)), first + second, "at the vault");
        assertEq(venue.collectedTotal(), first + second, "counted");
        vm.prank(address(vault));
        venue.lapse(); // nothing open: nothing to wait for
    }

    function testFuzz_RevertWhen_CallerIsNotTheVault(address who) public {
        vm.assume(who != address(vault));
        vm.startPrank(who);
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

    function testFuzz_AssetOf_HasNothingToRead(uint32 asset) public {
        assertTrue(venue.quiet(), "checked by observe");
        vm.expectRevert(VenueErrorsLib.NoAssets.selector);
        venue.assetOf(asset);
    }
}

contract AttestorTest is SeatVenueBase {
    function verify(Attestation memory a, bytes[] memory signatures, bytes4 reason) internal {
        vm.expectRevert(reason);
        attestor.verify(a, signatures);
    }

    function testFuzz_Verify_AcceptsEveryPairAndAllThree(int64 equity, uint64 received, uint64 returned) public view {
        Attestation memory a = attestation(equity, received, returned);
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
    function testFuzz_DigestOf_IsEip712(Attestation memory a) public view {
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

    function testFuzz_RevertWhen_TooFewSigned(int64 equity, uint256 which) public {
        Attestation memory a = attestation(equity, 2, 3);
        bytes[] memory one = new bytes[](1);
        one[0] = sign(a, keys[bound(which, 0, 2)]);
        verify(a, one, VenueErrorsLib.TooFewSignatures.selector);
        verify(a, new bytes[](0), VenueErrorsLib.TooFewSignatures.selector);
    }

    function testFuzz_RevertWhen_OneSignedTwice(int64 equity, uint256 which) public {
        which = bound(which, 0, 2);
        Attestation memory a = attestation(equity, 2, 3);
        bytes[] memory twice = new bytes[](2);
        (twice[0], twice[1]) = (sign(a, keys[which]), sign(a, keys[which]));
        verify(a, twice, VenueErrorsLib.SignersNotAscending.selector);
    }

    function testFuzz_RevertWhen_SignersAreNotAscending(int64 equity, uint256 lower, uint256 higher) public {
        lower = bound(lower, 0, 1);
        higher = bound(higher, lower + 1, 2);
        Attestation memory a = attestation(equity, 2, 3);
        bytes[] memory turned = new bytes[](2);
        (turned[0], turned[1]) = (sign(a, keys[higher]), sign(a, keys[lower]));
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
    function testFuzz_RevertWhen_SignatureIsMalleated(int64 equity) public {
        Attestation memory a = attestation(equity, 2, 3);
        bytes[] memory pair = signedByTwo(a);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[2], attestor.digestOf(a));
        uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        pair[1] = abi.encodePacked(r, bytes32(order - uint256(s)), v == 27 ? uint8(28) : uint8(27));
        verify(a, pair, VenueErrorsLib.SignatureInvalid.selector);
    }

    function testFuzz_RevertWhen_DigestBelongsToAnotherAttestor(int64 equity) public {
        Attestation memory a = attestation(equity, 2, 3);
        bytes[] memory pair = signedByTwo(a);
        Attestor other = new Attestor(address(vault), signers(), 2);
        (bool ok,) = tried(address(other), abi.encodeCall(other.verify, (a, pair)));
        assertFalse(ok, "another verifying contract");
    }

    function testFuzz_Roles_CuratorAddsAndRemoves(address who) public {
        vm.assume(who != address(0) && !attestor.isAttestor(who));
        vm.startPrank(CURATOR);
        vm.expectEmit(address(attestor));
        emit IAttestor.AttestorAdded(who);
        attestor.addAttestor(who);
        vm.expectRevert(VenueErrorsLib.DuplicateAttestor.selector);
        attestor.addAttestor(who);
        assertEq(attestor.attestorCount(), 4, "four");
        vm.expectEmit(address(attestor));
        emit IAttestor.AttestorRemoved(who);
        attestor.removeAttestor(who);
        vm.expectRevert(VenueErrorsLib.NotAttestor.selector);
        attestor.removeAttestor(who);
        vm.stopPrank();
    }

    function testFuzz_RevertWhen_RemovalWouldLeaveFewerThanTheThreshold(uint256 first, uint256 second) public {
        (first, second) = (bound(first, 0, 2), bound(second, 0, 2));
        vm.assume(first != second);
        address[] memory list = signers();
        vm.startPrank(CURATOR);
        attestor.removeAttestor(list[first]);
        vm.expectRevert(VenueErrorsLib.BelowThreshold.selector);
        attestor.removeAttestor(list[second]);
        vm.stopPrank();
    }

    function testFuzz_RevertWhen_ARemovedAttestorSigns(int64 equity, bool first) public {
        vm.prank(CURATOR);
        attestor.removeAttestor(vm.addr(keys[first ? 0 : 2]));
        Attestation memory a = attestation(equity, 2, 3);
        verify(a, signedByTwo(a), VenueErrorsLib.NotAttestor.selector);
    }

    function testFuzz_RevertWhen_StrangerChangesAttestors(address who, uint256 which) public {
        vm.assume(who != CURATOR);
        address[] memory list = signers();
        vm.startPrank(who);
        vm.expectRevert(VenueErrorsLib.NotCurator.selector);
        attestor.addAttestor(who);
        vm.expectRevert(VenueErrorsLib.NotCurator.selector);
        attestor.removeAttestor(list[bound(which, 0, 2)]);
        vm.stopPrank();
    }

    function testFuzz_Constructor_RefusesAnEmptyOrShortSet(uint256 threshold, uint256 which) public {
        address[] memory list = signers();
        vm.expectRevert(VenueErrorsLib.BelowThreshold.selector);
        new Attestor(address(vault), list, bound(threshold, 4, type(uint256).max));
        vm.expectRevert(VenueErrorsLib.BelowThreshold.selector);
        new Attestor(address(vault), list, 0);
        which = bound(which, 0, 2);
        list[which] = list[(which + 1) % 3];
        vm.expectRevert(VenueErrorsLib.DuplicateAttestor.selector);
        new Attestor(address(vault), list, 2);
    }
}
