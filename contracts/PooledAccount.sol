// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {ERC20} from "solady/tokens/ERC20.sol";
import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";
import {SafeCastLib} from "solady/utils/SafeCastLib.sol";
import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";
import {
    Batch,
    IERC7540Deposit,
    IERC7540Operator,
    IERC7540Redeem,
    IERC7575,
    IERC7575Share,
    IPooledAccount,
    PoolConfig
} from "./interfaces/IPooledAccount.sol";
import {Account, IPrimeVault, Ticket} from "./interfaces/IPrimeVault.sol";
import {FULL_BPS, MIN_TICKET, TRADE} from "./libraries/ConstantsLib.sol";
import {PoolErrorsLib} from "./libraries/PoolErrorsLib.sol";
import "./libraries/PoolLib.sol";

// reentrancy-no-eth, reentrancy-benign, reentrancy-events: every entry takes the lock `entered` first, which slither
// does not know as a guard.
// timestamp: every span here is a minute or more; a block's time can be bent by seconds.
// incorrect-equality: booked amounts and ticket numbers are compared, no balances that a stranger can move.
// unused-return: what arrived is read from the vault's own books and from the balance, as a stranger may have claimed
// before.
// arbitrary-send-erc20: the owner is the caller or has named the caller its operator; the seeder is the deployer's
// word, once.
// slither-disable-start reentrancy-no-eth,reentrancy-benign,reentrancy-events,timestamp,incorrect-equality,unused-return,arbitrary-send-erc20

/// @title Shares in one sub-account of a PrimeVault.
///
/// VALUE
/// NAV = lane + what its ticket has in payment − redemptions priced but not paid. Assets of pending deposits lie here,
/// outside NAV, until they are priced. Arrivals are booked from what the vault says it paid, so it does not matter who
/// claims for us, and a donation to this contract changes nothing.
///
/// PRICES
/// Forward only. A request joins the open batch; `settle` closes the batch in a later epoch, and prices it at a full
/// commit whose books are at least MIN_AGE younger than the closing. Who asks cannot know the price, and cannot cancel
/// once it could be known. In order: fees, one price, burn and mint, flows. Minting is at the full NAV; redeeming at a
/// price that rises by at most 5% per commit, so that a price pushed up for one moment pays nobody out. No deposit is
/// priced while much of the vault's gains is in quarantine, within a day of a fall, or when a share is worth next to
/// nothing; nothing is priced while the vault has a deficit.
///
/// REDEMPTIONS
/// Priced redemptions are first paid by the deposits priced with them. The rest stands in one line, first in first out,
/// that a ticket at the vault brings cash for; a batch is claimable as its cash arrives, pro rata inside it.
///
/// EXIT
/// When the vault exits, priced redemptions without cash rank with min(D, L)/L of what it pays, D their sum and L the
/// lane; the shares have the rest, through sums settled whenever shares move: whoever held them while cash was booked
/// has it. Unpriced requests are taken back: assets 1:1, shares with what they have earned.
///
/// ROUNDING
/// Always for the pool: shares down on deposit, assets down on redemption, fee shares down. The first deposit's shares
/// belong to nobody, and VIRTUAL_SHARES stand beside them.
///
/// ROLES
/// The manager gives and takes the right to sign the sub-account's orders and names who receives fees. Nobody can move
/// assets, stop a claim or change a fee.
///
/// KNOWN LIMITS
/// The high-water mark is one for all shares: who enters below it pays no fee up to it. A redemption below 10 USDC
/// waits for others to share its ticket. A fall that is made good between two calls of `settle` is not seen.
contract PooledAccount is ERC20, IPooledAccount {
    using FixedPointMathLib for uint256;
    using SafeCastLib for uint256;
    using SafeTransferLib for address;

    /// @dev `askedAmount` is what the batch counts in `asked`; the others are what was claimed of it.
    struct Request {
        uint256 askedAmount;
        uint256 claimedAssets;
        uint256 claimedShares;
    }

    /// @dev Batches of one direction. `live`: ids of a controller that are not wholly claimed, oldest first.
    struct Side {
        uint256 open;
        uint256 closed;
        mapping(uint256 requestId => Batch batch) batches;
        mapping(uint256 requestId => mapping(address controller => Request request)) requests;
        mapping(address controller => uint256[] requestIds) live;
    }

    /// @dev What the exit owes a holder: `numerator` / exit supply, up to the total `seen`.
    struct ExitShare {
        uint256 numerator;
        uint256 seen;
        uint256 paid;
    }

    /* IMMUTABLES */

    address public immutable primeVault;
    address public immutable asset;
    uint256 public immutable account;
    uint32 internal immutable generation;
    uint16 public immutable managementBps;
    uint16 public immutable performanceBps;
    uint16 public immutable protocolBps;
    address public immutable protocolRecipient;

    /* TOKEN */

    string internal name_;
    string internal symbol_;

    /* ROLES */

    address public manager;
    address public feeRecipient;
    mapping(address controller => mapping(address operator => bool)) public isOperator;

    /* VALUE */

    /// @dev Epoch and time of the last valuation, and when the price last fell by too much.
    uint64 internal valuedEpoch;
    uint40 internal valuedAt;
    uint40 internal fellAt;
    uint256 public highWaterMark = PAR;
    uint256 public lastPrice = PAR;
    uint256 public lastRedeemPrice = PAR;

    /* REQUESTS */

    Side internal deposits;
    Side internal redemptions;

    /* LINE OF REDEMPTIONS */

    /// @dev Σ ever queued and Σ cash ever arrived for it: a batch stands at [start, start + result − direct).
    uint128 internal lineEnd;
    uint128 internal lineFunded;
    uint256 public ticket;

    /// @dev What the ticket paid and was booked.
    uint64 internal ticketSeen;

    /* EXIT */

    /// @dev Fixed at the first sync; a supply of 0: not yet. `exitLine`: cash of the line, that of tickets included.
    uint256 internal exitSupply;
    uint256 internal exitLane;
    uint256 internal exitDebt;
    uint256 internal exitLine;

    /// @dev Σ that the exit paid to this sub-account, as booked.
    uint256 internal exitTotal;
    mapping(address holder => ExitShare) internal exitShares;

    /* GUARD */

    bool internal transient entered;

    /* CONSTRUCTOR */

    constructor(PoolConfig memory config) {
        require(config.feeRecipient != address(0), PoolErrorsLib.ZeroAddress());
        require(config.protocolBps == 0 || config.protocolRecipient != address(0), PoolErrorsLib.ZeroAddress());
        require(
            config.managementBps <= MAX_MANAGEMENT_BPS && config.performanceBps <= MAX_PERFORMANCE_BPS
                && config.protocolBps <= MAX_PROTOCOL_BPS,
            PoolErrorsLib.FeeTooHigh()
        );
        primeVault = config.vault;
        asset = IPrimeVault(config.vault).asset();
        managementBps = config.managementBps;
        performanceBps = config.performanceBps;
        protocolBps = config.protocolBps;
        protocolRecipient = config.protocolRecipient;
        name_ = config.name;
        symbol_ = config.symbol;
        deposits.open = 1;
        redemptions.open = 1;
        (valuedEpoch, valuedAt) = (IPrimeVault(config.vault).epoch(), uint40(block.timestamp));

        entered = true;
        asset.safeTransferFrom(config.seeder, address(this), config.seed);
        asset.safeApprove(config.vault, type(uint256).max);
        account = IPrimeVault(config.vault).openAccount(address(this), config.seed);
        generation = IPrimeVault(config.vault).accountOf(account).generation;
        _mint(DEAD, config.seed * SHARES_PER_ASSET);
        entered = false;

        feeRecipient = config.feeRecipient;
        emit FeeRecipientSet(config.feeRecipient);
        _setManager(config.manager);
    }

    /* TOKEN */

    function name() public view override returns (string memory) {
        return name_;
    }

    function symbol() public view override returns (string memory) {
        return symbol_;
    }

    function decimals() public pure override returns (uint8) {
        return 12;
    }

    /// @dev No allowance that its owner did not give.
    function _givePermit2InfiniteAllowance() internal pure override returns (bool) {
        return false;
    }

    /// @dev Settles what the exit has earned before shares move. What lies here belongs to requests made before the exit,
    /// so it has earned from the start, and its earnings go with it.
    function _beforeTokenTransfer(address from, address to, uint256 shares) internal override {
        require(entered || (to != address(0) && to != address(this)), PoolErrorsLib.BadReceiver());
        if (exitSupply == 0) return;
        uint256 total = _exitToShares();
        _settleExit(to, total);
        if (from == address(this)) exitShares[to].numerator += shares * total;
        else _settleExit(from, total);
    }

    /* REQUESTS */

    /// @inheritdoc IERC7540Operator
    function setOperator(address operator, bool approved) external returns (bool) {
        isOperator[msg.sender][operator] = approved;
        emit OperatorSet(msg.sender, operator, approved);
        return true;
    }

    /// @inheritdoc IERC7540Deposit
    function requestDeposit(uint256 assets, address controller, address owner) external returns (uint256 requestId) {
        _enter();
        require(_actsFor(owner), PoolErrorsLib.NotOwner());
        require(assets >= MIN_TICKET, PoolErrorsLib.AmountTooSmall());
        requestId = _request(deposits, assets, controller);
        require(deposits.batches[requestId].asked <= type(uint64).max, PoolErrorsLib.TooLarge());
        emit DepositRequest(controller, owner, requestId, msg.sender, assets);
        uint256 before = asset.balanceOf(address(this));
        asset.safeTransferFrom(owner, address(this), assets);
        require(asset.balanceOf(address(this)) - before == assets, PoolErrorsLib.TransferMismatch());
        _exit();
    }

    /// @inheritdoc IERC7540Redeem
    function requestRedeem(uint256 shares, address controller, address owner) external returns (uint256 requestId) {
        _enter();
        if (!_actsFor(owner)) _spendAllowance(owner, msg.sender, shares);
        require(
            PoolLib.assetsAt(shares, lastPrice) >= MIN_TICKET
                || (shares > 0 && shares == balanceOf(owner) && controller == owner),
            PoolErrorsLib.AmountTooSmall()
        );
        requestId = _request(redemptions, shares, controller);
        emit RedeemRequest(controller, owner, requestId, msg.sender, shares);
        _transfer(owner, address(this), shares);
        _exit();
    }

    /// @inheritdoc IPooledAccount
    function cancelDeposit(uint256 requestId, address receiver, address controller) external returns (uint256 assets) {
        _enter();
        assets = _cancel(deposits, requestId, receiver, controller);
        emit DepositCancelled(controller, requestId, receiver, assets);
        asset.safeTransfer(receiver, assets);
        _exit();
    }

    /// @inheritdoc IPooledAccount
    function cancelRedeem(uint256 requestId, address receiver, address controller) external returns (uint256 shares) {
        _enter();
        shares = _cancel(redemptions, requestId, receiver, controller);
        emit RedeemCancelled(controller, requestId, receiver, shares);
        _transfer(address(this), receiver, shares);
        _exit();
    }

    /* CLAIMS */

    /// @inheritdoc IERC7575
    function deposit(uint256 assets, address receiver) external returns (uint256 shares) {
        return deposit(assets, receiver, msg.sender);
    }

    /// @inheritdoc IERC7540Deposit
    function deposit(uint256 assets, address receiver, address controller) public returns (uint256 shares) {
        _enter();
        _checkClaim(receiver, controller);
        shares = _claim(false, assets, true, controller);
        emit Deposit(controller, receiver, assets, shares);
        _transfer(address(this), receiver, shares);
        _exit();
    }

    /// @inheritdoc IERC7575
    function mint(uint256 shares, address receiver) external returns (uint256 assets) {
        return mint(shares, receiver, msg.sender);
    }

    /// @inheritdoc IERC7540Deposit
    function mint(uint256 shares, address receiver, address controller) public returns (uint256 assets) {
        _enter();
        _checkClaim(receiver, controller);
        assets = _claim(false, shares, false, controller);
        emit Deposit(controller, receiver, assets, shares);
        _transfer(address(this), receiver, shares);
        _exit();
    }

    /// @inheritdoc IERC7575
    function withdraw(uint256 assets, address receiver, address controller) external returns (uint256 shares) {
        _enter();
        _checkClaim(receiver, controller);
        shares = _claim(true, assets, true, controller);
        emit Withdraw(msg.sender, receiver, controller, assets, shares);
        asset.safeTransfer(receiver, assets);
        _exit();
    }

    /// @inheritdoc IERC7575
    function redeem(uint256 shares, address receiver, address controller) external returns (uint256 assets) {
        _enter();
        _checkClaim(receiver, controller);
        assets = _claim(true, shares, false, controller);
        emit Withdraw(msg.sender, receiver, controller, assets, shares);
        asset.safeTransfer(receiver, assets);
        _exit();
    }

    /* ANYONE */

    /// @inheritdoc IPooledAccount
    function settle() external {
        _enter();
        if (IPrimeVault(primeVault).exiting()) {
            _exitSync();
        } else {
            _bookTicket();
            uint64 epoch = IPrimeVault(primeVault).epoch();
            if (epoch > valuedEpoch && _priceable()) _value(epoch);
            _close(false, epoch);
            _close(true, epoch);
            _askForCash();
        }
        _exit();
    }

    /// @inheritdoc IPooledAccount
    function exitSync() external {
        _enter();
        require(IPrimeVault(primeVault).exiting(), PoolErrorsLib.NotExiting());
        _exitSync();
        _exit();
    }

    /// @inheritdoc IPooledAccount
    function claimExit(address holder) external returns (uint256 assets) {
        _enter();
        // What lies here goes with the shares to those who claim them.
        require(exitSupply > 0 && holder != address(this), PoolErrorsLib.NothingToClaim());
        _settleExit(holder, _exitToShares());
        ExitShare storage share_ = exitShares[holder];
        assets = share_.numerator / exitSupply - share_.paid;
        require(assets > 0, PoolErrorsLib.NothingToClaim());
        share_.paid += assets;
        emit ExitClaimed(holder, assets);
        asset.safeTransfer(holder, assets);
        _exit();
    }

    /* MANAGER */

    /// @inheritdoc IPooledAccount
    function setTrader(address who, uint40 until) external {
        _onlyManager();
        _setTrader(who, until);
    }

    /// @inheritdoc IPooledAccount
    function setManager(address manager_) external {
        _onlyManager();
        _setTrader(manager, 0);
        _setManager(manager_);
    }

    /// @inheritdoc IPooledAccount
    function setFeeRecipient(address recipient) external {
        _onlyManager();
        require(recipient != address(0) && recipient != address(this), PoolErrorsLib.BadReceiver());
        feeRecipient = recipient;
        emit FeeRecipientSet(recipient);
    }

    /* VIEWS: ERC-7540 */

    /// @inheritdoc IERC7540Deposit
    function pendingDepositRequest(uint256 requestId, address controller) external view returns (uint256) {
        return deposits.batches[requestId].priced ? 0 : deposits.requests[requestId][controller].askedAmount;
    }

    /// @inheritdoc IERC7540Deposit
    function claimableDepositRequest(uint256 requestId, address controller) external view returns (uint256 assets) {
        (assets,,) = _claimable(false, requestId, controller);
    }

    /// @inheritdoc IERC7540Redeem
    function pendingRedeemRequest(uint256 requestId, address controller) external view returns (uint256) {
        Request storage request = redemptions.requests[requestId][controller];
        (, uint256 shares,) = _claimable(true, requestId, controller);
        return request.askedAmount - request.claimedShares - shares;
    }

    /// @inheritdoc IERC7540Redeem
    function claimableRedeemRequest(uint256 requestId, address controller) external view returns (uint256 shares) {
        (, shares,) = _claimable(true, requestId, controller);
    }

    /* VIEWS: ERC-7575 */

    /// @inheritdoc IERC7575
    function share() external view returns (address) {
        return address(this);
    }

    /// @inheritdoc IERC7575Share
    function vault(address asset_) external view returns (address) {
        return asset_ == asset ? address(this) : address(0);
    }

    /// @inheritdoc IERC7575
    function totalAssets() external view returns (uint256) {
        return _nav();
    }

    /// @inheritdoc IERC7575
    function convertToShares(uint256 assets) external view returns (uint256) {
        return PoolLib.sharesFor(assets, _nav() + VIRTUAL_ASSETS, totalSupply() + VIRTUAL_SHARES);
    }

    /// @inheritdoc IERC7575
    function convertToAssets(uint256 shares) external view returns (uint256) {
        return shares.fullMulDiv(_nav() + VIRTUAL_ASSETS, totalSupply() + VIRTUAL_SHARES);
    }

    /// @inheritdoc IERC7575
    function maxDeposit(address controller) external view returns (uint256 assets) {
        (assets,) = _max(false, controller);
    }

    /// @inheritdoc IERC7575
    function maxMint(address controller) external view returns (uint256 shares) {
        (, shares) = _max(false, controller);
    }

    /// @inheritdoc IERC7575
    function maxWithdraw(address controller) external view returns (uint256 assets) {
        (assets,) = _max(true, controller);
    }

    /// @inheritdoc IERC7575
    function maxRedeem(address controller) external view returns (uint256 shares) {
        (, shares) = _max(true, controller);
    }

    /// @inheritdoc IERC7575
    function previewDeposit(uint256) external pure returns (uint256) {
        revert PoolErrorsLib.PreviewUnsupported();
    }

    /// @inheritdoc IERC7575
    function previewMint(uint256) external pure returns (uint256) {
        revert PoolErrorsLib.PreviewUnsupported();
    }

    /// @inheritdoc IERC7575
    function previewWithdraw(uint256) external pure returns (uint256) {
        revert PoolErrorsLib.PreviewUnsupported();
    }

    /// @inheritdoc IERC7575
    function previewRedeem(uint256) external pure returns (uint256) {
        revert PoolErrorsLib.PreviewUnsupported();
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 id) external pure returns (bool) {
        return id == type(IERC165).interfaceId || id == type(IERC7540Operator).interfaceId
            || id == type(IERC7540Deposit).interfaceId || id == type(IERC7540Redeem).interfaceId
            || id == type(IERC7575).interfaceId || id == type(IERC7575Share).interfaceId;
    }

    /* VIEWS: OURS */

    /// @inheritdoc IPooledAccount
    function owed() public view returns (uint256) {
        return lineEnd - lineFunded;
    }

    /// @inheritdoc IPooledAccount
    function depositBatchOf(uint256 requestId) external view returns (Batch memory) {
        return deposits.batches[requestId];
    }

    /// @inheritdoc IPooledAccount
    function redeemBatchOf(uint256 requestId) external view returns (Batch memory) {
        return redemptions.batches[requestId];
    }

    /// @inheritdoc IPooledAccount
    function depositBatches() external view returns (uint256 open, uint256 closed) {
        return (deposits.open, deposits.closed);
    }

    /// @inheritdoc IPooledAccount
    function redeemBatches() external view returns (uint256 open, uint256 closed) {
        return (redemptions.open, redemptions.closed);
    }

    /// @inheritdoc IPooledAccount
    function requestsOf(address controller) external view returns (uint256[] memory, uint256[] memory) {
        return (deposits.live[controller], redemptions.live[controller]);
    }

    /// @inheritdoc IPooledAccount
    function exitClaimable(address holder) external view returns (uint256) {
        if (exitSupply == 0 || holder == address(this)) return 0;
        ExitShare memory share_ = exitShares[holder];
        uint256 numerator = share_.numerator + balanceOf(holder) * (_exitToShares() - share_.seen);
        return numerator / exitSupply - share_.paid;
    }

    /* VALUATION, STEP BY STEP */

    /// @dev Whether the last commit marked everything and the lanes are worth what they say.
    function _priceable() internal view returns (bool) {
        IPrimeVault v = IPrimeVault(primeVault);
        return v.epoch() == v.fullEpoch() && v.deficit() == 0;
    }

    /// @dev Fees, one price, burn and mint, flows.
    function _value(uint64 epoch) internal {
        uint256 assets = _nav() + VIRTUAL_ASSETS;
        uint256 price = PoolLib.price(assets, totalSupply() + VIRTUAL_SHARES);
        if (price * FULL_BPS < lastPrice * (FULL_BPS - MAX_FALL_BPS)) fellAt = uint40(block.timestamp);
        uint256 limit = lastRedeemPrice + lastRedeemPrice * MAX_RISE_BPS * (epoch - valuedEpoch) / FULL_BPS;

        (uint256 fees, uint256 capped) = _takeFees(assets, limit);
        uint256 supply = totalSupply() + VIRTUAL_SHARES;
        price = PoolLib.price(assets, supply);
        uint256 redeemPrice = PoolLib.price(capped, supply);
        (lastPrice, lastRedeemPrice, valuedEpoch, valuedAt) = (price, redeemPrice, epoch, uint40(block.timestamp));
        emit Valued(epoch, assets - VIRTUAL_ASSETS, price, redeemPrice, fees);

        // Read before the flows: deposits and redemptions have the same NAV and supply.
        (uint256 id, uint256 redeemed) = _priceRedemptions(redeemPrice);
        uint256 direct = _priceDeposits(epoch, assets, supply, redeemed);
        if (id > 0) _queue(id, redeemed, direct);
    }

    /// @dev Fee shares on the capped value: a price pushed up for one moment pays no fee.
    /// @return minted Fee shares. @return capped What the pool is worth to those who redeem.
    function _takeFees(uint256 assets, uint256 limit) internal returns (uint256 minted, uint256 capped) {
        uint256 supply = totalSupply() + VIRTUAL_SHARES;
        uint256 fee = PoolLib.managementFee(assets, managementBps, block.timestamp - valuedAt);
        minted = PoolLib.feeShares(assets, supply, fee);
        supply += minted;
        capped = assets.min(PoolLib.assetsAt(supply, limit).max(VIRTUAL_ASSETS));
        fee = PoolLib.performanceFee(capped, supply, highWaterMark, performanceBps);
        uint256 performance = PoolLib.feeShares(capped, supply, fee);
        minted += performance;
        highWaterMark = highWaterMark.max(PoolLib.priceUp(capped, supply + performance));
        uint256 protocol = minted * protocolBps / FULL_BPS;
        if (protocol > 0) _mint(protocolRecipient, protocol);
        if (minted > protocol) _mint(feeRecipient, minted - protocol);
    }

    /// @return id The batch that was priced, or 0. @return redeemed What it is worth: burned, not paid yet.
    function _priceRedemptions(uint256 price) internal returns (uint256 id, uint256 redeemed) {
        id = redemptions.closed;
        Batch storage batch = redemptions.batches[id];
        if (id == 0 || !_old(batch)) return (0, 0);
        redeemed = PoolLib.assetsAt(batch.asked, price);
        batch.result = redeemed;
        batch.priced = true;
        redemptions.closed = 0;
        _burn(address(this), batch.asked);
    }

    /// @return direct What of the redemptions these deposits pay; the rest of them goes to the vault.
    function _priceDeposits(uint64 epoch, uint256 assets, uint256 supply, uint256 redeemed)
        internal
        returns (uint256 direct)
    {
        uint256 id = deposits.closed;
        Batch storage batch = deposits.batches[id];
        if (id == 0 || !_old(batch)) return 0;
        direct = batch.asked.min(redeemed);
        if (!_depositsPriceable() || !_toVault(batch.asked - direct)) {
            batch.refusedEpoch = epoch;
            emit DepositsRefused(id, epoch);
            return 0;
        }
        uint256 shares = PoolLib.sharesFor(batch.asked, assets, supply);
        batch.result = shares;
        batch.priced = true;
        deposits.closed = 0;
        _mint(address(this), shares);
        emit DepositsPriced(id, batch.asked, shares);
    }

    /// @dev What deposits did not pay joins the line.
    function _queue(uint256 id, uint256 redeemed, uint256 direct) internal {
        Batch storage batch = redemptions.batches[id];
        batch.start = lineEnd;
        batch.direct = direct.toUint128();
        lineEnd += (redeemed - direct).toUint128();
        emit RedemptionsPriced(id, batch.asked, redeemed, direct);
    }

    /// @dev Nobody buys a share when what is known of its worth is not enough to sell it by.
    function _depositsPriceable() internal view returns (bool) {
        if (lastPrice < MIN_PRICE || block.timestamp < fellAt + FALL_PAUSE) return false;
        IPrimeVault v = IPrimeVault(primeVault);
        return v.suspendedBook() == 0
            && uint256(v.totalQuarantine()) * FULL_BPS <= uint256(v.sumEquity()) * MAX_QUARANTINE_BPS;
    }

    function _old(Batch storage batch) internal view returns (bool) {
        return IPrimeVault(primeVault).lastAsOf() >= batch.closedAt + MIN_AGE;
    }

    /// @dev The open batch closes in a later epoch than its first request, one at a time.
    function _close(bool redeeming, uint64 epoch) internal {
        Side storage side = _side(redeeming);
        uint256 id = side.open;
        Batch storage batch = side.batches[id];
        if (side.closed > 0 || batch.asked == 0 || epoch <= batch.firstEpoch) return;
        batch.closedAt = uint40(block.timestamp);
        side.closed = id;
        side.open = id + 1;
        emit BatchClosed(redeeming, id);
    }

    /* CASH */

    /// @dev Whether the vault took it. A refusal leaves everything as it was.
    function _toVault(uint256 amount) internal returns (bool) {
        if (amount == 0) return true;
        require(gasleft() >= DEPOSIT_GAS, PoolErrorsLib.NotEnoughGas());
        // forge-lint: disable-next-line(unsafe-typecast)
        try IPrimeVault(primeVault).deposit(account, uint64(amount)) { // A batch asks no more than fits.
            return true;
        } catch {
            return false;
        }
    }

    /// @dev Books what the ticket paid, whoever claimed it.
    function _bookTicket() internal {
        if (ticket == 0) return;
        IPrimeVault v = IPrimeVault(primeVault);
        // Fails only if the token does; then it stays payable.
        if (v.ticketOf(ticket).payable_ > 0) try v.claim(ticket) {} catch {}
        Ticket memory t = v.ticketOf(ticket);
        uint64 arrived = t.paid - ticketSeen;
        if (arrived > 0) {
            ticketSeen = t.paid;
            lineFunded += arrived;
            emit Arrived(ticket, arrived);
        }
        if (t.remaining == 0 && t.payable_ == 0) (ticket, ticketSeen) = (0, 0);
    }

    /// @dev One ticket at a time, never cancelled, for as much of the line as the lane has.
    function _askForCash() internal {
        if (ticket > 0) return;
        uint256 lane = _lane();
        uint256 amount = owed().min(lane);
        if (amount == 0 || (amount < MIN_TICKET && amount < lane)) return;
        // forge-lint: disable-next-line(unsafe-typecast)
        uint64 asked = uint64(amount); // At most the lane.
        try IPrimeVault(primeVault).requestWithdraw(account, asked, address(this)) returns (uint256 id) {
            ticket = id;
            emit CashAsked(id, asked);
        } catch {}
    }

    /// @dev 0 once the vault has closed the sub-account: its id may be another's then.
    function _lane() internal view returns (uint256) {
        Account memory a = IPrimeVault(primeVault).accountOf(account);
        return a.open && a.generation == generation ? IPrimeVault(primeVault).laneOf(account) : 0;
    }

    /// @dev What the ticket has paid or may pay at once and is not booked.
    function _inPayment() internal view returns (uint256) {
        if (ticket == 0) return 0;
        Ticket memory t = IPrimeVault(primeVault).ticketOf(ticket);
        return t.paid + t.payable_ - ticketSeen;
    }

    function _nav() internal view returns (uint256) {
        return (_lane() + _inPayment()).zeroFloorSub(owed());
    }

    /* EXIT */

    function _exitSync() internal {
        IPrimeVault v = IPrimeVault(primeVault);
        _bookTicket();
        if (exitSupply == 0) {
            exitSupply = totalSupply();
            exitLane = _lane();
            exitLine = lineFunded + _inPayment();
            exitDebt = lineEnd - exitLine;
            emit ExitStarted(exitLane, exitDebt, exitSupply);
        }
        if (exitLane == 0) return;
        // Fails only if nothing has come since, or the token does.
        try v.claimExit(account) {} catch {}
        exitTotal = v.exitPaidOf(account);
        emit ExitSynced(exitTotal);
    }

    /// @dev Redemptions' part of what the exit paid: their rank, at most what they are owed.
    function _exitToDebt() internal view returns (uint256) {
        return exitLane == 0 ? 0 : exitTotal.fullMulDiv(exitDebt.min(exitLane), exitLane).min(exitDebt);
    }

    function _exitToShares() internal view returns (uint256) {
        return exitTotal - _exitToDebt();
    }

    function _settleExit(address holder, uint256 total) internal {
        ExitShare storage share_ = exitShares[holder];
        share_.numerator += balanceOf(holder) * (total - share_.seen);
        share_.seen = total;
    }

    /* REQUESTS, STEP BY STEP */

    function _request(Side storage side, uint256 amount, address controller) internal returns (uint256 id) {
        require(!IPrimeVault(primeVault).exiting(), PoolErrorsLib.Exiting());
        require(controller != address(0), PoolErrorsLib.ZeroAddress());
        id = side.open;
        Batch storage batch = side.batches[id];
        if (batch.asked == 0) batch.firstEpoch = IPrimeVault(primeVault).epoch();
        batch.asked += amount;
        Request storage request = side.requests[id][controller];
        if (request.askedAmount == 0) {
            uint256[] storage ids = side.live[controller];
            uint256 limit = _actsFor(controller) ? MAX_LIVE : MAX_LIVE_BY_STRANGERS;
            require(ids.length < limit, PoolErrorsLib.TooManyRequests());
            ids.push(id);
        }
        request.askedAmount += amount;
    }

    function _cancel(Side storage side, uint256 id, address receiver, address controller)
        internal
        returns (uint256 amount)
    {
        _checkClaim(receiver, controller);
        Batch storage batch = side.batches[id];
        amount = side.requests[id][controller].askedAmount;
        IPrimeVault v = IPrimeVault(primeVault);
        // In the epoch of a refusal no later books are known: it is no option.
        require(
            amount > 0 && !batch.priced
                && (batch.closedAt == 0
                    || block.timestamp >= batch.closedAt + CANCEL_AFTER
                    || batch.refusedEpoch == v.epoch()
                    || v.exiting()),
            PoolErrorsLib.CannotCancel()
        );
        delete side.requests[id][controller];
        batch.asked -= amount;
        if (batch.asked == 0 && side.closed == id) side.closed = 0;
        uint256[] storage ids = side.live[controller];
        uint256 i;
        while (ids[i] != id) ++i;
        _remove(ids, i);
    }

    /// @dev Takes `amount` of what is claimable, oldest first, and returns what it is in the other unit.
    function _claim(bool redeeming, uint256 amount, bool byAssets, address controller)
        internal
        returns (uint256 other)
    {
        uint256[] storage ids = _side(redeeming).live[controller];
        uint256 i;
        while (amount > 0 && i < ids.length) {
            (uint256 taken, uint256 part, bool done) = _claimOne(redeeming, ids[i], controller, amount, byAssets);
            amount -= taken;
            other += part;
            if (done) _remove(ids, i);
            else ++i;
        }
        require(amount == 0, PoolErrorsLib.ExceedsMax());
    }

    /// @dev Rounds for the request: shares down and assets up on deposit, shares up and assets down on redemption.
    function _claimOne(bool redeeming, uint256 id, address controller, uint256 amount, bool byAssets)
        internal
        returns (uint256 taken, uint256 part, bool done)
    {
        (uint256 given, uint256 other, bool last) = _claimable(redeeming, id, controller);
        if (!byAssets) (given, other) = (other, given);
        taken = amount.min(given);
        if (taken == given) (part, done) = (other, last);
        else part = redeeming == byAssets ? other.fullMulDivUp(taken, given) : other.fullMulDiv(taken, given);
        Request storage request = _side(redeeming).requests[id][controller];
        request.claimedAssets += byAssets ? taken : part;
        request.claimedShares += byAssets ? part : taken;
    }

    /// @return assets What can be claimed now of a request. @return shares The same. @return last Nothing will follow.
    function _claimable(bool redeeming, uint256 id, address controller)
        internal
        view
        returns (uint256 assets, uint256 shares, bool last)
    {
        Side storage side = _side(redeeming);
        Batch storage batch = side.batches[id];
        Request storage request = side.requests[id][controller];
        if (!batch.priced || request.askedAmount == 0) return (0, 0, false);
        if (redeeming) {
            uint256 funded = _funded(batch);
            last = funded == batch.result;
            assets = request.askedAmount.fullMulDiv(funded, batch.asked);
            shares = last ? request.askedAmount : request.askedAmount.fullMulDiv(funded, batch.result);
        } else {
            last = true;
            assets = request.askedAmount;
            shares = request.askedAmount.fullMulDiv(batch.result, batch.asked);
        }
        assets -= request.claimedAssets;
        shares -= request.claimedShares;
    }

    /// @dev Cash of a redemption batch: deposits', the line's, the exit's.
    function _funded(Batch storage batch) internal view returns (uint256 funded) {
        uint256 queued = batch.result - batch.direct;
        funded = batch.direct + uint256(lineFunded).zeroFloorSub(batch.start).min(queued);
        if (exitDebt == 0) return funded;
        uint256 unfunded = queued - exitLine.zeroFloorSub(batch.start).min(queued);
        funded += unfunded.fullMulDiv(_exitToDebt(), exitDebt);
    }

    function _max(bool redeeming, address controller) internal view returns (uint256 assets, uint256 shares) {
        uint256[] memory ids = _side(redeeming).live[controller];
        for (uint256 i; i < ids.length; ++i) {
            (uint256 a, uint256 s,) = _claimable(redeeming, ids[i], controller);
            assets += a;
            shares += s;
        }
    }

    function _side(bool redeeming) internal view returns (Side storage) {
        return redeeming ? redemptions : deposits;
    }

    /// @dev Keeps the order; at most MAX_LIVE.
    function _remove(uint256[] storage ids, uint256 i) internal {
        for (; i + 1 < ids.length; ++i) {
            ids[i] = ids[i + 1];
        }
        ids.pop();
    }

    /* CHECKS */

    function _enter() internal {
        require(!entered, PoolErrorsLib.Reentered());
        entered = true;
    }

    function _exit() internal {
        entered = false;
    }

    function _actsFor(address who) internal view returns (bool) {
        return msg.sender == who || isOperator[who][msg.sender];
    }

    function _checkClaim(address receiver, address controller) internal view {
        require(_actsFor(controller), PoolErrorsLib.NotController());
        require(receiver != address(0) && receiver != address(this), PoolErrorsLib.BadReceiver());
    }

    function _onlyManager() internal view {
        require(msg.sender == manager, PoolErrorsLib.NotManager());
    }

    /* SETTERS */

    function _setTrader(address who, uint40 until) internal {
        IPrimeVault(primeVault).setRights(account, who, until == 0 ? 0 : TRADE, until);
    }

    function _setManager(address manager_) internal {
        require(manager_ != address(0), PoolErrorsLib.ZeroAddress());
        manager = manager_;
        emit ManagerSet(manager_);
        _setTrader(manager_, type(uint40).max);
    }
}

// slither-disable-end reentrancy-no-eth,reentrancy-benign,reentrancy-events,timestamp,incorrect-equality,unused-return,arbitrary-send-erc20
