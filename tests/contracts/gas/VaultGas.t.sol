// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {Commit} from "contracts/interfaces/IPrimeVault.sol";
import {PrimeVaultBase} from "../PrimeVaultBase.sol";

/// @notice Gas of what clients do and of commits at their worst, as transactions of their own (21,000, calldata and
/// refunds included). The vault's slots are cold, as they are in a block.
contract VaultGasTest is PrimeVaultBase {
    function setUp() public override {
        super.setUp();
        _fund(alice, 6_000_000e6);
        vm.startPrank(alice);
        for (uint256 id = 4; id <= 1_000; ++id) {
            vault.openAccount(alice, 5_000e6);
        }
        vm.stopPrank();
        _commit(_next());
    }

    function _spent(address who, bytes memory data, bool cold) internal returns (uint256 gas) {
        if (cold) vm.cool(address(vault));
        vm.prank(who);
        (bool ok,) = tried(address(vault), data);
        assertTrue(ok, "measured call");
        int256 refund = vm.lastCallGas().gasRefunded;
        gas = 21_000 + vm.lastCallGas().gasTotalUsed;
        for (uint256 i; i < data.length; ++i) {
            gas += data[i] == 0 ? 4 : 16;
        }
        uint256 most = gas / 5; // EIP-3529.
        if (refund > 0) gas -= uint256(refund) < most ? uint256(refund) : most;
    }

    /// @dev Each of `count` sub-accounts, `step` ids apart, loses or gains; what they lose `t1` has lost.
    function _built(uint256 count, uint256 step, bool negative) internal returns (Commit memory c) {
        vm.warp(block.timestamp + 10 minutes);
        int256 sum;
        for (uint256 i; i < count; ++i) {
            sum += _result(i, negative);
        }
        t1.earn(int128(sum));
        _mark(t1);
        c = _next();
        _marked(c, t1);
        for (uint256 i; i < count; ++i) {
            _change(c, i * step + 1, _result(i, negative));
        }
    }

    function _result(uint256 i, bool negative) internal pure returns (int64) {
        int64 size = int64(uint64(uint256(keccak256(abi.encode(i))) % 900e6)) + 1;
        return negative || i % 2 == 1 ? -size : size;
    }

    function test_Gas_CommitAHundredScattered() public {
        Commit memory c = _built(100, 10, false);
        uint256 gas = _spent(keeper, abi.encodeCall(vault.commit, (c)), true);
        emit log_named_uint("commit 100 scattered", gas);
        assertLe(gas, 700_000, "100 words, each in a slot of its own");
    }

    function test_Gas_CommitAThousandLosses() public {
        Commit memory c = _built(1_000, 1, true);
        uint256 gas = _spent(keeper, abi.encodeCall(vault.commit, (c)), true);
        emit log_named_uint("commit 1000 losses", gas);
        assertLe(gas, 2_000_000, "fits a block of 2M gas");
    }

    function test_Gas_Claim() public {
        uint256 ticket = _request(2, 1_000e6);
        _commitApproval(ticket, 1_000e6);
        usdc.mint(bob, 1);
        uint256 gas = _spent(stranger, abi.encodeCall(vault.claim, (ticket)), true);
        emit log_named_uint("claim", gas);
        assertLe(gas, 60_000, "claim");
    }

    function test_Gas_DepositWarm() public {
        _fund(bob, 1_000e6);
        uint256 gas = _spent(bob, abi.encodeCall(vault.deposit, (2, 100e6)), false);
        emit log_named_uint("deposit", gas);
        assertLe(gas, 75_000, "deposit");
    }
}
