// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {CoreOrder, CoreWriterLib} from "../../../contracts/libraries/CoreWriterLib.sol";
import {CoreReadLib} from "../../../contracts/libraries/CoreReadLib.sol";
import {HyperCoreSim} from "../../../contracts/sim/HyperCoreSim.sol";
import {HyperCoreSimBase} from "./HyperCoreSimBase.sol";

/// @notice The local HyperCore behaves as the one it stands in for, as far as the contracts can tell.
contract HyperCoreSimTest is HyperCoreSimBase {
    address internal constant USER = address(0xACC0);
    address internal constant KEY = address(0xA1);

    function setUp() public {
        setUpCore();
    }

    /// @dev An account with 1,000 USDC on spot and 9,000 on perp.
    function fund() internal {
        depositFor(USER, 10_001 * USDC, SPOT_DEX);
        pass(15);
        act(CoreWriterLib.usdClassTransfer(9_000 * USDC, true));
        pass(2);
    }

    function act(bytes memory action) internal {
        vm.prank(USER);
        core.sendRawAction(action);
    }

    /// @dev `price` in USDC, `lots` of 0.01.
    function order(bool isBuy, uint64 price, uint64 lots, uint8 tif) internal pure returns (CoreOrder memory) {
        return CoreOrder({
            asset: ETH, isBuy: isBuy, limitPx: price * 1e8, size: lots * 1e6, reduceOnly: false, tif: tif, cloid: 7
        });
    }

    function buy(uint64 lots) internal {
        act(CoreWriterLib.limitOrder(order(true, 2_010, lots, 3)));
        pass(4);
    }

    function size() internal view returns (int64) {
        return CoreReadLib.positionSize(USER, ETH);
    }

    function perp() internal view returns (int256) {
        return CoreReadLib.accountValue(USER);
    }

    /* MONEY */

    function testFuzz_Deposit_IsCreditedAfterItsDelay(uint40 delay, uint256 wait) public {
        delay = uint40(bound(delay, 2, 15));
        wait = bound(wait, 0, 20);
        core.setDelays(delay, 1, 3, 1);
        depositFor(USER, 10 * USDC, SPOT_DEX);
        pass(wait);
        (uint64 spot,) = CoreReadLib.spotUsdc(USER);
        assertEq(spot, wait < delay ? 0 : 9 * SPOT, "less 1 USDC for the activation");
        assertTrue(CoreReadLib.userExists(USER) == (wait >= delay), "exists");
    }

    function testFuzz_RevertWhen_CreditDelayIsNotTheVenues(uint40 delay) public {
        vm.assume(delay < 2 || delay > 15);
        vm.expectRevert(HyperCoreSim.BadDelay.selector);
        core.setDelays(delay, 1, 3, 1);
    }

    function test_Deposit_TheFirstMustExceedTheActivationFee() public {
        depositFor(USER, USDC, SPOT_DEX);
        pass(15);
        assertFalse(CoreReadLib.userExists(USER), "not activated");
        depositFor(USER, USDC, 0);
        pass(15);
        assertEqInt(perp(), 1e6, "perp has no fee");
        depositFor(USER, 5 * USDC, SPOT_DEX);
        pass(15);
        (uint64 spot,) = CoreReadLib.spotUsdc(USER);
        assertEq(spot, 5 * SPOT, "charged once");
    }

    /// @dev Nothing that a block writes is visible in it.
    function test_Reads_AreTheStateBeforeTheBlock() public {
        fund();
        act(CoreWriterLib.usdClassTransfer(100 * USDC, true));
        assertEqInt(perp(), 9_000e6, "same block");
        vm.warp(block.timestamp + 1);
        assertEqInt(perp(), 9_000e6, "time alone lands nothing");
        core.step();
        assertEqInt(perp(), 9_100e6, "landed");
        assertEq(CoreReadLib.l1BlockNumber(), core.l1Block(), "height");
    }

    function testFuzz_ClassTransfer_MovesOrIsDropped(uint64 amount, bool toPerp) public {
        fund();
        uint256 most = toPerp ? 1_000e6 : 9_000e6;
        act(CoreWriterLib.usdClassTransfer(amount, toPerp));
        pass(2);
        bool moved = amount > 0 && amount <= most;
        int256 change = moved ? int256(uint256(amount)) : int256(0);
        assertEqInt(perp(), 9_000e6 + (toPerp ? change : -change), "perp");
        assertEqInt(int256(spotOf(USER)), (1_000e6 - (toPerp ? change : -change)) * 100, "spot");
        assertEq(core.dropped(), moved ? 0 : 1, "dropped without a trace");
    }

    function testFuzz_Payout_ArrivesOnTheEvmOrIsDropped(uint64 amount) public {
        fund();
        act(CoreWriterLib.usdcToEvm(amount));
        pass(3);
        bool paid = amount > 0 && amount <= 1_000 * SPOT;
        assertEq(usdc.balanceOf(USER), paid ? amount / 100 : 0, "wei below a micro-dollar burn");
        assertEq(spotOf(USER), 1_000 * SPOT - (paid ? amount : 0), "spot");
    }

    /// @dev Whatever bytes are sent: executed as written, or nothing changes.
    function testFuzz_Action_GarbageIsDropped(bytes calldata garbage) public {
        fund();
        act(bytes.concat(hex"0200", garbage));
        act(bytes.concat(hex"01000007", garbage));
        act(bytes.concat(hex"0100000d", garbage));
        act(bytes.concat(CoreWriterLib.usdClassTransfer(5, true), hex"00"));
        pass(4);
        assertEq(core.dropped(), 4, "all of them");
        assertEqInt(perp(), 9_000e6, "unmoved");
    }

    function test_Action_OfAnAccountThatDidNotExistWhenItWasSentIsDropped() public {
        depositFor(USER, 10 * USDC, SPOT_DEX);
        core.setDelays(5, 10, 3, 1);
        act(CoreWriterLib.setAbstraction(USER, 1));
        pass(15);
        (, uint8 mode,,) = core.accounts(USER);
        assertEq(mode, 0, "existed too late");
        act(CoreWriterLib.setAbstraction(USER, 1));
        pass(15);
        (, mode,,) = core.accounts(USER);
        assertEq(mode, 1, "standard");
    }

    function testFuzz_Mode_OnlyOnesOwnAndOnlyOneToThree(address whose, uint8 mode) public {
        fund();
        act(CoreWriterLib.setAbstraction(whose, mode));
        pass(2);
        (, uint8 now_,,) = core.accounts(USER);
        assertEq(now_, whose == USER && mode >= 1 && mode <= 3 ? mode : 0, "mode");
    }

    /* AGENTS */

    function test_Agent_ANameHasOneAddressAndItEndsAfter90Days() public {
        fund();
        act(CoreWriterLib.addApiWallet(KEY, "one"));
        pass(2);
        assertTrue(core.isAgent(KEY, USER), "enrolled");
        act(CoreWriterLib.addApiWallet(address(0xA2), "one"));
        pass(2);
        assertFalse(core.isAgent(KEY, USER), "replaced");
        assertTrue(core.isAgent(address(0xA2), USER), "by the next");
        pass(91 days);
        assertFalse(core.isAgent(address(0xA2), USER), "expired");
    }

    function test_Agent_ThreeNamesAndNoLongOnes() public {
        fund();
        string[4] memory names = ["a", "b", "c", "d"];
        for (uint160 i; i < 4; ++i) {
            act(CoreWriterLib.addApiWallet(address(0xB0 + i), names[i]));
        }
        act(CoreWriterLib.addApiWallet(address(0xC0), "seventeen letters"));
        pass(2);
        assertTrue(core.isAgent(address(0xB2), USER), "third");
        assertFalse(core.isAgent(address(0xB3), USER), "fourth");
        assertEq(core.dropped(), 2, "two dropped");
    }

    function test_Agent_TradesForTheAccountAndNobodyElse() public {
        fund();
        act(CoreWriterLib.addApiWallet(KEY, "one"));
        pass(2);
        core.orderByAgent(KEY, USER, order(true, 2_010, 100, 3));
        assertEqInt(size(), 100, "at once");
        vm.expectRevert(HyperCoreSim.NotAgent.selector);
        core.orderByAgent(address(0xBAD), USER, order(true, 2_010, 100, 3));
    }

    /* ORDERS */

    function test_Order_FillsAtTheAskAndPaysTheFee() public {
        fund();
        buy(100); // 1 coin at 2,000.50, fee 4.5 bps
        assertEqInt(size(), 100, "size");
        assertEqInt(perp(), 9_000e6 - 0.5e6 - 900_225, "half a spread and the fee");
    }

    function test_Order_WaitsLongerThanATransfer() public {
        fund();
        act(CoreWriterLib.limitOrder(order(true, 2_010, 100, 3)));
        pass(2);
        assertEqInt(size(), 0, "in the delay queue");
        pass(1);
        assertEqInt(size(), 100, "after it");
    }

    function testFuzz_Order_DroppedWhereCoreWouldDropIt(uint256 what) public {
        fund();
        CoreOrder memory o = order(true, 2_010, 100, 3);
        what = bound(what, 0, 8);
        if (what == 0) o.tif = 4;
        if (what == 1) o.limitPx += 1e6; // six figures
        if (what == 2) o.size += 1;
        if (what == 3) o.size = 0;
        if (what == 4) o.reduceOnly = true; // nothing to reduce
        if (what == 5) o.tif = 1; // would cross
        if (what == 6) o.asset = 2; // no such market
        if (what == 7) o.size = 100_000e6; // no margin
        if (what == 8) (o.limitPx, o.size) = (500e8, 1e6); // 5 USDC
        act(CoreWriterLib.limitOrder(o));
        pass(4);
        assertEqInt(size(), 0, "nothing");
        assertEq(core.dropped(), 1, "dropped");
    }

    function testFuzz_Order_ReduceOnlyNeverTurnsAPosition(uint64 lots, bool twice) public {
        fund();
        buy(100);
        CoreOrder memory o = order(false, 1_990, uint64(bound(lots, 1, 1_000)), 3);
        (o.reduceOnly, o.cloid) = (true, 0);
        act(CoreWriterLib.limitOrder(o));
        if (twice) act(CoreWriterLib.limitOrder(o));
        pass(4);
        uint256 closed = (o.size / 1e6) * (twice ? 2 : 1);
        assertEqInt(size(), closed >= 100 ? int64(0) : int64(100 - int256(closed)), "closed at most");
    }

    function test_Order_RestsIsReachedOrCancelled() public {
        fund();
        act(CoreWriterLib.limitOrder(order(true, 1_900, 100, 2)));
        pass(4);
        assertTrue(core.openOrder(USER, 7) > 0, "rests");
        act(CoreWriterLib.cancelByCloid(ETH, 8));
        pass(2);
        assertTrue(core.openOrder(USER, 7) > 0, "another's id");
        act(CoreWriterLib.cancelByCloid(ETH, 7));
        pass(2);
        assertEq(core.openOrder(USER, 7), 0, "cancelled");

        act(CoreWriterLib.limitOrder(order(true, 1_900, 100, 1)));
        pass(4);
        core.setPrice(ETH, 1_890e4, 5_000, type(uint64).max);
        pass(1);
        assertEqInt(size(), 100, "reached");
        assertEqInt(perp(), 9_000e6 - 10e6 - 285_000, "at its own price, as a maker");
    }

    function test_Order_DepthIsTaken() public {
        fund();
        core.setPrice(ETH, ETH_PRICE, 5_000, 60);
        buy(100);
        assertEqInt(size(), 60, "what there was");
    }

    function test_Withdrawable_AndWhatMayReallyLeave() public {
        fund();
        buy(1_000); // 10 coins: margin 5%, a tenth must stay
        assertEq(CoreReadLib.withdrawable(USER), uint256(perp() - 1_000e6), "as shown");
        uint64 most = uint64(uint256(perp() - 2_000e6));
        act(CoreWriterLib.usdClassTransfer(most + 1, false));
        pass(2);
        assertEq(core.dropped(), 1, "a tenth of the notional stays");
        act(CoreWriterLib.usdClassTransfer(most, false));
        pass(2);
        assertEqInt(perp(), 2_000e6, "the rest moves");
    }

    function testFuzz_Funding_LongsPayShortsReceive(int64 rate, bool isBuy) public {
        rate = int64(boundInt(rate, -4e8, 4e8));
        fund();
        act(CoreWriterLib.limitOrder(order(isBuy, isBuy ? 2_010 : 1_990, 100, 3)));
        pass(4);
        int256 before = perp();
        core.payFunding(ETH, rate);
        int256 paid = 2_000e6 * int256(rate) / 1e10;
        assertEqInt(perp(), before - (isBuy ? paid : -paid), "size times oracle times rate");
    }
}
