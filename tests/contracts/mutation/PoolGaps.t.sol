// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {IPooledAccount, PoolConfig} from "contracts/interfaces/IPooledAccount.sol";
import {PoolErrorsLib} from "contracts/libraries/PoolErrorsLib.sol";
import {PoolLib} from "contracts/libraries/PoolLib.sol";
import {Vm} from "../Base.sol";
import {PooledAccountBase, TestVault} from "../PooledAccountBase.sol";
import {MeanUSDC} from "../PooledAccount.t.sol";

/// @notice What mutants showed that no test of a pool asked.
contract PoolGapsTest is PooledAccountBase {
    function test_ADepositOneMicroDollarTooSmall() public {
        usdc.mint(alice, 10e6);
        bytes memory data = abi.encodeCall(pool.requestDeposit, (10e6 - 1, alice, alice));
        _refused(alice, data, PoolErrorsLib.AmountTooSmall.selector);
    }

    /// @dev While a token is moved, no entry is open.
    function test_NoEntryFromInsideATransfer() public {
        MeanUSDC mean = new MeanUSDC(address(this));
        usdc = mean;
        vault = new TestVault(usdc);
        pool = _pool(_config());
        bytes[12] memory calls = [
            abi.encodeCall(pool.settle, ()),
            abi.encodeCall(pool.exitSync, ()),
            abi.encodeCall(pool.claimExit, (alice)),
            abi.encodeCall(pool.requestDeposit, (10e6, alice, alice)),
            abi.encodeCall(pool.requestRedeem, (10e12, alice, alice)),
            abi.encodeCall(pool.cancelDeposit, (1, alice, alice)),
            abi.encodeCall(pool.cancelRedeem, (1, alice, alice)),
            abi.encodeWithSignature("deposit(uint256,address,address)", 1, alice, alice),
            abi.encodeWithSignature("mint(uint256,address,address)", 1, alice, alice),
            abi.encodeWithSignature("mint(uint256,address)", 1, alice),
            abi.encodeCall(pool.withdraw, (1, alice, alice)),
            abi.encodeCall(pool.redeem, (1, alice, alice))
        ];
        for (uint256 i; i < calls.length; ++i) {
            mean.aim(address(pool), calls[i]);
            _askDeposit(alice, 10e6);
            assertEq(bytes32(mean.answer()), bytes32(PoolErrorsLib.Reentered.selector), "closed");
        }
    }

    /// @dev Each entry opens the next: nobody is locked out by what somebody did before, in the same transaction too.
    function test_EachEntryLeavesTheDoorOpen() public {
        uint256 shares = _holder(alice, 1000e6);
        _askDeposit(alice, 10e6);
        vm.prank(alice);
        pool.cancelDeposit(2, alice, alice);
        _askRedeem(alice, shares / 2);
        vm.prank(alice);
        pool.cancelRedeem(1, alice, alice);
        _askRedeem(alice, shares / 2);
        _askDeposit(alice, 20e6);
        _settleThrough(0);
        _pay(type(uint64).max);
        vm.startPrank(alice);
        pool.deposit(10e6, alice);
        pool.mint(pool.maxMint(alice), alice);
        pool.withdraw(1e6, alice, alice);
        pool.redeem(pool.maxRedeem(alice), alice, alice);
        vm.stopPrank();
        vault.triggerExit();
        vault.recover(500e6);
        pool.settle();
        pool.exitSync();
        pool.claimExit(alice);
        assertEq(pool.claimExit(DEAD), usdc.balanceOf(DEAD), "and once more");
    }

    /// @dev A second settle in one epoch finds nothing to value, however late it comes.
    function test_OnceValuedPerEpoch() public {
        PoolConfig memory config = _config();
        config.managementBps = 500;
        pool = _pool(config);
        _commit(0);
        pool.settle();
        uint256 paid = pool.balanceOf(feeTaker);
        vm.warp(block.timestamp + 30 days);
        pool.settle();
        assertEq(pool.balanceOf(feeTaker), paid, "no fee");
    }

    /// @dev Taking the old manager's right is part of the handover.
    function test_TheOldManagersRightGoes() public {
        bytes memory taken = abi.encodeCall(vault.setRights, (7, manager, 0, 0));
        vm.mockCallRevert(address(vault), taken, abi.encodePacked(TestVault.Refused.selector));
        _refused(manager, abi.encodeCall(pool.setManager, (alice)), TestVault.Refused.selector);
        vm.clearMockedCalls();
        vm.prank(manager);
        pool.setManager(alice);
        assertEq(pool.manager(), alice, "handed over");
    }

    function test_ConversionsToTheLastDigit() public {
        _commit(23e6);
        uint256 nav = 123e6 + 1;
        uint256 supply = 100e12 + 1e6;
        assertEq(pool.convertToShares(1e13), 1e13 * supply / nav, "shares");
        assertEq(pool.convertToAssets(1e30), 1e30 * nav / supply, "assets");
    }

    function test_BatchesOfBothSides() public {
        _holder(alice, 100e6);
        (uint256 open, uint256 closed) = pool.depositBatches();
        assertEq(open, 2, "deposits: open");
        assertEq(closed, 0, "deposits: closed");
        _askRedeem(alice, 20e12);
        _commit(0);
        pool.settle();
        (open, closed) = pool.redeemBatches();
        assertEq(open, 2, "redemptions: open");
        assertEq(closed, 1, "redemptions: closed");
    }

    /* PRICES */

    /// @dev Of 100.00001 USDC, the virtual micro-dollar counted, nine tenths are whole: not a micro-dollar less.
    function test_AFallOfExactlyATenth() public {
        PoolConfig memory config = _config();
        config.seed = 100e6 + 9;
        pool = _pool(config);
        _askDeposit(alice, 1000e6);
        _commit(0);
        pool.settle();
        _commit(-(10e6 + 1));
        pool.settle();
        assertEq(pool.lastPrice(), 0.9e18, "nine tenths");
        assertEq(pool.maxDeposit(alice), 1000e6, "not more than a tenth");
    }

    function _fallen(uint256 loss) internal {
        _askDeposit(alice, 1000e6);
        _commit(0);
        pool.settle();
        _commit(-int256(loss));
        pool.settle();
    }

    function test_AfterAFallADayToTheSecond() public {
        _fallen(10_000_001);
        assertEq(pool.maxDeposit(alice), 0, "fell");
        uint256 fell = block.timestamp;
        vm.warp(fell + 24 hours - 1);
        vault.commit(0, true);
        pool.settle();
        assertEq(pool.maxDeposit(alice), 0, "not a day");
        vm.warp(fell + 24 hours);
        vault.commit(0, true);
        pool.settle();
        assertEq(pool.maxDeposit(alice), 1000e6, "a day");
    }

    function test_NearlyATenthIsNoFall() public {
        _fallen(9_995_000);
        assertEq(pool.maxDeposit(alice), 1000e6, "priced");
    }

    /// @dev Ten million shares less or more beside a price of exactly a millionth.
    function test_AMillionthOfParToTheLastDigit() public {
        for (uint64 more; more < 2; ++more) {
            PoolConfig memory config = _config();
            config.seed = 1e13 - 1 + more;
            vault = new TestVault(usdc);
            usdc.mint(address(vault), 1e18);
            config.vault = address(vault);
            pool = _pool(config);
            _askDeposit(alice, 1000e6);
            _commit(0);
            pool.settle();
            _commit(int256(1e7 - 1) - int256(uint256(config.seed)));
            pool.settle();
            assertEq(pool.lastPrice(), 1e12 - more, "a millionth");
            vm.warp(block.timestamp + 2 days);
            _commit(0);
            pool.settle();
            assertEq(pool.maxDeposit(alice), more == 0 ? 1000e6 : 0, "priced down to it");
        }
    }

    function test_PricedAtExactlyTheAge_BothSides() public {
        _holder(bob, 100e6);
        _askRedeem(bob, 50e12);
        _askDeposit(alice, 10e6);
        _commit(0);
        pool.settle();
        uint256 closed = block.timestamp;
        vm.warp(closed + 599);
        vault.commit(0, true);
        pool.settle();
        assertEq(pool.maxDeposit(alice), 0, "too young to buy");
        assertEq(pool.redeemBatchOf(1).result, 0, "and to sell");
        (, uint256 still) = pool.redeemBatches();
        assertEq(still, 1, "still closed");
        vm.warp(closed + 600);
        vault.commit(0, true);
        pool.settle();
        assertEq(pool.maxDeposit(alice), 10e6, "bought");
        assertEq(pool.redeemBatchOf(1).result, 50e6, "sold");
    }

    /// @dev Deposits that redemptions take whole need nothing of the vault.
    function test_NettedDepositsNeedNoVault() public {
        _holder(bob, 100e6);
        _askRedeem(bob, 50e12);
        _askDeposit(alice, 20e6);
        _commit(0);
        pool.settle();
        vault.setRefuses(true);
        _commit(0);
        pool.settle();
        assertEq(pool.maxDeposit(alice), 20e6, "priced");
        assertEq(pool.maxWithdraw(bob), 20e6, "and paid out");
    }

    /// @dev With no redemption priced, no batch changes.
    function test_NoRedemptionNoBatch() public {
        _holder(bob, 100e6);
        _askRedeem(bob, 50e12);
        _settleThrough(0);
        _commit(0);
        pool.settle();
        assertEq(pool.redeemBatchOf(0).start, 0, "there is no batch 0");
        assertFalse(pool.redeemBatchOf(0).priced, "not priced");
        assertFalse(pool.depositBatchOf(0).priced, "nor of deposits");
    }

    /// @dev After a total loss the price of redemptions starts again from one micro-dollar for all shares.
    function test_TheCapHoldsAfterATotalLoss() public {
        _commit(-100e6);
        pool.settle();
        _commit(50e6);
        pool.settle();
        assertEq(pool.lastRedeemPrice(), PoolLib.price(1, 100e12 + 1e6), "the virtual micro-dollar");
        assertEq(pool.lastPrice(), PoolLib.price(50e6 + 1, 100e12 + 1e6), "what it is worth");
    }

    /* FEES */

    /// @dev Both fees and the cap in one settle, to the last share.
    function test_FeesOnFeesOnTheCap() public {
        PoolConfig memory config = _config();
        (config.managementBps, config.performanceBps, config.protocolBps) = (200, 2000, 1000);
        pool = _pool(config);
        uint256 made = block.timestamp;
        vm.warp(made + 100 days);
        vault.commit(30e6, true);
        pool.settle();
        uint256 assets = 130e6 + 1;
        uint256 supply = 100e12 + 1e6;
        uint256 minted = PoolLib.feeShares(assets, supply, PoolLib.managementFee(assets, 200, 100 days));
        supply += minted;
        uint256 capped = PoolLib.assetsAt(supply, 1.05e18);
        uint256 gain = PoolLib.feeShares(capped, supply, PoolLib.performanceFee(capped, supply, 1e18, 2000));
        assertEq(pool.totalSupply() + 1e6, supply + gain, "supply");
        assertEq(pool.balanceOf(protocol), (minted + gain) / 10, "protocol's");
        assertEq(pool.balanceOf(feeTaker), minted + gain - (minted + gain) / 10, "recipient's");
        assertEq(pool.lastPrice(), PoolLib.price(assets, supply + gain), "price");
        assertEq(pool.lastRedeemPrice(), PoolLib.price(capped, supply + gain), "redeeming");
        assertEq(pool.highWaterMark(), PoolLib.priceUp(capped, supply + gain), "mark");
    }

    /// @dev Where no fee is due nothing is minted, not even nothing.
    function test_NoFeeNoMint() public {
        _commit(0);
        vm.recordLogs();
        pool.settle();
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 1, "only that it was valued");
    }

    /* CLAIMS AND EXIT */

    /// @dev One share of a million millionths: all somebody has, asked for and taken back.
    function test_TheSmallestRequestIsTakenBack() public {
        _holder(alice, 100e6);
        vm.prank(alice);
        pool.transfer(bob, 1);
        uint256 id = _askRedeem(bob, 1);
        vm.prank(bob);
        assertEq(pool.cancelRedeem(id, bob, bob), 1, "one");
        assertEq(pool.balanceOf(bob), 1, "back");
    }

    /// @dev A claim of nothing takes nothing, of a request worth nothing too.
    function test_ClaimingNothing() public {
        _holder(alice, 100e6);
        _askRedeem(alice, 100e12);
        _commit(0);
        pool.settle();
        _commit(-int256(uint256(vault.laneOf(7))));
        pool.settle();
        uint256 shares = pool.maxRedeem(alice);
        assertEq(shares, 100e12, "claimable for nothing");
        vm.prank(alice);
        assertEq(pool.withdraw(0, alice, alice), 0, "nothing");
        assertEq(pool.maxRedeem(alice), shares, "still there");
    }

    /// @dev Half of a redemption has its cash when the exit comes: the other half is the debt.
    function test_E6_TheDebtIsWhatHasNoCash() public {
        _holder(alice, 100e6);
        _askRedeem(alice, 100e12);
        _settleThrough(0);
        vault.approve(40e6);
        vault.triggerExit();
        vm.expectEmit(address(pool));
        emit IPooledAccount.ExitStarted(160e6, 60e6, 100e12);
        pool.exitSync();
        assertEq(pool.maxWithdraw(alice), 40e6, "what had its cash");
        vault.recover(uint64(vault.sumEquity() / 2));
        pool.exitSync();
        uint256 come = vault.exitPaidOf(7);
        assertEq(pool.maxWithdraw(alice), 40e6 + come * 60 / 160, "and its rank");
    }
}
