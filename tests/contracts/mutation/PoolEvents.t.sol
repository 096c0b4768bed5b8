// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {PooledAccount} from "contracts/PooledAccount.sol";
import {IERC7575, IPooledAccount} from "contracts/interfaces/IPooledAccount.sol";
import {PooledAccountBase} from "../PooledAccountBase.sol";

/// @notice What a pool tells the chain's readers: each event with its values.
contract PoolEventsTest is PooledAccountBase {
    function testFuzz_Settle_TellsAPricedDeposit(uint64 assets) public {
        assets = uint64(bound(assets, 10e6, 1e15));
        _askDeposit(alice, assets);
        _commit(0);
        vm.expectEmit(address(pool));
        emit IPooledAccount.Valued(2, 100e6, 1e18, 1e18, 0);
        vm.expectEmit(address(pool));
        emit IPooledAccount.BatchClosed(false, 1);
        pool.settle();
        _commit(0);
        vm.expectEmit(address(pool));
        emit IPooledAccount.Valued(3, 100e6, 1e18, 1e18, 0);
        vm.expectEmit(address(pool));
        emit IPooledAccount.DepositsPriced(1, assets, uint256(assets) * 1e6);
        pool.settle();
    }

    function testFuzz_Settle_TellsARedemptionAndItsCash(uint64 assets, uint64 part) public {
        assets = uint64(bound(assets, 100e6, 1e15));
        uint256 shares = _holder(alice, assets);
        _askRedeem(alice, shares);
        _commit(0);
        vm.expectEmit(address(pool));
        emit IPooledAccount.BatchClosed(true, 1);
        pool.settle();
        _commit(0);
        vm.expectEmit(address(pool));
        emit IPooledAccount.RedemptionsPriced(1, shares, assets, 0);
        vm.expectEmit(address(pool));
        emit IPooledAccount.CashAsked(1, assets);
        pool.settle();
        part = uint64(bound(part, 1, assets));
        vault.approve(part);
        vm.expectEmit(address(pool));
        emit IPooledAccount.Arrived(1, part);
        pool.settle();
    }

    /// @dev Every way to claim tells it, in the same words.
    function testFuzz_7575_EveryClaimIsTold(uint64 assets) public {
        assets = uint64(bound(assets, 20e6, 1e15));
        _askDeposit(alice, assets);
        _settleThrough(0);
        uint256 shares = pool.maxMint(alice);
        vm.expectEmit(address(pool));
        emit IERC7575.Deposit(alice, bob, assets, shares);
        vm.prank(alice);
        pool.mint(shares, bob);
        _askRedeem(bob, shares);
        _settleThrough(0);
        _pay(type(uint64).max);
        uint256 paid = pool.maxWithdraw(bob);
        vm.expectEmit(address(pool));
        emit IERC7575.Withdraw(bob, carol, bob, paid, shares);
        vm.prank(bob);
        pool.redeem(shares, carol, bob);
    }

    function testFuzz_E6_TheExitIsTold(uint64 assets, uint64 back) public {
        assets = uint64(bound(assets, 100e6, 1e15));
        _holder(alice, assets);
        vault.triggerExit();
        back = uint64(bound(back, 1e6, vault.sumEquity()));
        vault.recover(back);
        uint64 due = uint64(uint256(vault.laneOf(7)) * back / vault.sumEquity());
        vm.expectEmit(address(pool));
        emit IPooledAccount.ExitSynced(due);
        pool.exitSync();
        uint256 hers = pool.exitClaimable(alice);
        vm.expectEmit(address(pool));
        emit IPooledAccount.ExitClaimed(alice, hers);
        pool.claimExit(alice);
    }

    function testFuzz_Roles_AreTold(address next) public {
        vm.assume(next != address(0) && next != address(pool));
        vm.expectEmit(address(pool));
        emit IPooledAccount.FeeRecipientSet(next);
        vm.prank(manager);
        pool.setFeeRecipient(next);
        vm.expectEmit(address(pool));
        emit IPooledAccount.ManagerSet(next);
        vm.prank(manager);
        pool.setManager(next);
    }

    function test_Constructor_TellsTheRoles() public {
        usdc.mint(seeder, 100e6);
        address place = _next(address(this));
        vm.prank(seeder);
        usdc.approve(place, 100e6);
        vm.expectEmit(place);
        emit IPooledAccount.FeeRecipientSet(feeTaker);
        vm.expectEmit(place);
        emit IPooledAccount.ManagerSet(manager);
        new PooledAccount(_config());
    }
}
