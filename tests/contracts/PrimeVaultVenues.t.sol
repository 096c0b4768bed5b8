// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {PrimeVault} from "contracts/PrimeVault.sol";
import {Commit, VenueState} from "contracts/interfaces/IPrimeVault.sol";
import {IVenue} from "contracts/interfaces/IVenue.sol";
import {ErrorsLib} from "contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "contracts/libraries/EventsLib.sol";
import {PrimeVaultBase, TestVenue} from "./PrimeVaultBase.sol";

/// @notice Cash to venues and back, caps, roles: rules A9, C1, C2, C9 and G3.
contract PrimeVaultVenuesTest is PrimeVaultBase {
    function _sendData(TestVenue venue, uint64 amount) internal view returns (bytes memory) {
        return abi.encodeCall(vault.send, (address(venue), amount));
    }

    function _setCap(TestVenue venue, uint64 cap) internal {
        uint64 old = vault.venueOf(address(venue)).cap;
        if (cap == old) return;
        if (cap > old) return _governed(curator, abi.encodeCall(vault.increaseCap, (address(venue), cap)));
        vm.prank(curator);
        vault.decreaseCap(address(venue), cap);
    }

    function _setRelativeCap(TestVenue venue, uint16 bps) internal {
        uint16 old = vault.venueOf(address(venue)).relativeCapBps;
        if (bps == old) return;
        if (bps > old) return _governed(curator, abi.encodeCall(vault.increaseRelativeCap, (address(venue), bps)));
        vm.prank(curator);
        vault.decreaseRelativeCap(address(venue), bps);
    }

    /* A9, C1: SEND */

    function testFuzz_C1_SendMovesCashToTheBook(uint64 amount) public {
        amount = uint64(bound(amount, 1, 18_000e6));
        uint256 cash = usdc.balanceOf(address(vault));
        vm.expectEmit(address(vault));
        emit EventsLib.Sent(address(t2), amount);
        _send(t2, amount);
        assertEqInt(vault.venueOf(address(t2)).book, int256(uint256(amount)), "book");
        assertEq(vault.idle(), 19_000e6 - amount, "idle");
        assertEq(usdc.balanceOf(address(vault)), cash - amount, "cash");
        assertEq(usdc.balanceOf(t2.far()), amount, "forwarded");
        _checkBalance();
    }

    function testFuzz_A9_OnlyFreeCashIsSent(uint64 insurance, uint64 approved, uint64 over) public {
        insurance = uint64(bound(insurance, 0, 5_000e6));
        approved = uint64(bound(approved, 10e6, 10_000e6));
        over = uint64(bound(over, 1, 1e15));
        if (insurance > 0) _insure(insurance);
        _commitApproval(_request(2, approved), approved);
        uint64 free = uint64(18_000e6 - approved);
        assertEq(vault.freeCash(), free, "idle less what is reserved");
        _refused(keeper, _sendData(t2, free + over), ErrorsLib.CashNotFree.selector);
        _send(t2, free);
        assertEq(vault.freeCash(), 0, "all of it");
        vault.claim(1);
        _checkBalance();
    }

    /// @dev The vault's own cash only: a donation is not free cash.
    function testFuzz_A9_DonationsAreNotSent(uint64 dust) public {
        dust = uint64(bound(dust, 1, 1e15));
        usdc.mint(address(vault), dust);
        _refused(keeper, _sendData(t2, 18_000e6 + 1), ErrorsLib.CashNotFree.selector);
        vault.sync(address(0));
        assertEq(vault.freeCash(), 18_000e6, "insurance is kept");
    }

    function testFuzz_C1_AbsoluteCap(uint64 cap, uint64 amount) public {
        cap = uint64(bound(cap, 0, 18_000e6));
        amount = uint64(bound(amount, 1, 18_000e6));
        _setCap(t2, cap);
        if (amount > cap) _refused(keeper, _sendData(t2, amount), ErrorsLib.CapExceeded.selector);
        else _send(t2, amount);
    }

    function testFuzz_C1_RelativeCap_OfCashAndPositiveBooks(uint16 bps, uint64 amount, int64 result) public {
        bps = uint16(bound(bps, 0, 10_000));
        amount = uint64(bound(amount, 1, 18_000e6));
        result = int64(boundInt(result, -20_000e6, 20_000e6)); // Below −12,000 the book of t1 is negative.
        _setRelativeCap(t2, bps);
        t1.earn(result);
        _mark(t1);
        Commit memory c = _next();
        _marked(c, t1);
        int64 first = result < -10_000e6 ? -int64(10_000e6) : result;
        _change(c, 1, first);
        if (result != first) _change(c, 2, result - first);
        _commit(c);
        int256 book = 12_000e6 + int256(result);
        uint256 cap = (19_000e6 + (book > 0 ? uint256(book) : 0)) * bps / 10_000;
        if (amount > cap) _refused(keeper, _sendData(t2, amount), ErrorsLib.CapExceeded.selector);
        else _send(t2, amount);
    }

    /// @dev Money sent, lost and replaced again and again: per day no more than the cap net of what came home.
    function testFuzz_C1_WindowBoundsNetSends(uint64 first, uint64 home, uint64 second, uint32 wait) public {
        _setCap(t2, 6_000e6);
        first = uint64(bound(first, 1, 6_000e6));
        home = uint64(bound(home, 0, first));
        second = uint64(bound(second, 1, 6_000e6));
        wait = uint32(bound(wait, 0, 2 days));
        vm.warp(block.timestamp + 1 days); // A fresh window.
        _send(t2, first);
        _home(t2, home);
        vault.sync(address(t2));
        t2.earn(-int128(uint128(first - home))); // The rest is lost, so the book has room again.
        _mark(t2);
        Commit memory c = _next();
        _marked(c, t2);
        if (first > home) _change(c, 1, -int64(first - home));
        _commit(c);
        vm.warp(block.timestamp + wait);
        bool fits = wait >= 1 days || first - home + second <= 6_000e6;
        if (fits) _send(t2, second);
        else _refused(keeper, _sendData(t2, second), ErrorsLib.CapExceeded.selector);
        _checkBalance();
    }

    function test_C1_Send_RevertWhen_NotAllowed() public {
        _refused(keeper, _sendData(t1, 0), ErrorsLib.AmountTooSmall.selector);
        _refused(keeper, abi.encodeCall(vault.send, (address(usdc), 1e6)), ErrorsLib.VenueNotListed.selector);
        vm.prank(curator);
        vault.setSuspended(address(t1), true);
        _refused(keeper, _sendData(t1, 1e6), ErrorsLib.VenueSuspended.selector);
        _governed(curator, abi.encodeCall(vault.setSuspended, (address(t1), false)));
        _send(t1, 1e6);
    }

    function test_Guard_AVenueCannotReenter() public {
        t2.setReenters(true);
        _refused(keeper, _sendData(t2, 1e6), ErrorsLib.Reentered.selector);
        t2.setReenters(false);
        _send(t2, 1e6);
    }

    /* C1, C2: THE WAY BACK */

    function testFuzz_C1_SyncBooksWhatArrives(uint64 asked, uint64 home) public {
        asked = uint64(bound(asked, 1, 12_000e6));
        home = uint64(bound(home, 0, 20_000e6)); // May be more than was ever sent.
        vm.expectEmit(address(vault));
        emit EventsLib.RecallAsked(address(t1), asked);
        _recall(t1, asked);
        assertEq(vault.venueOf(address(t1)).recalling, asked, "recalling");
        assertEqInt(vault.venueOf(address(t1)).book, 12_000e6, "books move only with cash");
        _home(t1, home);
        vm.expectEmit(address(vault));
        emit EventsLib.Collected(address(t1), home);
        vm.prank(stranger);
        assertEq(vault.sync(address(t1)), home, "answer");
        assertEq(vault.venueOf(address(t1)).recalling, home < asked ? asked - home : 0, "recalling falls");
        assertEqInt(vault.venueOf(address(t1)).book, 12_000e6 - int256(uint256(home)), "book, negative if need be");
        assertEq(vault.idle(), 19_000e6 + home, "idle");
        _checkBalance();
    }

    function testFuzz_C1_UnbookedCashInTheVaultIsInsurance(uint64 dust) public {
        dust = uint64(bound(dust, 0, 1e15));
        usdc.mint(address(vault), dust);
        vm.expectEmit(address(vault));
        emit EventsLib.InsuranceFunded(address(0), dust);
        vm.prank(stranger);
        assertEq(vault.sync(address(0)), dust, "answer");
        assertEq(vault.insurance(), 1000e6 + dust, "insurance");
        assertEq(vault.sync(address(0)), 0, "once");
        _checkBalance();
    }

    function test_C1_Sync_RevertWhen_NotListed() public {
        _refused(stranger, abi.encodeCall(vault.sync, (address(usdc))), ErrorsLib.VenueNotListed.selector);
    }

    function testFuzz_C2_LapseEndsTheRecall_BooksUntouched(uint64 asked) public {
        asked = uint64(bound(asked, 1, 12_000e6));
        _recall(t1, asked);
        t1.setBroken(true);
        vm.prank(stranger);
        (bool ok,) = tried(address(vault), abi.encodeCall(vault.lapseRecall, (address(t1))));
        assertFalse(ok, "the venue says when");
        t1.setBroken(false);
        vm.expectEmit(address(vault));
        emit EventsLib.RecallLapsed(address(t1), asked);
        vm.prank(stranger);
        vault.lapseRecall(address(t1));
        assertEq(vault.venueOf(address(t1)).recalling, 0, "over");
        assertEqInt(vault.venueOf(address(t1)).book, 12_000e6, "book");
        _checkBalance();
    }

    function test_C2_AdvanceReachesTheVenue() public {
        vm.expectCall(address(t1), abi.encodeCall(IVenue.advance, ()));
        vm.prank(stranger);
        vault.advance(address(t1));
        _refused(stranger, abi.encodeCall(vault.advance, (address(usdc))), ErrorsLib.VenueNotListed.selector);
        _refused(stranger, abi.encodeCall(vault.lapseRecall, (address(usdc))), ErrorsLib.VenueNotListed.selector);
    }

    function test_C2_Recall_RevertWhen_Nothing() public {
        _refused(keeper, abi.encodeCall(vault.recall, (address(t1), 0)), ErrorsLib.AmountTooSmall.selector);
    }

    /* C9: LISTING AND REMOVAL */

    function testFuzz_C9_AddVenue(uint64 cap, uint16 bps, bool attested) public {
        bps = uint16(bound(bps, 0, 10_000));
        uint8 tier = attested ? 2 : 1;
        TestVenue t3 = _made(tier);
        _announced(curator, abi.encodeCall(vault.addVenue, (address(t3), cap, bps)));
        vm.expectEmit(address(vault));
        emit EventsLib.VenueAdded(address(t3), tier);
        vm.prank(curator);
        vault.addVenue(address(t3), cap, bps);
        assertEq(vault.bandOf(address(t3)).bps, attested ? 500 : 0, "band");
        VenueState memory state = vault.venueOf(address(t3));
        assertTrue(state.listed && !state.suspended, "listed");
        assertEq(state.cap, cap, "cap");
        assertEq(state.relativeCapBps, bps, "relative cap");
        assertEq(state.tier, tier, "tier");
        assertEq(vault.venues().length, 3, "in the list");
    }

    function _made(uint8 tier) internal returns (TestVenue venue) {
        venue = new TestVenue(address(vault), usdc);
        factory.setTier(address(venue), tier);
    }

    function testFuzz_G2_AddVenue_RevertWhen_TheFactoryDidNotMakeIt(address venue) public {
        vm.assume(factory.tierOf(venue) == 0);
        _refusedLater(curator, abi.encodeCall(vault.addVenue, (venue, 1, 1)), ErrorsLib.NotFromFactory.selector);
    }

    function testFuzz_G2_AddVenue_RevertWhen_NoFactoryMadeTheVault(address maker) public {
        vm.assume(maker.code.length == 0 && uint160(maker) > 0x1000);
        address[] memory keepers = new address[](2);
        (keepers[0], keepers[1]) = (keeper, keeper2);
        vm.prank(maker);
        vault = new PrimeVault(address(usdc), boss, curator, keepers);
        assertEq(vault.factory(), maker, "its maker");
        bytes memory data = abi.encodeCall(vault.addVenue, (address(_made(1)), 1, 1));
        _refused(curator, data, ErrorsLib.NotFromFactory.selector);
    }

    function test_C9_AddVenue_RevertWhen_NotOurs() public {
        TestVenue other = new TestVenue(address(this), usdc);
        factory.setTier(address(other), 1);
        _refusedLater(curator, abi.encodeCall(vault.addVenue, (address(other), 1, 1)), ErrorsLib.WrongVault.selector);
        _refusedLater(curator, abi.encodeCall(vault.addVenue, (address(t1), 1, 1)), ErrorsLib.AlreadySet.selector);
        bytes memory data = abi.encodeCall(vault.addVenue, (address(_made(1)), 1, 10_001));
        _refusedLater(curator, data, ErrorsLib.CapExceeded.selector);
    }

    function test_C9_AtMostEightVenues() public {
        for (uint256 i; i < 6; ++i) {
            _governed(curator, abi.encodeCall(vault.addVenue, (address(_made(1)), 1, 1)));
        }
        bytes memory ninth = abi.encodeCall(vault.addVenue, (address(_made(1)), 1, 1));
        _refusedLater(curator, ninth, ErrorsLib.TooManyVenues.selector);
    }

    function testFuzz_C9_RemoveVenue_TheRestAgainstInsurance(int64 rest) public {
        rest = int64(boundInt(rest, -20e6, 20e6));
        vm.assume(rest != 0);
        _send(t2, 100e6);
        _home(t2, uint64(int64(100e6) - rest));
        vault.sync(address(t2));
        _mark(t2); // Unused; it goes with the venue.
        bytes memory data = abi.encodeCall(vault.removeVenue, (address(t2)));
        if (rest > 10e6 || rest < -10e6) {
            _refusedLater(curator, data, ErrorsLib.BookTooLarge.selector);
            return;
        }
        _governed(curator, data);
        assertEqInt(int256(uint256(vault.insurance())), 1000e6 - int256(rest), "insurance bears or gains the rest");
        assertEq(vault.venues().length, 1, "list");
        assertFalse(vault.venueOf(address(t2)).listed, "gone");
        assertEq(vault.pendingMarkOf(address(t2)).asOf, 0, "its mark too");
        _checkBalance();
    }

    function test_C9_RemoveVenue_TheFirstOfTheList() public {
        _home(t1, 12_000e6);
        vault.sync(address(t1));
        _governed(curator, abi.encodeCall(vault.removeVenue, (address(t1))));
        assertEq(vault.venues().length, 1, "one left");
        assertEq(vault.venues()[0], address(t2), "the other");
        _checkBalance();
    }

    function test_C9_RemoveVenue_RevertWhen_ARecallIsOpen() public {
        _recall(t2, 1e6);
        _refusedLater(curator, abi.encodeCall(vault.removeVenue, (address(t2))), ErrorsLib.RecallOpen.selector);
    }

    function testFuzz_C9_RemoveVenue_RevertWhen_InsuranceIsShort(uint64 rest) public {
        rest = uint64(bound(rest, 1, 10e6));
        _send(t2, rest);
        _loseBeyondInsurance(5e6);
        _refusedLater(curator, abi.encodeCall(vault.removeVenue, (address(t2))), ErrorsLib.InsuranceShort.selector);
    }

    function testFuzz_C1_CapsMoveOnlyAsTheySay(uint64 cap, uint16 bps) public {
        bytes4 reason = ErrorsLib.WrongDirection.selector;
        cap = uint64(bound(cap, 0, 1e15));
        _refusedLater(curator, abi.encodeCall(vault.increaseCap, (address(t1), cap)), reason);
        _refused(curator, abi.encodeCall(vault.decreaseCap, (address(t1), 1e15)), reason);
        bps = uint16(bound(bps, 0, 10_000));
        _refusedLater(curator, abi.encodeCall(vault.increaseRelativeCap, (address(t1), bps)), reason);
        _refused(curator, abi.encodeCall(vault.decreaseRelativeCap, (address(t1), 10_000)), reason);
        _refusedLater(
            curator, abi.encodeCall(vault.increaseRelativeCap, (address(t1), 10_001)), ErrorsLib.CapExceeded.selector
        );
        _setCap(t1, cap);
        assertEq(vault.venueOf(address(t1)).cap, cap, "cap");
        _setRelativeCap(t1, bps);
        assertEq(vault.venueOf(address(t1)).relativeCapBps, bps, "relative cap");
        _setCap(t1, cap + 1);
        assertEq(vault.venueOf(address(t1)).cap, cap + 1, "up again");
    }

    /* C9: SOLVENCY */

    function testFuzz_C9_SolvencyByTier(int64 a, int64 b) public {
        a = int64(boundInt(a, -15_000e6, 15_000e6));
        b = int64(boundInt(b, -1_000e6, 1_000e6));
        _send(t2, 1_000e6);
        t1.earn(a);
        t2.earn(b);
        (uint256 t0, uint256 tier1, uint256 tier2, uint256 owed) = vault.solvency();
        assertEq(t0, 18_000e6, "cash");
        assertEq(tier1, a < -12_000e6 ? 0 : uint256(int256(12_000e6) + a), "read");
        assertEq(tier2, uint256(int256(1_000e6) + b), "attested");
        assertEq(owed, 30_000e6, "the clients' money; insurance is not owed to them");
    }

    function test_C9_ABrokenVenueBreaksNoView() public {
        _send(t2, 1_000e6);
        t1.setBroken(true);
        (uint256 t0, uint256 tier1, uint256 tier2,) = vault.solvency();
        assertEq(t0 + tier2, 19_000e6, "the others count");
        assertEq(tier1, 0, "what cannot be read does not");
        vm.mockCall(address(t1), abi.encodeCall(IVenue.equity, ()), hex"01");
        (, tier1, tier2,) = vault.solvency();
        assertEq(tier1 + tier2, 1_000e6, "a short answer");
        vm.mockCall(address(t1), abi.encodeCall(IVenue.equity, ()), abi.encode(type(int256).max, type(uint256).max));
        (, tier1, tier2,) = vault.solvency();
        assertEq(tier1 + tier2, 1_000e6, "an impossible answer");
        vm.mockCallRevert(address(t1), abi.encodeCall(IVenue.equity, ()), "no");
        (, tier1, tier2,) = vault.solvency();
        assertEq(tier1 + tier2, 1_000e6, "a revert");
    }

    /* ROLES */

    function testFuzz_Roles_OnlyAKeeper(address who) public {
        vm.assume(who != keeper && who != keeper2);
        bytes4 reason = ErrorsLib.NotKeeper.selector;
        _refused(who, _sendData(t1, 1e6), reason);
        _refused(who, abi.encodeCall(vault.recall, (address(t1), 1e6)), reason);
        _refused(who, abi.encodeCall(vault.mark, (address(t1), "", new uint32[](0))), reason);
    }

    function testFuzz_Roles_OnlyTheCurator(address who) public {
        vm.assume(who != curator);
        bytes4 reason = ErrorsLib.NotCurator.selector;
        _refused(who, abi.encodeCall(vault.addVenue, (address(t1), 1, 1)), reason);
        _refused(who, abi.encodeCall(vault.removeVenue, (address(t1))), reason);
        _refused(who, abi.encodeCall(vault.increaseCap, (address(t1), 2e15)), reason);
        _refused(who, abi.encodeCall(vault.decreaseCap, (address(t1), 1)), reason);
        _refused(who, abi.encodeCall(vault.increaseRelativeCap, (address(t1), 1)), reason);
        _refused(who, abi.encodeCall(vault.decreaseRelativeCap, (address(t1), 1)), reason);
        _refused(who, abi.encodeCall(vault.setSuspended, (address(t1), true)), reason);
    }

    function testFuzz_Roles_OnlyTheOwner(address who) public {
        vm.assume(who != boss);
        bytes4 reason = ErrorsLib.NotOwner.selector;
        _refused(who, abi.encodeCall(vault.addKeeper, (who)), reason);
        _refused(who, abi.encodeCall(vault.removeKeeper, (keeper)), reason);
        _refused(who, abi.encodeCall(vault.setCurator, (who)), reason);
        _refused(who, abi.encodeCall(vault.setOwner, (who)), reason);
    }

    function testFuzz_Roles_TheOwnerNamesThem(address next) public {
        vm.assume(next != address(0) && next != keeper && next != keeper2);
        _announced(boss, abi.encodeCall(vault.addKeeper, (next)));
        _announced(boss, abi.encodeCall(vault.setCurator, (next)));
        _announced(boss, abi.encodeCall(vault.setOwner, (next)));
        vm.startPrank(boss);
        vm.expectEmit(address(vault));
        emit EventsLib.KeeperAdded(next);
        vault.addKeeper(next);
        vm.expectEmit(address(vault));
        emit EventsLib.KeeperRemoved(keeper);
        vault.removeKeeper(keeper);
        vm.expectEmit(address(vault));
        emit EventsLib.CuratorSet(next);
        vault.setCurator(next);
        vm.expectEmit(address(vault));
        emit EventsLib.OwnerSet(next);
        vault.setOwner(next);
        vm.stopPrank();
        assertTrue(vault.isKeeper(next) && !vault.isKeeper(keeper), "keepers");
        assertEq(vault.curator(), next, "curator");
        assertEq(vault.owner(), next, "owner");
    }

    function test_Roles_RevertWhen_ZeroOrAlreadySet() public {
        _refusedLater(boss, abi.encodeCall(vault.addKeeper, (address(0))), ErrorsLib.ZeroAddress.selector);
        _refusedLater(boss, abi.encodeCall(vault.addKeeper, (keeper)), ErrorsLib.AlreadySet.selector);
        _refused(boss, abi.encodeCall(vault.removeKeeper, (stranger)), ErrorsLib.NotKeeper.selector);
        _refusedLater(boss, abi.encodeCall(vault.setCurator, (address(0))), ErrorsLib.ZeroAddress.selector);
        _refusedLater(boss, abi.encodeCall(vault.setOwner, (address(0))), ErrorsLib.ZeroAddress.selector);
        _refusedLater(curator, abi.encodeCall(vault.setSuspended, (address(t1), false)), ErrorsLib.AlreadySet.selector);
    }

    function testFuzz_G3_AtLeastTwoDifferentKeepers(address one) public {
        vm.assume(one != address(0));
        address[] memory keepers = new address[](1);
        keepers[0] = one;
        vm.expectRevert(ErrorsLib.TooFewKeepers.selector);
        new PrimeVault(address(usdc), boss, curator, keepers);
        keepers = new address[](2);
        (keepers[0], keepers[1]) = (one, one);
        vm.expectRevert(ErrorsLib.AlreadySet.selector);
        new PrimeVault(address(usdc), boss, curator, keepers);
    }
}
