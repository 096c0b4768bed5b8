// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {PooledAccount} from "contracts/PooledAccount.sol";
import {PoolConfig} from "contracts/interfaces/IPooledAccount.sol";
import {Commit} from "contracts/interfaces/IPrimeVault.sol";
import {PrimeVaultBase} from "./PrimeVaultBase.sol";

/// @notice A pool over a real vault: rules F and E6 end to end. Sub-account 4 is the pool's, 1 to 3 are others'.
contract PooledAccountVaultTest is PrimeVaultBase {
    uint256 internal constant SHARE = 1e12;

    PooledAccount internal pool;

    address internal manager = address(0x3A7A6E);
    address internal dave = address(0xDA7E);
    address internal erin = address(0xE217);

    function setUp() public override {
        super.setUp();
        PoolConfig memory config = PoolConfig({
            vault: address(vault),
            manager: manager,
            feeRecipient: manager,
            seeder: address(this),
            seed: 100 * USD,
            managementBps: 0,
            performanceBps: 0,
            protocolBps: 0,
            protocolRecipient: address(0),
            name: "Carry",
            symbol: "ppCARRY"
        });
        usdc.mint(address(this), 100 * USD);
        bytes32 hash = keccak256(abi.encodePacked(type(PooledAccount).creationCode, abi.encode(config)));
        bytes32 place = keccak256(abi.encodePacked(hex"ff", address(this), bytes32(0), hash));
        usdc.approve(address(uint160(uint256(place))), 100 * USD);
        pool = new PooledAccount{salt: 0}(config);
    }

    /* STEPS */

    /// @dev A full commit an hour later: `pnl` for the pool's sub-account, all that `ticket` may have approved.
    function _turn(int64 pnl, uint256 ticket) internal {
        vm.warp(block.timestamp + 1 hours);
        if (pnl != 0) t1.earn(pnl);
        _mark(t1);
        Commit memory c = _next();
        _marked(c, t1);
        if (pnl != 0) _change(c, 4, pnl);
        if (ticket > 0) _approve(c, ticket, type(uint64).max);
        _commit(c);
        pool.settle();
    }

    function _join(address who, uint64 assets) internal {
        usdc.mint(who, assets);
        vm.startPrank(who);
        usdc.approve(address(pool), assets);
        pool.requestDeposit(assets, who, who);
        vm.stopPrank();
        _turn(0, 0);
        _turn(0, 0);
        vm.prank(who);
        pool.deposit(assets, who);
    }

    function _leave(address who, uint256 shares) internal {
        vm.prank(who);
        pool.requestRedeem(shares, who, who);
        _turn(0, 0);
        _turn(0, 0);
    }

    /* LIFE */

    function test_ThePoolHoldsItsSubAccount() public view {
        assertEq(pool.account(), 4, "id");
        assertEq(vault.accountOf(4).owner, address(pool), "owner");
        _lane(4, 100 * USD);
        (uint8 rights, uint40 until) = vault.rightsOf(4, manager);
        assertEq(rights, 1, "the manager trades");
        assertEq(until, type(uint40).max, "for good");
    }

    /// @dev In, a result, out again: what comes out is in the vault's own books, and nobody helped but the keeper.
    function testFuzz_F_InAndOut(uint64 assets, int64 pnl) public {
        assets = uint64(bound(assets, 100e6, 1_000e6));
        _join(dave, assets);
        _lane(4, 100 * USD + assets);
        uint256 shares = pool.balanceOf(dave);
        assertEq(shares, uint256(assets) * 1e6, "at par");
        pnl = int64(boundInt(pnl, -int256(uint256(assets)) / 12, int256(uint256(assets)) / 25));
        _turn(pnl, 0);
        _leave(dave, shares);
        uint256 due = pool.owed();
        uint256 nav = uint256(int256(uint256(assets) + 100e6) + pnl);
        uint256 worth = nav * assets / (assets + 100e6);
        assertLe(due, worth + 1, "its part of the result");
        assertLe(worth, due + 2, "its part of the result");
        uint256 ticket = pool.ticket();
        assertEq(vault.ticketOf(ticket).remaining, due, "asked for");
        assertEq(vault.ticketOf(ticket).receiver, address(pool), "for the pool");
        _turn(0, ticket);
        _turn(0, ticket);
        assertEq(pool.maxWithdraw(dave), due, "arrived");
        vm.prank(dave);
        pool.redeem(shares, dave, dave);
        assertEq(usdc.balanceOf(dave), due, "paid");
        assertEq(pool.owed(), 0, "nothing owed");
        assertEq(pool.ticket(), 0, "nothing asked for");
        _checkBalance();
    }

    /// @dev F1, F3: a deposit waits while the vault takes none, and does not stop redemptions.
    function testFuzz_F3_StoppedDepositsStopNoRedemption(uint64 assets) public {
        assets = uint64(bound(assets, 100e6, 1_000e6));
        _join(dave, 200e6);
        usdc.mint(erin, assets);
        vm.startPrank(erin);
        usdc.approve(address(pool), assets);
        uint256 id = pool.requestDeposit(assets, erin, erin);
        vm.stopPrank();
        vm.prank(curator);
        vault.stopDeposits(true);
        uint256 half = pool.balanceOf(dave) / 2;
        _leave(dave, half);
        // 100 USDC of the deposit would have met the redemption; the rest has to wait, and so all of it does.
        if (assets > 100e6) {
            assertEq(pool.pendingDepositRequest(id, erin), assets, "pending");
            vm.prank(erin);
            assertEq(pool.cancelDeposit(id, erin, erin), assets, "cancellable");
            assertEq(pool.owed(), 100e6, "redeemed all the same");
        } else {
            assertEq(pool.maxWithdraw(dave), assets, "met without the vault");
        }
    }

    /// @dev Only a commit that marks every read venue prices.
    function test_F1_APartialCommitPricesNothing() public {
        usdc.mint(dave, 100e6);
        vm.startPrank(dave);
        usdc.approve(address(pool), 100e6);
        pool.requestDeposit(100e6, dave, dave);
        vm.stopPrank();
        _turn(0, 0);
        vm.warp(block.timestamp + 1 hours);
        _commit(_next());
        pool.settle();
        assertEq(pool.maxDeposit(dave), 0, "t1 was not marked");
        _turn(0, 0);
        assertEq(pool.maxDeposit(dave), 100e6, "now it was");
    }

    /* EXIT */

    function _startExit() internal {
        vm.warp(block.timestamp + 72 hours);
        vault.triggerExit(0);
        vm.warp(block.timestamp + 24 hours);
        vault.triggerExit(0);
        assertTrue(vault.exiting(), "in exit");
    }

    /// @dev Keeper gone: everybody in the pool is paid pro rata within a micro-dollar, in instalments, by strangers.
    function testFuzz_E6_X2_X3_KeeperGone(uint64 assets, uint64 redeemed, uint64[2] memory home, bool strangerFirst)
        public
    {
        assets = uint64(bound(assets, 200e6, 2_000e6));
        redeemed = uint64(bound(redeemed, 20e6, assets - 100e6));
        _join(dave, assets);
        _join(erin, 500e6);
        _leave(dave, uint256(redeemed) * 1e6);
        uint256 debt = pool.owed();
        uint256 left = pool.balanceOf(dave);
        uint256 supply = pool.totalSupply();
        _startExit();
        uint64 lane = vault.laneOf(4);
        uint256 spent;
        for (uint256 i; i < 2; ++i) {
            uint64 part = uint64(bound(home[i], 1e6, 6_000e6));
            _home(t1, part);
            vault.sync(address(t1));
            if (strangerFirst) vault.claimExit(4);
            vm.prank(stranger);
            pool.exitSync();
            uint256 now_ = pool.maxWithdraw(dave);
            vm.prank(dave);
            pool.withdraw(now_, dave, dave);
            spent += now_;
            if (i == 0) spent += pool.claimExit(dave) + pool.claimExit(erin);
        }
        spent += pool.claimExit(erin) + pool.claimExit(dave);
        uint256 paid = vault.exitPaidOf(4);
        // Insurance comes on top: above 100% redeemers have what they are owed, shares the rest.
        uint256 toDebt = paid > lane ? debt : paid * debt / lane;
        uint256 toDave = toDebt + (paid - toDebt) * left / supply;
        assertLe(usdc.balanceOf(dave), toDave + 1, "X3: redeemed and held, pro rata");
        assertLe(toDave, usdc.balanceOf(dave) + 1, "X3: redeemed and held, pro rata");
        uint256 toErin = (paid - toDebt) * 500 * SHARE / supply;
        assertLe(usdc.balanceOf(erin), toErin + 1, "X3: held");
        assertLe(toErin, usdc.balanceOf(erin) + 1, "X3: held");
        assertLe(spent, paid, "X2: no more than came");
    }

    /// @dev A redemption that the keeper does not serve for a week starts the exit by itself: nobody's leave is needed.
    function test_E1_AnUnservedRedemptionStartsTheExit() public {
        _join(dave, 500e6);
        uint256 shares = pool.balanceOf(dave);
        _leave(dave, shares);
        uint256 ticket = pool.ticket();
        for (uint256 day; day < 8; ++day) {
            vm.warp(block.timestamp + 23 hours);
            _turn(0, 0); // The keeper commits and approves nothing.
        }
        vm.prank(stranger);
        vault.triggerExit(ticket);
        vm.warp(block.timestamp + 24 hours);
        vm.prank(stranger);
        vault.triggerExit(ticket);
        _home(t1, 12_000e6);
        vault.sync(address(t1));
        pool.exitSync();
        assertEq(pool.maxWithdraw(dave), 500e6, "all of it");
    }
}
