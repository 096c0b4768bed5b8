// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {Commit} from "contracts/interfaces/IPrimeVault.sol";
import {PrimeVaultBase} from "../PrimeVaultBase.sol";

/// @notice The peer: the settlement loop everybody writes first. One mapping entry per account, no packing, no marks,
/// no approvals.
contract TextbookLedger {
    event Settled(uint256 indexed epoch, uint256[] ids, int256[] pnl);

    address public immutable keeper;
    uint256 public epoch;
    int256 public total;
    mapping(uint256 id => int256 balance) public balanceOf;

    constructor(address keeper_) {
        keeper = keeper_;
    }

    function deposit(uint256 id, int256 amount) external {
        balanceOf[id] += amount;
        total += amount;
    }

    function settle(uint256[] calldata ids, int256[] calldata pnl, int256 expected) external {
        require(msg.sender == keeper, "keeper");
        require(ids.length == pnl.length, "length");
        int256 sum;
        for (uint256 i; i < ids.length; ++i) {
            int256 balance = balanceOf[ids[i]] + pnl[i];
            require(balance >= 0, "negative");
            balanceOf[ids[i]] = balance;
            sum += pnl[i];
        }
        require(sum == expected, "sum");
        total += sum;
        emit Settled(++epoch, ids, pnl);
    }
}

/// @notice Gas of a steady-state commit (mixed signs, one venue marked) and of the textbook loop over the same changes.
/// Reads and writes are cold, as in a transaction of their own; its base cost and calldata are added and refunds taken
/// off by the rules of the chain (21,000; 4 and 16 per byte; a fifth at most), so that it is what a receipt says.
contract CommitGasTest is PrimeVaultBase {
    TextbookLedger internal textbook;

    function setUp() public override {
        super.setUp();
        textbook = new TextbookLedger(keeper);
        _fund(alice, 5_000_000e6);
        vm.startPrank(alice);
        for (uint256 id = 1; id <= 1_000; ++id) {
            if (id > 3) vault.openAccount(alice, 5_000e6);
            textbook.deposit(id, 5_000e6);
        }
        vm.stopPrank();
        // Not the first commit: its slots would be fresh.
        _commit(_built(1_000));
    }

    function _result(uint256 id) internal pure returns (int64) {
        int64 size = int64(uint64(uint256(keccak256(abi.encode(id))) % 900e6)) + 1;
        return id % 2 == 0 ? size : -size;
    }

    function _built(uint256 count) internal returns (Commit memory c) {
        vm.warp(block.timestamp + 10 minutes);
        int256 sum;
        for (uint256 id = 1; id <= count; ++id) {
            sum += _result(id);
        }
        t1.earn(int128(sum));
        _mark(t1);
        c = _next();
        _marked(c, t1);
        for (uint256 id = 1; id <= count; ++id) {
            _change(c, id, _result(id));
        }
    }

    function _transaction(bytes memory data) internal pure returns (uint256 gas) {
        gas = 21_000;
        for (uint256 i; i < data.length; ++i) {
            gas += data[i] == 0 ? 4 : 16;
        }
    }

    function _spent(address target, bytes memory data) internal returns (uint256) {
        vm.cool(target);
        vm.prank(keeper);
        (bool ok, bytes4 reason) = tried(target, data);
        assertEq(bytes32(reason), bytes32(0), "measured call");
        assertTrue(ok, "measured call");
        int256 refund = vm.lastCallGas().gasRefunded;
        uint256 gas = vm.lastCallGas().gasTotalUsed + _transaction(data);
        uint256 most = gas / 5; // EIP-3529.
        if (refund <= 0) return gas;
        return gas - (uint256(refund) < most ? uint256(refund) : most);
    }

    function _measure(uint256 count) internal returns (uint256 ours, uint256 theirs) {
        Commit memory c = _built(count);
        ours = _spent(address(vault), abi.encodeCall(vault.commit, (c)));
        uint256[] memory ids = new uint256[](count);
        int256[] memory pnl = new int256[](count);
        int256 sum;
        for (uint256 i; i < count; ++i) {
            ids[i] = i + 1;
            pnl[i] = _result(i + 1);
            sum += pnl[i];
        }
        theirs = _spent(address(textbook), abi.encodeCall(textbook.settle, (ids, pnl, sum)));
    }

    /// @dev tools/bench/gas.py reads the printed lines.
    function test_Gas_Commit() public {
        uint256[3] memory counts = [uint256(4), 100, 1_000];
        for (uint256 i; i < 3; ++i) {
            (uint256 ours, uint256 theirs) = _measure(counts[i]);
            emit log_named_uint(string.concat("commit ", vm.toString(counts[i])), ours);
            emit log_named_uint(string.concat("textbook ", vm.toString(counts[i])), theirs);
            if (counts[i] == 100) assertLe(ours, 250_000, "25 words");
            if (counts[i] == 1_000) assertLe(ours, 1_750_000, "fits a block of 2M gas");
        }
    }
}
