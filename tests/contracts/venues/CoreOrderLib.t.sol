// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {CoreOrderLib} from "../../../contracts/libraries/CoreOrderLib.sol";
import {CoreReadLib, PerpAssetInfo} from "../../../contracts/libraries/CoreReadLib.sol";
import {CoreOrder, CoreWriterLib} from "../../../contracts/libraries/CoreWriterLib.sol";
import {VenueErrorsLib} from "../../../contracts/libraries/VenueErrorsLib.sol";
import {VenueBase} from "./VenueBase.sol";

/// @notice Ticks, lots and bands, against the venue's rule as it is written: at most 5 significant figures unless whole.
contract CoreOrderLibTest is VenueBase {
    function rawPrice(uint64 limitPx, uint8 decimals) external pure returns (uint256) {
        return CoreOrderLib.rawPrice(limitPx, decimals);
    }

    function lotsOf(uint64 size, uint8 decimals) external pure returns (uint256) {
        return CoreOrderLib.lotsOf(size, decimals);
    }

    /// @dev By counting figures in decimal, as a person would.
    function valid(uint256 price, uint8 decimals) internal pure returns (bool) {
        if (price == 0) return false;
        if (price % 10 ** (6 - uint256(decimals)) == 0) return true;
        while (price % 10 == 0) price /= 10;
        return price < 100_000;
    }

    function testFuzz_C7_PricesThatCoreWouldDropAreRefused(uint64 limitPx, uint8 decimals) public {
        decimals = uint8(bound(decimals, 0, 6));
        uint256 scale = 10 ** (2 + uint256(decimals));
        bool expected = limitPx % scale == 0 && valid(limitPx / scale, decimals);
        (bool ok, bytes4 reason) = tried(address(this), abi.encodeCall(this.rawPrice, (limitPx, decimals)));
        assertTrue(ok == expected, "accepted as the rule says");
        if (!ok) assertTrue(reason == VenueErrorsLib.OffTick.selector, "named");
    }

    function testFuzz_C7_EveryValidPriceIsAccepted(uint256 figures, uint256 exponent, uint8 decimals) public view {
        decimals = uint8(bound(decimals, 0, 6));
        figures = bound(figures, 1, 99_999);
        uint256 price = figures * 10 ** bound(exponent, 0, 5);
        uint64 limitPx = uint64(price * 10 ** (2 + uint256(decimals)));
        assertEq(this.rawPrice(limitPx, decimals), price, "in raw units");
    }

    function test_C7_WholeDollarsMayHaveMoreThanFiveFigures() public {
        assertEq(this.rawPrice(123_456e8, 5), 123_456e1, "123456");
        vm.expectRevert(VenueErrorsLib.OffTick.selector);
        this.rawPrice(123_456e8 + 1e7, 5); // 123456.1
        vm.expectRevert(VenueErrorsLib.OffTick.selector);
        this.rawPrice(0, 5);
    }

    function testFuzz_C7_SizesThatCoreWouldDropAreRefused(uint64 size, uint8 decimals) public {
        decimals = uint8(bound(decimals, 0, 6));
        uint256 scale = 10 ** (8 - uint256(decimals));
        (bool ok, bytes4 reason) = tried(address(this), abi.encodeCall(this.lotsOf, (size, decimals)));
        assertTrue(ok == (size > 0 && size % scale == 0), "whole lots, at least one");
        if (!ok) assertTrue(reason == VenueErrorsLib.OffLot.selector, "named");
    }

    /// @dev Valid, within the band, and on the side that fills (or at the oracle where a tick is wider than the band).
    function testFuzz_E5_MarketablePriceIsValidAndWithinTheBand(uint256 oracle, uint256 bps, bool isBuy, uint8 decimals)
        public
        pure
    {
        decimals = uint8(bound(decimals, 0, 6));
        oracle = bound(oracle, 1, 1e17);
        bps = bound(bps, 50, 1_000);
        uint256 price = CoreOrderLib.marketable(oracle, bps, isBuy, decimals);
        assertTrue(valid(price, decimals), "Core would drop it");
        assertTrue(CoreOrderLib.inBand(price, oracle, bps), "out of band");
        assertTrue(isBuy ? price >= oracle : price <= oracle, "would not fill");
    }

    /// @dev One tick further and it would leave the band: rounding gives away less than a tick.
    function testFuzz_E5_MarketablePriceUsesTheBandToTheTick(uint256 oracle, uint256 bps, bool isBuy, uint8 decimals)
        public
        pure
    {
        decimals = uint8(bound(decimals, 0, 6));
        oracle = bound(oracle, 1e6, 1e17);
        bps = bound(bps, 50, 1_000);
        uint256 price = CoreOrderLib.marketable(oracle, bps, isBuy, decimals);
        uint256 tick = CoreOrderLib.tickOf(price, decimals);
        uint256 further = isBuy ? price + tick : price - tick;
        assertFalse(CoreOrderLib.inBand(further, oracle, bps), "a better price was left unused");
    }

    function testFuzz_C7_AdverseIsWhatTheTakerLoses(uint64 price, uint64 oracle) public pure {
        uint256 buy = CoreOrderLib.adverse(price, oracle, true);
        uint256 sell = CoreOrderLib.adverse(price, oracle, false);
        assertEqInt(int256(buy) - int256(sell), int256(uint256(price)) - int256(uint256(oracle)), "signed distance");
        assertTrue(buy == 0 || sell == 0, "one side only");
    }

    function test_LimitOrder_IsVersionIdAndSevenWords() public pure {
        bytes memory payload = CoreWriterLib.limitOrder(
            CoreOrder({asset: 3, isBuy: true, limitPx: 5e8, size: 7e8, reduceOnly: true, tif: 3, cloid: 9})
        );
        assertEq(
            payload,
            abi.encodePacked(
                hex"01000001", abi.encode(uint32(3), true, uint64(5e8), uint64(7e8), true, uint8(3), uint128(9))
            ),
            "action 1"
        );
        assertEq(payload.length, 4 + 7 * 32, "static");
        assertEq(
            CoreWriterLib.cancelByOid(3, 8), abi.encodePacked(hex"0100000a", abi.encode(uint32(3), uint64(8))), "10"
        );
        assertEq(
            CoreWriterLib.cancelByCloid(3, 9), abi.encodePacked(hex"0100000b", abi.encode(uint32(3), uint128(9))), "11"
        );
    }
}

/// @notice The reads that orders need.
contract CoreAssetReadsTest is VenueBase {
    function setUp() public {
        setUpWorld();
    }

    function decimals(uint32 asset) external view returns (uint8) {
        return CoreReadLib.sizeDecimals(asset);
    }

    function oracle(uint32 asset) external view returns (uint64) {
        return CoreReadLib.oraclePrice(asset);
    }

    function expectReadFailed(address precompile, bytes memory call) internal {
        vm.expectRevert(abi.encodeWithSelector(VenueErrorsLib.ReadFailed.selector, precompile));
        (bool ok,) = address(this).call(call);
        assertTrue(ok, "expectRevert turns it");
    }

    function testFuzz_SizeDecimals_ReadsTheStructWhateverTheCoinsName(string calldata coin, uint8 expected) public {
        expected = uint8(bound(expected, 0, 6));
        answer(
            CoreReadLib.PERP_ASSET_INFO, abi.encode(uint32(4)), abi.encode(PerpAssetInfo(coin, 9, expected, 3, true))
        );
        assertEq(this.decimals(4), expected, "szDecimals");
    }

    struct Longer {
        string coin;
        uint32 marginTableId;
        uint8 sizeDecimals;
        uint8 maxLeverage;
        bool onlyIsolated;
        uint256 later;
    }

    function test_C4_SizeDecimals_LongerStructIsReadByItsKnownPrefix() public {
        answer(CoreReadLib.PERP_ASSET_INFO, abi.encode(uint32(4)), abi.encode(Longer("BTC", 9, 5, 40, false, 77)));
        assertEq(this.decimals(4), 5, "szDecimals");
    }

    function testFuzz_C4_SizeDecimals_ShorterReplyReverts(uint256 length) public {
        answer(CoreReadLib.PERP_ASSET_INFO, abi.encode(uint32(4)), new bytes(bound(length, 1, 223)));
        expectReadFailed(CoreReadLib.PERP_ASSET_INFO, abi.encodeCall(this.decimals, (4)));
    }

    function testFuzz_C4_SizeDecimals_MoreThanSixReverts(uint8 many) public {
        setAsset(4, uint8(bound(many, 7, 255)), 1);
        expectReadFailed(CoreReadLib.PERP_ASSET_INFO, abi.encodeCall(this.decimals, (4)));
    }

    function test_C4_OracleZeroMissingOrShortReverts() public {
        expectReadFailed(CoreReadLib.ORACLE_PRICE, abi.encodeCall(this.oracle, (4)));
        setAsset(4, 2, 0);
        expectReadFailed(CoreReadLib.ORACLE_PRICE, abi.encodeCall(this.oracle, (4)));
        answer(CoreReadLib.ORACLE_PRICE, abi.encode(uint32(4)), new bytes(31));
        expectReadFailed(CoreReadLib.ORACLE_PRICE, abi.encodeCall(this.oracle, (4)));
    }
}
