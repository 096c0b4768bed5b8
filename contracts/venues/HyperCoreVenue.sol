// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {SignedMath} from "@openzeppelin/contracts/utils/math/SignedMath.sol";

import {IHyperCoreVenue, UnwindStep} from "../interfaces/IHyperCoreVenue.sol";
import {IPrimeVault} from "../interfaces/IPrimeVault.sol";
import {IVenue} from "../interfaces/IVenue.sol";
import {CoreOrderLib} from "../libraries/CoreOrderLib.sol";
import {CoreReadLib} from "../libraries/CoreReadLib.sol";
import {CoreOrder, CoreWriterLib, ICoreWriter} from "../libraries/CoreWriterLib.sol";
import {VenueErrorsLib} from "../libraries/VenueErrorsLib.sol";

// timestamp: every span here is a minute or more; a block's time can be bent by seconds.
// incorrect-equality: stages and amounts asked for are compared, no balances that a stranger can move.
// unused-return: one of two figures of a read is needed.
// events-maths: the vault logs every send; an expectation is no state of money.
// slither-disable-start timestamp,incorrect-equality,unused-return,events-maths

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
/// TRADER KEYS. Approved by the curator 3 days before they are used, enrolled by the keeper for at most 7 days, never twice.
/// An agent is revoked by giving its name to an address nobody has a key of. Core may drop that message too, so revocation
/// can be repeated: by anyone each minute, until the next key is enrolled. The breaker revokes when equity has fallen below
/// 85% of the last mark less what was recalled since. A guardian needs no such proof.
///
/// ORDERS. The keeper may trade through this contract where an agent key is not wanted, at its cost bounded by a bucket, and
/// may always reduce. Orders start no clock: a fill moves nothing between balances, and Core books it at once.
///
/// UNWIND. In exit anyone may revoke the trader, cancel, reduce at a price that gives way with time, move to spot and pay
/// out. Nothing there asks who calls or reads what a role has set; only `Reduce` needs Core to be readable.
///
/// LIMITS. Trading fees, and losses against an oracle that is itself wrong, are outside the bucket. A few USDC stay behind on spot. USDC of this contract on the EVM is not equity until `collect`.
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

    /// @dev First of the breaker's two calls: when, and the last move it saw.
    struct Alarm {
        uint40 armedAt;
        uint64 movedAt;
    }

    /// @dev Of one asset in exit: its largest size seen, and what orders used since `windowStart` (all in lots).
    struct Closing {
        uint40 windowStart;
        uint64 largest;
        uint64 used;
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
    /// @dev Between the curator's approval of a key or an asset and its use.
    uint40 internal constant APPROVAL_TIME = 3 days;
    uint256 internal constant REVOKE_INTERVAL = 60 seconds;
    uint40 internal constant USED = type(uint40).max;

    uint256 internal constant FULL_BPS = 10_000;
    uint256 internal constant BREAKER_BPS = 8_500;
    uint256 internal constant ALARM_MIN = 60 seconds;
    uint256 internal constant ALARM_MAX = 10 minutes;

    /// @dev Spot begins at 10000, other dexes at 100000: only the main dex's perps are traded.
    uint32 internal constant PERPS_END = 10_000;
    uint256 internal constant TRADE_BAND_BPS = 500;
    uint256 internal constant BUCKET_BPS = 100;
    uint256 internal constant BUCKET_TIME = 24 hours;

    uint256 internal constant EXIT_BAND_BPS = 50;
    uint256 internal constant EXIT_BAND_MAX_BPS = 1_000;
    uint256 internal constant CLOSING_TIME = 30 seconds;
    uint256 internal constant CLOSING_BPS = 1_000;
    /// @dev 25,000 USDC.
    uint256 internal constant CLOSING_NOTIONAL = 25_000e6;
    /// @dev 10 USDC: what Core asks of an order.
    uint256 internal constant MIN_NOTIONAL = 10e6;
    /// @dev 1 USDC: a payout costs the account a fee of about a thousandth of that.
    uint64 internal constant MIN_PAYOUT = 1e6;
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

    /// @inheritdoc IHyperCoreVenue
    mapping(address key => uint40) public usableFrom;
    address internal traderKey;
    uint40 internal traderUntil;
    uint40 internal revokedAt;
    uint256 internal revocations;

    /// @inheritdoc IHyperCoreVenue
    bool public tripped;
    Alarm internal alarm;
    uint128 internal markedEquity;
    uint128 internal recalledSince;

    /// @inheritdoc IHyperCoreVenue
    mapping(uint32 asset => uint40) public allowedFrom;
    uint128 internal bucketSpent;
    uint40 internal bucketAt;

    mapping(uint32 asset => Closing) internal closings;
    uint256 internal orderCount;

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
        // A move that lands later would hide from `lapse` that Core has paid out.
        require(_settled(), VenueErrorsLib.TooEarly());
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
            // What has arrived is collected first: given up, it would look like a loss until then.
            require(asset.balanceOf(address(this)) == 0, VenueErrorsLib.NotLapsable());
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
        returns (int128 value, uint64 asOf, uint64 l1Block, bytes32 sheet)
    {
        _onlyVault();
        require(attestation.length == 0, VenueErrorsLib.AttestationNotEmpty());
        value = _equity();
        // forge-lint: disable-next-line(unsafe-typecast)
        (markedEquity, recalledSince) = (uint128(value), 0); // Never negative: see `_equity`.
        return (value, uint64(block.timestamp), CoreReadLib.l1BlockNumber(), bytes32(0));
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
        _notExiting();
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
        require(!tripped, VenueErrorsLib.Tripped());
        _enrol(key, until);
    }

    /// @inheritdoc IHyperCoreVenue
    function placeOrder(CoreOrder calldata order) external {
        _onlyKeeper();
        require(order.asset < PERPS_END, VenueErrorsLib.AssetNotAllowed());
        require(order.tif >= CoreWriterLib.TIF_ALO && order.tif <= CoreWriterLib.TIF_IOC, VenueErrorsLib.BadTif());
        require(order.cloid != 0, VenueErrorsLib.CloidMissing());
        uint8 decimals = CoreReadLib.sizeDecimals(order.asset);
        uint256 price = CoreOrderLib.rawPrice(order.limitPx, decimals);
        uint256 lots = CoreOrderLib.lotsOf(order.size, decimals);
        uint256 oracle = CoreReadLib.oraclePrice(order.asset);
        require(CoreOrderLib.inBand(price, oracle, TRADE_BAND_BPS), VenueErrorsLib.OutOfBand());
        if (!order.reduceOnly) {
            require(!tripped, VenueErrorsLib.Tripped());
            _notExiting();
            uint40 from = allowedFrom[order.asset];
            require(from != 0 && block.timestamp >= from, VenueErrorsLib.AssetNotAllowed());
            _debit(lots * CoreOrderLib.adverse(price, oracle, order.isBuy));
        }
        _order(order);
    }

    /// @inheritdoc IHyperCoreVenue
    function cancelByOid(uint32 asset_, uint64 oid) external {
        _onlyKeeper();
        _cancelByOid(asset_, oid);
    }

    /// @inheritdoc IHyperCoreVenue
    function cancelByCloid(uint32 asset_, uint128 cloid) external {
        _onlyKeeper();
        _cancelByCloid(asset_, cloid);
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

    /// @inheritdoc IHyperCoreVenue
    function expireTrader() external {
        require(traderKey != address(0) && block.timestamp > traderUntil, VenueErrorsLib.TraderNotExpired());
        _revokeEachMinute();
    }

    /// @inheritdoc IHyperCoreVenue
    function revokeTrader() external {
        if (IPrimeVault(vault).isGuardian(msg.sender)) return _trip();
        require(quiet(), VenueErrorsLib.NotQuiet());
        int128 value = _equity();
        uint256 floor = breakerFloor();
        // forge-lint: disable-next-line(unsafe-typecast)
        require(uint128(value) < floor, VenueErrorsLib.AboveFloor()); // Never negative: see `_equity`.
        // One glance at a price is no proof. The first call stands until it is too old or something moved.
        if (alarm.armedAt == 0 || block.timestamp > alarm.armedAt + ALARM_MAX || alarm.movedAt != movedAt) {
            alarm = Alarm(uint40(block.timestamp), movedAt);
            emit BreakerArmed(value, floor);
            return;
        }
        require(block.timestamp >= alarm.armedAt + ALARM_MIN, VenueErrorsLib.TooEarly());
        _trip();
    }

    /// @inheritdoc IVenue
    function unwind(bytes calldata step) external {
        uint256 since = IPrimeVault(vault).exitAt();
        require(IPrimeVault(vault).exiting(), VenueErrorsLib.NotExiting());
        (UnwindStep kind, uint32 asset_, uint128 value) = abi.decode(step, (UnwindStep, uint32, uint128));
        if (kind == UnwindStep.RevokeTrader) _revokeEachMinute();
        else if (kind == UnwindStep.CancelByOid) _cancelByOid(asset_, uint256(value).toUint64());
        else if (kind == UnwindStep.CancelByCloid) _cancelByCloid(asset_, value);
        else if (kind == UnwindStep.Reduce) _reduce(asset_, value, block.timestamp - since);
        else if (kind == UnwindStep.ToSpot) _unwindToSpot(uint256(value).toUint64());
        else _unwindHome(uint256(value).toUint64());
    }

    /* CURATOR */

    /// @inheritdoc IHyperCoreVenue
    function approveTrader(address key) external {
        _onlyCurator();
        require(key != address(0), VenueErrorsLib.ZeroAddress());
        require(usableFrom[key] != USED, VenueErrorsLib.TraderUsed());
        uint40 from = _approvedFrom();
        usableFrom[key] = from;
        emit TraderApproved(key, from);
    }

    /// @inheritdoc IHyperCoreVenue
    function allowAsset(uint32 asset_) external {
        _onlyCurator();
        require(asset_ < PERPS_END, VenueErrorsLib.AssetNotAllowed());
        uint40 from = _approvedFrom();
        allowedFrom[asset_] = from;
        emit AssetAllowed(asset_, from);
    }

    /// @inheritdoc IHyperCoreVenue
    function rearm(address key, uint40 until) external {
        _onlyCurator();
        require(tripped, VenueErrorsLib.NotTripped());
        tripped = false;
        emit BreakerReset();
        _enrol(key, until);
    }

    /* CURATOR AND GUARDIANS */

    /// @inheritdoc IHyperCoreVenue
    function disapproveTrader(address key) external {
        _onlyGuardian();
        uint40 from = usableFrom[key];
        require(from != 0, VenueErrorsLib.TraderNotApproved());
        require(from != USED, VenueErrorsLib.TraderUsed());
        delete usableFrom[key];
        emit TraderDisapproved(key);
    }

    /// @inheritdoc IHyperCoreVenue
    function disallowAsset(uint32 asset_) external {
        _onlyGuardian();
        require(allowedFrom[asset_] != 0, VenueErrorsLib.AssetNotAllowed());
        delete allowedFrom[asset_];
        emit AssetDisallowed(asset_);
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
    function quiet() public view returns (bool) {
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

    /// @inheritdoc IHyperCoreVenue
    function breakerFloor() public view returns (uint256) {
        uint256 left = markedEquity > recalledSince ? markedEquity - recalledSince : 0;
        return left * BREAKER_BPS / FULL_BPS;
    }

    /// @inheritdoc IHyperCoreVenue
    function bucket() public view returns (uint256 limit, uint256 spent) {
        int256 book = IPrimeVault(vault).venueOf(address(this)).book;
        limit = book > 0 ? book.toUint256() * BUCKET_BPS / FULL_BPS : 0;
        uint256 refilled = limit * (block.timestamp - bucketAt) / BUCKET_TIME;
        spent = bucketSpent > refilled ? bucketSpent - refilled : 0;
    }

    /* WHO */

    function _onlyVault() internal view {
        require(msg.sender == vault, VenueErrorsLib.NotVault());
    }

    function _onlyKeeper() internal view {
        require(IPrimeVault(vault).isKeeper(msg.sender), VenueErrorsLib.NotKeeper());
    }

    function _onlyCurator() internal view {
        require(msg.sender == IPrimeVault(vault).curator(), VenueErrorsLib.NotCurator());
    }

    function _onlyGuardian() internal view {
        require(
            IPrimeVault(vault).isGuardian(msg.sender) || msg.sender == IPrimeVault(vault).curator(),
            VenueErrorsLib.NotGuardian()
        );
    }

    function _notExiting() internal view {
        require(!IPrimeVault(vault).exiting(), VenueErrorsLib.Exiting());
    }

    /* TRADER */

    /// @dev A loosening takes its time as soon as there is somebody to leave meanwhile.
    function _approvedFrom() internal view returns (uint40) {
        return uint40(block.timestamp) + (IPrimeVault(vault).accountCount() == 0 ? 0 : APPROVAL_TIME);
    }

    function _enrol(address key, uint40 until) internal {
        _notExiting();
        require(
            until > block.timestamp && until <= block.timestamp + TRADER_TIME, VenueErrorsLib.TraderUntilOutOfRange()
        );
        // The same key to the same end repeats a message that Core may have dropped; any other use would be a second life.
        if (key != traderKey || until != traderUntil) {
            uint40 from = usableFrom[key];
            require(from != USED, VenueErrorsLib.TraderUsed());
            require(from != 0 && block.timestamp >= from, VenueErrorsLib.TraderNotApproved());
            usableFrom[key] = USED;
            (traderKey, traderUntil) = (key, until);
        }
        require(CoreReadLib.userExists(address(this)), VenueErrorsLib.AccountMissing());
        emit TraderAuthorized(key, until);
        coreWriter.sendRawAction(CoreWriterLib.addApiWallet(key, TRADER_NAME));
    }

    function _trip() internal {
        tripped = true;
        delete alarm;
        emit BreakerTripped(msg.sender);
        _revoke();
    }

    /// @dev Strangers may repeat it, but not so fast as to clog the account's queue on Core.
    function _revokeEachMinute() internal {
        require(block.timestamp >= revokedAt + REVOKE_INTERVAL, VenueErrorsLib.TooEarly());
        _revoke();
    }

    /// @dev A fresh address each time: Core takes no address as an agent twice.
    function _revoke() internal {
        address burned = address(uint160(uint256(keccak256(abi.encodePacked("revoked", address(this), ++revocations)))));
        (traderKey, traderUntil, revokedAt) = (burned, 0, uint40(block.timestamp));
        emit TraderRevoked(burned);
        coreWriter.sendRawAction(CoreWriterLib.addApiWallet(burned, TRADER_NAME));
    }

    /* ORDERS */

    function _order(CoreOrder memory order) internal {
        emit OrderAsked(order.cloid, order.asset, order.isBuy, order.limitPx, order.size, order.reduceOnly, order.tif);
        coreWriter.sendRawAction(CoreWriterLib.limitOrder(order));
    }

    function _cancelByOid(uint32 asset_, uint64 oid) internal {
        emit CancelAsked(asset_, oid, 0);
        coreWriter.sendRawAction(CoreWriterLib.cancelByOid(asset_, oid));
    }

    function _cancelByCloid(uint32 asset_, uint128 cloid) internal {
        emit CancelAsked(asset_, 0, cloid);
        coreWriter.sendRawAction(CoreWriterLib.cancelByCloid(asset_, cloid));
    }

    /// @dev `cost` in micro-USDC: lots × raw price.
    function _debit(uint256 cost) internal {
        if (cost == 0) return;
        (uint256 limit, uint256 spent) = bucket();
        require(spent + cost <= limit, VenueErrorsLib.BucketEmpty());
        (bucketSpent, bucketAt) = ((spent + cost).toUint128(), uint40(block.timestamp));
    }

    /* UNWIND */

    /// @dev A reduce-only IOC of at most `lots`. Core never turns a position by it, so that orders on top of each other do no
    /// harm.
    function _reduce(uint32 asset_, uint256 lots, uint256 exitingFor) internal {
        int256 size = CoreReadLib.positionSize(address(this), asset_);
        require(size != 0, VenueErrorsLib.NoPosition());
        uint256 held = SignedMath.abs(size);
        uint256 oracle = CoreReadLib.oraclePrice(asset_);
        uint8 decimals = CoreReadLib.sizeDecimals(asset_);
        lots = _take(asset_, lots < held ? lots : held, held, oracle);
        require(lots == held || lots * oracle >= MIN_NOTIONAL, VenueErrorsLib.TooSmall());

        uint256 bps = EXIT_BAND_BPS + EXIT_BAND_BPS * exitingFor / 1 hours;
        if (bps > EXIT_BAND_MAX_BPS) bps = EXIT_BAND_MAX_BPS;
        bool isBuy = size < 0;
        uint256 price = CoreOrderLib.marketable(oracle, bps, isBuy, decimals);
        bytes32 id = keccak256(abi.encodePacked(address(this), ++orderCount));
        _order(
            CoreOrder({
                asset: asset_,
                isBuy: isBuy,
                limitPx: (price * 10 ** (2 + uint256(decimals))).toUint64(),
                size: (lots * 10 ** (8 - uint256(decimals))).toUint64(),
                reduceOnly: true,
                tif: CoreWriterLib.TIF_IOC,
                // forge-lint: disable-next-line(unsafe-typecast)
                cloid: uint128(bytes16(id)) // The first half of the hash.
            })
        );
    }

    /// @dev What of `lots` these 30 seconds still allow: a tenth of the largest position seen in exit, or 25,000 USDC if
    /// that is more, but always a lot.
    function _take(uint32 asset_, uint256 lots, uint256 held, uint256 oracle) internal returns (uint256) {
        Closing memory closing = closings[asset_];
        if (held > closing.largest) closing.largest = held.toUint64();
        if (block.timestamp >= closing.windowStart + CLOSING_TIME) {
            (closing.windowStart, closing.used) = (uint40(block.timestamp), 0);
        }
        uint256 quota = closing.largest * CLOSING_BPS / FULL_BPS;
        if (quota < CLOSING_NOTIONAL / oracle) quota = CLOSING_NOTIONAL / oracle;
        if (quota == 0) quota = 1;
        require(closing.used < quota, VenueErrorsLib.QuotaUsed());
        if (lots > quota - closing.used) lots = quota - closing.used;
        closing.used += lots.toUint64();
        closings[asset_] = closing;
        return lots;
    }

    /// @dev Asks nothing of Core first: it drops what it cannot do, and a broken read must not hold money back.
    function _unwindToSpot(uint64 amount) internal {
        require(amount > 0, VenueErrorsLib.ZeroAmount());
        emit Moved(amount, false);
        coreWriter.sendRawAction(CoreWriterLib.usdClassTransfer(amount, false));
    }

    /// @dev What arrives on the EVM is collected as ever.
    function _unwindHome(uint64 amount) internal {
        require(amount >= MIN_PAYOUT, VenueErrorsLib.TooSmall());
        emit Leaving(amount);
        coreWriter.sendRawAction(CoreWriterLib.usdcToEvm((uint256(amount) * SPOT_PER_MICRO).toUint64()));
    }

    /* MONEY */

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
        recalledSince += amount;
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

// slither-disable-end timestamp,incorrect-equality,unused-return,events-maths
