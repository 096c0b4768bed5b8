// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

/// @title Every state change of a PrimeVault. Amounts in micro-USDC.
library EventsLib {
    event AccountOpened(uint256 indexed id, address indexed owner, uint32 generation);
    event AccountClosing(uint256 indexed id);
    /// @dev It was closing, but its lane or its ticket was not empty at the end of the commit.
    event AccountKept(uint256 indexed id);
    event AccountClosed(uint256 indexed id, uint32 generation);
    event Deposited(uint256 indexed id, address indexed from, uint64 amount);
    event RightsSet(uint256 indexed id, uint32 indexed generation, address indexed who, uint8 rights, uint40 until);
    event WithdrawRequested(uint256 indexed ticket, uint256 indexed id, address indexed receiver, uint64 amount);
    event WithdrawCancelled(uint256 indexed ticket, uint256 indexed id, uint64 amount);
    event WithdrawApproved(uint256 indexed ticket, uint256 indexed id, uint64 indexed epoch, uint64 amount);
    event Redirected(uint256 indexed ticket, address indexed receiver);
    event Claimed(uint256 indexed ticket, address indexed receiver, uint64 amount);
    event Sent(address indexed venue, uint64 amount);
    event RecallAsked(address indexed venue, uint64 amount);
    event RecallLapsed(address indexed venue, uint64 amount);
    event Collected(address indexed venue, uint64 amount);
    /// @dev `from` 0: unbooked USDC that lay in the vault.
    event InsuranceFunded(address indexed from, uint64 amount);
    event Marked(address indexed venue, int128 delta, int128 value, uint64 asOf, uint64 l1Block, bytes32 indexed sheet);
    event AssetMarked(address indexed venue, uint32 indexed asset, int64 size, uint64 markPrice);
    event LanesChanged(uint64 indexed epoch, bytes words, uint256[] pnl4);
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
    event VenueAdded(address indexed venue, uint8 tier);
    event VenueRemoved(address indexed venue);
    event CapChanged(address indexed venue, uint64 cap);
    event RelativeCapChanged(address indexed venue, uint16 bps);
    event SuspensionSet(address indexed venue, bool suspended);
    event KeeperAdded(address indexed keeper);
    event KeeperRemoved(address indexed keeper);
    event CuratorSet(address indexed curator);
    event OwnerSet(address indexed owner);
    event AccountOffered(uint256 indexed id, address indexed to);
    /// @dev `generation` is the new owner's: rights of delegates ended with the last one.
    event AccountTransferred(uint256 indexed id, address indexed from, address indexed to, uint32 generation);
    event FeesPaid(address indexed recipient, uint64 amount);
    /// @dev After a mark: what is held back, less than before or more. `Marked` tells the value without it.
    event Quarantined(address indexed venue, uint128 amount);
    event QuarantineReleased(address indexed venue, uint128 amount);
    event QuarantineRefused(address indexed venue, uint128 amount);
    event BandChanged(address indexed venue, uint16 bps);
    event FeeCapChanged(uint16 ppmPerDay);
    event FeeRecipientSet(address indexed recipient);
    event GateSet(address indexed gate);
    event DepositsStopped(bool stopped);
    event GuardianAdded(address indexed guardian);
    event GuardianRemoved(address indexed guardian);
    event Submitted(bytes4 indexed selector, bytes data, uint256 executableAt);
    event Accepted(bytes4 indexed selector, bytes data);
    event Revoked(address indexed by, bytes4 indexed selector, bytes data);
    event AbdicatedSelector(bytes4 indexed selector);
    event TimelockChanged(bytes4 indexed selector, uint40 delay);
    /// @dev `ticket` 0: no full commit, or a deficit, for 72 hours.
    event ExitArmed(uint256 indexed ticket);
    event ExitTriggered(uint256 indexed ticket, uint128 sumEquity);
    event ExitClaimed(uint256 indexed id, address indexed owner, uint64 amount);
}
