// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.24;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

// shadowing-local: arguments of an interface are names for the reader.
// slither-disable-start shadowing-local

/// @notice How a pool is made. Fees in basis points.
/// @dev `seed` (at least 100 USDC) is pulled from `seeder`, which allows it to the pool's address beforehand; its shares
/// belong to nobody for ever. Protocol: its part of the fee shares.
struct PoolConfig {
    address vault;
    address manager;
    address feeRecipient;
    address seeder;
    uint64 seed;
    uint16 managementBps;
    uint16 performanceBps;
    uint16 protocolBps;
    address protocolRecipient;
    string name;
    string symbol;
}

/// @notice Requests that are priced together. Deposits: `asked` assets become `result` shares; redemptions: the reverse.
/// @dev `closedAt` 0: it takes requests. `refusedEpoch`: the last commit at which it could have been priced and was not.
/// Redemptions: `direct` of the result was paid by deposits, the rest stands in the line of redemptions from `start`.
struct Batch {
    uint256 asked;
    uint256 result;
    uint64 firstEpoch;
    uint64 refusedEpoch;
    uint40 closedAt;
    bool priced;
    uint128 start;
    uint128 direct;
}

/// @notice ERC-7540.
interface IERC7540Operator {
    /// @notice `operator` may, or may no longer, act for `controller`.
    event OperatorSet(address indexed controller, address indexed operator, bool approved);

    /// @notice Whether `operator` may request and claim for `controller`.
    function isOperator(address controller, address operator) external view returns (bool);

    /// @notice Lets `operator` act for the caller with all its requests, assets and shares, or stops that.
    /// @return True always.
    function setOperator(address operator, bool approved) external returns (bool);
}

/// @notice ERC-7540, deposits.
interface IERC7540Deposit {
    /// @notice `assets` of `owner` were taken for `controller`, by `sender`.
    event DepositRequest(
        address indexed controller, address indexed owner, uint256 indexed requestId, address sender, uint256 assets
    );

    /// @notice Takes `assets` (at least 10 USDC) from `owner`, who is the caller or has made the caller an operator.
    /// @param assets Micro-USDC.
    /// @param controller Who may claim and cancel; not 0.
    /// @param owner Whose USDC is pulled.
    /// @return requestId The batch.
    function requestDeposit(uint256 assets, address controller, address owner) external returns (uint256 requestId);

    /// @notice Assets of the controller's request that wait for their price.
    function pendingDepositRequest(uint256 requestId, address controller) external view returns (uint256 assets);

    /// @notice Assets of the controller's request that were priced and not claimed.
    function claimableDepositRequest(uint256 requestId, address controller) external view returns (uint256 assets);

    /// @notice Claims the shares of `assets` of claimable requests, oldest first, shares rounded down.
    /// @return shares Sent to `receiver`.
    function deposit(uint256 assets, address receiver, address controller) external returns (uint256 shares);

    /// @notice Claims `shares` of claimable requests, oldest first, assets rounded up.
    /// @return assets Of the requests, used up by it.
    function mint(uint256 shares, address receiver, address controller) external returns (uint256 assets);
}

/// @notice ERC-7540, redemptions.
interface IERC7540Redeem {
    /// @notice `shares` of `owner` were taken for `controller`, by `sender`.
    event RedeemRequest(
        address indexed controller, address indexed owner, uint256 indexed requestId, address sender, uint256 shares
    );

    /// @notice Takes `shares` from `owner`: the caller, or who has made it an operator or given it an allowance.
    /// @dev Worth at least 10 USDC, or all that the owner has if the owner is the controller.
    /// @return requestId The batch.
    function requestRedeem(uint256 shares, address controller, address owner) external returns (uint256 requestId);

    /// @notice Shares of the controller's request that wait for their price or for their cash.
    function pendingRedeemRequest(uint256 requestId, address controller) external view returns (uint256 shares);

    /// @notice Shares of the controller's request whose cash has come and was not claimed.
    function claimableRedeemRequest(uint256 requestId, address controller) external view returns (uint256 shares);
}

/// @notice ERC-7575, the vault's side, with the claims of ERC-4626.
interface IERC7575 {
    /// @notice Claimed: `shares` for `assets` of a deposit request. `sender` is its controller, `owner` gets the
    /// shares.
    event Deposit(address indexed sender, address indexed owner, uint256 assets, uint256 shares);
    /// @notice Claimed: `assets` for `shares` of a redemption request. `owner` is its controller, `receiver` gets the
    /// assets.
    event Withdraw(
        address indexed sender, address indexed receiver, address indexed owner, uint256 assets, uint256 shares
    );

    /// @notice USDC.
    function asset() external view returns (address);

    /// @notice The share token: this contract.
    function share() external view returns (address);

    /// @notice Shares that `assets` are worth by the pool's present value, rounded down. No price of a request.
    function convertToShares(uint256 assets) external view returns (uint256 shares);

    /// @notice Assets that `shares` are worth by the pool's present value, rounded down. No price of a request.
    function convertToAssets(uint256 shares) external view returns (uint256 assets);

    /// @notice What the shares are worth now: the lane without redemptions that were priced and not collected.
    function totalAssets() external view returns (uint256 assets);

    /// @notice Assets of the controller's deposit requests that may be claimed.
    function maxDeposit(address controller) external view returns (uint256 assets);

    /// @notice Reverts `PreviewUnsupported`: the price is not known before.
    function previewDeposit(uint256 assets) external view returns (uint256 shares);

    /// @notice As the other `deposit`, the caller being the controller.
    function deposit(uint256 assets, address receiver) external returns (uint256 shares);

    /// @notice Shares of the controller's deposit requests that may be claimed.
    function maxMint(address controller) external view returns (uint256 shares);

    /// @notice Reverts `PreviewUnsupported`: the price is not known before.
    function previewMint(uint256 shares) external view returns (uint256 assets);

    /// @notice As the other `mint`, the caller being the controller.
    function mint(uint256 shares, address receiver) external returns (uint256 assets);

    /// @notice Assets of the controller's redemption requests that may be claimed.
    function maxWithdraw(address controller) external view returns (uint256 assets);

    /// @notice Reverts `PreviewUnsupported`: the price is not known before.
    function previewWithdraw(uint256 assets) external view returns (uint256 shares);

    /// @notice Claims `assets` of claimable redemptions, oldest first, for the controller or by its operator.
    /// @return shares Of the requests, used up by it, rounded up.
    function withdraw(uint256 assets, address receiver, address controller) external returns (uint256 shares);

    /// @notice Shares of the controller's redemption requests that may be claimed.
    function maxRedeem(address controller) external view returns (uint256 shares);

    /// @notice Reverts `PreviewUnsupported`: the price is not known before.
    function previewRedeem(uint256 shares) external view returns (uint256 assets);

    /// @notice Claims the assets of `shares` of claimable redemptions, oldest first, for the controller or by its
    /// operator.
    /// @return assets Sent to `receiver`, rounded down.
    function redeem(uint256 shares, address receiver, address controller) external returns (uint256 assets);
}

/// @notice ERC-7575, the share's side.
interface IERC7575Share {
    /// @notice ERC-7575: the vault of this share for `asset`, this contract; 0 for another asset.
    function vault(address asset) external view returns (address);
}

/// @title One sub-account of a PrimeVault held in shares: ERC-20 with permit, ERC-7540 both ways, ERC-7575.
/// @notice Assets in micro-USDC, shares with 12 decimals. Every preview reverts (`PreviewUnsupported`). Request ids are
/// batches; those of deposits and of redemptions are counted apart, from 1.
interface IPooledAccount is IERC7540Operator, IERC7540Deposit, IERC7540Redeem, IERC7575, IERC7575Share, IERC165 {
    /// @notice The controller took its unpriced deposit request back.
    event DepositCancelled(address indexed controller, uint256 indexed requestId, address receiver, uint256 assets);
    /// @notice The controller took its unpriced redemption request back.
    event RedeemCancelled(address indexed controller, uint256 indexed requestId, address receiver, uint256 shares);
    /// @notice The batch takes no more requests and waits for its price.
    event BatchClosed(bool indexed redemption, uint256 indexed requestId);
    /// @notice The pool was valued. `price` mints, `redeemPrice` redeems; `feeShares` were minted before.
    event Valued(uint64 indexed epoch, uint256 assets, uint256 price, uint256 redeemPrice, uint256 feeShares);
    /// @notice The batch's `assets` became `shares`.
    event DepositsPriced(uint256 indexed requestId, uint256 assets, uint256 shares);
    /// @notice The batch could not go to the vault in `epoch`: its requests may be taken back until the next.
    event DepositsRefused(uint256 indexed requestId, uint64 indexed epoch);
    /// @notice The batch's `shares` became `assets`, `direct` of them paid at once by the deposits of the day.
    event RedemptionsPriced(uint256 indexed requestId, uint256 shares, uint256 assets, uint256 direct);
    /// @notice Cash of a ticket for the line of redemptions.
    event Arrived(uint256 indexed ticket, uint256 assets);
    /// @notice The vault was asked for `assets` for the line of redemptions.
    event CashAsked(uint256 indexed ticket, uint256 assets);
    /// @notice The vault is in exit: `lane` stays to be paid in parts, redemptions for `debt` were priced but not funded.
    event ExitStarted(uint256 lane, uint256 debt, uint256 supply);
    /// @notice Σ paid by the vault's exit so far.
    event ExitSynced(uint256 total);
    /// @notice `assets` were paid for the shares of `holder`.
    event ExitClaimed(address indexed holder, uint256 assets);
    /// @notice `manager` trades and names the trader and the fee recipient from now on.
    event ManagerSet(address indexed manager);
    /// @notice Fee shares go to `recipient` from now on.
    event FeeRecipientSet(address indexed recipient);

    /* CLIENT */

    /// @notice Controller or its operator: takes an unpriced request back, the assets to `receiver`.
    /// @dev While its batch is open; 24 hours after it closed; in the epoch in which the vault or a pause refused it; in
    /// exit.
    function cancelDeposit(uint256 requestId, address receiver, address controller) external returns (uint256 assets);

    /// @notice As `cancelDeposit`; the shares go to `receiver`.
    function cancelRedeem(uint256 requestId, address receiver, address controller) external returns (uint256 shares);

    /* ANYONE */

    /// @notice Books cash that arrived; after a full commit values the pool, takes fees and prices closed batches; closes open
    /// ones; asks for cash. Never reverts because the vault refuses. In exit: `exitSync`.
    function settle() external;

    /// @notice In exit: books what tickets and the exit have paid.
    function exitSync() external;

    /// @notice In exit: pays `holder` its shares' part of what was booked and not paid yet.
    function claimExit(address holder) external returns (uint256 assets);

    /* MANAGER */

    /// @notice Manager: gives `who` the right to sign orders until `until`, or takes it (`until` 0).
    /// @param who The delegate (TRADE).
    /// @param until Seconds, inclusive.
    function setTrader(address who, uint40 until) external;

    /// @notice Manager: names its successor, not 0.
    function setManager(address manager) external;

    /// @notice Manager: names who gets fee shares from now on, not 0.
    function setFeeRecipient(address recipient) external;

    /* VIEWS */

    /// @notice The vault in which the sub-account lies.
    function primeVault() external view returns (address);

    /// @notice The sub-account.
    function account() external view returns (uint256 id);

    /// @notice Who trades.
    function manager() external view returns (address);

    /// @notice Who gets the fee shares that are not the protocol's.
    function feeRecipient() external view returns (address);

    /// @notice Fee on assets per year, in basis points. Fixed.
    function managementBps() external view returns (uint16);

    /// @notice Fee on gains above the high-water mark, in basis points. Fixed.
    function performanceBps() external view returns (uint16);

    /// @notice The protocol's part of fee shares, in basis points. Fixed.
    function protocolBps() external view returns (uint16);

    /// @notice Who gets the protocol's part. Fixed.
    function protocolRecipient() external view returns (address);

    /// @notice The highest price after fees so far (18 decimals, par 1e18): only above it a performance fee is due.
    function highWaterMark() external view returns (uint256);

    /// @notice The last price at which shares were minted (18 decimals, par 1e18).
    function lastPrice() external view returns (uint256);

    /// @notice The last price at which shares were redeemed (18 decimals, par 1e18).
    function lastRedeemPrice() external view returns (uint256);

    /// @notice Redemptions that were priced and have no cash yet.
    function owed() external view returns (uint256 assets);

    /// @notice The vault's ticket that brings cash, or 0.
    function ticket() external view returns (uint256);

    /// @notice A batch of deposit requests.
    function depositBatchOf(uint256 requestId) external view returns (Batch memory);

    /// @notice A batch of redemption requests.
    function redeemBatchOf(uint256 requestId) external view returns (Batch memory);

    /// @notice The batch that takes requests, and the one waiting for its price (0: none).
    function depositBatches() external view returns (uint256 open, uint256 closed);

    /// @notice The same of redemptions.
    function redeemBatches() external view returns (uint256 open, uint256 closed);

    /// @notice Ids of the controller's requests that are not wholly claimed.
    /// @return deposits Batches, oldest first.
    /// @return redeems Batches, oldest first.
    function requestsOf(address controller) external view returns (uint256[] memory deposits, uint256[] memory redeems);

    /// @notice In exit: what `claimExit` would pay now.
    function exitClaimable(address holder) external view returns (uint256 assets);
}

// slither-disable-end shadowing-local
