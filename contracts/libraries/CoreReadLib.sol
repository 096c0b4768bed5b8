// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {VenueErrorsLib} from "./VenueErrorsLib.sol";

// low-level-calls: precompiles have no code, so a typed call would revert; the reply's length is checked.
// slither-disable-start low-level-calls

/// @notice What the precompile tells of a perp.
struct PerpAssetInfo {
    string coin;
    uint32 marginTableId;
    uint8 sizeDecimals;
    uint8 maxLeverage;
    bool onlyIsolated;
}

/// @title Reads of HyperCore by precompile.
/// @notice Values are the state when the EVM block was built: nothing that the same block writes is visible.
/// @dev A call is gas-capped, because a precompile burns all the gas it is given when it refuses its input. The cap is six
/// times the dearest read of today (2,000 + 65 per byte in and out). A reply that is longer than the known one is decoded by
/// its known prefix, so that a venue upgrade which appends a field cannot brick the seat; a shorter one reverts.
library CoreReadLib {
    address internal constant POSITION = address(0x800);
    address internal constant SPOT_BALANCE = address(0x801);
    address internal constant WITHDRAWABLE = address(0x803);
    address internal constant MARK_PRICE = address(0x806);
    address internal constant ORACLE_PRICE = address(0x807);
    address internal constant L1_BLOCK_NUMBER = address(0x809);
    address internal constant PERP_ASSET_INFO = address(0x80a);
    address internal constant ACCOUNT_MARGIN_SUMMARY = address(0x80f);
    address internal constant CORE_USER_EXISTS = address(0x810);
    address internal constant POSITION_2 = address(0x813);

    uint256 internal constant GAS_CAP = 100_000;

    /// @dev Perps have at most as many decimals of size as a price has together with them.
    uint8 internal constant MAX_SIZE_DECIMALS = 6;

    /// @dev Token 0 is USDC.
    uint64 internal constant USDC = 0;

    /// @notice Spot USDC of `user`, in units of 1e-8. `available` is what no resting order holds.
    function spotUsdc(address user) internal view returns (uint64 total, uint64 available) {
        bytes memory reply = _read(SPOT_BALANCE, abi.encode(user, USDC), 96);
        uint64 hold;
        (total, hold,) = abi.decode(reply, (uint64, uint64, uint64));
        available = total > hold ? total - hold : 0;
    }

    /// @notice Account value of `user` on the main dex, in micro-USDC; negative when bankrupt.
    function accountValue(address user) internal view returns (int64 value) {
        bytes memory reply = _read(ACCOUNT_MARGIN_SUMMARY, abi.encode(uint32(0), user), 128);
        (value,,,) = abi.decode(reply, (int64, uint64, uint64, int64));
    }

    /// @notice What of `user` could move from perp to spot, in micro-USDC.
    function withdrawable(address user) internal view returns (uint64) {
        return abi.decode(_read(WITHDRAWABLE, abi.encode(user), 32), (uint64));
    }

    /// @notice Signed size of `user` in a perp, in units of 10^-szDecimals.
    function positionSize(address user, uint32 asset) internal view returns (int64 size) {
        // The first position precompile takes 16 bits; the second serves every asset but not every node version.
        // Both encode alike; a wider number in the first one's input would make it fail.
        address precompile = asset <= type(uint16).max ? POSITION : POSITION_2;
        bytes memory reply = _read(precompile, abi.encode(user, asset), 160);
        (size,,,,) = abi.decode(reply, (int64, uint64, int64, uint32, bool));
    }

    /// @notice Mark price of a perp, human × 10^(6 − szDecimals).
    function markPrice(uint32 asset) internal view returns (uint64) {
        return abi.decode(_read(MARK_PRICE, abi.encode(asset), 32), (uint64));
    }

    /// @notice Oracle price of a perp, human × 10^(6 − szDecimals); never 0.
    function oraclePrice(uint32 asset) internal view returns (uint64 price) {
        price = abi.decode(_read(ORACLE_PRICE, abi.encode(asset), 32), (uint64));
        require(price > 0, VenueErrorsLib.ReadFailed(ORACLE_PRICE));
    }

    /// @notice szDecimals of a perp.
    /// @dev The reply is a struct with a string: an offset, then (coin, margin table, szDecimals, ...) with the string last.
    function sizeDecimals(uint32 asset) internal view returns (uint8 decimals) {
        bytes memory reply = _read(PERP_ASSET_INFO, abi.encode(asset), 224);
        PerpAssetInfo memory info = abi.decode(reply, (PerpAssetInfo));
        decimals = info.sizeDecimals;
        require(decimals <= MAX_SIZE_DECIMALS, VenueErrorsLib.ReadFailed(PERP_ASSET_INFO));
    }

    /// @notice Height of the L1.
    function l1BlockNumber() internal view returns (uint64) {
        return abi.decode(_read(L1_BLOCK_NUMBER, "", 32), (uint64));
    }

    /// @notice Whether `user` has an account on Core.
    function userExists(address user) internal view returns (bool) {
        return abi.decode(_read(CORE_USER_EXISTS, abi.encode(user), 32), (bool));
    }

    function _read(address precompile, bytes memory input, uint256 length) private view returns (bytes memory reply) {
        bool ok;
        (ok, reply) = precompile.staticcall{gas: GAS_CAP}(input);
        require(ok && reply.length >= length, VenueErrorsLib.ReadFailed(precompile));
    }
}

// slither-disable-end low-level-calls
