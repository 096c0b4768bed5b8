// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";

/// @dev Shares that exist for nobody beside one micro-dollar that belongs to nobody: at par from the start, and a
/// donation cannot move the price of an empty pool.
uint256 constant VIRTUAL_SHARES = 1e6;
uint256 constant VIRTUAL_ASSETS = 1;

/// @dev Shares of one micro-dollar at par: 12 decimals beside USDC's 6.
uint256 constant SHARES_PER_ASSET = 1e6;

/// @dev A price of 1: par.
uint256 constant PAR = 1e18;

/// @dev Below it no deposit is priced: shares would be too many to count.
uint256 constant MIN_PRICE = PAR / 1e6;

/// @dev Seconds between the closing of a batch and the moment whose books price it, at least.
uint256 constant MIN_AGE = 10 minutes;

/// @dev Seconds after which a closed batch that nobody priced may be cancelled.
uint256 constant CANCEL_AFTER = 24 hours;

/// @dev A fall of the price by more than this between two settles stops the pricing of deposits for `FALL_PAUSE`.
uint256 constant MAX_FALL_BPS = 1000;
uint256 constant FALL_PAUSE = 24 hours;

/// @dev Rise of the price of redemptions per commit, at most.
uint256 constant MAX_RISE_BPS = 500;

/// @dev Quarantined gains of the vault, in parts of its equity, above which no deposit is priced.
uint256 constant MAX_QUARANTINE_BPS = 100;

/// @dev Batches of one controller that are not wholly claimed: bounds every loop over them. A stranger may start only the first.
uint256 constant MAX_LIVE = 3;
uint256 constant MAX_LIVE_BY_STRANGERS = 1;

/// @dev Fees, at most: 5% a year of assets, half of the gain above the high-water mark; the protocol's part of both.
uint256 constant MAX_MANAGEMENT_BPS = 500;
uint256 constant MAX_PERFORMANCE_BPS = 5000;
uint256 constant MAX_PROTOCOL_BPS = 3000;

/// @dev Longer gaps between settles are charged as this long.
uint256 constant MAX_FEE_TIME = 365 days;

/// @dev Gas that must be left when the vault is asked to take a deposit.
uint256 constant DEPOSIT_GAS = 500_000;

/// @dev Holder of the first deposit's shares, for ever.
address constant DEAD = 0x000000000000000000000000000000000000dEaD;

/// @title Share arithmetic of a pool.
/// @notice `assets` in micro-USDC and `supply` in shares, both with the virtual ones; prices with 18 decimals, `PAR` = 1 USDC for 1e12 shares.
library PoolLib {
    using FixedPointMathLib for uint256;

    uint256 private constant SCALE = PAR * SHARES_PER_ASSET;

    /// @notice Price of a share, rounded down.
    function price(uint256 assets, uint256 supply) internal pure returns (uint256) {
        return assets.fullMulDiv(SCALE, supply);
    }

    /// @notice Price of a share, rounded up.
    function priceUp(uint256 assets, uint256 supply) internal pure returns (uint256) {
        return assets.fullMulDivUp(SCALE, supply);
    }

    /// @notice What `shares` are worth, rounded down.
    function assetsAt(uint256 shares, uint256 price_) internal pure returns (uint256) {
        return shares.fullMulDiv(price_, SCALE);
    }

    /// @notice Shares for `given`, rounded down.
    function sharesFor(uint256 given, uint256 assets, uint256 supply) internal pure returns (uint256) {
        return given.fullMulDiv(supply, assets);
    }

    /// @notice Fee on assets under management for `elapsed` seconds at `bps` a year, rounded down.
    function managementFee(uint256 assets, uint256 bps, uint256 elapsed) internal pure returns (uint256) {
        return assets * bps * elapsed.min(MAX_FEE_TIME) / (10_000 * 365 days);
    }

    /// @notice F = max(g − hwm, 0) · TS · x (Enzyme v4), rounded down.
    /// @param mark The high-water mark, a price.
    function performanceFee(uint256 assets, uint256 supply, uint256 mark, uint256 bps) internal pure returns (uint256) {
        return assets.zeroFloorSub(supply.fullMulDivUp(mark, SCALE)) * bps / 10_000;
    }

    /// @notice Shares whose minting takes `fee` out of `assets`: f = F · TS / (GAV − F), rounded down. `fee` < `assets`.
    function feeShares(uint256 assets, uint256 supply, uint256 fee) internal pure returns (uint256) {
        return fee.fullMulDiv(supply, assets - fee);
    }
}
