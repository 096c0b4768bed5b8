// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {Commit} from "contracts/interfaces/IPrimeVault.sol";
import {ErrorsLib} from "contracts/libraries/ErrorsLib.sol";
import {PrimeVaultBase} from "../PrimeVaultBase.sol";

/// @notice What mutants showed that fuzzed inputs seldom come to: one second, one micro-dollar, cash that is promised.
contract MoneyEdgesTest is PrimeVaultBase {
    function test_A5_ACommitOfTheNextSecondIsRefused() public {
        vm.warp(block.timestamp + 10 minutes);
        Commit memory c = _next();
        c.asOf = uint64(block.timestamp) + 1;
        _commitRefused(c, ErrorsLib.CommitInFuture.selector);
    }

    /// @dev What is payable to one is not there for another.
    function testFuzz_Approve_NotFromWhatIsPayable(uint64 promised, uint64 rest) public {
        promised = uint64(bound(promised, 2_000e6, 5_000e6));
        rest = uint64(bound(rest, 10e6, 2_000e6));
        uint256 first = _request(2, promised);
        _commitApproval(first, promised);
        _send(t1, uint64(vault.freeCash()));
        assertEq(vault.idle(), uint256(promised) + 1_000e6, "promised, and insurance");
        uint256 second = _request(3, 1_000e6 + rest);
        _commitApproval(second, type(uint64).max);
        assertEq(vault.ticketOf(second).payable_, 1_000e6, "no more than nobody was promised");
        _checkBalance();
    }

    function testFuzz_E2_WhatIsPayableIsNotShared(uint64 promised) public {
        promised = uint64(bound(promised, 10e6, 5_000e6));
        uint256 ticket = _request(2, promised);
        _commitApproval(ticket, promised);
        vm.warp(vault.fullAt() + 72 hours);
        vault.triggerExit(0);
        vm.warp(block.timestamp + 24 hours);
        vault.triggerExit(0);
        uint256 share = 10_000e6 * (uint256(vault.idle()) - promised) / vault.sumEquity();
        assertEq(vault.claimExit(3), share, "a part of what is free");
        assertEq(vault.claimExit(0), 0, "nobody's");
        assertEq(vault.claimExit(4), 0, "not there");
        vault.claim(ticket);
        _checkBalance();
    }

    /// @dev An id that became free is given once.
    function test_AFreedIdIsGivenOnce() public {
        uint256 ticket = _request(3, 10_000e6);
        _commitApproval(ticket, 10_000e6);
        vault.claim(ticket);
        vm.prank(carol);
        vault.closeAccount(3);
        vm.warp(block.timestamp + 10 minutes);
        _commit(_fullNext());
        assertEq(_openAccount(stranger, 100e6), 3, "the free one");
        assertEq(_openAccount(stranger, 100e6), 4, "a new one");
        _checkBalance();
    }

    /// @dev Fees that were charged are neither to be sent nor anybody's equity.
    function testFuzz_FeesAreKeptAndOwed(uint64 fees) public {
        _governed(curator, abi.encodeCall(vault.increaseFeeCap, (6000)));
        vm.warp(block.timestamp + 1 days);
        fees = uint64(bound(fees, 1, 170e6));
        Commit memory c = _fullNext();
        c.fees = fees;
        _change(c, 1, -int64(fees));
        _commit(c);
        assertEq(vault.freeCash(), uint256(19_000e6) - 1_000e6 - fees, "not to be sent");
        (,,, uint256 liabilities) = vault.solvency();
        assertEq(liabilities, 30_000e6, "owed: what lanes lost is a fee");
    }

    function test_ABandIsWidenedOnlyWhereThereIsOne() public {
        uint16 now_ = vault.bandOf(address(t2)).bps;
        bytes memory same = abi.encodeCall(vault.increaseBand, (address(t2), now_));
        _refusedLater(curator, same, ErrorsLib.WrongDirection.selector);
        bytes memory read = abi.encodeCall(vault.increaseBand, (address(t1), now_ + 1));
        _refusedLater(curator, read, ErrorsLib.NotAttested.selector);
    }

    function test_CapsAreRaisedNotRepeated() public {
        uint64 cap = vault.venueOf(address(t1)).cap;
        bytes memory same = abi.encodeCall(vault.increaseCap, (address(t1), cap));
        _refusedLater(curator, same, ErrorsLib.WrongDirection.selector);
        uint16 bps = vault.venueOf(address(t1)).relativeCapBps;
        same = abi.encodeCall(vault.increaseRelativeCap, (address(t1), bps));
        _refusedLater(curator, same, ErrorsLib.WrongDirection.selector);
    }

    function test_FeesHaveARecipient() public {
        bytes memory nobody = abi.encodeCall(vault.setFeeRecipient, (address(0)));
        _refusedLater(curator, nobody, ErrorsLib.ZeroAddress.selector);
    }

    /// @dev A guardian's suspension ends with its resumption: one by the curator is none of which a commit does without.
    function test_AResumedVenueIsGuardedNoMore() public {
        address guardian = address(0x6A2D);
        vm.prank(boss);
        vault.addGuardian(guardian);
        _send(t2, 3_000e6);
        vm.prank(guardian);
        vault.setSuspended(address(t2), true);
        assertEq(vault.suspendedBook(), 3_000e6, "the guardian's");
        _governed(curator, abi.encodeCall(vault.setSuspended, (address(t2), false)));
        vm.prank(curator);
        vault.setSuspended(address(t2), true);
        assertEq(vault.suspendedBook(), 0, "the curator's");
    }
}
