// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {Commit} from "contracts/interfaces/IPrimeVault.sol";
import {PrimeVaultBase} from "../PrimeVaultBase.sol";

/// @notice A keeper invents money in one lane and a deficit of as much, which conserves, and takes both back later. What it
/// could have gained on the way is on record here.
contract InventedDeficitTest is PrimeVaultBase {
    function testFuzz_A8_P_NoFeesAccrueOnAnInventedDeficit(uint64 invented, uint16 minutes_) public {
        invented = uint64(bound(invented, 1e6, 1e15));
        uint256 span = bound(minutes_, 10, 3 days / 1 minutes) * 1 minutes;
        _governed(curator, abi.encodeCall(vault.increaseFeeCap, (6_000)));
        _governed(curator, abi.encodeCall(vault.setFeeRecipient, (address(0xFEE))));
        vm.warp(block.timestamp + 10 minutes);
        _commit(_fullNext());
        uint256 stored = vault.feeAllowance();

        vm.warp(block.timestamp + 10 minutes);
        Commit memory c = _next();
        uint64 cover = uint64(vault.insurance());
        _change(c, 3, int64(invented + cover));
        c.insuranceDelta = -int64(cover);
        c.newDeficit = invented;
        _commit(c);
        vm.warp(block.timestamp + span);
        c = _next();
        _change(c, 3, -int64(invented));
        c.insuranceDelta = int64(invented);
        _commit(c);

        // 30,000 USDC of clients and what insurance gave the third.
        uint256 aDay = (30_000e6 + uint256(cover)) * 6_000 / 1e6;
        assertLe(vault.feeAllowance(), stored + aDay * (span + 10 minutes) / 1 days + 1, "A8");
    }
}
