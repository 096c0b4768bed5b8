// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.24;

/// @notice A sub-account. Its balance is a lane: see `laneOf`.
struct Account {
    address owner;
    uint40 openedAt;
    uint32 generation;
    bool open;
    bool closing;
}

/// @notice A venue as the balance sheet sees it. Amounts in micro-USDC.
/// @dev `book` is what the venue was last worth plus what was sent minus what was collected since; it may be negative.
struct VenueState {
    int128 book;
    uint64 recalling;
    uint64 cap;
    uint16 relativeCapBps;
    uint8 tier;
    bool listed;
    bool suspended;
    uint40 markedAt;
    uint40 windowStart;
    int128 windowNet;
}

/// @notice A recorded mark that no commit has used yet. `asOf` 0: none.
struct PendingMark {
    int128 delta;
    uint64 asOf;
    uint64 l1Block;
}

/// @notice A withdrawal: `remaining` waits for approval, `payable_` is reserved cash.
struct Ticket {
    uint32 account;
    uint40 requestedAt;
    uint64 remaining;
    uint64 payable_;
    uint64 paid;
    address receiver;
}

struct Approval {
    uint64 ticket;
    uint64 amount;
}

/// @notice One settlement. Deltas come as `pnl4`: one word of four int64 (lane 0 lowest) for each storage word in `words`.
struct Commit {
    uint64 epoch;
    uint64 asOf;
    uint64 fence;
    bytes32 statementRoot;
    int64 insuranceDelta;
    uint64 fees;
    uint64 newDeficit;
    bytes words;
    uint256[] pnl4;
    address[] marked;
    Approval[] approvals;
}

/// @title The balance sheet: one asset, up to 1,024 sub-accounts, up to 8 venues.
/// @notice Amounts are micro-USDC. `sumEquity + payables + insurance + feesAccrued == idle + Σ book + deficit` at all times.
interface IPrimeVault {
    /* CLIENT */

    function openAccount(address owner, uint64 amount) external returns (uint256 id);
    function closeAccount(uint256 id) external;
    function deposit(uint256 id, uint64 amount) external;
    function depositWithPermit(uint256 id, uint64 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;
    function setRights(uint256 id, address who, uint8 rights, uint40 until) external;
    function requestWithdraw(uint256 id, uint64 amount, address receiver) external returns (uint256 ticket);
    function cancelWithdraw(uint256 ticket) external;
    function redirect(uint256 ticket, address receiver) external;

    /* ANYONE */

    function claim(uint256 ticket) external returns (uint64 paid);
    function sync(address venue) external returns (uint64 collected);
    function advance(address venue) external;
    function lapseRecall(address venue) external;
    function fundInsurance(uint64 amount) external;

    /* KEEPER */

    function send(address venue, uint64 amount) external;
    function recall(address venue, uint64 amount) external;
    function mark(address venue, bytes calldata attestation, uint32[] calldata assets) external;
    function commit(Commit calldata c) external;

    /* CURATOR */

    function addVenue(address venue, uint8 tier, uint64 cap, uint16 relativeCapBps) external;
    function removeVenue(address venue) external;
    function increaseCap(address venue, uint64 cap) external;
    function decreaseCap(address venue, uint64 cap) external;
    function increaseRelativeCap(address venue, uint16 bps) external;
    function decreaseRelativeCap(address venue, uint16 bps) external;
    function setSuspended(address venue, bool suspended) external;

    /* OWNER */

    function addKeeper(address keeper) external;
    function removeKeeper(address keeper) external;
    function setCurator(address curator) external;
    function setOwner(address owner) external;

    /* VIEWS */

    function asset() external view returns (address);
    function owner() external view returns (address);
    function curator() external view returns (address);
    function isKeeper(address who) external view returns (bool);
    function idle() external view returns (uint128);
    function sumEquity() external view returns (uint128);
    function payables() external view returns (uint128);
    function insurance() external view returns (uint128);
    function feesAccrued() external view returns (uint128);
    function deficit() external view returns (uint128);
    function epoch() external view returns (uint64);
    function committedAt() external view returns (uint64);
    function lastAsOf() external view returns (uint64);
    function lastFence() external view returns (uint64);
    function accountCount() external view returns (uint256);
    function ticketCount() external view returns (uint256);
    function freeCash() external view returns (uint128);
    function laneOf(uint256 id) external view returns (uint64);
    function accountOf(uint256 id) external view returns (Account memory);
    function ticketOf(uint256 ticket) external view returns (Ticket memory);
    function pendingTicketOf(uint256 id) external view returns (uint256 ticket);
    function rightsOf(uint256 id, address who) external view returns (uint8 rights, uint40 until);
    function venueOf(address venue) external view returns (VenueState memory);
    function pendingMarkOf(address venue) external view returns (PendingMark memory);
    function statementRootOf(uint64 epoch) external view returns (bytes32);
    function venues() external view returns (address[] memory);
    function solvency()
        external
        view
        returns (uint256 assetsT0, uint256 assetsT1, uint256 assetsT2, uint256 liabilities);
}
