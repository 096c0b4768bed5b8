// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IHyperCoreVenue} from "../interfaces/IHyperCoreVenue.sol";
import {IPrimeVault} from "../interfaces/IPrimeVault.sol";
import {IVenue} from "../interfaces/IVenue.sol";
import {CoreReadLib} from "../libraries/CoreReadLib.sol";
import {CoreWriterLib, ICoreWriter} from "../libraries/CoreWriterLib.sol";
import {VenueErrorsLib} from "../libraries/VenueErrorsLib.sol";

/// @notice Circle's bridge of USDC from the EVM to Core.
interface ICoreDepositWallet {
    function deposit(uint256 amount, uint32 destinationDex) external;
}

/// @title HyperCoreVenue
/// @notice Tier T1: this contract is the Hyperliquid account of one vault, and it reads its own equity from Core.
///
/// TRUST. Code and Hyperliquid (and Circle, for the bridge of USDC). Money has two ways out of this contract: into its own Core
/// account, and to the vault. The keeper moves between perp and spot; a trader key can trade, and cannot transfer out.
///
/// ONE THING IN FLIGHT. Core sees what the EVM wrote only later, and drops silently what it cannot do. So each function issues
/// at most one Core action, a deposit is confirmed before anything else moves, and nothing else moves while a recall is open.
///
/// RECALL. `recall(amount)` either pays out at once (spot suffices) or first moves the shortfall from perp to spot. `advance`
/// pays out when all of it lies on spot, or, once that move has had its time, as much as does. A recall pays out once: whatever
/// it could not bring is given up with `lapse`, and recalled anew. 5 USDC stay on spot, because Core takes its fee from there.
///
///     recall ──► MOVING ── advance ──► LEAVING ── collect, until all of it came ──► NONE
///        └──────── spot suffices ─────────┘└── lapse (after 15 min if spot did not fall, else 24 h) ──► NONE
///
/// CLOCKS. `quiet()` depends on `movedAt`, `movedL1`, `confirmed` and the recall. Strangers reach `confirm` (which only ends a
/// wait) and, through the vault, `advance` (which pays out once, while a recall keeps the venue unquiet anyway), `collect` and
/// `lapse`. None restarts the clock of a venue that is quiet or about to be.
///
/// LIMITS. A few USDC stay behind on spot. USDC of this contract on the EVM is not equity until `collect`.
contract HyperCoreVenue is IHyperCoreVenue {
    using SafeCast for uint256;
    using SafeCast for int256;
    using SafeERC20 for IERC20;

    enum Stage {
        None,
        Moving,
        Leaving
    }

    /// @dev `amount` is what is still to come home (micro-USDC), `spotBefore` the spot balance (1e-8) when it left.
    struct Recall {
        Stage stage;
        uint64 amount;
        uint64 left;
        uint64 spotBefore;
        uint40 steppedAt;
    }

    enum Key {
        Unknown,
        Approved,
        Used
    }

    /// @dev Spot USDC has eight decimals, a micro-USDC six.
    uint64 internal constant SPOT_PER_MICRO = 100;
    /// @dev 5 USDC, in units of 1e-8.
    uint64 internal constant SPOT_RESERVE = 5e8;
    uint256 internal constant ARRIVAL_TIME = 15 minutes;
    uint256 internal constant PAYOUT_TIME = 24 hours;
    uint256 internal constant SETTLE_TIME = 60 seconds;
    uint64 internal constant SETTLE_BLOCKS = 3;
    uint256 internal constant TRADER_TIME = 7 days;
    /// @dev One name for ever: enrolling the next key under it revokes the one before.
    string internal constant TRADER_NAME = "perp-prime";

    /// @inheritdoc IVenue
    address public immutable vault;
    IERC20 internal immutable asset;
    ICoreDepositWallet internal immutable coreDepositWallet;
    ICoreWriter internal immutable coreWriter;

    uint64 internal movedAt;
    uint64 internal movedL1;
    /// @inheritdoc IHyperCoreVenue
    bool public confirmed = true;
    /// @dev Of the deposit under way: spot (1e-8) that proves its arrival.
    uint64 internal spotExpected;

    Recall internal open;

    mapping(address key => Key) internal keys;
    address internal traderKey;
    uint40 internal traderUntil;

    constructor(address vault_, address asset_, address coreDepositWallet_, address coreWriter_) {
        require(
            vault_ != address(0) && asset_ != address(0) && coreDepositWallet_ != address(0)
                && coreWriter_ != address(0),
            VenueErrorsLib.ZeroAddress()
        );
        vault = vault_;
        asset = IERC20(asset_);
        coreDepositWallet = ICoreDepositWallet(coreDepositWallet_);
        coreWriter = ICoreWriter(coreWriter_);
    }

    /* VAULT */

    /// @inheritdoc IVenue
    function send(uint64 amount) external {
        _onlyVault();
        _requireIdle();
        // An account that does not exist yet would be charged for its activation, or the deposit would wait in an escrow.
        require(CoreReadLib.userExists(address(this)), VenueErrorsLib.AccountMissing());
        (uint64 spot,) = CoreReadLib.spotUsdc(address(this));
        spotExpected = spot + amount * SPOT_PER_MICRO;
        confirmed = false;
        _moved();
        asset.forceApprove(address(coreDepositWallet), amount);
        coreDepositWallet.deposit(amount, CoreWriterLib.SPOT_DEX);
    }

    /// @inheritdoc IVenue
    function recall(uint64 amount) external {
        _onlyVault();
        _requireIdle();
        require(amount > 0, VenueErrorsLib.ZeroAmount());
        (uint64 total, uint64 available) = CoreReadLib.spotUsdc(address(this));
        uint64 wanted = amount * SPOT_PER_MICRO + SPOT_RESERVE;
        if (available >= wanted) return _leave(amount, total);

        uint64 shortfall = (wanted - available + SPOT_PER_MICRO - 1) / SPOT_PER_MICRO;
        require(shortfall <= CoreReadLib.withdrawable(address(this)), VenueErrorsLib.TooMuch());
        open = Recall(Stage.Moving, amount, 0, 0, uint40(block.timestamp));
        _moveClass(shortfall, false);
    }

    /// @inheritdoc IVenue
    function advance() external {
        _onlyVault();
        require(open.stage == Stage.Moving, VenueErrorsLib.NothingToAdvance());
        (uint64 total, uint64 available) = CoreReadLib.spotUsdc(address(this));
        uint64 ready = available > SPOT_RESERVE ? (available - SPOT_RESERVE) / SPOT_PER_MICRO : 0;
        if (ready > open.amount) ready = open.amount;
        // Less than all only after the move had its time: a stranger's early call must not cut a recall short.
        require(ready > 0 && (ready == open.amount || _settled()), VenueErrorsLib.NothingToAdvance());
        _leave(ready, total);
    }

    /// @inheritdoc IVenue
    /// @dev Without an open recall there is nothing to wait for: the vault may give up what a partial recall did not bring.
    /// Books stay as they are: USDC that comes later is still collected. The clock starts at the recall's last step.
    function lapse() external {
        _onlyVault();
        if (open.stage == Stage.None) return;
        uint256 wait = ARRIVAL_TIME;
        if (open.stage == Stage.Leaving) {
            (uint64 total,) = CoreReadLib.spotUsdc(address(this));
            // Core took it, and the payout on the EVM is only late. Half the amount tells: a dropped action leaves spot as
            // it was, and to hide an executed one a stranger would have to give half of it.
            if (uint256(total) + uint256(open.left) * SPOT_PER_MICRO / 2 <= open.spotBefore) wait = PAYOUT_TIME;
        }
        require(block.timestamp >= open.steppedAt + wait, VenueErrorsLib.NotLapsable());
        delete open;
    }

    /// @inheritdoc IVenue
    function collect() external returns (uint64 amount) {
        _onlyVault();
        amount = asset.balanceOf(address(this)).toUint64();
        if (amount == 0) return 0;
        if (open.stage == Stage.Leaving) {
            if (amount < open.amount) open.amount -= amount;
            else delete open;
        }
        asset.safeTransfer(vault, amount);
    }

    /// @inheritdoc IVenue
    function observe(bytes calldata attestation)
        external
        view
        returns (int128 value, uint64 asOf, uint64 l1Block, bytes32 sheet)
    {
        _onlyVault();
        require(attestation.length == 0, VenueErrorsLib.AttestationNotEmpty());
        return (_equity(), uint64(block.timestamp), CoreReadLib.l1BlockNumber(), bytes32(0));
    }

    /* KEEPER */

    /// @inheritdoc IHyperCoreVenue
    function setUp() external {
        _onlyKeeper();
        _requireIdle();
        require(CoreReadLib.userExists(address(this)), VenueErrorsLib.AccountMissing());
        emit SetUp();
        coreWriter.sendRawAction(CoreWriterLib.setAbstraction(address(this), CoreWriterLib.MODE_DISABLED));
    }

    /// @inheritdoc IHyperCoreVenue
    function toPerp(uint64 amount) external {
        _onlyKeeper();
        _requireIdle();
        (, uint64 available) = CoreReadLib.spotUsdc(address(this));
        require(uint256(amount) * SPOT_PER_MICRO <= available, VenueErrorsLib.TooMuch());
        _moveClass(amount, true);
    }

    /// @inheritdoc IHyperCoreVenue
    function toSpot(uint64 amount) external {
        _onlyKeeper();
        _requireIdle();
        require(amount <= CoreReadLib.withdrawable(address(this)), VenueErrorsLib.TooMuch());
        _moveClass(amount, false);
    }

    /// @inheritdoc IHyperCoreVenue
    function authorizeTrader(address key, uint40 until) external {
        _onlyKeeper();
        require(
            until > block.timestamp && until <= block.timestamp + TRADER_TIME, VenueErrorsLib.TraderUntilOutOfRange()
        );
        // The same key to the same end repeats a message that Core may have dropped; any other use would be a second life.
        if (key != traderKey || until != traderUntil) {
            require(keys[key] != Key.Used, VenueErrorsLib.TraderUsed());
            require(keys[key] == Key.Approved, VenueErrorsLib.TraderNotApproved());
            keys[key] = Key.Used;
            (traderKey, traderUntil) = (key, until);
        }
        require(CoreReadLib.userExists(address(this)), VenueErrorsLib.AccountMissing());
        emit TraderAuthorized(key, until);
        coreWriter.sendRawAction(CoreWriterLib.addApiWallet(key, TRADER_NAME));
    }

    /* ANYONE */

    /// @inheritdoc IHyperCoreVenue
    function confirm() external {
        require(!confirmed, VenueErrorsLib.AlreadyConfirmed());
        (uint64 spot,) = CoreReadLib.spotUsdc(address(this));
        require(spot >= spotExpected || block.timestamp >= movedAt + ARRIVAL_TIME, VenueErrorsLib.NotArrived());
        confirmed = true;
        emit Confirmed(spot);
    }

    /* CURATOR */

    /// @inheritdoc IHyperCoreVenue
    function approveTrader(address key) external {
        require(msg.sender == IPrimeVault(vault).curator(), VenueErrorsLib.NotCurator());
        require(key != address(0), VenueErrorsLib.ZeroAddress());
        require(keys[key] != Key.Used, VenueErrorsLib.TraderUsed());
        keys[key] = Key.Approved;
        emit TraderApproved(key);
    }

    /* VIEWS */

    /// @inheritdoc IVenue
    function account() external view returns (address) {
        return address(this);
    }

    /// @inheritdoc IVenue
    function equity() external view returns (int64 value, uint64 asOf) {
        return (int256(_equity()).toInt64(), uint64(block.timestamp));
    }

    /// @inheritdoc IVenue
    function assetOf(uint32 perp) external view returns (int64 size, uint64 markPrice) {
        return (CoreReadLib.positionSize(address(this), perp), CoreReadLib.markPrice(perp));
    }

    /// @inheritdoc IVenue
    function quiet() external view returns (bool) {
        return confirmed && open.stage == Stage.None && _settled();
    }

    /// @inheritdoc IHyperCoreVenue
    function trader() external view returns (address key, uint40 until) {
        return (traderKey, traderUntil);
    }

    /// @inheritdoc IHyperCoreVenue
    function lastMove() external view returns (uint64, uint64) {
        return (movedAt, movedL1);
    }

    /// @inheritdoc IHyperCoreVenue
    function openRecall() external view returns (uint64 amount, bool leaving, uint64 steppedAt) {
        return (open.amount, open.stage == Stage.Leaving, open.steppedAt);
    }

    /* INTERNAL */

    function _onlyVault() internal view {
        require(msg.sender == vault, VenueErrorsLib.NotVault());
    }

    function _onlyKeeper() internal view {
        require(IPrimeVault(vault).isKeeper(msg.sender), VenueErrorsLib.NotKeeper());
    }

    /// @dev Nothing of ours may be under way that a further action could be mistaken for.
    function _requireIdle() internal view {
        require(confirmed, VenueErrorsLib.Unconfirmed());
        require(open.stage == Stage.None, VenueErrorsLib.RecallOpen());
    }

    /// @dev Whether Core has had the time to act on the last move.
    function _settled() internal view returns (bool) {
        return block.timestamp >= movedAt + SETTLE_TIME
            && (movedL1 == 0 || CoreReadLib.l1BlockNumber() >= movedL1 + SETTLE_BLOCKS);
    }

    function _moved() internal {
        movedAt = uint64(block.timestamp);
        movedL1 = CoreReadLib.l1BlockNumber();
    }

    function _moveClass(uint64 amount, bool intoPerp) internal {
        require(amount > 0, VenueErrorsLib.ZeroAmount());
        _moved();
        emit Moved(amount, intoPerp);
        coreWriter.sendRawAction(CoreWriterLib.usdClassTransfer(amount, intoPerp));
    }

    /// @dev Pays `amount` micro-USDC out to this address on the EVM; `spot` is the balance before (1e-8).
    function _leave(uint64 amount, uint64 spot) internal {
        open = Recall(Stage.Leaving, amount, amount, spot, uint40(block.timestamp));
        _moved();
        emit Leaving(amount);
        coreWriter.sendRawAction(CoreWriterLib.usdcToEvm(amount * SPOT_PER_MICRO));
    }

    /// @dev `max(0, accountValue) + floor(spot / 100)`: losses beyond the account are the venue's, other dexes are not ours.
    function _equity() internal view returns (int128) {
        int64 perp = CoreReadLib.accountValue(address(this));
        (uint64 spot,) = CoreReadLib.spotUsdc(address(this));
        return int128(perp > 0 ? perp : int64(0)) + int128(uint128(spot / SPOT_PER_MICRO));
    }
}
