// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {SafeCastLib} from "solady/utils/SafeCastLib.sol";

import {AccountSheet, ILens, VenueSheet} from "./interfaces/ILens.sol";
import {Account, IPrimeVault} from "./interfaces/IPrimeVault.sol";
import {IVenue} from "./interfaces/IVenue.sol";

// calls-loop: a view asks its vault as often as it has to; a venue is asked with a gas cap.
// assembly: shortens an array that was made here.
// slither-disable-start calls-loop,assembly

/// @title Read-only answers about any vault.
contract Lens is ILens {
    using SafeCastLib for uint256;

    /// @dev What one adapter may spend to say its equity, so that a broken one cannot use up the call.
    uint256 internal constant VIEW_GAS = 300_000;

    /// @inheritdoc ILens
    function verifyStatement(IPrimeVault vault, uint64 epoch, bytes calldata content, bytes32[] calldata proof)
        external
        view
        returns (bool)
    {
        bytes32 root = vault.statementRootOf(epoch);
        return root != 0 && MerkleProof.verifyCalldata(proof, root, keccak256(bytes.concat(keccak256(content))));
    }

    /// @inheritdoc ILens
    function accounts(IPrimeVault vault, address owner, uint256 first, uint256 count)
        external
        view
        returns (AccountSheet[] memory sheets)
    {
        uint256 last = vault.accountCount();
        if (first == 0) first = 1;
        if (count < last && first + count <= last) last = first + count - 1;
        sheets = new AccountSheet[](first > last ? 0 : last - first + 1);
        uint256 found;
        for (uint256 id = first; id <= last; ++id) {
            Account memory account = vault.accountOf(id);
            if (owner != address(0) && account.owner != owner) continue;
            AccountSheet memory sheet = sheets[found++];
            sheet.id = id;
            sheet.owner = account.owner;
            sheet.generation = account.generation;
            sheet.open = account.open;
            sheet.balance = vault.laneOf(id);
            sheet.exitClaimable = _exitClaimable(vault, id, sheet.balance);
            sheet.ticketId = vault.pendingTicketOf(id);
            if (sheet.ticketId != 0) sheet.ticket = vault.ticketOf(sheet.ticketId);
        }
        // the array was made for all of them
        assembly ("memory-safe") {
            mstore(sheets, found)
        }
    }

    /// @inheritdoc ILens
    function venues(IPrimeVault vault) external view returns (VenueSheet[] memory sheets) {
        address[] memory listed = vault.venues();
        sheets = new VenueSheet[](listed.length);
        for (uint256 i; i < listed.length; ++i) {
            VenueSheet memory sheet = sheets[i];
            sheet.venue = listed[i];
            sheet.state = vault.venueOf(listed[i]);
            sheet.quarantine = vault.bandOf(listed[i]).quarantine;
            try IVenue(listed[i]).equity{gas: VIEW_GAS}() returns (int64 value, uint64 asOf) {
                (sheet.answered, sheet.equity, sheet.asOf) = (true, value, asOf);
            } catch {
                sheet.answered = false;
            }
        }
    }

    /// @inheritdoc ILens
    function imbalance(IPrimeVault vault) external view returns (int256 gap) {
        uint256 owed = uint256(vault.sumEquity()) + vault.payables() + vault.insurance() + vault.feesAccrued();
        uint256 held = uint256(vault.idle()) + vault.deficit() + vault.totalExitPaid();
        gap = owed.toInt256() - held.toInt256();
        address[] memory listed = vault.venues();
        for (uint256 i; i < listed.length; ++i) {
            gap -= vault.venueOf(listed[i]).book;
        }
    }

    /// @dev The vault's own formula: floor(lane × R / S) − exitPaid, R = idle − payables + totalExitPaid.
    function _exitClaimable(IPrimeVault vault, uint256 id, uint256 lane) internal view returns (uint64) {
        uint256 total = vault.sumEquity();
        if (!vault.exiting() || total == 0) return 0;
        uint256 reserves = uint256(vault.idle()) - vault.payables() + vault.totalExitPaid();
        uint256 due = lane * reserves / total;
        uint256 paid = vault.exitPaidOf(id);
        return due > paid ? (due - paid).toUint64() : 0;
    }
}

// slither-disable-end calls-loop,assembly
