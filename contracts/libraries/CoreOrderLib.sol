// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {VenueErrorsLib} from "./VenueErrorsLib.sol";

// divide-before-multiply: rounds to a multiple of the tick.
// slither-disable-start divide-before-multiply

/// @title Prices and sizes of perps, as Core reads them and as it is told them.
/// @notice Core answers in raw units: price = USDC × 10^(6 − szDecimals), size in lots of 10^-szDecimals coins, so that price
/// × lots is micro-USDC. It is told both × 1e8. It drops silently a price with more than 6 − szDecimals decimals or (but for
/// whole dollars) more than 5 significant figures, and a size that is not a whole number of lots.
library CoreOrderLib {
    uint256 internal constant FULL_BPS = 10_000;
    /// @dev Five significant figures begin to bind at 10^5 raw units.
    uint256 internal constant FINE = 1e5;

    /// @notice The price in raw units; reverts if Core would drop it.
    function rawPrice(uint64 limitPx, uint8 sizeDecimals) internal pure returns (uint256 price) {
        uint256 scale = 10 ** (2 + uint256(sizeDecimals));
        price = limitPx / scale;
        require(price > 0 && limitPx % scale == 0, VenueErrorsLib.OffTick());
        require(price % tickOf(price, sizeDecimals) == 0, VenueErrorsLib.OffTick());
    }

    /// @notice The size in lots; reverts if Core would drop it.
    function lotsOf(uint64 size, uint8 sizeDecimals) internal pure returns (uint256 lots) {
        uint256 scale = 10 ** (8 - uint256(sizeDecimals));
        lots = size / scale;
        require(lots > 0 && size % scale == 0, VenueErrorsLib.OffLot());
    }

    /// @notice The distance of valid prices at `price`: 5 significant figures, yet never coarser than a dollar.
    function tickOf(uint256 price, uint8 sizeDecimals) internal pure returns (uint256 tick) {
        uint256 dollar = 10 ** (6 - uint256(sizeDecimals));
        tick = 1;
        while (price >= FINE * tick && tick < dollar) tick *= 10;
    }

    /// @notice How far from the oracle a price lies to the disadvantage of who takes it. Raw units.
    function adverse(uint256 price, uint256 oracle, bool isBuy) internal pure returns (uint256) {
        if (isBuy) return price > oracle ? price - oracle : 0;
        return oracle > price ? oracle - price : 0;
    }

    function inBand(uint256 price, uint256 oracle, uint256 bps) internal pure returns (bool) {
        return (price > oracle ? price - oracle : oracle - price) * FULL_BPS <= oracle * bps;
    }

    /// @notice `bps` beyond the oracle on the side that fills, rounded toward the oracle to a valid price. Raw units.
    function marketable(uint256 oracle, uint256 bps, bool isBuy, uint8 sizeDecimals) internal pure returns (uint256) {
        uint256 scaled = oracle * (isBuy ? FULL_BPS + bps : FULL_BPS - bps);
        uint256 price = isBuy ? scaled / FULL_BPS : (scaled + FULL_BPS - 1) / FULL_BPS;
        uint256 tick = tickOf(price, sizeDecimals);
        return isBuy ? price - price % tick : (price + tick - 1) / tick * tick;
    }
}

// slither-disable-end divide-before-multiply
