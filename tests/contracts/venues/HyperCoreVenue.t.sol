// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {IHyperCoreVenue} from "../../../contracts/interfaces/IHyperCoreVenue.sol";
import {CoreReadLib} from "../../../contracts/libraries/CoreReadLib.sol";
import {CoreWriterLib} from "../../../contracts/libraries/CoreWriterLib.sol";
import {VenueErrorsLib} from "../../../contracts/libraries/VenueErrorsLib.sol";
import {CoreDepositWalletSim} from "../../../contracts/sim/CoreDepositWalletSim.sol";
import {HyperCoreVenue} from "../../../contracts/venues/HyperCoreVenue.sol";
import {VenueBase} from "./VenueBase.sol";

abstract contract HyperCoreVenueBase is VenueBase {
    uint64 internal constant USDC = 1e6;
    /// @dev 1 USDC on spot.
    uint64 internal constant SPOT = 1e8;
    uint32 internal constant SPOT_DEX = type(uint32).max;

    HyperCoreVenue internal venue;

    function setUp() public virtual {
        setUpWorld();
        venue = new HyperCoreVenue(address(vault), address(usdc), address(wallet), CORE_WRITER);
        setExists(address(venue), true);
        setSpot(address(venue), 0, 0);
        setPerp(address(venue), 0, 0);
    }

    /// @notice What the vault does: transfer, then send.
    function sendToVenue(uint64 amount) internal {
        usdc.mint(address(venue), amount);
        vm.prank(address(vault));
        venue.send(amount);
    }

    function recall(uint64 amount) internal {
        vm.prank(address(vault));
        venue.recall(amount);
    }

    function advance() internal {
        vm.prank(address(vault));
        venue.advance();
    }

    function lapse() internal {
        vm.prank(address(vault));
        venue.lapse();
    }

    function collect() internal returns (uint64) {
        vm.prank(address(vault));
        return venue.collect();
    }

    function expectRevertLapse() internal {
        vm.expectRevert(VenueErrorsLib.NotLapsable.selector);
        lapse();
    }
}

contract HyperCoreVenueSendTest is HyperCoreVenueBase {
    function testFuzz_Send_DepositsToSpotAndWaitsForConfirmation(uint64 amount) public {
        amount = uint64(bound(amount, 1, 1e15));
        usdc.mint(address(venue), amount);
        vm.expectEmit(address(wallet));
        emit CoreDepositWalletSim.Deposit(address(venue), amount, SPOT_DEX);
        vm.prank(address(vault));
        venue.send(amount);
        assertEq(usdc.balanceOf(address(wallet)), amount, "at the bridge");
        assertEq(usdc.allowance(address(venue), address(wallet)), 0, "no allowance left");
        assertFalse(venue.confirmed(), "in flight");
        (uint64 movedAt, uint64 height) = venue.lastMove();
        assertEq(movedAt, START, "seconds");
        assertEq(height, 1000, "L1 block");
    }

    function testFuzz_Send_LeavesDonatedUsdcWhereItIs(uint64 donation, uint64 amount) public {
        (donation, amount) = (uint64(bound(donation, 0, 1e15)), uint64(bound(amount, 1, 1e15)));
        usdc.mint(address(venue), donation);
        sendToVenue(amount);
        assertEq(usdc.balanceOf(address(venue)), donation, "not sent along");
    }

    function testFuzz_RevertWhen_SendIsNotTheVaults(address who, uint64 amount) public {
        vm.assume(who != address(vault));
        vm.prank(who);
        vm.expectRevert(VenueErrorsLib.NotVault.selector);
        venue.send(amount);
    }

    function testFuzz_RevertWhen_SendToAnAccountThatDoesNotExist(uint64 amount) public {
        setExists(address(venue), false);
        vm.prank(address(vault));
        vm.expectRevert(VenueErrorsLib.AccountMissing.selector);
        venue.send(amount);
    }

    function testFuzz_C3_NoSecondSendBeforeConfirm(uint64 first, uint64 second) public {
        sendToVenue(uint64(bound(first, 1, 1e15)));
        vm.prank(address(vault));
        vm.expectRevert(VenueErrorsLib.Unconfirmed.selector);
        venue.send(second);
    }

    function testFuzz_C3_NoMoveAndNoRecallBeforeConfirm(uint64 sent, uint64 spot, uint64 amount) public {
        sendToVenue(uint64(bound(sent, 1, 1e15)));
        setSpot(address(venue), spot, 0);
        vm.startPrank(KEEPER);
        vm.expectRevert(VenueErrorsLib.Unconfirmed.selector);
        venue.toPerp(amount);
        vm.expectRevert(VenueErrorsLib.Unconfirmed.selector);
        venue.toSpot(amount);
        vm.stopPrank();
        vm.prank(address(vault));
        vm.expectRevert(VenueErrorsLib.Unconfirmed.selector);
        venue.recall(amount);
    }

    function testFuzz_C3_ConfirmNeedsTheWholeAmountOnTopOfWhatWasThere(uint64 before, uint64 amount, uint64 spot)
        public
    {
        (before, amount) = (uint64(bound(before, 0, 1e17)), uint64(bound(amount, 1, 1e15)));
        setSpot(address(venue), before, 0);
        sendToVenue(amount);
        uint64 whole = before + amount * 100;
        setSpot(address(venue), uint64(bound(spot, 0, whole - 1)), 0);
        vm.prank(STRANGER);
        vm.expectRevert(VenueErrorsLib.NotArrived.selector);
        venue.confirm();

        setSpot(address(venue), whole, 0);
        vm.expectEmit(address(venue));
        emit IHyperCoreVenue.Confirmed(whole);
        vm.prank(STRANGER);
        venue.confirm();
        assertTrue(venue.confirmed(), "arrived");
    }

    function testFuzz_C3_ConfirmWithoutArrivalAfter15Minutes(uint64 amount, uint256 wait) public {
        sendToVenue(uint64(bound(amount, 1, 1e15)));
        wait = bound(wait, 0, 30 minutes);
        pass(wait);
        if (wait < 15 minutes) vm.expectRevert(VenueErrorsLib.NotArrived.selector);
        venue.confirm();
        assertTrue(venue.confirmed() == (wait >= 15 minutes), "time is up");
    }

    function testFuzz_RevertWhen_NothingToConfirm(address who, uint64 spot) public {
        setSpot(address(venue), spot, 0);
        vm.prank(who);
        vm.expectRevert(VenueErrorsLib.AlreadyConfirmed.selector);
        venue.confirm();
    }
}

contract HyperCoreVenueQuietTest is HyperCoreVenueBase {
    function test_C3_QuietAtFirst() public view {
        assertTrue(venue.quiet(), "nothing has moved");
    }

    function testFuzz_C3_QuietNeedsConfirmation(uint64 amount, uint256 wait) public {
        amount = uint64(bound(amount, 1, 1e15));
        sendToVenue(amount);
        pass(bound(wait, 60, 30 days));
        assertFalse(venue.quiet(), "unconfirmed");
        setSpot(address(venue), amount * 100, 0);
        venue.confirm();
        assertTrue(venue.quiet(), "confirmed");
    }

    function testFuzz_C3_QuietNeeds60SecondsAnd3L1Blocks(uint256 wait, uint64 blocks) public {
        (wait, blocks) = (bound(wait, 0, 120), uint64(bound(blocks, 0, 6)));
        setPerp(address(venue), 100e6, 100e6);
        vm.prank(KEEPER);
        venue.toSpot(USDC);
        setL1Block(1000 + blocks);
        vm.warp(START + wait);
        assertTrue(venue.quiet() == (wait >= 60 && blocks >= 3), "both");
    }

    function testFuzz_C3_QuietNeedsNoOpenRecall(uint64 amount, uint256 wait) public {
        amount = uint64(bound(amount, 1, 1e15));
        setSpot(address(venue), amount * 100 + 5 * SPOT, 0);
        recall(amount);
        pass(bound(wait, 60, 30 days));
        assertFalse(venue.quiet(), "recall open");
        usdc.mint(address(venue), amount);
        collect();
        assertTrue(venue.quiet(), "all of it came");
    }

    function test_C3_UnreadableL1BlockIsNoQuiet() public {
        setPerp(address(venue), 100e6, 100e6);
        vm.prank(KEEPER);
        venue.toSpot(USDC);
        pass(100);
        answer(CoreReadLib.L1_BLOCK_NUMBER, "", "");
        vm.expectRevert(abi.encodeWithSelector(VenueErrorsLib.ReadFailed.selector, CoreReadLib.L1_BLOCK_NUMBER));
        venue.quiet();
    }

    /// @dev Whatever a stranger calls or donates, a quiet venue stays quiet and no clock moves.
    function testFuzz_C3_StrangersChangeNeitherQuietNorClocks(uint64 onCore, uint64 onEvm, uint256 wait) public {
        sendToVenue(100 * USDC);
        pass(bound(wait, 60, 1 days));
        setSpot(address(venue), 100 * SPOT, 0);
        venue.confirm();
        (uint64 movedAt, uint64 height) = venue.lastMove();
        assertTrue(venue.quiet(), "before");

        setSpot(address(venue), uint64(bound(onCore, 0, 1e15)), 0);
        usdc.mint(address(venue), bound(onEvm, 0, 1e15));
        bytes[12] memory calls = [
            abi.encodeCall(venue.confirm, ()),
            abi.encodeCall(venue.setUp, ()),
            abi.encodeCall(venue.toPerp, (1)),
            abi.encodeCall(venue.toSpot, (1)),
            abi.encodeCall(venue.send, (1)),
            abi.encodeCall(venue.recall, (1)),
            abi.encodeCall(venue.advance, ()),
            abi.encodeCall(venue.lapse, ()),
            abi.encodeCall(venue.collect, ()),
            abi.encodeCall(venue.observe, ("")),
            abi.encodeCall(venue.approveTrader, (STRANGER)),
            abi.encodeCall(venue.authorizeTrader, (STRANGER, uint40(block.timestamp + 1)))
        ];
        for (uint256 i; i < calls.length; ++i) {
            vm.prank(STRANGER);
            (bool ok,) = tried(address(venue), calls[i]);
            assertFalse(ok, "a stranger's call went through");
        }
        // Through the vault a stranger reaches these.
        collect();
        lapse();

        assertTrue(venue.quiet(), "after");
        (uint64 movedAfter, uint64 heightAfter) = venue.lastMove();
        assertEq(movedAfter, movedAt, "seconds");
        assertEq(heightAfter, height, "L1 block");
    }

    function testFuzz_C3_ConfirmRestartsNoClock(uint64 amount, uint256 wait) public {
        (amount, wait) = (uint64(bound(amount, 1, 1e15)), bound(wait, 0, 120));
        sendToVenue(amount);
        pass(wait);
        setSpot(address(venue), amount * 100, 0);
        vm.prank(STRANGER);
        venue.confirm();
        assertTrue(venue.quiet() == (wait >= 60), "60 s count from the send");
    }
}

contract HyperCoreVenueMovesTest is HyperCoreVenueBase {
    function test_C5_SetUpSetsStandardModeAndCanBeRepeated() public {
        vm.expectCall(
            CORE_WRITER,
            abi.encodeWithSignature("sendRawAction(bytes)", CoreWriterLib.setAbstraction(address(venue), 1)),
            2
        );
        vm.startPrank(KEEPER);
        venue.setUp();
        venue.setUp();
        vm.stopPrank();
    }

    function test_C5_RevertWhen_SetUpBeforeTheAccountExists() public {
        setExists(address(venue), false);
        vm.prank(KEEPER);
        vm.expectRevert(VenueErrorsLib.AccountMissing.selector);
        venue.setUp();
    }

    function testFuzz_ToPerp_AsksCoreForTheAmount(uint64 available, uint64 amount) public {
        available = uint64(bound(available, 1, 1e15));
        amount = uint64(bound(amount, 1, available));
        setSpot(address(venue), available * 100, 0);
        expectAction(CoreWriterLib.usdClassTransfer(amount, true));
        vm.expectEmit(address(venue));
        emit IHyperCoreVenue.Moved(amount, true);
        vm.prank(KEEPER);
        venue.toPerp(amount);
        assertFalse(venue.quiet(), "a move starts the clock");
    }

    function testFuzz_ToSpot_AsksCoreForTheAmount(uint64 withdrawable, uint64 amount) public {
        withdrawable = uint64(bound(withdrawable, 1, 1e15));
        amount = uint64(bound(amount, 1, withdrawable));
        setPerp(address(venue), int64(withdrawable), withdrawable);
        expectAction(CoreWriterLib.usdClassTransfer(amount, false));
        vm.prank(KEEPER);
        venue.toSpot(amount);
    }

    function testFuzz_RevertWhen_MoveIsMoreThanCoreWouldExecute(uint64 free, uint64 hold, uint64 perp, uint64 amount)
        public
    {
        (free, hold) = (uint64(bound(free, 0, 1e14)), uint64(bound(hold, 0, 1e16)));
        perp = uint64(bound(perp, 0, 1e14));
        setSpot(address(venue), free * 100 + hold, hold);
        setPerp(address(venue), int64(perp), perp);
        vm.startPrank(KEEPER);
        uint64 more = uint64(bound(amount, free + 1, type(uint64).max));
        vm.expectRevert(VenueErrorsLib.TooMuch.selector);
        venue.toPerp(more);
        more = uint64(bound(amount, perp + 1, type(uint64).max));
        vm.expectRevert(VenueErrorsLib.TooMuch.selector);
        venue.toSpot(more);
        vm.expectRevert(VenueErrorsLib.ZeroAmount.selector);
        venue.toPerp(0);
        vm.stopPrank();
    }

    function testFuzz_RevertWhen_MoverIsNotAKeeper(address who, uint64 amount) public {
        vm.assume(who != KEEPER);
        vm.startPrank(who);
        vm.expectRevert(VenueErrorsLib.NotKeeper.selector);
        venue.setUp();
        vm.expectRevert(VenueErrorsLib.NotKeeper.selector);
        venue.toPerp(amount);
        vm.expectRevert(VenueErrorsLib.NotKeeper.selector);
        venue.toSpot(amount);
        vm.expectRevert(VenueErrorsLib.NotKeeper.selector);
        venue.authorizeTrader(who, uint40(START + 1));
        vm.stopPrank();
    }
}

contract HyperCoreVenueTraderTest is HyperCoreVenueBase {
    address internal constant KEY = address(0xA1);
    uint40 internal constant UNTIL = uint40(START + 7 days);

    function approve(address key) internal {
        vm.prank(CURATOR);
        venue.approveTrader(key);
    }

    function authorize(address key, uint40 until) internal {
        vm.prank(KEEPER);
        venue.authorizeTrader(key, until);
    }

    function testFuzz_AuthorizeTrader_EnrolsUnderTheFixedName(address key, uint40 until) public {
        vm.assume(key != address(0));
        until = uint40(bound(until, START + 1, UNTIL));
        approve(key);
        expectAction(CoreWriterLib.addApiWallet(key, "perp-prime"));
        vm.expectEmit(address(venue));
        emit IHyperCoreVenue.TraderAuthorized(key, until);
        authorize(key, until);
        (address enrolled, uint40 end) = venue.trader();
        assertEq(enrolled, key, "key");
        assertEq(end, until, "until");
    }

    function testFuzz_C6_RevertWhen_KeyIsNotApproved(address key) public {
        vm.assume(key != address(0xA2));
        approve(address(0xA2));
        vm.expectRevert(VenueErrorsLib.TraderNotApproved.selector);
        authorize(key, UNTIL);
    }

    function testFuzz_C6_RevertWhen_ApprovedByAnyoneButTheCurator(address who) public {
        vm.assume(who != CURATOR);
        vm.prank(who);
        vm.expectRevert(VenueErrorsLib.NotCurator.selector);
        venue.approveTrader(KEY);
    }

    function testFuzz_C6_RevertWhen_EndIsPastOrMoreThan7DaysAway(uint40 until) public {
        approve(KEY);
        if (until <= START || until > UNTIL) vm.expectRevert(VenueErrorsLib.TraderUntilOutOfRange.selector);
        authorize(KEY, until);
    }

    function test_C6_EndsToTheSecond() public {
        approve(KEY);
        vm.expectRevert(VenueErrorsLib.TraderUntilOutOfRange.selector);
        authorize(KEY, UNTIL + 1);
        vm.expectRevert(VenueErrorsLib.TraderUntilOutOfRange.selector);
        authorize(KEY, uint40(START));
    }

    function test_C6_RevertWhen_KeyIsEnrolledTwice() public {
        approve(KEY);
        authorize(KEY, UNTIL - 1);
        vm.expectRevert(VenueErrorsLib.TraderUsed.selector);
        authorize(KEY, UNTIL);
        vm.prank(CURATOR);
        vm.expectRevert(VenueErrorsLib.TraderUsed.selector);
        venue.approveTrader(KEY);

        approve(address(0xA2));
        authorize(address(0xA2), UNTIL);
        vm.expectRevert(VenueErrorsLib.TraderUsed.selector);
        authorize(KEY, UNTIL - 1);
    }

    /// @dev Core may drop the message: the same one may be said again.
    function test_C5_TheSameEnrolmentCanBeRepeated() public {
        approve(KEY);
        vm.expectCall(
            CORE_WRITER,
            abi.encodeWithSignature("sendRawAction(bytes)", CoreWriterLib.addApiWallet(KEY, "perp-prime")),
            2
        );
        authorize(KEY, UNTIL);
        authorize(KEY, UNTIL);
    }

    function test_RevertWhen_AccountDoesNotExist_KeyStaysUsable() public {
        approve(KEY);
        setExists(address(venue), false);
        vm.expectRevert(VenueErrorsLib.AccountMissing.selector);
        authorize(KEY, UNTIL);
        setExists(address(venue), true);
        authorize(KEY, UNTIL);
    }
}

contract HyperCoreVenueRecallTest is HyperCoreVenueBase {
    function testFuzz_C2_SpotSuffices_LeavesAtOnce(uint64 amount, uint64 more) public {
        (amount, more) = (uint64(bound(amount, 1, 1e15)), uint64(bound(more, 0, 1e15)));
        setSpot(address(venue), amount * 100 + 5 * SPOT + more, 0);
        expectAction(CoreWriterLib.usdcToEvm(amount * 100));
        vm.expectEmit(address(venue));
        emit IHyperCoreVenue.Leaving(amount);
        recall(amount);
        (uint64 open, bool leaving, uint64 steppedAt) = venue.openRecall();
        assertEq(open, amount, "amount");
        assertTrue(leaving, "leaving");
        assertEq(steppedAt, START, "since");
    }

    function testFuzz_C2_ShortOfSpot_MovesTheShortfallFirst(uint64 amount, uint64 spot) public {
        amount = uint64(bound(amount, 1, 1e14));
        uint64 wanted = amount * 100 + 5 * SPOT;
        spot = uint64(bound(spot, 0, wanted - 1));
        setSpot(address(venue), spot, 0);
        setPerp(address(venue), 1e15, 1e15);
        // With 5 in reserve, rounded up to a micro-dollar.
        uint64 shortfall = (wanted - spot + 99) / 100;
        expectAction(CoreWriterLib.usdClassTransfer(shortfall, false));
        recall(amount);
        (, bool leaving,) = venue.openRecall();
        assertFalse(leaving, "not yet");
        assertEq(usdc.balanceOf(address(venue)), 0, "one step a transaction");

        setSpot(address(venue), spot + shortfall * 100, 0);
        expectAction(CoreWriterLib.usdcToEvm(amount * 100));
        advance();
        (, leaving,) = venue.openRecall();
        assertTrue(leaving, "second step");
    }

    function testFuzz_C2_HeldSpotDoesNotCount(uint64 hold) public {
        hold = uint64(bound(hold, 1, 100)) * SPOT;
        setSpot(address(venue), 100 * SPOT, hold);
        setPerp(address(venue), 100e6, 100e6);
        bool enough = 100 * SPOT - hold >= 55 * SPOT;
        uint64 shortfall = enough ? 0 : (hold - 45 * SPOT) / 100;
        expectAction(enough ? CoreWriterLib.usdcToEvm(50 * SPOT) : CoreWriterLib.usdClassTransfer(shortfall, false));
        recall(50 * USDC);
    }

    function testFuzz_C2_RevertWhen_SpotLessReserveAndPerpDoNotSuffice(uint64 amount, uint64 spot, uint64 perp) public {
        amount = uint64(bound(amount, 1, 1e14));
        spot = uint64(bound(spot, 0, amount + 5 * USDC - 1));
        perp = uint64(bound(perp, 0, amount + 5 * USDC - spot - 1));
        setSpot(address(venue), spot * 100, 0);
        setPerp(address(venue), 1e15, perp);
        vm.prank(address(vault));
        vm.expectRevert(VenueErrorsLib.TooMuch.selector);
        venue.recall(amount);
    }

    /// @dev A stranger advancing before perp → spot has landed must not cut the recall to what lies on spot already.
    function testFuzz_C2_AdvanceBeforeTheMoveLandedReverts(uint256 wait, uint64 landed) public {
        setSpot(address(venue), 20 * SPOT, 0);
        setPerp(address(venue), 100e6, 100e6);
        recall(50 * USDC);
        pass(bound(wait, 0, 59));
        setSpot(address(venue), uint64(bound(landed, 0, 55 * SPOT - 1)), 0);
        vm.prank(address(vault));
        vm.expectRevert(VenueErrorsLib.NothingToAdvance.selector);
        venue.advance();
    }

    function testFuzz_C2_AdvanceTakesWhatThereIsOnceTheMoveHadItsTime(uint64 there, uint256 wait) public {
        there = uint64(bound(there, 5 * USDC + 1, 55 * USDC));
        setSpot(address(venue), 20 * SPOT, 0);
        setPerp(address(venue), 100e6, 100e6);
        recall(50 * USDC);
        pass(bound(wait, 60, 7 days));
        setSpot(address(venue), there * 100, 0);
        uint64 leaves = there - 5 * USDC;
        expectAction(CoreWriterLib.usdcToEvm(leaves * 100));
        advance();
        usdc.mint(address(venue), leaves);
        assertEq(collect(), leaves, "home");
        (uint64 amount,,) = venue.openRecall();
        assertEq(amount, 0, "the rest is given up");
        lapse();
    }

    function testFuzz_C2_ReserveStaysOnSpot(uint64 available, uint64 amount) public {
        available = uint64(bound(available, 0, 1e16));
        amount = uint64(bound(amount, 1, 1e14));
        setSpot(address(venue), available, 0);
        setPerp(address(venue), 1e14, 1e15);
        recall(amount);
        (, bool leaving,) = venue.openRecall();
        assertTrue(leaving == (uint256(available) >= uint256(amount) * 100 + 5 * SPOT), "leaves only above the reserve");
    }

    function testFuzz_C2_AdvanceDoesNothingTwice(uint64 amount, uint64 spot, uint256 wait) public {
        amount = uint64(bound(amount, 1, 1e14));
        setSpot(address(venue), amount * 100 + 5 * SPOT, 0);
        recall(amount);
        pass(bound(wait, 0, 7 days));
        setSpot(address(venue), spot, 0);
        vm.prank(address(vault));
        vm.expectRevert(VenueErrorsLib.NothingToAdvance.selector);
        venue.advance();
    }

    function testFuzz_C2_NothingElseMovesWhileARecallIsOpen(uint64 recalled, uint64 amount) public {
        setSpot(address(venue), 100 * SPOT, 0);
        setPerp(address(venue), 100e6, 100e6);
        recall(uint64(bound(recalled, 1, 195 * USDC)));
        vm.startPrank(address(vault));
        vm.expectRevert(VenueErrorsLib.RecallOpen.selector);
        venue.recall(amount);
        vm.expectRevert(VenueErrorsLib.RecallOpen.selector);
        venue.send(amount);
        vm.stopPrank();
        vm.startPrank(KEEPER);
        vm.expectRevert(VenueErrorsLib.RecallOpen.selector);
        venue.toPerp(amount);
        vm.expectRevert(VenueErrorsLib.RecallOpen.selector);
        venue.toSpot(amount);
        vm.stopPrank();
    }

    function testFuzz_C2_DroppedPayoutLapsesAfter15Minutes(uint64 amount, uint256 wait) public {
        (amount, wait) = (uint64(bound(amount, 1, 1e14)), bound(wait, 0, 30 minutes));
        setSpot(address(venue), amount * 100 + 5 * SPOT, 0);
        recall(amount);
        pass(wait);
        if (wait < 15 minutes) return expectRevertLapse();
        lapse();
        assertTrue(venue.quiet(), "free again");
    }

    function testFuzz_C2_LatePayoutLapsesAfter24Hours(uint64 amount, uint256 wait) public {
        (amount, wait) = (uint64(bound(amount, 1, 1e14)), bound(wait, 0, 48 hours));
        setSpot(address(venue), amount * 100 + 5 * SPOT, 0);
        recall(amount);
        setSpot(address(venue), 5 * SPOT, 0);
        pass(wait);
        if (wait < 24 hours) expectRevertLapse();
        else lapse();
        // What comes after all is still collected.
        usdc.mint(address(venue), amount);
        assertEq(collect(), amount, "late");
    }

    /// @dev A move that landed meanwhile hides that spot fell: what has arrived must not be given up as a loss.
    function testFuzz_C2_RevertWhen_WhatArrivedIsNotCollectedYet(uint64 amount, uint256 wait) public {
        amount = uint64(bound(amount, 1, 1e14));
        setSpot(address(venue), amount * 100 + 5 * SPOT, 0);
        recall(amount);
        usdc.mint(address(venue), amount);
        pass(bound(wait, 15 minutes, 7 days));
        expectRevertLapse();
        collect();
        lapse();
        assertTrue(venue.quiet(), "free again");
    }

    function testFuzz_C2_DustOnCoreDoesNotMakeALatePayoutLookDropped(uint64 amount, uint64 dust) public {
        amount = uint64(bound(amount, 1, 1e14));
        setSpot(address(venue), amount * 100 + 5 * SPOT, 0);
        recall(amount);
        // Half the amount would have to be given.
        setSpot(address(venue), 5 * SPOT + uint64(bound(dust, 0, amount * 50)), 0);
        pass(15 minutes);
        expectRevertLapse();
    }

    function testFuzz_C2_DroppedMoveLapsesAfter15Minutes(uint64 amount, uint256 wait) public {
        (amount, wait) = (uint64(bound(amount, 1, 1e14)), bound(wait, 0, 30 minutes));
        setPerp(address(venue), 1e15, 1e15);
        recall(amount);
        pass(wait);
        if (wait < 15 minutes) return expectRevertLapse();
        lapse();
        (uint64 open,,) = venue.openRecall();
        assertEq(open, 0, "none open");
    }

    function testFuzz_C2_PartialArrivalsCloseTheRecallTogether(uint64 whole, uint64 first, uint64 second) public {
        whole = uint64(bound(whole, 2, 1e14));
        first = uint64(bound(first, 1, whole - 1));
        second = uint64(bound(second, whole - first, 1e15));
        setSpot(address(venue), whole * 100 + 5 * SPOT, 0);
        recall(whole);
        usdc.mint(address(venue), first);
        collect();
        (uint64 amount,,) = venue.openRecall();
        assertEq(amount, whole - first, "still to come");
        usdc.mint(address(venue), second);
        assertEq(collect(), second, "the whole balance");
        (amount,,) = venue.openRecall();
        assertEq(amount, 0, "closed");
        assertEq(usdc.balanceOf(address(vault)), first + second, "all at the vault");
    }

    function testFuzz_RevertWhen_RecallStepsAreNotTheVaults(address who, uint64 amount) public {
        vm.assume(who != address(vault));
        vm.startPrank(who);
        vm.expectRevert(VenueErrorsLib.NotVault.selector);
        venue.recall(amount);
        vm.expectRevert(VenueErrorsLib.NotVault.selector);
        venue.advance();
        vm.expectRevert(VenueErrorsLib.NotVault.selector);
        venue.lapse();
        vm.expectRevert(VenueErrorsLib.NotVault.selector);
        venue.collect();
        vm.stopPrank();
    }
}

contract HyperCoreVenueObserveTest is HyperCoreVenueBase {
    function observe() internal returns (int128 value, uint64 asOf, uint64 height, bytes32 sheet) {
        vm.prank(address(vault));
        return venue.observe("");
    }

    function testFuzz_C4_EquityIsPerpPlusSpotInMicroDollars(int64 perp, uint64 spot) public {
        setPerp(address(venue), perp, 0);
        setSpot(address(venue), spot, 0);
        (int128 value, uint64 asOf, uint64 height, bytes32 sheet) = observe();
        int256 expected = (perp > 0 ? int256(perp) : int256(0)) + int256(uint256(spot / 100));
        assertEqInt(value, expected, "value");
        assertEq(asOf, block.timestamp, "as of now");
        assertEq(height, 1000, "L1 block");
        assertEq(sheet, bytes32(0), "no sheet");
    }

    function testFuzz_C4_HeldSpotCountsAndTheEvmBalanceDoesNot(uint64 spot, uint64 hold, uint64 here) public {
        setSpot(address(venue), spot, uint64(bound(hold, 0, spot)));
        usdc.mint(address(venue), here);
        (int128 value,,,) = observe();
        assertEqInt(value, int64(spot / 100), "spot alone, rounded down");
        (int64 equity, uint64 asOf) = venue.equity();
        assertEqInt(equity, value, "the same in the view");
        assertEq(asOf, block.timestamp, "as of now");
    }

    function test_C4_RevertWhen_AReadFails() public {
        answer(CoreReadLib.ACCOUNT_MARGIN_SUMMARY, abi.encode(uint32(0), address(venue)), "");
        vm.prank(address(vault));
        vm.expectRevert(abi.encodeWithSelector(VenueErrorsLib.ReadFailed.selector, CoreReadLib.ACCOUNT_MARGIN_SUMMARY));
        venue.observe("");
    }

    function testFuzz_RevertWhen_AttestationIsGiven(bytes calldata attestation) public {
        vm.assume(attestation.length > 0);
        vm.prank(address(vault));
        vm.expectRevert(VenueErrorsLib.AttestationNotEmpty.selector);
        venue.observe(attestation);
    }

    function testFuzz_RevertWhen_ObserverIsNotTheVault(address who) public {
        vm.assume(who != address(vault));
        vm.prank(who);
        vm.expectRevert(VenueErrorsLib.NotVault.selector);
        venue.observe("");
    }

    function testFuzz_AssetOf_ReadsSizeAndMarkPrice(uint16 asset, int64 lots, uint64 price) public {
        setPosition(address(venue), asset, lots);
        answer(CoreReadLib.MARK_PRICE, abi.encode(uint32(asset)), abi.encode(price));
        (int64 size, uint64 markPrice) = venue.assetOf(asset);
        assertEqInt(size, lots, "size");
        assertEq(markPrice, price, "mark price");
    }

    function test_Constructor_RefusesZeroAddresses() public {
        vm.expectRevert(VenueErrorsLib.ZeroAddress.selector);
        new HyperCoreVenue(address(vault), address(usdc), address(0), CORE_WRITER);
    }
}
