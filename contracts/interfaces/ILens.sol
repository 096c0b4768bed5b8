// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {IPrimeVault, Ticket, VenueState} from "./IPrimeVault.sol";

/// @notice A sub-account as its owner sees it. Amounts in micro-USDC, times in seconds.
/// @param balance Its lane. @param exitClaimable What `claimExit` would pay now; 0 before exit.
/// @param ticketId The unpaid withdrawal, 0 if there is none; `ticket` is it.
struct AccountSheet {
    uint256 id;
    address owner;
    uint32 generation;
    bool open;
    uint64 balance;
    uint64 exitClaimable;
    uint256 ticketId;
    Ticket ticket;
}

/// @notice A listed venue. @param equity As the adapter says it now, as of `asOf`; `answered` false: it reverted.
struct VenueSheet {
    address venue;
    VenueState state;
    bool answered;
    int64 equity;
    uint64 asOf;
    uint128 quarantine;
}

/// @title Read-only answers about any vault. It holds nothing, owns nothing and is on no path that money takes.
interface ILens {
    /// @notice Whether `content` is a leaf of the statement whose root epoch `epoch` committed: leaves are
    /// keccak256(keccak256(content)), inner nodes the hash of their sorted children.
    /// @param content The canonical bytes of one entry. @param proof The siblings from the leaf up.
    /// @return False also for an epoch that committed no root.
    function verifyStatement(IPrimeVault vault, uint64 epoch, bytes calldata content, bytes32[] calldata proof)
        external
        view
        returns (bool);

    /// @notice The sub-accounts `first` to `first + count - 1` as far as they were ever opened, `owner`'s alone unless 0.
    function accounts(IPrimeVault vault, address owner, uint256 first, uint256 count)
        external
        view
        returns (AccountSheet[] memory);

    /// @notice Every listed venue. One that reverts, or burns its gas, breaks nothing.
    function venues(IPrimeVault vault) external view returns (VenueSheet[] memory);

    /// @notice `liabilities − assets` of the balance sheet as it is booked; 0 at all times is what the vault promises.
    /// @return gap sumEquity + payables + insurance + feesAccrued − idle − Σ book − deficit − totalExitPaid.
    function imbalance(IPrimeVault vault) external view returns (int256 gap);
}
