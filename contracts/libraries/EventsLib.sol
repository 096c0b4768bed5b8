// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

/// @title Every state change of a PrimeVault. Amounts in micro-USDC.
library EventsLib {
    /// @notice `id` belongs to `owner` now. `generation` counts the owners of this id.
    event AccountOpened(uint256 indexed id, address indexed owner, uint32 generation);
    /// @notice `id` closes at the end of a coming commit if it is empty then.
    event AccountClosing(uint256 indexed id);
    /// @notice `id` was to close and did not.
    /// @dev It was closing, but its lane or its ticket was not empty at the end of the commit.
    event AccountKept(uint256 indexed id);
    /// @notice `id` is nobody's and may be opened again.
    event AccountClosed(uint256 indexed id, uint32 generation);
    /// @notice `amount` was pulled from `from` and added to the lane of `id`.
    event Deposited(uint256 indexed id, address indexed from, uint64 amount);
    /// @notice `who` has `rights` (1 TRADE, 2 DEPOSIT_FOR, their sum, 0) over `id` up to and including the second
    /// `until`.
    event RightsSet(uint256 indexed id, uint32 indexed generation, address indexed who, uint8 rights, uint40 until);
    /// @notice `amount` of the lane of `id` was asked for, to be paid to `receiver`.
    event WithdrawRequested(uint256 indexed ticket, uint256 indexed id, address indexed receiver, uint64 amount);
    /// @notice `amount` of the ticket will not be paid: its owner voided it, or its lane is empty.
    event WithdrawCancelled(uint256 indexed ticket, uint256 indexed id, uint64 amount);
    /// @notice `amount` of the ticket left the lane of `id` and is reserved cash from commit `epoch` on.
    event WithdrawApproved(uint256 indexed ticket, uint256 indexed id, uint64 indexed epoch, uint64 amount);
    /// @notice What is unpaid of the ticket goes to `receiver`.
    event Redirected(uint256 indexed ticket, address indexed receiver);
    /// @notice `amount` of the ticket was paid to `receiver`.
    event Claimed(uint256 indexed ticket, address indexed receiver, uint64 amount);
    /// @notice `amount` went to the venue; its book rose by as much.
    event Sent(address indexed venue, uint64 amount);
    /// @notice The venue was asked to bring `amount` home; no book moved.
    event RecallAsked(address indexed venue, uint64 amount);
    /// @notice `amount` of a recall is no longer waited for; no book moved.
    event RecallLapsed(address indexed venue, uint64 amount);
    /// @notice `amount` came home from the venue; its book fell by as much.
    event Collected(address indexed venue, uint64 amount);
    /// @notice `amount` of cash went to insurance, an open deficit first.
    /// @dev `from` 0: unbooked USDC that lay in the vault.
    event InsuranceFunded(address indexed from, uint64 amount);
    /// @notice The venue is accepted at `value` as of `asOf`, `delta` more than its book, for a commit to use.
    event Marked(address indexed venue, int128 delta, int128 value, uint64 asOf, uint64 l1Block, bytes32 indexed sheet);
    /// @notice Size and mark price that the marked venue had in `asset` (units: `IVenue.assetOf`).
    event AssetMarked(address indexed venue, uint32 indexed asset, int64 size, uint64 markPrice);
    /// @notice The changes of lanes in commit `epoch`, as they were encoded in it (see `Commit`).
    event LanesChanged(uint64 indexed epoch, bytes words, uint256[] pnl4);
    /// @notice Commit `epoch` settled the marks of `marked`; `pnl` is the sum of all changes of lanes.
    event Committed(
        uint64 indexed epoch,
        uint64 asOf,
        uint64 fence,
        bytes32 statementRoot,
        int256 pnl,
        uint64 fees,
        int64 insuranceDelta,
        uint64 newDeficit,
        address[] marked
    );
    /// @notice The venue is listed. `tier` 1: its equity is read; 2: attested.
    event VenueAdded(address indexed venue, uint8 tier);
    /// @notice The venue is no longer listed; insurance took what its book was.
    event VenueRemoved(address indexed venue);
    /// @notice The venue's book may grow to `cap` by sends.
    event CapChanged(address indexed venue, uint64 cap);
    /// @notice The venue's book may grow by sends to `bps` basis points of idle and positive books.
    event RelativeCapChanged(address indexed venue, uint16 bps);
    /// @notice Sends to the venue are stopped or allowed again.
    event SuspensionSet(address indexed venue, bool suspended);
    /// @notice `keeper` may move cash to venues and back, mark and commit.
    event KeeperAdded(address indexed keeper);
    /// @notice `keeper` may do so no longer.
    event KeeperRemoved(address indexed keeper);
    /// @notice `curator` lists venues and sets limits from now on.
    event CuratorSet(address indexed curator);
    /// @notice `owner` names curator, keepers and guardians from now on.
    event OwnerSet(address indexed owner);
    /// @notice The owner of `id` offers it to `to`; 0: to nobody any more.
    event AccountOffered(uint256 indexed id, address indexed to);
    /// @notice `id`, its money included, went from `from` to `to`.
    /// @dev `generation` is the new owner's: rights of delegates ended with the last one.
    event AccountTransferred(uint256 indexed id, address indexed from, address indexed to, uint32 generation);
    /// @notice `amount` of accrued fees was paid.
    event FeesPaid(address indexed recipient, uint64 amount);
    /// @notice `amount` of the venue's attested value is held back.
    /// @dev After a mark: what is held back, less than before or more. `Marked` tells the value without it.
    event Quarantined(address indexed venue, uint128 amount);
    /// @notice `amount` left quarantine and became book.
    event QuarantineReleased(address indexed venue, uint128 amount);
    /// @notice A guardian made the `amount` in quarantine wait another 24 hours.
    event QuarantineRefused(address indexed venue, uint128 amount);
    /// @notice The attested venue's book may rise by `bps` basis points in 24 hours.
    event BandChanged(address indexed venue, uint16 bps);
    /// @notice Fees accrue at `ppmPerDay` millionths of equity a day from now on.
    event FeeCapChanged(uint16 ppmPerDay);
    /// @notice Fees are paid to `recipient` from now on.
    event FeeRecipientSet(address indexed recipient);
    /// @notice `gate` says who may enter; 0: everybody.
    event GateSet(address indexed gate);
    /// @notice Deposits are stopped or allowed again.
    event DepositsStopped(bool stopped);
    /// @notice `guardian` may tighten limits and revoke announcements.
    event GuardianAdded(address indexed guardian);
    /// @notice `guardian` may do so no longer.
    event GuardianRemoved(address indexed guardian);
    /// @notice A call was announced; it may be made from `executableAt` on, for 14 days.
    event Submitted(bytes4 indexed selector, bytes data, uint256 executableAt);
    /// @notice An announced call was made.
    event Accepted(bytes4 indexed selector, bytes data);
    /// @notice `by` took an announcement back.
    event Revoked(address indexed by, bytes4 indexed selector, bytes data);
    /// @notice The function was given up for ever.
    event AbdicatedSelector(bytes4 indexed selector);
    /// @notice Calls of the function wait `delay` seconds from now on.
    event TimelockChanged(bytes4 indexed selector, uint40 delay);
    /// @notice Exit may be started 24 hours from now, the reason still true.
    /// @dev `ticket` 0: no full commit, or a deficit, for 72 hours.
    event ExitArmed(uint256 indexed ticket);
    /// @notice Exit has started, for the reason `ticket` (0: see `ExitArmed`), with `sumEquity` in the lanes.
    event ExitTriggered(uint256 indexed ticket, uint128 sumEquity);
    /// @notice `amount` of what was recovered was paid for `id` to its owner.
    event ExitClaimed(uint256 indexed id, address indexed owner, uint64 amount);
}
