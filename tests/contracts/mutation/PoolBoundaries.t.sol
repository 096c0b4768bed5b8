// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {PooledAccount} from "contracts/PooledAccount.sol";
import {PoolConfig} from "contracts/interfaces/IPooledAccount.sol";
import {PoolErrorsLib} from "contracts/libraries/PoolErrorsLib.sol";
import "contracts/libraries/PoolLib.sol";
import {PooledAccountBase} from "../PooledAccountBase.sol";

/// @notice Each limit of a pool at its last value and at the next one.
contract PoolBoundariesTest is PooledAccountBase {
    /* CONSTRUCTOR */

    function test_FeesAtTheirMaximum() public {
        PoolConfig memory config = _config();
        (config.managementBps, config.performanceBps, config.protocolBps) = (500, 5000, 3000);
        pool = _pool(config);
        assertEq(pool.managementBps(), 500, "management");
        assertEq(pool.performanceBps(), 5000, "performance");
        assertEq(pool.protocolBps(), 3000, "protocol");
        assertEq(pool.protocolRecipient(), protocol, "protocol's recipient");
        assertEq(pool.feeRecipient(), feeTaker, "fee recipient");
        assertEq(pool.primeVault(), address(vault), "vault");
    }

    function testFuzz_EachFeeOneAboveItsMaximum(uint8 which) public {
        PoolConfig memory config = _config();
        if (which % 3 == 0) config.managementBps = 501;
        else if (which % 3 == 1) config.performanceBps = 5001;
        else config.protocolBps = 3001;
        vm.expectRevert(PoolErrorsLib.FeeTooHigh.selector);
        new PooledAccount(config);
    }

    function test_NoProtocolFeeNeedsNoRecipient() public {
        PoolConfig memory config = _config();
        (config.protocolBps, config.protocolRecipient) = (0, address(0));
        assertEq(_pool(config).protocolRecipient(), address(0), "nobody");
    }

    /* REQUESTS */

    function test_TheSmallestRequests() public {
        _holder(alice, 100e6);
        assertEq(_askDeposit(bob, 10e6), 2, "10 USDC in");
        assertEq(_askRedeem(alice, 10 * SHARE), 1, "10 USDC out");
        bytes memory data = abi.encodeCall(pool.requestRedeem, (10 * SHARE - 1, alice, alice));
        _refused(alice, data, PoolErrorsLib.AmountTooSmall.selector);
    }

    function test_TheLargestDeposit() public {
        assertEq(_askDeposit(alice, type(uint64).max), 1, "as many as a lane counts");
        usdc.mint(bob, 10e6);
        bytes memory data = abi.encodeCall(pool.requestDeposit, (10e6, bob, bob));
        _refused(bob, data, PoolErrorsLib.TooLarge.selector);
    }

    function test_NothingIsNoRequest() public {
        bytes memory data = abi.encodeCall(pool.requestRedeem, (0, bob, bob));
        _refused(bob, data, PoolErrorsLib.AmountTooSmall.selector);
    }

    /// @dev A batch is as old as its first request: a later one delays nobody.
    function testFuzz_ALaterRequestDoesNotDelayTheBatch(bool redeems) public {
        _holder(alice, 100e6);
        _holder(bob, 100e6);
        if (redeems) _askRedeem(alice, 10 * SHARE);
        else _askDeposit(alice, 10e6);
        _commit(0);
        if (redeems) _askRedeem(bob, 10 * SHARE);
        else _askDeposit(bob, 10e6);
        pool.settle();
        (, uint256 closed) = redeems ? pool.redeemBatches() : pool.depositBatches();
        assertEq(closed, redeems ? 1 : 3, "closed");
    }

    function test_TwoRequestsOfOneBatchTakeOnePlace() public {
        _askDeposit(alice, 10e6);
        _askDeposit(alice, 10e6);
        (uint256[] memory live,) = pool.requestsOf(alice);
        assertEq(live.length, 1, "one batch");
        assertEq(pool.pendingDepositRequest(1, alice), 20e6, "both");
    }

    /// @dev The batch of somebody who left is closed with the rest of it; cancelling one's part leaves the others'.
    function test_CancellingAPartLeavesTheBatch() public {
        _askDeposit(alice, 10e6);
        _askDeposit(bob, 20e6);
        _commit(0);
        pool.settle();
        vm.warp(block.timestamp + 24 hours);
        vm.prank(alice);
        pool.cancelDeposit(1, alice, alice);
        (, uint256 closed) = pool.depositBatches();
        assertEq(closed, 1, "still closed");
        _commit(0);
        pool.settle();
        assertEq(pool.maxDeposit(bob), 20e6, "priced");
        assertEq(pool.maxMint(bob), 20 * SHARE, "whole");
    }

    /// @dev An open batch that empties does not open the closed one again.
    function test_CancellingTheOpenBatchLeavesTheClosedOne() public {
        _askDeposit(alice, 10e6);
        _commit(0);
        pool.settle();
        _askDeposit(bob, 20e6);
        vm.prank(bob);
        pool.cancelDeposit(2, bob, bob);
        (, uint256 closed) = pool.depositBatches();
        assertEq(closed, 1, "still closed");
    }

    function test_CancelAtExactlyADay() public {
        _askDeposit(alice, 10e6);
        _commit(0);
        pool.settle();
        vm.warp(block.timestamp + 24 hours - 1);
        bytes memory data = abi.encodeCall(pool.cancelDeposit, (1, alice, alice));
        _refused(alice, data, PoolErrorsLib.CannotCancel.selector);
        vm.warp(block.timestamp + 1);
        vm.prank(alice);
        assertEq(pool.cancelDeposit(1, alice, alice), 10e6, "a day");
    }

    function test_CancelRemovesTheRightOne() public {
        for (uint256 i; i < 2; ++i) {
            _askDeposit(alice, 10e6);
            _settleThrough(0);
        }
        _askDeposit(alice, 30e6);
        vm.prank(alice);
        assertEq(pool.cancelDeposit(3, alice, alice), 30e6, "the last");
        (uint256[] memory live,) = pool.requestsOf(alice);
        assertEq(live.length, 2, "two are left");
        assertEq(live[0], 1, "the first");
        assertEq(live[1], 2, "the second");
        assertEq(pool.maxDeposit(alice), 20e6, "claimable");
    }

    /* PRICING */

    function testFuzz_PricedByBooksOfExactlyTheAge(bool old) public {
        _askDeposit(alice, 10e6);
        _commit(0);
        pool.settle();
        vm.warp(block.timestamp + (old ? 600 : 599));
        vault.commit(0, true);
        pool.settle();
        assertEq(pool.maxDeposit(alice), old ? 10e6 : 0, "ten minutes");
    }

    /// @dev At par of 100 USDC a fall of 10 USDC is a tenth; the price has a virtual micro-dollar above it.
    function testFuzz_AFallOfATenthIsNone(uint8 which) public {
        uint256 loss = [uint256(9_995_000), 10_000_000, 10_000_001, 10_005_000][which % 4];
        _askDeposit(alice, 1000e6);
        _commit(0);
        pool.settle();
        _commit(-int256(loss));
        pool.settle();
        assertEq(pool.maxDeposit(alice), loss <= 10e6 ? 1000e6 : 0, "more than a tenth");
        uint256 fell = block.timestamp;
        vm.warp(fell + 24 hours - 1);
        vault.commit(0, true);
        pool.settle();
        assertEq(pool.maxDeposit(alice), loss <= 10e6 ? 1000e6 : 0, "not a day");
        vm.warp(fell + 24 hours);
        vault.commit(0, true);
        pool.settle();
        assertEq(pool.maxDeposit(alice), 1000e6, "a day");
    }

    /// @dev Equity is 1,100 USDC, of which 11 in quarantine are a hundredth.
    function testFuzz_QuarantineOfExactlyAHundredth(uint8 which) public {
        uint128 held = [uint128(10_999_999), 11_000_000, 11_000_001][which % 3];
        _askDeposit(alice, 10e6);
        _commit(0);
        pool.settle();
        vault.setQuarantine(held);
        _commit(0);
        pool.settle();
        assertEq(pool.maxDeposit(alice), held <= 11e6 ? 10e6 : 0, "a hundredth");
    }

    function testFuzz_TheCapIsFivePercentPerCommitOfThePriceBefore(uint8 commits) public {
        uint256 shares = _holder(bob, 900e6);
        _askRedeem(bob, shares);
        _commit(0);
        pool.settle();
        commits = uint8(bound(commits, 1, 5));
        for (uint256 i = 1; i < commits; ++i) {
            _commit(0);
        }
        _commit(5000e6);
        pool.settle();
        _near(pool.lastRedeemPrice(), 1e18 + 0.05e18 * uint256(commits), 1e10, "of every commit since");
        _near(pool.redeemBatchOf(1).result, 900e6 + 45e6 * uint256(commits), 1, "what redeems");
    }

    /* CASH */

    /// @dev 9,999,999 stay in line; one micro-dollar more is asked for.
    function testFuzz_ATicketOfExactlyTheLeast(bool more) public {
        _holder(alice, 100e6);
        uint256 shares = pool.balanceOf(alice);
        _askRedeem(alice, 10 * SHARE);
        vm.prank(alice);
        pool.transfer(bob, shares - 10 * SHARE);
        _commit(0);
        pool.settle();
        _commit(more ? int256(0) : -int256(100));
        pool.settle();
        assertEq(vault.ticketCount(), more ? 1 : 0, "10 USDC");
    }

    /// @dev Less than a ticket, but all there is.
    function test_ATicketForAllThatIsLeft() public {
        _holder(alice, 100e6);
        _askRedeem(alice, 100 * SHARE);
        _commit(0);
        pool.settle();
        _commit(-int256(uint256(vault.laneOf(7)) - 8e6));
        pool.settle();
        assertEq(pool.owed(), 4e6, "half of it");
        assertEq(vault.ticketCount(), 0, "too little to ask for");
        _commit(-7e6);
        pool.settle();
        assertEq(vault.ticketOf(1).remaining, 1e6, "the whole lane");
    }

    /* SHARE ARITHMETIC */

    function test_PricesRoundApart() public pure {
        assertEq(PoolLib.price(1, 3e12), 333_333_333_333, "down");
        assertEq(PoolLib.priceUp(1, 3e12), 333_333_333_334, "up");
        assertEq(PoolLib.price(5e6, 5e12), 1e18, "par");
        assertEq(PoolLib.assetsAt(3e12 - 1, 1e18), 2_999_999, "assets down");
        assertEq(PoolLib.sharesFor(10, 3, 7), 23, "shares down");
    }

    function test_FeesToTheMicroDollar() public pure {
        assertEq(PoolLib.managementFee(1e12, 200, 365 days), 2e10, "2% of a year");
        assertEq(PoolLib.managementFee(1e12, 200, 365 days + 1), 2e10, "not more than a year");
        assertEq(PoolLib.managementFee(1e12, 200, 365 days - 1), 19_999_999_365, "a second less");
        assertEq(PoolLib.performanceFee(120e6, 100e12, 1e18, 1000), 2e6, "a tenth of 20");
        assertEq(PoolLib.performanceFee(100e6, 100e12, 1e18, 1000), 0, "at the mark");
        assertEq(PoolLib.feeShares(1200e6, 1000e12, 40e6), 34_482_758_620_689, "f = F * TS / (GAV - F)");
    }
}
