// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {IPooledAccount} from "contracts/interfaces/IPooledAccount.sol";
import {PoolErrorsLib} from "contracts/libraries/PoolErrorsLib.sol";
import {PooledAccountBase} from "./PooledAccountBase.sol";

/// @notice Rule E6: what a pool does when its vault exits.
contract PooledAccountExitTest is PooledAccountBase {
    uint256 internal constant TOTAL_SHARES = 1000 * SHARE;

    /// @dev 100 dead, alice 500, bob 400: the lane is half of all equity.
    function setUp() public override {
        super.setUp();
        _holder(alice, 500e6);
        _holder(bob, 400e6);
    }

    function _recover(uint64 total) internal {
        vault.recover(total);
        pool.exitSync();
    }

    function testFuzz_E6_SharesArePaidProRataInInstalments(uint64[4] memory parts, uint8 order) public {
        vault.triggerExit();
        uint64 total;
        uint256 claimed;
        for (uint256 i; i < 4; ++i) {
            total += uint64(bound(parts[i], 0, 700e6));
            _recover(total);
            address who = (order >> i) & 1 == 0 ? alice : bob;
            if (pool.exitClaimable(who) > 0) claimed += pool.claimExit(who);
        }
        uint256 paid = vault.exitPaidOf(7);
        if (pool.exitClaimable(alice) > 0) claimed += pool.claimExit(alice);
        if (pool.exitClaimable(bob) > 0) claimed += pool.claimExit(bob);
        assertEq(usdc.balanceOf(alice), paid * 500 * SHARE / TOTAL_SHARES, "alice: 50%, more than 100% too");
        assertEq(usdc.balanceOf(bob), paid * 400 * SHARE / TOTAL_SHARES, "bob: 40%");
        assertLe(claimed, paid, "X2: no more than came");
        _refused(alice, abi.encodeCall(pool.claimExit, (alice)), PoolErrorsLib.NothingToClaim.selector);
    }

    /// @dev Moving shares moves what comes, not what came: nobody claims twice, nothing is lost.
    function testFuzz_E6_MovingSharesCannotClaimTwice(uint64 first, uint64 second, uint256 moved, bool claims) public {
        vault.triggerExit();
        first = uint64(bound(first, 1e6, 1000e6));
        second = uint64(bound(second, 1e6, 1000e6));
        _recover(first);
        uint256 one = vault.exitPaidOf(7);
        if (claims) pool.claimExit(alice);
        moved = bound(moved, 0, 500 * SHARE);
        vm.prank(alice);
        pool.transfer(carol, moved);
        assertEq(pool.exitClaimable(carol), 0, "shares come without what was booked before");
        _recover(first + second);
        uint256 two = vault.exitPaidOf(7) - one;
        if (pool.exitClaimable(alice) > 0) pool.claimExit(alice);
        if (pool.exitClaimable(carol) > 0) pool.claimExit(carol);
        uint256 due = (one * 500 * SHARE + two * (500 * SHARE - moved)) / TOTAL_SHARES;
        assertEq(usdc.balanceOf(alice), due, "alice");
        assertEq(usdc.balanceOf(carol), two * moved / TOTAL_SHARES, "carol");
    }

    function testFuzz_E6_SelfTransfersChangeNothing(uint64 cash, uint256 moved) public {
        vault.triggerExit();
        _recover(uint64(bound(cash, 1e6, 1000e6)));
        uint256 due = pool.exitClaimable(alice);
        vm.prank(alice);
        pool.transfer(alice, bound(moved, 0, 500 * SHARE));
        assertEq(pool.exitClaimable(alice), due, "as before");
    }

    /// @dev A stranger may claim for the pool: what it got is booked from the vault's own words.
    function testFuzz_E6_AStrangerMayClaimForThePool(uint64 cash) public {
        vault.triggerExit();
        vault.recover(uint64(bound(cash, 1e6, 2000e6)));
        uint64 paid = vault.claimExit(7);
        usdc.mint(address(pool), 12345); // A donation is nobody's.
        pool.exitSync();
        assertEq(pool.exitClaimable(alice), uint256(paid) * 500 * SHARE / TOTAL_SHARES, "booked once");
    }

    function testFuzz_E6_PendingRequestsAreTakenBack(uint64 assets, uint64 cash, bool closed) public {
        assets = uint64(bound(assets, 10e6, 1e12));
        uint256 id = _askDeposit(carol, assets);
        _askRedeem(alice, 500 * SHARE);
        if (closed) {
            _commit(0);
            pool.settle();
        }
        vault.triggerExit();
        _recover(uint64(bound(cash, 1e6, 2000e6)));
        vm.prank(carol);
        assertEq(pool.cancelDeposit(id, carol, carol), assets, "deposits 1:1");
        vm.prank(alice);
        assertEq(pool.cancelRedeem(1, alice, alice), 500 * SHARE, "shares");
        uint256 due = uint256(vault.exitPaidOf(7)) * 500 * SHARE / TOTAL_SHARES;
        assertEq(pool.exitClaimable(alice), due, "with what they earned here");
        assertEq(pool.claimExit(alice), due, "paid");
    }

    function testFuzz_E6_UnclaimedSharesComeWithWhatTheyEarned(uint64 assets, uint64 cash, uint256 part) public {
        assets = uint64(bound(assets, 10e6, 1e12));
        _askDeposit(carol, assets);
        _settleThrough(0);
        uint256 shares = pool.maxMint(carol);
        uint256 supply = pool.totalSupply();
        vault.triggerExit();
        cash = uint64(bound(cash, 1e6, 2000e6));
        _recover(cash);
        part = bound(part, 1, shares);
        vm.prank(carol);
        pool.mint(part, carol);
        _recover(cash * 2);
        if (pool.maxMint(carol) > 0) {
            uint256 rest = pool.maxMint(carol);
            vm.prank(carol);
            pool.mint(rest, carol);
        }
        assertEq(pool.balanceOf(carol), shares, "claims stay open in exit");
        assertEq(pool.exitClaimable(carol), uint256(vault.exitPaidOf(7)) * shares / supply, "all of it");
    }

    /// @dev min(D, L)/L: redeemers first stand beside the shares with what they are owed, at most all.
    function testFuzz_E6_RedeemersRankByWhatTheyAreOwed(uint64 redeemed, uint64 loss, uint64 cash) public {
        redeemed = uint64(bound(redeemed, 20e6, 500e6));
        _askRedeem(alice, uint256(redeemed) * 1e6);
        _settleThrough(0);
        uint256 debt = pool.owed();
        loss = uint64(bound(loss, 0, 990e6));
        vault.commit(-int256(uint256(loss)), true);
        vault.triggerExit();
        uint256 lane = vault.laneOf(7);
        _recover(uint64(bound(cash, 1e6, 3000e6)));
        uint256 paid = vault.exitPaidOf(7);
        uint256 due = paid * (debt < lane ? debt : lane) / lane;
        if (due > debt) due = debt;
        _near(pool.maxWithdraw(alice), due, 1, "redeemers");
        uint256 rest = (paid - due) * 400 * SHARE / pool.totalSupply();
        _near(pool.exitClaimable(bob), rest, 1, "shares");
        uint256 all = pool.maxWithdraw(alice);
        if (all > 0) {
            vm.prank(alice);
            pool.withdraw(all, alice, alice);
            assertEq(usdc.balanceOf(alice), all, "paid");
        }
    }

    /// @dev Approved cash is the batches', in their order; the exit pays what is left to all redeemers alike.
    function testFuzz_E6_ApprovedTicketsComeFirst(uint64 approved, uint64 cash, bool late) public {
        _askRedeem(alice, 300 * SHARE);
        _settleThrough(0);
        uint256 first = pool.owed();
        _askRedeem(bob, 200 * SHARE);
        _settleThrough(0);
        uint256 second = pool.owed() - first;
        approved = uint64(bound(approved, 1, first));
        vault.approve(approved);
        vault.setStuck(late); // The token refuses for a while.
        vault.triggerExit();
        uint256 lane = vault.laneOf(7);
        pool.exitSync();
        vault.setStuck(false);
        _recover(uint64(bound(cash, 1e6, 3000e6)));
        uint256 debt = first + second - approved;
        uint256 paid = uint256(vault.exitPaidOf(7)) * (debt < lane ? debt : lane) / lane;
        if (paid > debt) paid = debt;
        _near(pool.maxWithdraw(alice), approved + paid * (first - approved) / debt, 1, "alice: hers, and her part");
        _near(pool.maxWithdraw(bob), paid * second / debt, 1, "bob: his part");
    }

    /// @dev Three batches, one holder each, claimed in any order and in parts: each within a micro-dollar.
    function testFuzz_X3_RedeemersAreEqual(uint64[3] memory cash, uint8 order) public {
        vm.prank(bob);
        pool.transfer(carol, 200 * SHARE);
        address[3] memory who = [alice, bob, carol];
        uint256[3] memory results;
        for (uint256 i; i < 3; ++i) {
            _askRedeem(who[i], 150 * SHARE);
            _settleThrough(0);
            results[i] = pool.redeemBatchOf(i + 1).result;
        }
        vault.triggerExit();
        uint256 lane = vault.laneOf(7);
        uint64 total;
        for (uint256 i; i < 3; ++i) {
            total += uint64(bound(cash[i], 1, 600e6));
            _recover(total);
            address one = who[(order >> (2 * i)) % 3];
            uint256 now_ = pool.maxWithdraw(one);
            if (now_ == 0) continue;
            vm.prank(one);
            pool.withdraw(now_, one, one);
        }
        uint256 debt = results[0] + results[1] + results[2];
        uint256 paid = uint256(vault.exitPaidOf(7)) * debt / lane;
        if (paid > debt) paid = debt;
        for (uint256 i; i < 3; ++i) {
            uint256 got = usdc.balanceOf(who[i]) + pool.maxWithdraw(who[i]);
            _near(got, paid * results[i] / debt, 1, "equal");
        }
    }

    function testFuzz_E6_NothingNewInExit(uint64 amount, bool synced) public {
        amount = uint64(bound(amount, 10e6, 400e6));
        vault.triggerExit();
        if (synced) pool.exitSync();
        usdc.mint(bob, amount);
        bytes4 reason = PoolErrorsLib.Exiting.selector;
        _refused(bob, abi.encodeCall(pool.requestDeposit, (amount, bob, bob)), reason);
        _refused(bob, abi.encodeCall(pool.requestRedeem, (uint256(amount) * 1e6, bob, bob)), reason);
    }

    function testFuzz_E6_SettleSyncs(uint64 cash) public {
        bytes4 reason = PoolErrorsLib.NotExiting.selector;
        _refused(stranger, abi.encodeCall(pool.exitSync, ()), reason);
        _refused(stranger, abi.encodeCall(pool.claimExit, (alice)), PoolErrorsLib.NothingToClaim.selector);
        assertEq(pool.exitClaimable(alice), 0, "no exit");
        vault.triggerExit();
        cash = uint64(bound(cash, 1e6, 1000e6));
        vault.recover(cash);
        vm.expectEmit(address(pool));
        emit IPooledAccount.ExitStarted(1000e6, 0, TOTAL_SHARES);
        vm.prank(stranger);
        pool.settle();
        assertEq(pool.exitClaimable(alice), uint256(vault.exitPaidOf(7)) / 2, "half of it is hers");
        assertEq(pool.exitClaimable(address(pool)), 0, "the pool holds for others");
        _refused(stranger, abi.encodeCall(pool.claimExit, (address(pool))), PoolErrorsLib.NothingToClaim.selector);
    }

    function testFuzz_E6_NoFeesInExit(uint64 cash) public {
        vault.triggerExit();
        vm.warp(block.timestamp + 30 days);
        uint256 supply = pool.totalSupply();
        _recover(uint64(bound(cash, 1, 5000e6)));
        pool.settle();
        assertEq(pool.totalSupply(), supply, "no share more or less");
    }

    /// @dev A lane of another's, or none: the exit pays nothing to this pool.
    function test_E6_AnotherOwnersExitIsNotOurs() public {
        vault.reopen(stranger);
        vault.triggerExit();
        vault.recover(1000e6);
        pool.exitSync();
        assertEq(pool.exitClaimable(alice), 0, "not ours");
    }
}
