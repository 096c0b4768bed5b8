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
    event OperatorSet(address indexed controller, address indexed operator, bool approved);

    function isOperator(address controller, address operator) external view returns (bool);
    function setOperator(address operator, bool approved) external returns (bool);
}

/// @notice ERC-7540, deposits.
interface IERC7540Deposit {
    event DepositRequest(
        address indexed controller, address indexed owner, uint256 indexed requestId, address sender, uint256 assets
    );

    /// @notice Takes `assets` (at least 10 USDC) from `owner`, who is the caller or has made the caller an operator.
    function requestDeposit(uint256 assets, address controller, address owner) external returns (uint256 requestId);
    function pendingDepositRequest(uint256 requestId, address controller) external view returns (uint256 assets);
    function claimableDepositRequest(uint256 requestId, address controller) external view returns (uint256 assets);

    /// @notice Claims the shares of `assets` of claimable requests, oldest first, shares rounded down.
    function deposit(uint256 assets, address receiver, address controller) external returns (uint256 shares);

    /// @notice Claims `shares` of claimable requests, oldest first, assets rounded up.
    function mint(uint256 shares, address receiver, address controller) external returns (uint256 assets);
}

/// @notice ERC-7540, redemptions.
interface IERC7540Redeem {
    event RedeemRequest(
        address indexed controller, address indexed owner, uint256 indexed requestId, address sender, uint256 shares
    );

    /// @notice Takes `shares` from `owner`: the caller, or who has made it an operator or given it an allowance.
    /// @dev Worth at least 10 USDC, or all that the owner has if the owner is the controller.
    function requestRedeem(uint256 shares, address controller, address owner) external returns (uint256 requestId);
    function pendingRedeemRequest(uint256 requestId, address controller) external view returns (uint256 shares);
    function claimableRedeemRequest(uint256 requestId, address controller) external view returns (uint256 shares);
}

/// @notice ERC-7575, the vault's side, with the claims of ERC-4626.
interface IERC7575 {
    event Deposit(address indexed sender, address indexed owner, uint256 assets, uint256 shares);
    event Withdraw(
        address indexed sender, address indexed receiver, address indexed owner, uint256 assets, uint256 shares
    );

    function asset() external view returns (address);
    function share() external view returns (address);
    function convertToShares(uint256 assets) external view returns (uint256 shares);
    function convertToAssets(uint256 shares) external view returns (uint256 assets);
    function totalAssets() external view returns (uint256 assets);
    function maxDeposit(address controller) external view returns (uint256 assets);
    function previewDeposit(uint256 assets) external view returns (uint256 shares);
    function deposit(uint256 assets, address receiver) external returns (uint256 shares);
    function maxMint(address controller) external view returns (uint256 shares);
    function previewMint(uint256 shares) external view returns (uint256 assets);
    function mint(uint256 shares, address receiver) external returns (uint256 assets);
    function maxWithdraw(address controller) external view returns (uint256 assets);
    function previewWithdraw(uint256 assets) external view returns (uint256 shares);
    function withdraw(uint256 assets, address receiver, address controller) external returns (uint256 shares);
    function maxRedeem(address controller) external view returns (uint256 shares);
    function previewRedeem(uint256 shares) external view returns (uint256 assets);
    function redeem(uint256 shares, address receiver, address controller) external returns (uint256 assets);
}

/// @notice ERC-7575, the share's side.
interface IERC7575Share {
    function vault(address asset) external view returns (address);
}

/// @title One sub-account of a PrimeVault held in shares: ERC-20 with permit, ERC-7540 both ways, ERC-7575.
/// @notice Assets in micro-USDC, shares with 12 decimals. Every preview reverts (`PreviewUnsupported`). Request ids are
/// batches; those of deposits and of redemptions are counted apart, from 1.
interface IPooledAccount is IERC7540Operator, IERC7540Deposit, IERC7540Redeem, IERC7575, IERC7575Share, IERC165 {
    event DepositCancelled(address indexed controller, uint256 indexed requestId, address receiver, uint256 assets);
    event RedeemCancelled(address indexed controller, uint256 indexed requestId, address receiver, uint256 shares);
    event BatchClosed(bool indexed redemption, uint256 indexed requestId);
    /// @notice The pool was valued. `price` mints, `redeemPrice` redeems; `feeShares` were minted before.
    event Valued(uint64 indexed epoch, uint256 assets, uint256 price, uint256 redeemPrice, uint256 feeShares);
    event DepositsPriced(uint256 indexed requestId, uint256 assets, uint256 shares);
    event DepositsRefused(uint256 indexed requestId, uint64 indexed epoch);
    event RedemptionsPriced(uint256 indexed requestId, uint256 shares, uint256 assets, uint256 direct);
    /// @notice Cash of a ticket for the line of redemptions.
    event Arrived(uint256 indexed ticket, uint256 assets);
    event CashAsked(uint256 indexed ticket, uint256 assets);
    /// @notice The vault is in exit: `lane` stays to be paid in parts, redemptions for `debt` were priced but not funded.
    event ExitStarted(uint256 lane, uint256 debt, uint256 supply);
    /// @notice Σ paid by the vault's exit so far.
    event ExitSynced(uint256 total);
    event ExitClaimed(address indexed holder, uint256 assets);
    event ManagerSet(address indexed manager);
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

    /// @notice Gives `who` the right to sign orders until `until`, or takes it (`until` 0).
    function setTrader(address who, uint40 until) external;
    function setManager(address manager) external;
    function setFeeRecipient(address recipient) external;

    /* VIEWS */

    function primeVault() external view returns (address);

    /// @notice The sub-account.
    function account() external view returns (uint256 id);
    function manager() external view returns (address);
    function feeRecipient() external view returns (address);
    function managementBps() external view returns (uint16);
    function performanceBps() external view returns (uint16);
    function protocolBps() external view returns (uint16);
    function protocolRecipient() external view returns (address);

    /// @notice The high-water mark and the last prices (18 decimals, par 1e18): of minting and of redeeming.
    function highWaterMark() external view returns (uint256);
    function lastPrice() external view returns (uint256);
    function lastRedeemPrice() external view returns (uint256);

    /// @notice Redemptions that were priced and have no cash yet.
    function owed() external view returns (uint256 assets);

    /// @notice The vault's ticket that brings cash, or 0.
    function ticket() external view returns (uint256);
    function depositBatchOf(uint256 requestId) external view returns (Batch memory);
    function redeemBatchOf(uint256 requestId) external view returns (Batch memory);

    /// @notice The batch that takes requests, and the one waiting for its price (0: none).
    function depositBatches() external view returns (uint256 open, uint256 closed);
    function redeemBatches() external view returns (uint256 open, uint256 closed);

    /// @notice Ids of the controller's requests that are not wholly claimed.
    function requestsOf(address controller) external view returns (uint256[] memory deposits, uint256[] memory redeems);

    /// @notice In exit: what `claimExit` would pay now.
    function exitClaimable(address holder) external view returns (uint256 assets);
}

// slither-disable-end shadowing-local
