// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {PooledAccount} from "contracts/PooledAccount.sol";
import {
    Batch,
    IERC7540Deposit,
    IERC7540Operator,
    IERC7540Redeem,
    IERC7575,
    IERC7575Share,
    IPooledAccount,
    PoolConfig
} from "contracts/interfaces/IPooledAccount.sol";
import {PoolErrorsLib} from "contracts/libraries/PoolErrorsLib.sol";
import {PoolLib} from "contracts/libraries/PoolLib.sol";
import {TestUSDC} from "contracts/sim/TestUSDC.sol";
import {PooledAccountBase, TestVault} from "./PooledAccountBase.sol";

/// @notice A token that keeps a thousandth of what goes to `victim`, or calls it back.
contract MeanUSDC is TestUSDC {
    address public victim;
    bytes public call;
    bytes4 public answer;

    constructor(address minter_) TestUSDC(minter_) {}

    function aim(address victim_, bytes calldata call_) external {
        (victim, call) = (victim_, call_);
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (victim == address(0) || (to != victim && from != victim)) return;
        if (call.length == 0) {
            super._update(to, address(1), amount / 1000);
        } else {
            (bool ok, bytes memory reason) = victim.call(call);
            answer = ok ? bytes4(0) : bytes4(reason);
        }
    }
}

/// @notice Requests, prices, claims, fees: rules F1 to F4 and the standards.
contract PooledAccountTest is PooledAccountBase {
    /* CONSTRUCTOR */

    function test_F4_Constructor_SeedsDeadShares() public view {
        assertEq(pool.balanceOf(DEAD), 100 * SHARE, "dead shares");
        assertEq(pool.totalSupply(), 100 * SHARE, "supply");
        assertEq(pool.totalAssets(), 100 * USD, "assets");
        assertEq(pool.account(), 7, "account");
        assertEq(vault.lastDelegate(), manager, "the manager trades");
        assertEq(vault.lastRights(), 1, "TRADE and nothing else");
        assertEq(vault.lastUntil(), type(uint40).max, "for good");
    }

    function testFuzz_Constructor_RevertWhen_AFeeIsTooHigh(uint16 management, uint16 performance, uint16 part) public {
        PoolConfig memory config = _config();
        (config.managementBps, config.performanceBps, config.protocolBps) = (management, performance, part);
        bool allowed = management <= 500 && performance <= 5000 && part <= 3000;
        if (allowed) return;
        vm.expectRevert(PoolErrorsLib.FeeTooHigh.selector);
        new PooledAccount(config);
    }

    function test_Constructor_RevertWhen_AnAddressIsMissing() public {
        PoolConfig memory config = _config();
        config.feeRecipient = address(0);
        vm.expectRevert(PoolErrorsLib.ZeroAddress.selector);
        new PooledAccount(config);
        config = _config();
        (config.protocolBps, config.protocolRecipient) = (1, address(0));
        vm.expectRevert(PoolErrorsLib.ZeroAddress.selector);
        new PooledAccount(config);
    }

    function testFuzz_Constructor_RevertWhen_TheSeedIsSmall(uint64 seed) public {
        PoolConfig memory config = _config();
        config.seed = uint64(bound(seed, 0, 100e6 - 1));
        usdc.mint(seeder, 100e6);
        address place = _next(address(this));
        vm.prank(seeder);
        usdc.approve(place, config.seed);
        vm.expectRevert(TestVault.Refused.selector);
        new PooledAccount(config);
    }

    /* STANDARDS */

    /// @dev The ids as ERC-165, ERC-7540 and ERC-7575 print them.
    function test_7540_InterfaceIds() public view {
        bytes4[6] memory ids = [
            bytes4(0x01ffc9a7),
            bytes4(0xe3bc4e65),
            bytes4(0xce3bbe50),
            bytes4(0x620ee8e4),
            bytes4(0x2f0a18c5),
            bytes4(0xf815c03d)
        ];
        for (uint256 i; i < ids.length; ++i) {
            assertTrue(pool.supportsInterface(ids[i]), "supported");
        }
    }

    function testFuzz_165_NothingElse(bytes4 id) public view {
        vm.assume(id != 0x01ffc9a7 && id != 0xe3bc4e65 && id != 0xce3bbe50);
        vm.assume(id != 0x620ee8e4 && id != 0x2f0a18c5 && id != 0xf815c03d);
        assertFalse(pool.supportsInterface(id), "not supported");
    }

    function testFuzz_7575_ShareAndAsset(address other) public view {
        vm.assume(other != address(usdc));
        assertEq(pool.asset(), address(usdc), "asset");
        assertEq(pool.share(), address(pool), "share");
        assertEq(pool.vault(address(usdc)), address(pool), "vault of the asset");
        assertEq(pool.vault(other), address(0), "no other asset");
        assertEq(pool.decimals(), 12, "decimals");
        assertEq(keccak256(bytes(pool.name())), keccak256("Carry"), "name");
        assertEq(keccak256(bytes(pool.symbol())), keccak256("ppCARRY"), "symbol");
    }

    function testFuzz_7540_EveryPreviewReverts(uint256 amount) public {
        _refused(alice, abi.encodeCall(pool.previewDeposit, (amount)), PoolErrorsLib.PreviewUnsupported.selector);
        _refused(alice, abi.encodeCall(pool.previewMint, (amount)), PoolErrorsLib.PreviewUnsupported.selector);
        _refused(alice, abi.encodeCall(pool.previewWithdraw, (amount)), PoolErrorsLib.PreviewUnsupported.selector);
        _refused(alice, abi.encodeCall(pool.previewRedeem, (amount)), PoolErrorsLib.PreviewUnsupported.selector);
    }

    function testFuzz_7540_Operator(address operator, bool approved) public {
        vm.expectEmit(address(pool));
        emit IERC7540Operator.OperatorSet(alice, operator, approved);
        vm.prank(alice);
        assertTrue(pool.setOperator(operator, approved), "answer");
        assertTrue(pool.isOperator(alice, operator) == approved, "set");
    }

    function testFuzz_2612_Permit(uint256 key, uint256 value, uint32 wait) public {
        key = bound(key, 1, 1e60);
        address owner = vm.addr(key);
        uint256 deadline = block.timestamp + wait;
        bytes32 typeHash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 body = keccak256(abi.encode(typeHash, owner, bob, value, pool.nonces(owner), deadline));
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(key, keccak256(abi.encodePacked(hex"1901", pool.DOMAIN_SEPARATOR(), body)));
        pool.permit(owner, bob, value, deadline, v, r, s);
        assertEq(pool.allowance(owner, bob), value, "allowance");
        assertEq(pool.nonces(owner), 1, "nonce");
        (bool again,) = tried(address(pool), abi.encodeCall(pool.permit, (owner, bob, value, deadline, v, r, s)));
        assertFalse(again, "once");
    }

    function testFuzz_20_NoAllowanceThatNobodyGave(address owner) public view {
        assertEq(pool.allowance(owner, 0x000000000022D473030F116dDEE9F6B43aC78BA3), 0, "Permit2");
    }

    function testFuzz_20_Transfer_RevertWhen_ToNobodyOrThePool(uint64 amount) public {
        _holder(alice, 1000e6);
        bytes4 reason = PoolErrorsLib.BadReceiver.selector;
        _refused(alice, abi.encodeCall(pool.transfer, (address(0), amount)), reason);
        _refused(alice, abi.encodeCall(pool.transfer, (address(pool), amount)), reason);
    }

    /* REQUESTS */

    function testFuzz_7540_RequestDeposit_WaitsOutsideNav(uint64 assets, address controller) public {
        assets = uint64(bound(assets, 10e6, 1e15));
        vm.assume(controller != address(0));
        usdc.mint(alice, assets);
        vm.prank(alice);
        usdc.approve(address(pool), assets);
        vm.expectEmit(address(pool));
        emit IERC7540Deposit.DepositRequest(controller, alice, 1, alice, assets);
        vm.prank(alice);
        assertEq(pool.requestDeposit(assets, controller, alice), 1, "id");
        assertEq(pool.pendingDepositRequest(1, controller), assets, "pending");
        assertEq(pool.claimableDepositRequest(1, controller), 0, "not claimable");
        assertEq(pool.maxDeposit(controller), 0, "maxDeposit");
        assertEq(pool.maxMint(controller), 0, "maxMint");
        assertEq(pool.totalAssets(), 100e6, "F1: outside NAV");
    }

    function testFuzz_RequestDeposit_RevertWhen_TooSmall(uint64 assets) public {
        assets = uint64(bound(assets, 0, 10e6 - 1));
        bytes memory data = abi.encodeCall(pool.requestDeposit, (assets, alice, alice));
        _refused(alice, data, PoolErrorsLib.AmountTooSmall.selector);
    }

    function testFuzz_7540_RequestDeposit_RevertWhen_NotTheOwnersOperator(address who) public {
        vm.assume(who != alice);
        bytes memory data = abi.encodeCall(pool.requestDeposit, (10e6, alice, alice));
        _refused(who, data, PoolErrorsLib.NotOwner.selector);
        usdc.mint(alice, 10e6);
        vm.prank(alice);
        usdc.approve(address(pool), 10e6);
        vm.prank(alice);
        pool.setOperator(who, true);
        vm.prank(who);
        assertEq(pool.requestDeposit(10e6, alice, alice), 1, "as an operator");
    }

    function test_RequestDeposit_RevertWhen_MoreThanTheVaultCounts() public {
        usdc.mint(alice, 2 ** 65);
        vm.prank(alice);
        usdc.approve(address(pool), 2 ** 65);
        bytes memory data = abi.encodeCall(pool.requestDeposit, (2 ** 64, alice, alice));
        _refused(alice, data, PoolErrorsLib.TooLarge.selector);
    }

    function testFuzz_7540_RequestRedeem_ByOwnerOperatorOrAllowance(uint64 assets, uint8 how) public {
        assets = uint64(bound(assets, 20e6, 1e15));
        uint256 shares = _holder(alice, assets);
        address caller = how % 3 == 0 ? alice : bob;
        if (how % 3 == 1) {
            vm.prank(alice);
            pool.setOperator(bob, true);
        } else if (how % 3 == 2) {
            bytes memory data = abi.encodeCall(pool.requestRedeem, (shares, alice, alice));
            vm.prank(bob);
            (bool ok,) = tried(address(pool), data);
            assertFalse(ok, "not without an allowance");
            vm.prank(alice);
            pool.approve(bob, shares);
        }
        vm.expectEmit(address(pool));
        emit IERC7540Redeem.RedeemRequest(alice, alice, 1, caller, shares);
        vm.prank(caller);
        pool.requestRedeem(shares, alice, alice);
        assertEq(pool.balanceOf(alice), 0, "taken");
        assertEq(pool.allowance(alice, bob), 0, "spent");
        assertEq(pool.pendingRedeemRequest(1, alice), shares, "pending");
        assertEq(pool.claimableRedeemRequest(1, alice), 0, "not claimable");
        assertEq(pool.maxRedeem(alice), 0, "maxRedeem");
        assertEq(pool.maxWithdraw(alice), 0, "maxWithdraw");
    }

    function testFuzz_RequestRedeem_RevertWhen_DustForAnother(uint256 shares) public {
        shares = bound(shares, 0, 10 * SHARE - 1);
        _holder(alice, 1000e6);
        bytes memory data = abi.encodeCall(pool.requestRedeem, (shares, alice, alice));
        _refused(alice, data, PoolErrorsLib.AmountTooSmall.selector);
        vm.prank(alice);
        pool.transfer(bob, shares);
        data = abi.encodeCall(pool.requestRedeem, (shares, carol, bob));
        _refused(bob, data, PoolErrorsLib.AmountTooSmall.selector);
        if (shares == 0) return;
        assertEq(_askRedeem(bob, shares), 1, "all one has, for oneself");
    }

    /// @dev F4: three unclaimed batches, of which a stranger may start one.
    function test_F4_Requests_AtMostThreeUnclaimedBatches() public {
        for (uint256 i; i < 3; ++i) {
            _askDeposit(alice, 10e6);
            _settleThrough(0);
        }
        usdc.mint(alice, 10e6);
        bytes memory data = abi.encodeCall(pool.requestDeposit, (10e6, alice, alice));
        _refused(alice, data, PoolErrorsLib.TooManyRequests.selector);
        (uint256[] memory live,) = pool.requestsOf(alice);
        assertEq(live.length, 3, "three live");
        assertEq(pool.maxDeposit(alice), 30e6, "all of them claimable at once");
        vm.prank(alice);
        pool.deposit(10e6, alice);
        _askDeposit(alice, 10e6);
        (live,) = pool.requestsOf(alice);
        assertEq(live[0], 2, "the oldest was claimed first");
        assertEq(live[2], 4, "the newest is last");
    }

    function test_F4_Requests_AStrangerTakesOnePlace() public {
        usdc.mint(bob, 30e6);
        vm.prank(bob);
        usdc.approve(address(pool), 30e6);
        vm.prank(bob);
        pool.requestDeposit(10e6, alice, bob);
        _settleThrough(0);
        bytes memory data = abi.encodeCall(pool.requestDeposit, (10e6, alice, bob));
        _refused(bob, data, PoolErrorsLib.TooManyRequests.selector);
        _askDeposit(alice, 10e6);
    }

    function test_Request_RevertWhen_NoController() public {
        usdc.mint(alice, 10e6);
        bytes memory data = abi.encodeCall(pool.requestDeposit, (10e6, address(0), alice));
        _refused(alice, data, PoolErrorsLib.ZeroAddress.selector);
    }

    function _mean() internal returns (MeanUSDC mean) {
        mean = new MeanUSDC(address(this));
        usdc = mean;
        vault = new TestVault(usdc);
        pool = _pool(_config());
    }

    function testFuzz_RequestDeposit_RevertWhen_TheTokenTakesAFee(uint64 assets) public {
        assets = uint64(bound(assets, 10e6, 1e15));
        MeanUSDC mean = _mean();
        mean.mint(alice, assets);
        vm.prank(alice);
        mean.approve(address(pool), assets);
        mean.aim(address(pool), "");
        bytes memory data = abi.encodeCall(pool.requestDeposit, (assets, alice, alice));
        _refused(alice, data, PoolErrorsLib.TransferMismatch.selector);
    }

    /// @dev Whatever the token calls back, while money goes in or out.
    function testFuzz_NoReentrance(uint64 assets, uint8 which) public {
        assets = uint64(bound(assets, 10e6, 1e15));
        MeanUSDC mean = _mean();
        bytes[6] memory calls = [
            abi.encodeCall(pool.settle, ()),
            abi.encodeCall(pool.exitSync, ()),
            abi.encodeCall(pool.claimExit, (alice)),
            abi.encodeCall(pool.redeem, (1, alice, alice)),
            abi.encodeCall(pool.cancelDeposit, (1, alice, alice)),
            abi.encodeCall(pool.requestRedeem, (1, alice, alice))
        ];
        mean.aim(address(pool), calls[which % 6]);
        _askDeposit(alice, assets);
        assertEq(bytes32(mean.answer()), bytes32(PoolErrorsLib.Reentered.selector), "on the way in");
        mean.aim(address(pool), calls[(which / 6) % 6]);
        vm.prank(alice);
        pool.cancelDeposit(1, alice, alice);
        assertEq(bytes32(mean.answer()), bytes32(PoolErrorsLib.Reentered.selector), "on the way out");
        assertEq(mean.balanceOf(alice), assets, "unharmed");
    }

    /* F2: BATCHES AND PRICES */

    /// @dev C8: nobody is priced by books older than the request, nor by ones younger than MIN_AGE.
    function testFuzz_F2_C8_PricedForwardOnly(uint32 wait, int64 early, int64 late) public {
        wait = uint32(bound(wait, 1, 3 hours));
        early = int64(boundInt(early, -9e6, 50e6));
        late = int64(boundInt(late, -4e6, 4e6));
        _askDeposit(alice, 1000e6);
        pool.settle();
        (uint256 open, uint256 closed) = pool.depositBatches();
        assertEq(open, 1, "not in its own epoch");
        _commit(early);
        pool.settle();
        (open, closed) = pool.depositBatches();
        assertEq(open, 2, "the next is open");
        assertEq(closed, 1, "closed at the next commit");
        assertEq(pool.claimableDepositRequest(1, alice), 0, "and not priced at it");
        vm.warp(block.timestamp + wait);
        vault.commit(0, true);
        pool.settle();
        bool old = wait >= 10 minutes;
        assertEq(pool.claimableDepositRequest(1, alice), old ? 1000e6 : 0, "priced by books 10 minutes younger");
        _commit(late);
        pool.settle();
        assertEq(pool.claimableDepositRequest(1, alice), 1000e6, "priced at the latest now");
        uint256 price = uint256(int256(100e6) + early + (old ? int256(0) : late));
        _near(pool.maxMint(alice), 1000e6 * 100 * SHARE / price, 1e9, "at that commit's price");
    }

    function testFuzz_F1_F2_NothingIsPricedUnlessTheCommitIsFull(int64 pnl) public {
        pnl = int64(boundInt(pnl, -5e6, 5e6));
        _holder(bob, 500e6);
        _askDeposit(alice, 1000e6);
        _askRedeem(bob, 100 * SHARE);
        _commit(0);
        pool.settle();
        vm.warp(block.timestamp + 1 hours);
        vault.commit(pnl, false);
        pool.settle();
        assertEq(pool.maxDeposit(alice) + pool.maxRedeem(bob), 0, "not by half the books");
        _commit(0);
        pool.settle();
        assertEq(pool.maxDeposit(alice), 1000e6, "by the next full ones");
    }

    function testFuzz_F2_TwoLiveBatches(uint64 first, uint64 second) public {
        first = uint64(bound(first, 10e6, 1e12));
        second = uint64(bound(second, 10e6, 1e12));
        _askDeposit(alice, first);
        _commit(0);
        pool.settle();
        assertEq(_askDeposit(bob, second), 2, "the second batch");
        vm.warp(block.timestamp + 5 minutes);
        vault.commit(0, true);
        pool.settle();
        (uint256 open, uint256 closed) = pool.depositBatches();
        assertEq(open, 2, "still open: one closes at a time");
        assertEq(closed, 1, "the first waits for its age");
        _commit(0);
        pool.settle();
        (open, closed) = pool.depositBatches();
        assertEq(closed, 2, "priced the first, closed the second");
        assertEq(pool.maxDeposit(alice), first, "first claimable");
        assertEq(pool.maxDeposit(bob), 0, "second not");
    }

    /// @dev C8: with no result, what a settle does leaves the price, within 1 wei per share and in the pool's favour.
    function testFuzz_C8_SettleLeavesThePrice(uint64 in_, uint64 out, int64 pnl) public {
        in_ = uint64(bound(in_, 10e6, 1e14));
        _holder(bob, 1e12);
        _commit(boundInt(pnl, -99e9, 49e9));
        pool.settle();
        vm.warp(block.timestamp + 2 days);
        uint256 shares = bound(out, 20 * SHARE, 1e6 * SHARE);
        _askDeposit(alice, in_);
        _askRedeem(bob, shares);
        _commit(0);
        pool.settle();
        uint256 before = pool.lastPrice();
        _commit(0);
        pool.settle();
        _commit(0);
        pool.settle();
        assertLe(before, pool.lastPrice(), "never against those who stay");
        assertLe(pool.lastPrice() - before, 1e18 / 1e7, "and not noticeably for them");
        assertEq(pool.maxDeposit(alice), in_, "it did price");
    }

    function testFuzz_F2_Cancel_WhileOpen(uint64 assets, bool redeems) public {
        assets = uint64(bound(assets, 10e6, 1e15));
        if (redeems) {
            uint256 shares = _holder(alice, assets);
            uint256 id = _askRedeem(alice, shares);
            vm.expectEmit(address(pool));
            emit IPooledAccount.RedeemCancelled(alice, id, bob, shares);
            vm.prank(alice);
            assertEq(pool.cancelRedeem(id, bob, alice), shares, "shares");
            assertEq(pool.balanceOf(bob), shares, "returned");
            assertEq(pool.pendingRedeemRequest(id, alice), 0, "gone");
        } else {
            uint256 id = _askDeposit(alice, assets);
            vm.expectEmit(address(pool));
            emit IPooledAccount.DepositCancelled(alice, id, bob, assets);
            vm.prank(alice);
            assertEq(pool.cancelDeposit(id, bob, alice), assets, "assets");
            assertEq(usdc.balanceOf(bob), assets, "returned");
            assertEq(pool.pendingDepositRequest(id, alice), 0, "gone");
        }
        (uint256[] memory deposits, uint256[] memory redeems_) = pool.requestsOf(alice);
        assertEq(deposits.length + redeems_.length, 0, "no request left");
    }

    /// @dev Cancel until priced would be a free option.
    function testFuzz_F2_Cancel_RevertWhen_ClosedForLessThanADay(uint32 wait) public {
        wait = uint32(bound(wait, 0, 2 days));
        uint256 id = _askDeposit(alice, 100e6);
        _commit(0);
        pool.settle();
        vm.warp(block.timestamp + wait);
        bytes memory data = abi.encodeCall(pool.cancelDeposit, (id, alice, alice));
        if (wait < 24 hours) {
            _refused(alice, data, PoolErrorsLib.CannotCancel.selector);
            return;
        }
        vm.prank(alice);
        assertEq(pool.cancelDeposit(id, alice, alice), 100e6, "unpriced for a day");
        (, uint256 closed) = pool.depositBatches();
        assertEq(closed, 0, "an empty batch blocks nobody");
    }

    function testFuzz_Cancel_RevertWhen_NotTheController(address who) public {
        vm.assume(who != alice);
        uint256 id = _askDeposit(alice, 100e6);
        bytes memory data = abi.encodeCall(pool.cancelDeposit, (id, who, alice));
        _refused(who, data, PoolErrorsLib.NotController.selector);
    }

    function testFuzz_Cancel_RevertWhen_NothingThere(uint256 id) public {
        _holder(alice, 100e6);
        _refused(alice, abi.encodeCall(pool.cancelDeposit, (id, alice, alice)), PoolErrorsLib.CannotCancel.selector);
        _refused(alice, abi.encodeCall(pool.cancelRedeem, (id, alice, alice)), PoolErrorsLib.CannotCancel.selector);
    }

    /* CLAIMS OF DEPOSITS */

    function testFuzz_7540_Deposit_ClaimsInParts(uint64 assets, uint64 part, uint8 parts, int64 pnl) public {
        assets = uint64(bound(assets, 10e6, 1e15));
        _askDeposit(alice, assets);
        _settleThrough(boundInt(pnl, -9e6, 9e6));
        uint256 all = pool.maxMint(alice);
        uint256 got;
        uint256 left = assets;
        for (uint256 i; i < parts % 5; ++i) {
            uint256 take = bound(part, 0, left);
            vm.prank(alice);
            got += pool.deposit(take, alice);
            left -= take;
            assertEq(pool.maxDeposit(alice), left, "maxDeposit falls by it");
            assertEq(pool.claimableDepositRequest(1, alice), left, "so does the claimable request");
        }
        vm.prank(alice);
        got += pool.deposit(left, alice);
        assertEq(got, all, "in parts as in one");
        assertEq(pool.balanceOf(alice), all, "shares");
        assertEq(pool.maxMint(alice), 0, "nothing left");
    }

    function testFuzz_7540_Mint_ClaimsInParts(uint64 assets, uint256 part, int64 pnl) public {
        assets = uint64(bound(assets, 10e6, 1e15));
        _askDeposit(alice, assets);
        _settleThrough(boundInt(pnl, -9e6, 9e6));
        uint256 all = pool.maxMint(alice);
        part = bound(part, 0, all);
        vm.prank(alice);
        uint256 paid = pool.mint(part, alice);
        assertLe(part * assets, paid * all, "assets up: in the pool's favour");
        assertEq(pool.maxDeposit(alice), assets - paid, "the rest");
        uint256 rest = pool.maxMint(alice);
        assertEq(rest, all - part, "shares left");
        vm.prank(alice);
        assertEq(pool.mint(rest, alice), assets - paid, "all the assets");
        assertEq(pool.balanceOf(alice), all, "shares");
    }

    function testFuzz_7540_Deposit_RevertWhen_MoreThanMax(uint64 assets, uint64 more) public {
        assets = uint64(bound(assets, 10e6, 1e15));
        more = uint64(bound(more, 1, 1e15));
        _askDeposit(alice, assets);
        _settleThrough(0);
        bytes4 reason = PoolErrorsLib.ExceedsMax.selector;
        bytes memory data = abi.encodeWithSignature("deposit(uint256,address)", assets + more, alice);
        _refused(alice, data, reason);
        data = abi.encodeWithSignature("mint(uint256,address)", pool.maxMint(alice) + more, alice);
        _refused(alice, data, reason);
        data = abi.encodeWithSignature("deposit(uint256,address,address)", more, bob, bob);
        _refused(bob, data, reason);
    }

    function testFuzz_7540_Claims_RevertWhen_NotTheController(address who) public {
        vm.assume(who != alice && who != address(0) && who != address(pool) && who != DEAD);
        _askDeposit(alice, 100e6);
        _settleThrough(0);
        bytes4 reason = PoolErrorsLib.NotController.selector;
        _refused(who, abi.encodeWithSignature("deposit(uint256,address,address)", 1, who, alice), reason);
        _refused(who, abi.encodeWithSignature("mint(uint256,address,address)", 1, who, alice), reason);
        _refused(who, abi.encodeCall(pool.withdraw, (1, who, alice)), reason);
        _refused(who, abi.encodeCall(pool.redeem, (1, who, alice)), reason);
        vm.prank(alice);
        pool.setOperator(who, true);
        vm.prank(who);
        assertEq(pool.deposit(100e6, who, alice), pool.balanceOf(who), "an operator claims, to anyone");
    }

    function testFuzz_Claims_RevertWhen_TheReceiverIsNobodyOrThePool(uint64 amount) public {
        bytes4 reason = PoolErrorsLib.BadReceiver.selector;
        for (uint256 i; i < 2; ++i) {
            address receiver = i == 0 ? address(0) : address(pool);
            _refused(alice, abi.encodeWithSignature("deposit(uint256,address)", amount, receiver), reason);
            _refused(alice, abi.encodeWithSignature("mint(uint256,address)", amount, receiver), reason);
            _refused(alice, abi.encodeCall(pool.withdraw, (amount, receiver, alice)), reason);
            _refused(alice, abi.encodeCall(pool.redeem, (amount, receiver, alice)), reason);
        }
    }

    function testFuzz_7540_Deposit_Event(uint64 assets) public {
        assets = uint64(bound(assets, 10e6, 1e15));
        _askDeposit(alice, assets);
        _settleThrough(0);
        uint256 shares = pool.maxMint(alice);
        vm.expectEmit(address(pool));
        emit IERC7575.Deposit(alice, bob, assets, shares);
        vm.prank(alice);
        pool.deposit(assets, bob);
        assertEq(pool.balanceOf(bob), shares, "to the receiver");
    }

    /// @dev One batch: everybody at one price, and no more shares than were minted.
    function testFuzz_7540_OneBatchOnePrice(uint64[4] memory amounts, int64 pnl) public {
        address[4] memory who = [alice, bob, carol, stranger];
        for (uint256 i; i < 4; ++i) {
            amounts[i] = uint64(bound(amounts[i], 10e6, 1e15));
            _askDeposit(who[i], amounts[i]);
        }
        _settleThrough(boundInt(pnl, -9e6, 9e6));
        Batch memory batch = pool.depositBatchOf(1);
        uint256 sum;
        for (uint256 i; i < 4; ++i) {
            uint256 shares = pool.maxMint(who[i]);
            sum += shares;
            assertEq(shares, amounts[i] * batch.result / batch.asked, "pro rata, down");
        }
        assertLe(sum, batch.result, "no share from nothing");
    }

    /* CLAIMS OF REDEMPTIONS: F3 */

    function testFuzz_F3_Redemption_IsClaimableAsItsCashArrives(uint64 assets, uint64 first) public {
        assets = uint64(bound(assets, 100e6, 1e15));
        uint256 shares = _holder(alice, assets);
        _askRedeem(alice, shares);
        _settleThrough(0);
        uint256 due = pool.owed();
        _near(due, assets, 1, "priced");
        assertEq(pool.maxRedeem(alice), 0, "no cash yet");
        assertEq(pool.pendingRedeemRequest(1, alice), shares, "still pending");
        assertEq(vault.ticketOf(1).remaining, due, "asked for");
        first = uint64(bound(first, 1, due));
        _pay(first);
        assertEq(pool.maxWithdraw(alice), first, "as it arrives");
        assertEq(pool.claimableRedeemRequest(1, alice), shares * first / due, "pro rata");
        assertEq(
            pool.pendingRedeemRequest(1, alice) + pool.claimableRedeemRequest(1, alice), shares, "pending or claimable"
        );
        uint256 now_ = pool.maxRedeem(alice);
        vm.prank(alice);
        assertEq(pool.redeem(now_, bob, alice), first, "all that came");
        _pay(type(uint64).max);
        uint256 left = pool.maxWithdraw(alice);
        assertEq(left, due - first, "the rest");
        vm.expectEmit(address(pool));
        emit IERC7575.Withdraw(alice, bob, alice, left, shares - now_);
        vm.prank(alice);
        assertEq(pool.withdraw(left, bob, alice), shares - now_, "all the shares");
        assertEq(usdc.balanceOf(bob), due, "paid");
        (, uint256[] memory live) = pool.requestsOf(alice);
        assertEq(live.length, 0, "done");
        assertEq(pool.owed(), 0, "nothing owed");
    }

    function testFuzz_F3_Redemptions_FirstInFirstOut(uint64[3] memory amounts, uint64 cash) public {
        address[3] memory who = [alice, bob, carol];
        for (uint256 i; i < 3; ++i) {
            amounts[i] = uint64(bound(amounts[i], 100e6, 1e14));
            _holder(who[i], amounts[i]);
        }
        for (uint256 i; i < 3; ++i) {
            _askRedeem(who[i], pool.balanceOf(who[i]));
            _settleThrough(0);
        }
        uint256 due = pool.owed();
        uint256 sum;
        uint256[3] memory results;
        for (uint256 i; i < 3; ++i) {
            results[i] = pool.redeemBatchOf(i + 1).result;
            sum += results[i];
        }
        assertEq(due, sum, "all in the line");
        cash = uint64(bound(cash, 1, due));
        uint256 paid;
        for (uint256 i; i < 3 && paid < cash; ++i) {
            uint256 ticket = vault.ticketOf(vault.ticketCount()).remaining;
            uint64 now_ = uint64(ticket < cash - paid ? ticket : cash - paid);
            _pay(now_);
            paid += now_;
        }
        uint256 left = paid;
        for (uint256 i; i < 3; ++i) {
            uint256 mine = left < results[i] ? left : results[i];
            assertEq(pool.maxWithdraw(who[i]), mine, "in order");
            left -= mine;
        }
    }

    /// @dev Redemptions and the deposits priced with them meet without the vault.
    function testFuzz_F3_DepositsPayRedemptions(uint64 in_, uint64 out) public {
        in_ = uint64(bound(in_, 10e6, 1e14));
        out = uint64(bound(out, 20e6, 1e14));
        uint256 shares = _holder(bob, out);
        uint64 lane = vault.laneOf(7);
        _askDeposit(alice, in_);
        _askRedeem(bob, shares);
        _settleThrough(0);
        Batch memory batch = pool.redeemBatchOf(1);
        uint256 met = in_ < batch.result ? in_ : batch.result;
        assertEq(batch.direct, met, "met");
        assertEq(pool.maxWithdraw(bob), met, "claimable at once");
        assertEq(vault.laneOf(7), lane + in_ - met, "only the rest went to the vault");
        assertEq(pool.owed(), batch.result - met, "only the rest is owed");
        _near(pool.totalAssets(), 100e6 + in_, 2, "NAV");
    }

    function test_F3_SmallRedemptions_ShareATicket() public {
        uint256 shares = _holder(alice, 12e6);
        _holder(bob, 1000e6);
        vm.prank(alice);
        pool.transfer(carol, shares / 2);
        _askRedeem(carol, shares / 2);
        _settleThrough(0);
        assertEq(pool.ticket(), 0, "6 USDC are no ticket");
        assertEq(pool.maxWithdraw(carol), 0, "and wait");
        _askRedeem(alice, shares - shares / 2);
        _settleThrough(0);
        assertEq(vault.ticketOf(pool.ticket()).remaining, pool.owed(), "12 are one");
        _near(pool.owed(), 12e6, 2, "for both");
    }

    /// @dev F1: what arrives is booked from the vault's own words, whoever claimed it.
    function testFuzz_F1_AStrangerMayClaimTheTicket(uint64 assets, uint64 part) public {
        assets = uint64(bound(assets, 100e6, 1e15));
        uint256 shares = _holder(alice, assets);
        _askRedeem(alice, shares);
        _settleThrough(0);
        uint256 nav = pool.totalAssets();
        vault.approve(uint64(bound(part, 1, assets)));
        assertEq(pool.totalAssets(), nav, "approval moves no value");
        uint64 paid = vault.claim(1);
        assertEq(pool.totalAssets(), nav, "nor does a claim");
        assertEq(pool.maxWithdraw(alice), 0, "not booked yet");
        vm.prank(stranger);
        pool.settle();
        assertEq(pool.maxWithdraw(alice), paid, "booked");
        assertEq(pool.totalAssets(), nav, "nor does booking");
    }

    function testFuzz_F1_DonationsChangeNothing(uint64 gift, uint64 assets) public {
        assets = uint64(bound(assets, 10e6, 1e15));
        _askDeposit(alice, assets);
        usdc.mint(address(pool), gift);
        _settleThrough(0);
        assertEq(pool.maxMint(alice), uint256(assets) * 1e6, "at par");
        assertEq(pool.totalAssets(), 100e6 + assets, "no value");
        uint256 shares = pool.maxMint(alice);
        vm.prank(alice);
        pool.deposit(assets, alice);
        _askRedeem(alice, shares);
        usdc.mint(address(pool), gift);
        _settleThrough(0);
        _pay(type(uint64).max);
        assertLe(pool.maxWithdraw(alice), assets, "and out again, for no more");
    }

    /* F3: THE VAULT REFUSES */

    function testFuzz_F3_Refusal_LeavesDepositsPendingAndCancellable(uint64 in_, uint64 out, uint8 why) public {
        in_ = uint64(bound(in_, 200e6, 1e14));
        out = uint64(bound(out, 20e6, 100e6));
        uint256 shares = _holder(bob, out);
        uint256 id = _askDeposit(alice, in_);
        _askRedeem(bob, shares);
        _commit(0);
        pool.settle();
        _commit(0);
        if (why % 3 == 0) vault.setRefuses(true);
        else if (why % 3 == 1) vault.setQuarantine(vault.sumEquity() / 99);
        else vault.setSuspendedBook(1);
        vm.expectEmit(address(pool));
        emit IPooledAccount.DepositsRefused(id, vault.epoch());
        pool.settle();
        assertEq(pool.pendingDepositRequest(id, alice), in_, "pending");
        _near(pool.owed(), out, 1, "redemptions are priced all the same");
        uint256 state = vm.snapshotState();
        vm.prank(alice);
        assertEq(pool.cancelDeposit(id, alice, alice), in_, "cancellable");
        vm.revertToState(state);
        vault.setRefuses(false);
        vault.setQuarantine(vault.sumEquity() / 100);
        vault.setSuspendedBook(0);
        _commit(0);
        // The next commit may be known: from here it would be an option.
        bytes memory data = abi.encodeCall(pool.cancelDeposit, (id, alice, alice));
        _refused(alice, data, PoolErrorsLib.CannotCancel.selector);
        pool.settle();
        assertEq(pool.maxDeposit(alice), in_, "priced when it takes them");
    }

    function testFuzz_F3_NothingIsPricedWithADeficit(uint128 deficit) public {
        deficit = uint128(bound(deficit, 1, 1e15));
        uint256 shares = _holder(bob, 100e6);
        _askDeposit(alice, 100e6);
        _askRedeem(bob, shares);
        _commit(0);
        pool.settle();
        vault.setDeficit(deficit);
        _commit(0);
        pool.settle();
        assertEq(pool.maxDeposit(alice) + pool.owed(), 0, "not at lanes that are not covered");
        vault.setDeficit(0);
        _commit(0);
        pool.settle();
        assertEq(pool.maxDeposit(alice), 100e6, "afterwards");
    }

    /// @dev A caller cannot make a want of gas look like the vault's refusal.
    function testFuzz_F3_Refusal_NotForWantOfGas(uint24 gas_) public {
        gas_ = uint24(bound(gas_, 100_000, 1_200_000));
        _askDeposit(alice, 100e6);
        _commit(0);
        pool.settle();
        _commit(0);
        (bool ok,) = address(pool).call{gas: gas_}(abi.encodeCall(pool.settle, ()));
        assertEq(pool.maxDeposit(alice), ok ? 100e6 : 0, "all or nothing");
    }

    /* F4: PRICES */

    function testFuzz_F4_RedeemAtTheCappedPrice_MintAtTheFull(uint64 rise) public {
        uint256 shares = _holder(bob, 900e6);
        _askDeposit(alice, 1000e6);
        _askRedeem(bob, shares);
        _commit(0);
        pool.settle();
        rise = uint64(bound(rise, 60e6, 5000e6)); // More than 5% of 1,000 USDC.
        _commit(int256(uint256(rise)));
        pool.settle();
        _near(pool.redeemBatchOf(1).result, 945e6, 2, "at most 5% more per commit");
        _near(pool.maxMint(alice), 1000e6 * 1000 * SHARE / (1000e6 + uint256(rise)), SHARE, "at what it is worth");
        _near(pool.lastRedeemPrice(), 1.05e18, 1e12, "the cap");
    }

    /// @dev Commits from before the pool allow no rise.
    function testFuzz_F4_TheCapCountsFromThePoolsFirstEpoch(uint8 before, uint64 rise) public {
        for (uint256 i; i < before; ++i) {
            vault.commit(0, true);
        }
        pool = _pool(_config());
        _commit(int256(bound(rise, 5e6, 1e12)));
        pool.settle();
        _near(pool.lastRedeemPrice(), 1.05e18, 1e11, "one commit's worth");
    }

    function testFuzz_F4_NoDepositWithinADayOfAFall(uint64 loss, uint32 wait) public {
        loss = uint64(bound(loss, 1, 90e6));
        wait = uint32(bound(wait, 10 minutes, 3 days));
        _askDeposit(alice, 1000e6);
        _commit(0);
        pool.settle();
        _commit(-int256(uint256(loss)));
        pool.settle();
        bool fell = loss > 10e6;
        assertEq(pool.maxDeposit(alice), fell ? 0 : 1000e6, "not at a price that just fell");
        vm.warp(block.timestamp + wait);
        vault.commit(0, true);
        pool.settle();
        assertEq(pool.maxDeposit(alice), fell && wait < 24 hours ? 0 : 1000e6, "a day later");
    }

    function testFuzz_F4_NoDepositAtAMillionthOfPar(uint64 left) public {
        left = uint64(bound(left, 0, 1000));
        _askDeposit(alice, 1000e6);
        _commit(0);
        pool.settle();
        _commit(int256(uint256(left)) - 100e6);
        pool.settle();
        vm.warp(block.timestamp + 2 days);
        _commit(0);
        pool.settle();
        assertEq(pool.maxDeposit(alice), pool.lastPrice() < 1e12 ? 0 : 1000e6, "1e-6 of par");
        assertTrue(pool.lastPrice() >= 1e12 || left < 100, "about 100 micro-dollars of 100 dollars");
    }

    /// @dev Nothing is left: settle still works, redemptions are worth nothing, deposits wait.
    function testFuzz_F4_ATotalLossBricksNothing(uint64 assets) public {
        assets = uint64(bound(assets, 10e6, 1e18));
        uint256 shares = _holder(bob, assets);
        _askDeposit(alice, 1000e6);
        _askRedeem(bob, shares);
        _commit(0);
        pool.settle();
        _commit(-int256(uint256(vault.laneOf(7))));
        for (uint256 i; i < 3; ++i) {
            pool.settle();
            _commit(0);
        }
        assertEq(pool.totalAssets(), 0, "nothing");
        assertEq(pool.maxRedeem(bob), shares, "claimable");
        vm.prank(bob);
        assertEq(pool.redeem(shares, bob, bob), 0, "for nothing");
        assertEq(pool.maxDeposit(alice), 0, "nobody buys it");
        vm.warp(block.timestamp + 1 days);
        vm.prank(alice);
        assertEq(pool.cancelDeposit(2, alice, alice), 1000e6, "refunded");
    }

    function testFuzz_F4_NoInflation(uint64 gift, uint64 victim) public {
        // The first depositor donates to the pool and to the vault: both book nothing, so the next one loses nothing.
        _holder(alice, 10e6);
        usdc.mint(address(pool), gift);
        usdc.mint(address(vault), gift);
        victim = uint64(bound(victim, 10e6, 1e15));
        uint256 shares = _holder(bob, victim);
        assertEq(pool.convertToAssets(shares), victim, "worth what was paid");
        assertEq(pool.convertToShares(victim), shares, "and back");
    }

    /// @dev B1: a closed id may be another's; nothing of its new owner counts here.
    function test_AClosedSubAccountIsWorthNothing() public {
        _askDeposit(alice, 1000e6);
        _commit(0);
        pool.settle();
        vault.reopen(stranger);
        assertEq(pool.totalAssets(), 0, "another's lane");
        _commit(0);
        pool.settle();
        assertEq(pool.maxDeposit(alice), 0, "nobody buys it");
        vm.prank(alice);
        assertEq(pool.cancelDeposit(1, alice, alice), 1000e6, "and the money is there");
    }

    /* FEES */

    /// @dev product reference 4.8 (Enzyme v4): GAV 1200, TS 1000, mark 1, 20% => F 40, f 34.4828, price after 1.16.
    function test_Fees_Golden() public pure {
        uint256 fee = PoolLib.performanceFee(1200e6, 1000 * SHARE, 1e18, 2000);
        assertEq(fee, 40e6, "F");
        uint256 shares = PoolLib.feeShares(1200e6, 1000 * SHARE, fee);
        assertEq(shares, 34_482_758_620_689, "f = 40 * 1000 / 1160");
        _near(PoolLib.price(1200e6, 1000 * SHARE + shares), 1.16e18, 1e3, "price after");
    }

    /// @dev The same in a pool of 1,000 that earns 20% in six commits and is valued at the last.
    function test_Fees_GoldenInAPool() public {
        PoolConfig memory config = _config();
        (config.performanceBps, config.protocolBps) = (2000, 2500);
        pool = _pool(config);
        _holder(alice, 900e6);
        for (uint256 i; i < 5; ++i) {
            vault.commit(40e6, false);
        }
        _commit(0);
        pool.settle();
        uint256 paid = pool.balanceOf(feeTaker) + pool.balanceOf(protocol);
        _near(pool.convertToAssets(paid), 40e6, 2, "40, to the micro-dollar");
        _near(paid, 34_482_758_620_689, 1e6, "34.4828 shares");
        _near(pool.balanceOf(protocol) * 4, paid, 4, "a quarter is the protocol's");
        _near(pool.lastPrice(), 1.16e18, 1e10, "price after");
        assertLe(pool.lastPrice(), pool.highWaterMark(), "the mark rose with it");
    }

    function testFuzz_Fees_Performance_OnceAndOnlyAboveTheMark(int64 first, int64 second, uint16 bps) public {
        PoolConfig memory config = _config();
        config.performanceBps = uint16(bound(bps, 1, 5000));
        pool = _pool(config);
        _commit(boundInt(first, -50e6, 50e6));
        pool.settle();
        uint256 shares = pool.balanceOf(feeTaker);
        uint256 mark = pool.highWaterMark();
        assertTrue(pool.lastRedeemPrice() <= mark, "the mark is the highest");
        _commit(0);
        pool.settle();
        if (pool.lastRedeemPrice() == pool.lastPrice() && pool.lastPrice() <= mark) {
            assertEq(pool.balanceOf(feeTaker), shares, "a gain pays once");
        }
        _commit(boundInt(second, -40e6, 0));
        uint256 fees = pool.balanceOf(feeTaker);
        uint256 before = pool.highWaterMark();
        pool.settle();
        if (pool.lastPrice() <= before) assertEq(pool.highWaterMark(), before, "the mark never falls");
        assertLe(fees, pool.balanceOf(feeTaker), "shares are only minted");
    }

    function testFuzz_Fees_Performance_FormulaLeavesTheFee(uint64 assets, uint64 supply, uint16 bps) public pure {
        assets = uint64(bound(assets, 1e6, 1e18));
        uint256 shares = bound(supply, 1e6, 1e18) * 1e6;
        bps = uint16(bound(bps, 0, 5000));
        uint256 fee = PoolLib.performanceFee(assets, shares, 1e18, bps);
        uint256 minted = PoolLib.feeShares(assets, shares, fee);
        assertLe(minted * assets, fee * (shares + minted), "worth at most the fee");
        assertLe(fee, uint256(assets) / 2, "at most half");
        uint256 value = minted * assets / (shares + minted);
        assertLe(fee, value + 1 + uint256(assets) / shares, "and no less, to the rounding");
    }

    function testFuzz_Fees_Management(uint16 bps, uint32 time) public {
        PoolConfig memory config = _config();
        config.managementBps = uint16(bound(bps, 0, 500));
        time = uint32(bound(time, 1, 3 * 365 days));
        pool = _pool(config);
        vm.warp(block.timestamp + time);
        vault.commit(0, true);
        pool.settle();
        uint256 charged = time > 365 days ? 365 days : time;
        uint256 due = 100e6 * uint256(config.managementBps) * charged / (10_000 * 365 days);
        _near(pool.convertToAssets(pool.balanceOf(feeTaker)), due, 2, "of assets and time, a year at most");
        uint256 paid = pool.balanceOf(feeTaker);
        pool.settle();
        assertEq(pool.balanceOf(feeTaker), paid, "once per commit");
    }

    /* MANAGER */

    function testFuzz_Manager_SetsTraders(address who, uint40 until) public {
        bytes memory data = abi.encodeCall(pool.setTrader, (who, until));
        _refused(alice, data, PoolErrorsLib.NotManager.selector);
        vm.prank(manager);
        pool.setTrader(who, until);
        assertEq(vault.lastDelegate(), who, "who");
        assertEq(vault.lastUntil(), until, "until");
        assertEq(vault.lastRights(), until == 0 ? 0 : 1, "TRADE or nothing");
    }

    function testFuzz_Manager_HandsOver(address next) public {
        vm.assume(next != address(0) && next != manager);
        _refused(manager, abi.encodeCall(pool.setManager, (address(0))), PoolErrorsLib.ZeroAddress.selector);
        _refused(next, abi.encodeCall(pool.setManager, (next)), PoolErrorsLib.NotManager.selector);
        vm.prank(manager);
        pool.setManager(next);
        assertEq(pool.manager(), next, "next");
        assertEq(vault.lastDelegate(), next, "trades");
        _refused(manager, abi.encodeCall(pool.setTrader, (manager, 1)), PoolErrorsLib.NotManager.selector);
    }

    function testFuzz_Manager_NamesTheFeeRecipient(address next) public {
        vm.assume(next != address(0) && next != address(pool));
        bytes4 reason = PoolErrorsLib.BadReceiver.selector;
        _refused(manager, abi.encodeCall(pool.setFeeRecipient, (address(pool))), reason);
        _refused(manager, abi.encodeCall(pool.setFeeRecipient, (address(0))), reason);
        _refused(alice, abi.encodeCall(pool.setFeeRecipient, (next)), PoolErrorsLib.NotManager.selector);
        vm.prank(manager);
        pool.setFeeRecipient(next);
        assertEq(pool.feeRecipient(), next, "next");
    }

    /* ROUND TRIP */

    /// @dev In and out with no result never pays more than was put in, however it is claimed.
    function testFuzz_F_RoundTripPaysNoMore(uint64 assets, uint64 beside, int64 pnl, uint256 part) public {
        assets = uint64(bound(assets, 20e6, 1e14));
        _holder(bob, bound(beside, 10e6, 1e14));
        _commit(boundInt(pnl, -9e6, 5e6));
        pool.settle();
        vm.warp(block.timestamp + 2 days);
        _askDeposit(alice, assets);
        _settleThrough(0);
        part = bound(part, 1, pool.maxMint(alice));
        vm.startPrank(alice);
        pool.mint(part, alice);
        pool.deposit(pool.maxDeposit(alice), alice);
        if (pool.maxMint(alice) > 0) pool.mint(pool.maxMint(alice), alice);
        vm.stopPrank();
        uint256 shares = pool.balanceOf(alice);
        _askRedeem(alice, shares);
        _settleThrough(0);
        _pay(type(uint64).max);
        uint256 out = pool.maxWithdraw(alice);
        assertLe(out, assets, "no more than was put in");
        assertLe(assets, out + 2 + assets / 1e12, "and no less, to the rounding");
    }
}
