// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {Band, Commit} from "contracts/interfaces/IPrimeVault.sol";
import {ErrorsLib} from "contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "contracts/libraries/EventsLib.sol";
import {PrimeVaultBase} from "./PrimeVaultBase.sol";

/// @notice What an attested venue may gain, what waits, and what a commit does without: rules D1, D2 and "full commit".
contract PrimeVaultBandsTest is PrimeVaultBase {
    address internal guardian = address(0x6A2D);

    uint64 internal constant BOOK = 10_000e6;
    uint64 internal constant DAY_BAND = 500e6; // 5% of it.

    function setUp() public override {
        super.setUp();
        vm.prank(boss);
        vault.addGuardian(guardian);
        _send(t2, BOOK);
    }

    function _band() internal view returns (Band memory) {
        return vault.bandOf(address(t2));
    }

    function _delta() internal view returns (int128) {
        return vault.pendingMarkOf(address(t2)).delta;
    }

    /// @dev Ten minutes later: t2's result, as far as it is accepted, goes to sub-account 2.
    function _settle() internal returns (int128 delta) {
        vm.warp(block.timestamp + 10 minutes);
        _mark(t2);
        delta = _delta();
        Commit memory c = _next();
        _marked(c, t2);
        if (delta != 0) _change(c, 2, int64(delta));
        _commit(c);
        _checkBalance();
    }

    /* D1 */

    function testFuzz_D1_LossesAreAcceptedAtOnce(int64 loss) public {
        loss = int64(boundInt(loss, -9_000e6, 0));
        t2.earn(loss);
        assertEqInt(_settle(), loss, "all of it");
        assertEq(_band().quarantine, 0, "nothing held");
    }

    function testFuzz_D1_C5_GainsWithinTheBand_TheRestIsHeld(uint64 gain) public {
        gain = uint64(bound(gain, 0, 1e12));
        t2.earn(int128(uint128(gain)));
        uint64 accepted = gain < DAY_BAND ? gain : DAY_BAND;
        assertEqInt(_settle(), int256(uint256(accepted)), "within the band");
        assertEq(_band().quarantine, gain - accepted, "the rest");
        assertEq(vault.totalQuarantine(), gain - accepted, "in all");
        assertEqInt(vault.venueOf(address(t2)).book, int256(uint256(BOOK + accepted)), "book");
    }

    /// @dev [P] Small steps do not add up to more than a day's band: it is measured once per fixed window.
    function testFuzz_D1_TheBandIsOnePerDay(uint64[6] memory steps) public {
        uint256 sum;
        uint256 gained;
        for (uint256 i; i < 6; ++i) {
            uint64 step = uint64(bound(steps[i], 1, 400e6));
            sum += step;
            t2.earn(int128(uint128(step)));
            gained += uint128(_settle());
        }
        assertEq(gained, sum < DAY_BAND ? sum : DAY_BAND, "one band");
        vm.warp(block.timestamp + 24 hours);
        assertTrue(sum <= DAY_BAND || _settle() > 0, "the next day has its own");
    }

    /// @dev A mark that no commit uses takes nothing from the band.
    function test_D1_TheBandIsUsedAtCommit() public {
        t2.earn(400e6);
        _mark(t2);
        _mark(t2);
        assertEqInt(_delta(), 400e6, "still in the band");
        assertEq(_band().windowUsed, 0, "not used");
        _settle();
        assertEq(_band().windowUsed, 400e6, "used");
    }

    function testFuzz_D1_ARiseUpToZeroIsInTheBand(uint64 loss, uint64 gain) public {
        loss = uint64(bound(loss, 1, 5_000e6));
        gain = uint64(bound(gain, 1, loss));
        t2.earn(-int128(uint128(BOOK + loss)));
        vm.warp(block.timestamp + 10 minutes);
        _mark(t2);
        Commit memory c = _next();
        _marked(c, t2);
        _change(c, 1, -10_000e6);
        _change(c, 2, -int64(loss));
        _commit(c);
        assertEqInt(vault.venueOf(address(t2)).book, -int256(uint256(loss)), "below zero");
        t2.earn(int128(uint128(gain)));
        assertEqInt(_settle(), int256(uint256(gain)), "accepted");
        assertEq(_band().quarantine, 0, "nothing held");
    }

    function testFuzz_D1_C4_ReadVenuesHaveNoBand(uint64 gain) public {
        gain = uint64(bound(gain, 0, 1e15));
        t1.earn(int128(uint128(gain)));
        _mark(t1);
        assertEqInt(vault.pendingMarkOf(address(t1)).delta, int256(uint256(gain)), "read, not told");
    }

    /* D2 */

    function testFuzz_D2_AfterADayTheSmallestQuarantineIsReleased(uint64 first, uint64 dip, uint64 last) public {
        first = uint64(bound(first, 2, 1e12));
        dip = uint64(bound(dip, 1, first));
        last = uint64(bound(last, dip, 1e12));
        t2.earn(int128(uint128(DAY_BAND + first)));
        _settle();
        assertEq(_band().quarantine, first, "held");
        t2.earn(-int128(uint128(first - dip)));
        assertEqInt(_settle(), 0, "a fall takes from what is held first");
        assertEq(_band().quarantine, dip, "less is held");
        t2.earn(int128(uint128(last - dip)));
        assertEqInt(_settle(), 0, "the band is used up");

        uint256 since = _band().since;
        vm.warp(since + 24 hours - 10 minutes);
        Band memory before = _band();
        int128 delta = _settle();
        uint256 fresh = (uint256(BOOK) + DAY_BAND) * 5 / 100; // The next window's.
        uint256 excess = uint256(last) - dip;
        uint256 rise = excess < fresh && before.windowStart + 24 hours <= block.timestamp ? excess : 0;
        if (excess >= fresh && before.windowStart + 24 hours <= block.timestamp) rise = fresh;
        assertEqInt(delta, int256(dip + rise), "what was there all day, and the new band");
        assertEq(_band().quarantine, excess - rise, "what came later waits for its own day");
    }

    function test_D2_NothingIsReleasedEarly() public {
        t2.earn(2_000e6);
        _settle();
        vm.warp(_band().since + 24 hours - 10 minutes - 1);
        _settle();
        assertLe(1_500e6 - (uint256(BOOK) + DAY_BAND) * 5 / 100, _band().quarantine, "a second short");
    }

    function test_D2_AGuardiansRefusalRestartsTheDay() public {
        t2.earn(10_000e6);
        _settle();
        vm.warp(_band().since + 24 hours);
        _mark(t2);
        assertTrue(_band().pendingRelease > 0, "about to be released");
        vm.expectEmit(address(vault));
        emit EventsLib.QuarantineRefused(address(t2), _band().quarantine);
        vm.prank(guardian);
        vault.refuseQuarantine(address(t2));
        assertEq(vault.pendingMarkOf(address(t2)).asOf, 0, "the mark is void");
        assertEqInt(_settle(), int256((uint256(BOOK) + DAY_BAND) * 5 / 100), "a band, no release");
        vm.warp(_band().since + 24 hours);
        _mark(t2);
        assertTrue(_band().pendingRelease > 0, "another day later");
    }

    function testFuzz_D2_OnlyAGuardianRefuses(address who) public {
        vm.assume(who != guardian);
        t2.earn(10_000e6);
        _settle();
        _refused(who, abi.encodeCall(vault.refuseQuarantine, (address(t2))), ErrorsLib.NotGuardian.selector);
    }

    function test_D2_RefusingNothing_RevertWhen_Empty() public {
        _refused(guardian, abi.encodeCall(vault.refuseQuarantine, (address(t2))), ErrorsLib.QuarantineEmpty.selector);
    }

    function testFuzz_D2_QuarantineIsNoAsset(uint64 gain) public {
        gain = uint64(bound(gain, 0, 1e12));
        t2.earn(int128(uint128(gain)));
        _mark(t2);
        (,, uint256 tier2,) = vault.solvency();
        assertEq(tier2, uint256(BOOK) + (gain < DAY_BAND ? gain : DAY_BAND), "without it");
    }

    function test_C9_AVenueWithQuarantineIsNotRemoved() public {
        t2.earn(1_000e6);
        _settle();
        _refusedLater(curator, abi.encodeCall(vault.removeVenue, (address(t2))), ErrorsLib.QuarantineOpen.selector);
    }

    function testFuzz_D2_WiderIsAnnounced_NarrowerAtOnce(uint16 wider, uint16 narrower) public {
        wider = uint16(bound(wider, 501, 10_000));
        narrower = uint16(bound(narrower, 0, wider - 1));
        _refused(curator, abi.encodeCall(vault.increaseBand, (address(t2), wider)), ErrorsLib.DataNotSubmitted.selector);
        _governed(curator, abi.encodeCall(vault.increaseBand, (address(t2), wider)));
        assertEq(_band().bps, wider, "wider");
        vm.prank(guardian);
        vault.decreaseBand(address(t2), narrower);
        assertEq(_band().bps, narrower, "narrower");
        t2.earn(20_000e6);
        assertEqInt(_settle(), int256(uint256(BOOK) * narrower / 10_000), "it is what counts");
    }

    function test_D1_DecreasingTheBandShrinksTheOpenWindow() public {
        t2.earn(100e6);
        _settle();
        vm.prank(guardian);
        vault.decreaseBand(address(t2), 100);
        t2.earn(100e6);
        assertEqInt(_settle(), 0, "1% of the book is used up");
        _refused(guardian, abi.encodeCall(vault.decreaseBand, (address(t2), 100)), ErrorsLib.WrongDirection.selector);
        _refused(guardian, abi.encodeCall(vault.decreaseBand, (address(t1), 0)), ErrorsLib.NotAttested.selector);
    }

    /* FULL COMMIT, WITH A VENUE THAT A GUARDIAN HAS SUSPENDED */

    function _suspend() internal {
        vm.prank(guardian);
        vault.setSuspended(address(t2), true);
    }

    function test_Full_AGuardianSuspendedVenueDoesNotMakeACommitPartial() public {
        _settle();
        vm.warp(block.timestamp + 2 days);
        _commit(_fullNext());
        assertTrue(vault.fullEpoch() < vault.epoch(), "its mark is too old");
        _suspend();
        assertEq(vault.suspendedBook(), BOOK, "what is unknown");
        vm.warp(block.timestamp + 10 minutes);
        _commit(_fullNext());
        assertEq(vault.fullEpoch(), vault.epoch(), "full");
    }

    function test_Full_TheCuratorsSuspensionDoesNot() public {
        vm.prank(curator);
        vault.setSuspended(address(t2), true);
        vm.warp(block.timestamp + 2 days);
        _commit(_fullNext());
        assertEq(vault.fullEpoch(), 0, "partial");
        _suspend(); // The guardian's word may follow.
        assertEq(vault.suspendedBook(), BOOK, "now it is");
    }

    /// @dev One approval, which leaves the lane's part of what may be lost; nothing more until the next mark.
    function testFuzz_Full_OneApprovalEach_LeavingItsPart(uint64 asked, uint64 later) public {
        asked = uint64(bound(asked, 10e6, 10_000e6));
        uint256 ticket = _request(2, asked);
        _suspend();
        _commitApproval(ticket, type(uint64).max);
        uint64 part = uint64(uint256(10_000e6) * BOOK / 30_000e6 + 1);
        uint64 paid = asked < 10_000e6 - part ? asked : 10_000e6 - part;
        assertEq(vault.ticketOf(ticket).payable_, paid, "all but its part");
        _lane(2, 10_000e6 - paid);
        vault.claim(ticket);
        if (vault.ticketOf(ticket).remaining > 0) {
            vm.prank(bob);
            vault.cancelWithdraw(ticket);
        }
        later = uint64(bound(later, 10e6, vault.laneOf(2)));
        ticket = _request(2, later);
        _commitApproval(ticket, type(uint64).max);
        assertEq(vault.ticketOf(ticket).payable_, 0, "one approval each");
        _settle(); // It is marked: everything is as ever.
        assertEq(vault.suspendedBook(), 0, "known again");
        _commitApproval(ticket, type(uint64).max);
        assertEq(vault.ticketOf(ticket).payable_, later < vault.idle() ? later : vault.idle(), "paid");
        _checkBalance();
    }

    function test_Full_ResumingEndsIt() public {
        _suspend();
        _governed(curator, abi.encodeCall(vault.setSuspended, (address(t2), false)));
        assertEq(vault.suspendedBook(), 0, "no more");
        _commit(_fullNext());
        assertTrue(vault.fullEpoch() < vault.epoch(), "its mark is too old again");
    }
}
