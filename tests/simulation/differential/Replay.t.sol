// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {Account, PendingMark, Ticket, VenueState} from "contracts/interfaces/IPrimeVault.sol";
import {Vm} from "../../contracts/Base.sol";
import {PrimeVaultBase} from "../../contracts/PrimeVaultBase.sol";

interface VmFiles {
    function envString(string calldata name) external view returns (string memory);
    function readFileBinary(string calldata path) external view returns (bytes memory);
    function toString(bytes calldata data) external pure returns (string memory);
    function toString(address who) external pure returns (string memory);
    function writeFile(string calldata path, string calldata data) external;
    function writeLine(string calldata path, string calldata data) external;
}

/// @notice One transaction at time `at`. `refusal` 0: it succeeds; otherwise it reverts with that error. With `check`,
/// afterwards the vault's `picture` is `expected`.
struct Step {
    uint40 at;
    address sender;
    address target;
    bytes data;
    bytes4 refusal;
    bool check;
    int256[] expected;
}

/// @notice Plays what `script.py` wrote against the real vault and writes the logs down, one line per step
/// after one for the set-up.
contract Replay is PrimeVaultBase {
    VmFiles internal constant files = VmFiles(address(vm));

    error Differs(uint256 step, uint256 figure, int256 expected, int256 found);
    error Outcome(uint256 step, bool ok, bytes4 reason);

    /// @dev Nothing: each test makes its vault itself, so that the first logs are recorded too.
    function setUp() public override {}

    /// @dev Where everything lies, for the script: the same in every run.
    function test_Addresses() public {
        _empty();
        string memory path = files.envString("REPLAY_ADDRESSES");
        files.writeFile(path, "");
        address[7] memory all =
            [address(vault), address(usdc), address(t1), address(t2), keeper, curator, address(this)];
        for (uint256 i; i < 7; ++i) {
            files.writeLine(path, files.toString(all[i]));
        }
        files.writeLine(path, files.toString(t1.far()));
        files.writeLine(path, files.toString(t2.far()));
    }

    function test_Replay() public {
        Step[] memory steps = abi.decode(files.readFileBinary(files.envString("REPLAY_STEPS")), (Step[]));
        string memory path = files.envString("REPLAY_LOGS");
        files.writeFile(path, "");
        vm.recordLogs();
        _empty();
        files.writeLine(path, _logs(true));
        for (uint256 i; i < steps.length; ++i) {
            Step memory step = steps[i];
            vm.warp(step.at);
            vm.prank(step.sender);
            (bool ok, bytes4 reason) = tried(step.target, step.data);
            if (ok != (step.refusal == 0) || (!ok && reason != step.refusal)) revert Outcome(i, ok, reason);
            files.writeLine(path, _logs(ok));
            if (!step.check) continue;
            int256[] memory found = picture();
            if (found.length != step.expected.length) {
                revert Differs(i, type(uint256).max, int256(step.expected.length), int256(found.length));
            }
            for (uint256 k; k < found.length; ++k) {
                if (found[k] != step.expected[k]) revert Differs(i, k, step.expected[k], found[k]);
            }
        }
    }

    /// @dev What was logged since the last call; what a reverted call logged is recorded too, but never happened.
    function _logs(bool ok) internal returns (string memory) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        if (!ok) logs = new Vm.Log[](0);
        return files.toString(abi.encode(logs));
    }

    /// @notice Every figure that is compared, in the order of `picture` in twin.py.
    function picture() internal view returns (int256[] memory figures) {
        uint256 accounts = vault.accountCount();
        uint256 count = vault.ticketCount();
        uint256 shown = count < 32 ? count : 32;
        figures = new int256[](25 + 5 * accounts + 4 * shown);
        figures[0] = int256(uint256(vault.idle()));
        figures[1] = int256(uint256(vault.sumEquity()));
        figures[2] = int256(uint256(vault.payables()));
        figures[3] = int256(uint256(vault.insurance()));
        figures[4] = int256(uint256(vault.feesAccrued()));
        figures[5] = int256(uint256(vault.deficit()));
        figures[6] = int256(uint256(vault.freeCash()));
        figures[7] = int256(uint256(vault.epoch()));
        figures[8] = int256(uint256(vault.lastAsOf()));
        figures[9] = int256(uint256(vault.lastFence()));
        figures[10] = int256(usdc.balanceOf(address(vault)));
        _venue(figures, 11, address(t1));
        _venue(figures, 17, address(t2));
        figures[23] = int256(accounts);
        uint256 at = 24;
        for (uint256 id = 1; id <= accounts; ++id) {
            Account memory account = vault.accountOf(id);
            figures[at++] = int256(uint256(vault.laneOf(id)));
            figures[at++] = int256(uint256(account.generation));
            figures[at++] = account.open ? int256(1) : int256(0);
            figures[at++] = account.closing ? int256(1) : int256(0);
            figures[at++] = int256(vault.pendingTicketOf(id));
        }
        figures[at++] = int256(count);
        for (uint256 ticket = count - shown + 1; ticket <= count; ++ticket) {
            Ticket memory t = vault.ticketOf(ticket);
            figures[at++] = int256(uint256(t.account));
            figures[at++] = int256(uint256(t.remaining));
            figures[at++] = int256(uint256(t.payable_));
            figures[at++] = int256(uint256(t.paid));
        }
    }

    function _venue(int256[] memory figures, uint256 at, address venue) internal view {
        VenueState memory state = vault.venueOf(venue);
        PendingMark memory pending = vault.pendingMarkOf(venue);
        figures[at] = state.book;
        figures[at + 1] = int256(uint256(state.recalling));
        figures[at + 2] = state.windowNet;
        figures[at + 3] = pending.delta;
        figures[at + 4] = int256(uint256(pending.asOf));
        figures[at + 5] = int256(uint256(vault.bandOf(venue).quarantine));
    }
}
