// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {Batch, PoolConfig} from "contracts/interfaces/IPooledAccount.sol";
import {Base, FuzzSelector} from "../Base.sol";
import {PooledAccountBase} from "../PooledAccountBase.sol";

/// @notice Shareholders, a manager's results, the keeper's approvals and strangers, in any order; the exit now and then.
contract PooledAccountHandler is PooledAccountBase {
    address[4] internal people;
    uint256 public priceBefore;
    uint256 public priceAfter;
    uint64 internal valued;

    constructor() {
        setUp();
        PoolConfig memory config = _config();
        (config.managementBps, config.performanceBps, config.protocolBps) = (200, 2000, 1000);
        pool = _pool(config);
        people = [alice, bob, carol, stranger];
    }

    function _who(uint256 seed) internal view returns (address) {
        return people[seed % 4];
    }

    function askDeposit(uint256 seed, uint64 assets) external {
        if (vault.exiting()) return;
        address who = _who(seed);
        (uint256 open,) = pool.depositBatches();
        (uint256[] memory live,) = pool.requestsOf(who);
        if (live.length == 3 && live[2] != open) return;
        _askDeposit(who, bound(assets, 10e6, 1e12));
    }

    function askRedeem(uint256 seed, uint256 shares) external {
        if (vault.exiting()) return;
        address who = _who(seed);
        uint256 all = pool.balanceOf(who);
        (uint256 open,) = pool.redeemBatches();
        (, uint256[] memory live) = pool.requestsOf(who);
        if (all == 0 || (live.length == 3 && live[2] != open)) return;
        shares = bound(shares, 1, all);
        if (shares * pool.lastPrice() / 1e24 < 10e6) shares = all;
        _askRedeem(who, shares);
    }

    function cancel(uint256 seed) external {
        address who = _who(seed);
        (uint256[] memory deposits, uint256[] memory redeems) = pool.requestsOf(who);
        vm.startPrank(who);
        // Refused unless open, forgotten, refused by the vault, or in exit.
        if (deposits.length > 0) {
            uint256 id = deposits[deposits.length - 1];
            tried(address(pool), abi.encodeCall(pool.cancelDeposit, (id, who, who)));
        }
        if (redeems.length > 0) {
            uint256 id = redeems[redeems.length - 1];
            tried(address(pool), abi.encodeCall(pool.cancelRedeem, (id, who, who)));
        }
        vm.stopPrank();
    }

    function claimShares(uint256 seed, uint256 part, bool byAssets) external {
        address who = _who(seed);
        uint256 max = byAssets ? pool.maxDeposit(who) : pool.maxMint(who);
        part = part % 2 == 0 ? max : bound(part, 0, max);
        vm.prank(who);
        if (byAssets) pool.deposit(part, who);
        else pool.mint(part, who);
    }

    function claimAssets(uint256 seed, uint256 part, bool byAssets) external {
        address who = _who(seed);
        uint256 max = byAssets ? pool.maxWithdraw(who) : pool.maxRedeem(who);
        part = part % 2 == 0 ? max : bound(part, 0, max);
        vm.prank(who);
        if (byAssets) pool.withdraw(part, who, who);
        else pool.redeem(part, who, who);
    }

    function transfer(uint256 from, uint256 to, uint256 shares) external {
        shares = bound(shares, 0, pool.balanceOf(_who(from)));
        vm.prank(_who(from));
        pool.transfer(_who(to), shares);
    }

    function commit(int64 pnl, bool full, uint32 wait) external {
        vm.warp(block.timestamp + bound(wait, 10 minutes, 1 days));
        if (vault.exiting()) return;
        int256 lane = int256(uint256(vault.laneOf(7)));
        vault.commit(boundInt(pnl, -lane / 20, lane / 10), full);
    }

    function approve(uint64 amount) external {
        if (!vault.exiting()) vault.approve(amount);
    }

    /// @dev C8: what flows after a valuation leave of its price, and a settle without one of the price before.
    function settle() external {
        uint256 before = _price();
        bool values = !vault.exiting() && vault.epoch() > valued && vault.epoch() == vault.fullEpoch();
        pool.settle();
        if (values) valued = vault.epoch();
        (priceBefore, priceAfter) = (values ? pool.lastPrice() : before, _price());
    }

    /// @dev With 18 decimals, as `lastPrice`.
    function _price() internal view returns (uint256) {
        return pool.convertToAssets(1e24);
    }

    function claimTicket() external {
        uint256 ticket = vault.ticketCount();
        if (vault.ticketOf(ticket).payable_ > 0) vault.claim(ticket);
    }

    function donate(uint64 amount) external {
        usdc.mint(address(pool), bound(amount, 1, 1e9));
    }

    function refuse(bool refuses, uint128 quarantine) external {
        vault.setRefuses(refuses);
        vault.setQuarantine(quarantine % 10e6);
    }

    /// @dev Rarely: afterwards only exits remain.
    function exit(uint8 dice) external {
        if (dice < 8) vault.triggerExit();
    }

    function recover(uint64 more) external {
        if (!vault.exiting()) return;
        vault.recover(vault.recovered() + uint64(bound(more, 1, 1e9)));
        pool.exitSync();
    }

    function claimExit(uint256 seed) external {
        if (pool.exitClaimable(_who(seed)) > 0) pool.claimExit(_who(seed));
    }

    /* CHECKS */

    /// @dev Everything that somebody may take out now, or back, lies here.
    function checkFunded() external view {
        uint256 due = pool.exitClaimable(DEAD) + pool.exitClaimable(feeTaker) + pool.exitClaimable(protocol);
        for (uint256 i; i < 4; ++i) {
            due += pool.maxWithdraw(people[i]) + pool.exitClaimable(people[i]);
            (uint256[] memory ids,) = pool.requestsOf(people[i]);
            for (uint256 j; j < ids.length; ++j) {
                due += pool.pendingDepositRequest(ids[j], people[i]);
            }
        }
        assertLe(due, usdc.balanceOf(address(pool)), "X2: claims are covered by cash");
    }

    /// @dev Shares here are those that requests wait for or have given.
    function checkShares() external view {
        uint256 held;
        for (uint256 i; i < 4; ++i) {
            held += pool.maxMint(people[i]);
            (, uint256[] memory ids) = pool.requestsOf(people[i]);
            for (uint256 j; j < ids.length; ++j) {
                if (!pool.redeemBatchOf(ids[j]).priced) held += pool.pendingRedeemRequest(ids[j], people[i]);
            }
        }
        uint256 here = pool.balanceOf(address(pool));
        assertLe(held, here, "claims are covered by shares");
        assertLe(here - held, 1e4, "and all but rounding is somebody's");
    }

    /// @dev C8: what is priced was closed MIN_AGE before the books that priced it.
    function checkForward() external view {
        (, uint256 closed) = pool.depositBatches();
        if (closed > 0) assertFalse(pool.depositBatchOf(closed).priced, "closed is not priced");
        (, closed) = pool.redeemBatches();
        if (closed > 0) assertFalse(pool.redeemBatchOf(closed).priced, "closed is not priced");
        assertLe(priceBefore, priceAfter, "C8: never against those who stay");
    }

    /// @dev The line: batches stand one behind the other, and what is owed is what they lack.
    function checkLine() external view {
        (uint256 open,) = pool.redeemBatches();
        uint256 end;
        for (uint256 id = 1; id < open; ++id) {
            Batch memory batch = pool.redeemBatchOf(id);
            if (!batch.priced) continue;
            assertEq(batch.start, end, "behind the one before");
            assertLe(batch.direct, batch.result, "direct is a part");
            end += batch.result - batch.direct;
        }
        assertLe(pool.owed(), end, "owed");
    }
}

/// @notice Properties of a pool that hold after every call.
contract PooledAccountInvariants is Base {
    PooledAccountHandler internal handler;

    function setUp() public {
        handler = new PooledAccountHandler();
    }

    function targetContracts() public view returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(handler);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory list) {
        bytes4[14] memory all = [
            handler.askDeposit.selector,
            handler.askRedeem.selector,
            handler.cancel.selector,
            handler.claimShares.selector,
            handler.claimAssets.selector,
            handler.transfer.selector,
            handler.approve.selector,
            handler.claimTicket.selector,
            handler.donate.selector,
            handler.refuse.selector,
            handler.exit.selector,
            handler.recover.selector,
            handler.claimExit.selector,
            handler.commit.selector
        ];
        // Commits and settles often: without them nothing is priced.
        list = new FuzzSelector[](1);
        list[0] = FuzzSelector({addr: address(handler), selectors: new bytes4[](22)});
        for (uint256 i; i < 22; ++i) {
            list[0].selectors[i] = i < 14 ? all[i] : i < 18 ? handler.commit.selector : handler.settle.selector;
        }
    }

    function invariant_C08_ForwardOnly() public view {
        handler.checkForward();
    }

    function invariant_X02_ClaimsAreCovered() public view {
        handler.checkFunded();
    }

    function invariant_X03_SharesAreCovered() public view {
        handler.checkShares();
    }

    function invariant_F3_TheLine() public view {
        handler.checkLine();
    }
}
