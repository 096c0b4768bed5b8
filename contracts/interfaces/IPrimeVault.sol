// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.24;

// shadowing-local: arguments of an interface are names for the reader.
// slither-disable-start shadowing-local

/// @notice A sub-account. Its balance is a lane: see `laneOf`.
/// @dev `closing`: it closes at the end of the next commit if it is empty then.
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
    int128 book; // The first slot is what marks and commits read and write.
    uint16 relativeCapBps;
    uint8 tier;
    bool listed;
    bool suspended;
    uint40 markedAt;
    uint40 windowStart;
    uint64 recalling;
    uint64 cap;
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

/// @notice Pay up to `amount` of a ticket. What cannot be paid is skipped.
struct Approval {
    uint64 ticket;
    uint64 amount;
}

/// @notice One settlement: Σ deltas + fees + insuranceDelta − newDeficit == Σ deltas of the marks of `marked`.
/// @dev `epoch` is the next one, `asOf` is at most that of every mark used, `fence` is the database's fencing number.
/// Deltas come as `pnl4`: one word of four int64 (lane 0 lowest) for each storage word in `words`.
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

/// @notice How far an attested venue's book may rise, and what is held back. Amounts in micro-USDC.
/// @dev Rises use `windowLimit` (bps of the book at the window's first rise) per fixed 24 h. What exceeds it lies in
/// `quarantine`; `low` is the smallest one seen since `since`, and may be released 24 h after it. The two `pending`
/// fields belong to the unused mark.
struct Band {
    uint16 bps;
    uint40 windowStart;
    uint40 since;
    uint128 windowLimit;
    uint128 windowUsed;
    uint128 quarantine;
    uint128 low;
    uint128 pendingRise;
    uint128 pendingRelease;
}

/// @title The balance sheet: one asset, up to 1,024 sub-accounts, up to 8 venues.
/// @notice Amounts are micro-USDC, times are seconds. At all times `sumEquity + payables + insurance + feesAccrued ==
/// idle + Σ book + deficit + totalExitPaid`.
interface IPrimeVault {
    /* CLIENT */

    /// @notice Opens a sub-account for `owner` with a first deposit of at least 100 USDC from the caller.
    /// @dev Needs 100 USDC of insurance before the first one. Closed ids are used again, one generation later.
    /// @param owner Who may ask for its money; not 0.
    /// @param amount Micro-USDC.
    /// @return id From 1 on.
    function openAccount(address owner, uint64 amount) external returns (uint256 id);

    /// @notice Closes an empty sub-account at the end of the next commit, if it is still empty and no cash waits for
    /// its receiver.
    /// @dev By its owner; by a keeper 30 days after it was opened, without an unpaid ticket. At most 8 close per
    /// commit, in order.
    function closeAccount(uint256 id) external;

    /// @notice Pulls `amount` from the caller and credits it at once. By the owner or a delegate with DEPOSIT_FOR; not
    /// while a deficit is open.
    function deposit(uint256 id, uint64 amount) external;

    /// @notice `deposit` with an EIP-2612 permit of the caller. A permit that somebody has used before is no hindrance.
    function depositWithPermit(uint256 id, uint64 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;

    /// @notice Owner: gives `who` rights up to and including the second `until`, in place of what it had. TRADE 1,
    /// DEPOSIT_FOR 2, their sum, or 0.
    /// @dev TRADE is checked by whoever accepts orders; no right moves money out.
    function setRights(uint256 id, address who, uint8 rights, uint40 until) external;

    /// @notice Owner: asks for `amount`, the whole lane or at least 10 USDC, to be paid to `receiver` (not 0, the vault
    /// or a venue).
    /// @dev One unpaid ticket per sub-account. Paid by commits, then `claim`.
    /// @return ticket From 1 on.
    function requestWithdraw(uint256 id, uint64 amount, address receiver) external returns (uint256 ticket);

    /// @notice Owner: voids what is not approved yet. What is approved stays payable.
    function cancelWithdraw(uint256 ticket) external;

    /// @notice Owner: another receiver, as long as anything is unpaid.
    function redirect(uint256 ticket, address receiver) external;

    /// @notice Owner: offers the sub-account to `to` (0 withdraws the offer). Not while a ticket is unpaid or it is
    /// closing.
    function offerAccount(uint256 id, address to) external;

    /// @notice Takes an offered sub-account over, its money included. Its delegates lose their rights.
    function acceptAccount(uint256 id) external;

    /* ANYONE */

    /// @notice Pays what is approved to the ticket's receiver. Never paused; calls nothing but the asset.
    /// @return paid Micro-USDC. Reverts when it would be 0.
    function claim(uint256 ticket) external returns (uint64 paid);

    /// @notice Brings a venue contract's USDC home and books it. `venue` 0: books unbooked USDC lying here to
    /// insurance.
    /// @return collected Micro-USDC; may be 0.
    function sync(address venue) external returns (uint64 collected);

    /// @notice Continues an open recall.
    function advance(address venue) external;

    /// @notice Ends a recall whose time has passed; books do not move.
    function lapseRecall(address venue) external;

    /// @notice Pulls `amount` from the caller into insurance, which repays an open deficit first.
    function fundInsurance(uint64 amount) external;

    /// @notice Pays accrued fees, as far as cash is not reserved, to the fee recipient. Not in exit and not while a
    /// deficit is open.
    function payFees() external returns (uint64 paid);

    /// @notice Arms exit; a second call at least 24 hours later, the reason still true, starts it for good.
    /// @param ticketOrZero A ticket unserved for 7 days, with at least 10 USDC of it in its lane; 0: no full commit for
    /// 72 hours, or a deficit open for 72 hours.
    function triggerExit(uint256 ticketOrZero) external;

    /// @notice In exit: has a venue carry out one risk-reducing step.
    function unwind(address venue, bytes calldata step) external;

    /// @notice In exit: pays the sub-account's owner its share of what has been recovered, less what it got before; 0
    /// if that is nothing. Repeatable.
    function claimExit(uint256 id) external returns (uint64 paid);

    /* KEEPER */

    /// @notice Sends free cash to a listed venue, within its caps (see `VenueState`); what leaves it in 24 hours, net,
    /// is bounded by them too.
    /// @param venue Listed and not suspended.
    /// @param amount At most `freeCash`.
    function send(address venue, uint64 amount) external;

    /// @notice Asks a venue to bring `amount` home. Books move when it arrives.
    /// @param venue Listed; suspended or not.
    /// @param amount Above 0.
    function recall(address venue, uint64 amount) external;

    /// @notice Records the value of a quiet venue for a commit within 15 minutes, in place of an unused mark.
    /// @param attestation Of a T2 venue; empty for T1. @param assets T1: whose sizes and mark prices are emitted.
    function mark(address venue, bytes calldata attestation, uint32[] calldata assets) external;

    /// @notice Settles. Reverts unless it adds up to the micro-dollar. At least 10 minutes after the last one.
    /// @dev Approvals count only in a full commit (every T1 venue with a book marked in it, every T2 venue with one
    /// within 24 hours and with no unused mark) that leaves no deficit; otherwise they are skipped.
    /// @param c See `Commit`.
    function commit(Commit calldata c) external;

    /* CURATOR AND GUARDIANS: timelocked unless said otherwise */

    /// @notice Lists a venue that serves this vault and that its factory made, with the tier of its template there (1: the
    /// contract reads its equity; 2: attested). `relativeCapBps` of idle + Σ positive books.
    /// @param venue The adapter.
    /// @param cap Micro-USDC.
    /// @param relativeCapBps At most 10,000.
    function addVenue(address venue, uint64 cap, uint16 relativeCapBps) external;

    /// @notice Unlists a venue with no open recall and a book within 10 USDC of zero; insurance takes the rest.
    function removeVenue(address venue) external;

    /// @notice Curator: how far sends may take the venue's book, in micro-USDC; what leaves in 24 hours, net, too.
    function increaseCap(address venue, uint64 cap) external;

    /// @notice Curator, or a guardian down to 1.25 times the book; at once.
    function decreaseCap(address venue, uint64 cap) external;

    /// @notice Curator: the same in basis points of idle + Σ positive books.
    function increaseRelativeCap(address venue, uint16 bps) external;

    /// @notice Curator, at once.
    function decreaseRelativeCap(address venue, uint16 bps) external;

    /// @notice Stops or allows sends to a venue. Money comes home either way.
    function setSuspended(address venue, bool suspended) external;

    /// @notice Curator: what a T2 venue's book may rise in 24 hours, in basis points of it. 500 when listed.
    function increaseBand(address venue, uint16 bps) external;

    /// @notice Curator or guardian, at once.
    function decreaseBand(address venue, uint16 bps) external;

    /// @notice Curator: fees per day in parts per million of equity, at most 6,000 (0.60%).
    function increaseFeeCap(uint16 ppm) external;

    /// @notice Curator or guardian, at once.
    function decreaseFeeCap(uint16 ppm) external;

    /// @notice Curator: to whom `payFees` pays; not 0.
    function setFeeRecipient(address recipient) external;

    /// @notice Curator: who may enter (`IGate`); 0: everybody. Asked at entry only.
    function setGate(address gate) external;

    /// @notice Stops deposits at once (curator or guardian) or allows them again (curator, timelocked).
    function stopDeposits(bool stopped) external;

    /// @notice Guardian: what is in quarantine waits another 24 hours; an unused mark of the venue is void.
    /// @param venue Attested, with something in quarantine.
    function refuseQuarantine(address venue) external;

    /* OWNER */

    /// @notice Owner, after 48 hours.
    function addKeeper(address keeper) external;

    /// @notice Owner or a guardian, at once; a guardian not the last one.
    function removeKeeper(address keeper) external;

    /// @notice Owner, timelocked.
    function setCurator(address curator) external;

    /// @notice Owner, timelocked.
    function setOwner(address owner) external;

    /// @notice At once: a guardian can only tighten.
    function addGuardian(address guardian) external;

    /// @notice Owner, timelocked.
    function removeGuardian(address guardian) external;

    /* TIMELOCKS */

    /// @notice Announces a call, by the role that may make it. It may be made from `timelockOf` of its selector later,
    /// for 14 days. Before the first sub-account no call needs this.
    /// @param data The call's data, selector included.
    function submit(bytes calldata data) external;

    /// @notice The role that announced a call, or a guardian: takes it back. A guardian cannot do so with its own removal.
    function revoke(bytes calldata data) external;

    /// @notice Gives a timelocked function up for ever, by the role that may call it; itself timelocked.
    function abdicate(bytes4 selector) external;

    /// @notice Curator, at once; at most 30 days.
    function increaseTimelock(bytes4 selector, uint40 delay) external;

    /// @notice Curator, after that very timelock; not below the minimum: 10 days for what admits more risk (addVenue,
    /// increaseCap, increaseRelativeCap, increaseBand), 48 hours for addKeeper, 3 days for the rest.
    function decreaseTimelock(bytes4 selector, uint40 delay) external;

    /* VIEWS */

    /// @notice USDC: the one token it holds and pays. Fixed.
    function asset() external view returns (address);

    /// @notice Who made this vault: the VaultFactory whose venues it lists.
    function factory() external view returns (address);

    /// @notice Who names curator, keepers and guardians.
    function owner() external view returns (address);

    /// @notice Who lists venues and sets limits.
    function curator() external view returns (address);

    /// @notice Whether `who` may send, recall, mark and commit.
    function isKeeper(address who) external view returns (bool);

    /// @notice Booked cash: at most the token balance.
    function idle() external view returns (uint128);

    /// @notice Σ of all lanes.
    function sumEquity() external view returns (uint128);

    /// @notice Cash reserved for approved tickets.
    function payables() external view returns (uint128);

    /// @notice What bears losses before a deficit opens. Nobody can take it out.
    function insurance() external view returns (uint128);

    /// @notice Fees taken by commits and not paid yet.
    function feesAccrued() external view returns (uint128);

    /// @notice Losses that neither lanes nor insurance could bear.
    function deficit() external view returns (uint128);

    /// @notice Number of commits.
    function epoch() external view returns (uint64);

    /// @notice When the last commit was made; 0: never.
    function committedAt() external view returns (uint64);

    /// @notice As of when the last commit settled.
    function lastAsOf() external view returns (uint64);

    /// @notice The highest fencing number of any commit.
    function lastFence() external view returns (uint64);

    /// @notice The highest id ever opened, closed ones included.
    function accountCount() external view returns (uint256);

    /// @notice The last ticket; the first is 1.
    function ticketCount() external view returns (uint256);

    /// @notice What may be sent: idle less payables, insurance and accrued fees.
    function freeCash() external view returns (uint128);

    /// @notice Balance of a sub-account. 0 for an id never opened.
    function laneOf(uint256 id) external view returns (uint64);

    /// @notice A sub-account by its id; empty for an id never opened.
    function accountOf(uint256 id) external view returns (Account memory);

    /// @notice A withdrawal by its number; empty for one never asked for.
    function ticketOf(uint256 ticket) external view returns (Ticket memory);

    /// @notice The ticket of which something is unpaid, or 0.
    function pendingTicketOf(uint256 id) external view returns (uint256 ticket);

    /// @notice As last set in the present generation, expired or not.
    function rightsOf(uint256 id, address who) external view returns (uint8 rights, uint40 until);

    /// @notice A listed venue's part of the balance sheet; empty for any other address.
    function venueOf(address venue) external view returns (VenueState memory);

    /// @notice The venue's mark that no commit has used.
    function pendingMarkOf(address venue) external view returns (PendingMark memory);

    /// @notice The root of the statement of commit `epoch`; 0: none.
    function statementRootOf(uint64 epoch) external view returns (bytes32);

    /// @notice Listed venues, in no order.
    function venues() external view returns (address[] memory);

    /// @notice Dollars by tier: booked cash; equity the contract reads; attested equity. Against them what clients and
    /// the fee recipient are owed; insurance is owed to nobody.
    /// @dev Live equity as the venues' views tell it: money on its way is in neither. A venue that cannot be read
    /// counts as nothing.
    function solvency()
        external
        view
        returns (uint256 assetsT0, uint256 assetsT1, uint256 assetsT2, uint256 liabilities);

    /// @notice Whether `who` may tighten limits and revoke announcements.
    function isGuardian(address who) external view returns (bool);

    /// @notice Whether exit has started.
    function exiting() external view returns (bool);

    /// @notice When exit started; 0: it has not.
    function exitAt() external view returns (uint40);

    /// @notice When exit was armed for this reason (see `triggerExit`; for 0 the earlier one), if that still stands.
    function exitArmedAt(uint256 ticketOrZero) external view returns (uint40);

    /// @notice What `claimExit` has paid to one sub-account.
    function exitPaidOf(uint256 id) external view returns (uint64);

    /// @notice What `claimExit` has paid to all.
    function totalExitPaid() external view returns (uint128);

    /// @notice What a ticket has paid so far.
    function paidOf(uint256 ticket) external view returns (uint64);

    /// @notice To whom the owner has offered the sub-account.
    function offerOf(uint256 id) external view returns (address);

    /// @notice When a commit was last full, or the vault last was empty.
    function fullAt() external view returns (uint40);

    /// @notice The last full commit; equal to `epoch` when the last commit was full.
    function fullEpoch() external view returns (uint64);

    /// @notice Σ books of T2 venues that a guardian has suspended and that have not been marked since (or within 24
    /// hours): what approvals leave behind pro rata, and why no pool prices deposits while it is above 0.
    function suspendedBook() external view returns (uint128);

    /// @notice The band and the quarantine of an attested venue.
    function bandOf(address venue) external view returns (Band memory);

    /// @notice Σ quarantine of all venues.
    function totalQuarantine() external view returns (uint128);

    /// @notice Fees that accrue per day, in parts per million of equity.
    function feeCapPerDay() external view returns (uint16 ppm);

    /// @notice What the last commit left of the allowance for fees.
    function feeAllowance() external view returns (uint64);

    /// @notice To whom `payFees` pays; 0: nobody yet.
    function feeRecipient() external view returns (address);

    /// @notice The window in which approvals of tickets younger than 24 hours are limited, and what it has used.
    function outflowWindow() external view returns (uint40 start, uint104 limit, uint104 used);

    /// @notice Who is asked at entry; 0: nobody.
    function gate() external view returns (address);

    /// @notice Whether deposits are stopped.
    function depositsStopped() external view returns (bool);

    /// @notice Seconds between announcement and call. 0 before the first sub-account.
    function timelockOf(bytes4 selector) external view returns (uint40);

    /// @notice From when on an announced call may be made; 0: it is not announced.
    function executableAt(bytes calldata data) external view returns (uint256);

    /// @notice Whether the function was given up for ever.
    function abdicated(bytes4 selector) external view returns (bool);
}

// slither-disable-end shadowing-local
