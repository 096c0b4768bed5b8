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
    function test_Send_DepositsToSpotAndWaitsForConfirmation() public {
        usdc.mint(address(venue), 100 * USDC);
        vm.expectEmit(address(wallet));
        emit CoreDepositWalletSim.Deposit(address(venue), 100 * USDC, SPOT_DEX);
        vm.prank(address(vault));
        venue.send(100 * USDC);
        assertEq(usdc.balanceOf(address(wallet)), 100 * USDC, "at the bridge");
        assertEq(usdc.allowance(address(venue), address(wallet)), 0, "no allowance left");
        assertFalse(venue.confirmed(), "in flight");
        (uint64 movedAt, uint64 height) = venue.lastMove();
        assertEq(movedAt, START, "seconds");
        assertEq(height, 1000, "L1 block");
    }

    function test_Send_LeavesDonatedUsdcWhereItIs() public {
        usdc.mint(address(venue), 7);
        sendToVenue(100 * USDC);
        assertEq(usdc.balanceOf(address(venue)), 7, "not sent along");
    }

    function test_RevertWhen_SendIsNotTheVaults() public {
        vm.prank(KEEPER);
        vm.expectRevert(VenueErrorsLib.NotVault.selector);
        venue.send(1);
    }

    function test_RevertWhen_SendToAnAccountThatDoesNotExist() public {
        setExists(address(venue), false);
        vm.prank(address(vault));
        vm.expectRevert(VenueErrorsLib.AccountMissing.selector);
        venue.send(1);
    }

    function test_C3_NoSecondSendBeforeConfirm() public {
        sendToVenue(100 * USDC);
        vm.prank(address(vault));
        vm.expectRevert(VenueErrorsLib.Unconfirmed.selector);
        venue.send(1);
    }

    function test_C3_NoMoveAndNoRecallBeforeConfirm() public {
        sendToVenue(100 * USDC);
        setSpot(address(venue), 99 * SPOT, 0);
        vm.startPrank(KEEPER);
        vm.expectRevert(VenueErrorsLib.Unconfirmed.selector);
        venue.toPerp(1);
        vm.expectRevert(VenueErrorsLib.Unconfirmed.selector);
        venue.toSpot(1);
        vm.stopPrank();
        vm.prank(address(vault));
        vm.expectRevert(VenueErrorsLib.Unconfirmed.selector);
        venue.recall(1);
    }

    function test_C3_ConfirmNeedsTheWholeAmountOnTopOfWhatWasThere() public {
        setSpot(address(venue), 3 * SPOT, 0);
        sendToVenue(100 * USDC);
        setSpot(address(venue), 103 * SPOT - 1, 0);
        vm.prank(STRANGER);
        vm.expectRevert(VenueErrorsLib.NotArrived.selector);
        venue.confirm();

        setSpot(address(venue), 103 * SPOT, 0);
        vm.expectEmit(address(venue));
        emit IHyperCoreVenue.Confirmed(103 * SPOT);
        vm.prank(STRANGER);
        venue.confirm();
        assertTrue(venue.confirmed(), "arrived");
    }

    function test_C3_ConfirmWithoutArrivalAfter15Minutes() public {
        sendToVenue(100 * USDC);
        pass(15 minutes - 1);
        vm.expectRevert(VenueErrorsLib.NotArrived.selector);
        venue.confirm();
        pass(1);
        venue.confirm();
        assertTrue(venue.confirmed(), "time is up");
    }

    function test_RevertWhen_NothingToConfirm() public {
        vm.expectRevert(VenueErrorsLib.AlreadyConfirmed.selector);
        venue.confirm();
    }
}

contract HyperCoreVenueQuietTest is HyperCoreVenueBase {
    function test_C3_QuietAtFirst() public view {
        assertTrue(venue.quiet(), "nothing has moved");
    }

    function test_C3_QuietNeedsConfirmation() public {
        sendToVenue(100 * USDC);
        pass(1 hours);
        assertFalse(venue.quiet(), "unconfirmed");
        setSpot(address(venue), 100 * SPOT, 0);
        venue.confirm();
        assertTrue(venue.quiet(), "confirmed");
    }

    function test_C3_QuietNeeds60SecondsAnd3L1Blocks() public {
        setPerp(address(venue), 100e6, 100e6);
        vm.prank(KEEPER);
        venue.toSpot(USDC);
        setL1Block(1003);
        vm.warp(START + 59);
        assertFalse(venue.quiet(), "59 s");
        vm.warp(START + 60);
        assertTrue(venue.quiet(), "60 s and 3 blocks");
        setL1Block(1002);
        assertFalse(venue.quiet(), "2 blocks");
    }

    function test_C3_QuietNeedsNoOpenRecall() public {
        setSpot(address(venue), 100 * SPOT, 0);
        recall(50 * USDC);
        pass(1 hours);
        assertFalse(venue.quiet(), "recall open");
        usdc.mint(address(venue), 50 * USDC);
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

    function test_C3_ConfirmRestartsNoClock() public {
        sendToVenue(100 * USDC);
        pass(61);
        setSpot(address(venue), 100 * SPOT, 0);
        vm.prank(STRANGER);
        venue.confirm();
        assertTrue(venue.quiet(), "60 s count from the send");
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

    function test_ToPerp_AsksCoreForTheAmount() public {
        setSpot(address(venue), 20 * SPOT, 0);
        expectAction(CoreWriterLib.usdClassTransfer(20 * USDC, true));
        vm.expectEmit(address(venue));
        emit IHyperCoreVenue.Moved(20 * USDC, true);
        vm.prank(KEEPER);
        venue.toPerp(20 * USDC);
        assertFalse(venue.quiet(), "a move starts the clock");
    }

    function test_ToSpot_AsksCoreForTheAmount() public {
        setPerp(address(venue), 20e6, 15e6);
        expectAction(CoreWriterLib.usdClassTransfer(15 * USDC, false));
        vm.prank(KEEPER);
        venue.toSpot(15 * USDC);
    }

    function test_RevertWhen_MoveIsMoreThanCoreWouldExecute() public {
        setSpot(address(venue), 20 * SPOT, SPOT);
        setPerp(address(venue), 20e6, 15e6);
        vm.startPrank(KEEPER);
        vm.expectRevert(VenueErrorsLib.TooMuch.selector);
        venue.toPerp(19 * USDC + 1);
        vm.expectRevert(VenueErrorsLib.TooMuch.selector);
        venue.toSpot(15 * USDC + 1);
        vm.expectRevert(VenueErrorsLib.ZeroAmount.selector);
        venue.toPerp(0);
        vm.stopPrank();
    }

    function test_RevertWhen_MoverIsNotAKeeper() public {
        vm.startPrank(CURATOR);
        vm.expectRevert(VenueErrorsLib.NotKeeper.selector);
        venue.setUp();
        vm.expectRevert(VenueErrorsLib.NotKeeper.selector);
        venue.toPerp(1);
        vm.expectRevert(VenueErrorsLib.NotKeeper.selector);
        venue.toSpot(1);
        vm.expectRevert(VenueErrorsLib.NotKeeper.selector);
        venue.authorizeTrader(address(1), uint40(START + 1));
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

    function test_AuthorizeTrader_EnrolsUnderTheFixedName() public {
        approve(KEY);
        expectAction(CoreWriterLib.addApiWallet(KEY, "perp-prime"));
        vm.expectEmit(address(venue));
        emit IHyperCoreVenue.TraderAuthorized(KEY, UNTIL);
        authorize(KEY, UNTIL);
        (address key, uint40 until) = venue.trader();
        assertEq(key, KEY, "key");
        assertEq(until, UNTIL, "until");
    }

    function test_C6_RevertWhen_KeyIsNotApproved() public {
        vm.expectRevert(VenueErrorsLib.TraderNotApproved.selector);
        authorize(KEY, UNTIL);
    }

    function test_C6_RevertWhen_ApprovedByAnyoneButTheCurator() public {
        vm.prank(KEEPER);
        vm.expectRevert(VenueErrorsLib.NotCurator.selector);
        venue.approveTrader(KEY);
    }

    function test_C6_RevertWhen_EndIsPastOrMoreThan7DaysAway() public {
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
    function test_C2_SpotSuffices_LeavesAtOnce() public {
        setSpot(address(venue), 55 * SPOT, 0);
        expectAction(CoreWriterLib.usdcToEvm(50 * SPOT));
        vm.expectEmit(address(venue));
        emit IHyperCoreVenue.Leaving(50 * USDC);
        recall(50 * USDC);
        (uint64 amount, bool leaving, uint64 steppedAt) = venue.openRecall();
        assertEq(amount, 50 * USDC, "amount");
        assertTrue(leaving, "leaving");
        assertEq(steppedAt, START, "since");
    }

    function test_C2_ShortOfSpot_MovesTheShortfallFirst() public {
        setSpot(address(venue), 20 * SPOT + 1, 0);
        setPerp(address(venue), 100e6, 100e6);
        // 50 + 5 in reserve − 20.00000001, rounded up to a micro-dollar.
        expectAction(CoreWriterLib.usdClassTransfer(35 * USDC, false));
        recall(50 * USDC);
        (, bool leaving,) = venue.openRecall();
        assertFalse(leaving, "not yet");
        assertEq(usdc.balanceOf(address(venue)), 0, "one step a transaction");

        setSpot(address(venue), 55 * SPOT + 1, 0);
        expectAction(CoreWriterLib.usdcToEvm(50 * SPOT));
        advance();
        (, leaving,) = venue.openRecall();
        assertTrue(leaving, "second step");
    }

    function test_C2_HeldSpotDoesNotCount() public {
        setSpot(address(venue), 100 * SPOT, 60 * SPOT);
        setPerp(address(venue), 100e6, 100e6);
        expectAction(CoreWriterLib.usdClassTransfer(15 * USDC, false));
        recall(50 * USDC);
    }

    function test_C2_RevertWhen_SpotLessReserveAndPerpDoNotSuffice() public {
        setSpot(address(venue), 20 * SPOT, 0);
        setPerp(address(venue), 100e6, 35e6 - 1);
        vm.prank(address(vault));
        vm.expectRevert(VenueErrorsLib.TooMuch.selector);
        venue.recall(50 * USDC);
    }

    /// @dev A stranger advancing before perp → spot has landed must not cut the recall to what lies on spot already.
    function test_C2_AdvanceBeforeTheMoveLandedReverts() public {
        setSpot(address(venue), 20 * SPOT, 0);
        setPerp(address(venue), 100e6, 100e6);
        recall(50 * USDC);
        pass(59);
        vm.prank(address(vault));
        vm.expectRevert(VenueErrorsLib.NothingToAdvance.selector);
        venue.advance();
    }

    function test_C2_AdvanceTakesWhatThereIsOnceTheMoveHadItsTime() public {
        setSpot(address(venue), 20 * SPOT, 0);
        setPerp(address(venue), 100e6, 100e6);
        recall(50 * USDC);
        pass(60);
        expectAction(CoreWriterLib.usdcToEvm(15 * SPOT));
        advance();
        usdc.mint(address(venue), 15 * USDC);
        assertEq(collect(), 15 * USDC, "home");
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

    function test_C2_AdvanceDoesNothingTwice() public {
        setSpot(address(venue), 55 * SPOT, 0);
        recall(50 * USDC);
        vm.prank(address(vault));
        vm.expectRevert(VenueErrorsLib.NothingToAdvance.selector);
        venue.advance();
    }

    function test_C2_NothingElseMovesWhileARecallIsOpen() public {
        setSpot(address(venue), 100 * SPOT, 0);
        setPerp(address(venue), 100e6, 100e6);
        recall(50 * USDC);
        vm.startPrank(address(vault));
        vm.expectRevert(VenueErrorsLib.RecallOpen.selector);
        venue.recall(1);
        vm.expectRevert(VenueErrorsLib.RecallOpen.selector);
        venue.send(1);
        vm.stopPrank();
        vm.startPrank(KEEPER);
        vm.expectRevert(VenueErrorsLib.RecallOpen.selector);
        venue.toPerp(1);
        vm.expectRevert(VenueErrorsLib.RecallOpen.selector);
        venue.toSpot(1);
        vm.stopPrank();
    }

    function test_C2_DroppedPayoutLapsesAfter15Minutes() public {
        setSpot(address(venue), 55 * SPOT, 0);
        recall(50 * USDC);
        pass(15 minutes - 1);
        expectRevertLapse();
        pass(1);
        lapse();
        assertTrue(venue.quiet(), "free again");
    }

    function test_C2_LatePayoutLapsesAfter24Hours() public {
        setSpot(address(venue), 55 * SPOT, 0);
        recall(50 * USDC);
        setSpot(address(venue), 5 * SPOT, 0);
        pass(24 hours - 1);
        expectRevertLapse();
        pass(1);
        lapse();
        // What comes after all is still collected.
        usdc.mint(address(venue), 50 * USDC);
        assertEq(collect(), 50 * USDC, "late");
    }

    /// @dev A move that landed meanwhile hides that spot fell: what has arrived must not be given up as a loss.
    function test_C2_RevertWhen_WhatArrivedIsNotCollectedYet() public {
        setSpot(address(venue), 55 * SPOT, 0);
        recall(50 * USDC);
        usdc.mint(address(venue), 50 * USDC);
        pass(15 minutes);
        expectRevertLapse();
        collect();
        lapse();
        assertTrue(venue.quiet(), "free again");
    }

    function test_C2_DustOnCoreDoesNotMakeALatePayoutLookDropped() public {
        setSpot(address(venue), 55 * SPOT, 0);
        recall(50 * USDC);
        setSpot(address(venue), 5 * SPOT + 24 * SPOT, 0);
        pass(15 minutes);
        expectRevertLapse();
    }

    function test_C2_DroppedMoveLapsesAfter15Minutes() public {
        setPerp(address(venue), 100e6, 100e6);
        recall(50 * USDC);
        pass(15 minutes - 1);
        expectRevertLapse();
        pass(1);
        lapse();
        (uint64 amount,,) = venue.openRecall();
        assertEq(amount, 0, "none open");
    }

    function test_C2_PartialArrivalsCloseTheRecallTogether() public {
        setSpot(address(venue), 55 * SPOT, 0);
        recall(50 * USDC);
        usdc.mint(address(venue), 20 * USDC);
        collect();
        (uint64 amount,,) = venue.openRecall();
        assertEq(amount, 30 * USDC, "still to come");
        usdc.mint(address(venue), 31 * USDC);
        assertEq(collect(), 31 * USDC, "the whole balance");
        (amount,,) = venue.openRecall();
        assertEq(amount, 0, "closed");
        assertEq(usdc.balanceOf(address(vault)), 51 * USDC, "all at the vault");
    }

    function test_RevertWhen_RecallStepsAreNotTheVaults() public {
        vm.startPrank(KEEPER);
        vm.expectRevert(VenueErrorsLib.NotVault.selector);
        venue.recall(1);
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

    function test_C4_HeldSpotCountsAndTheEvmBalanceDoesNot() public {
        setSpot(address(venue), 7 * SPOT + 99, 7 * SPOT);
        usdc.mint(address(venue), 1e9);
        (int128 value,,,) = observe();
        assertEqInt(value, 7e6, "spot alone, rounded down");
        (int64 equity, uint64 asOf) = venue.equity();
        assertEqInt(equity, 7e6, "the same in the view");
        assertEq(asOf, block.timestamp, "as of now");
    }

    function test_C4_RevertWhen_AReadFails() public {
        answer(CoreReadLib.ACCOUNT_MARGIN_SUMMARY, abi.encode(uint32(0), address(venue)), "");
        vm.prank(address(vault));
        vm.expectRevert(abi.encodeWithSelector(VenueErrorsLib.ReadFailed.selector, CoreReadLib.ACCOUNT_MARGIN_SUMMARY));
        venue.observe("");
    }

    function test_RevertWhen_AttestationIsGiven() public {
        vm.prank(address(vault));
        vm.expectRevert(VenueErrorsLib.AttestationNotEmpty.selector);
        venue.observe(hex"00");
    }

    function test_RevertWhen_ObserverIsNotTheVault() public {
        vm.prank(STRANGER);
        vm.expectRevert(VenueErrorsLib.NotVault.selector);
        venue.observe("");
    }

    function test_AssetOf_ReadsSizeAndMarkPrice() public {
        answer(
            CoreReadLib.POSITION,
            abi.encode(address(venue), uint16(3)),
            abi.encode(int64(-123_456), uint64(1), int64(2), uint32(20), false)
        );
        answer(CoreReadLib.MARK_PRICE, abi.encode(uint32(3)), abi.encode(uint64(987_650)));
        (int64 size, uint64 markPrice) = venue.assetOf(3);
        assertEqInt(size, -123_456, "size");
        assertEq(markPrice, 987_650, "mark price");
    }

    function test_Constructor_RefusesZeroAddresses() public {
        vm.expectRevert(VenueErrorsLib.ZeroAddress.selector);
        new HyperCoreVenue(address(vault), address(usdc), address(0), CORE_WRITER);
    }
}
