// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {CoreReadLib} from "../../../contracts/libraries/CoreReadLib.sol";
import {CoreWriterLib} from "../../../contracts/libraries/CoreWriterLib.sol";
import {VenueErrorsLib} from "../../../contracts/libraries/VenueErrorsLib.sol";
import {VenueBase} from "./VenueBase.sol";

/// @notice Payloads of three CoreWriter actions as mainnet saw them, byte for byte.
contract CoreWriterLibTest is VenueBase {
    function test_UsdClassTransfer_IsMainnetsPayload() public pure {
        assertEq(
            CoreWriterLib.usdClassTransfer(18_710_000, false),
            hex"01000007" hex"00000000000000000000000000000000000000000000000000000000011d7df0"
            hex"0000000000000000000000000000000000000000000000000000000000000000",
            "action 7"
        );
    }

    function test_AddApiWallet_IsMainnetsPayload() public pure {
        assertEq(
            CoreWriterLib.addApiWallet(0x40A5089854165d3d8Bc054CF02aDffDA28Ac092C, "beat-mobile"),
            hex"01000009" hex"00000000000000000000000040a5089854165d3d8bc054cf02adffda28ac092c"
            hex"0000000000000000000000000000000000000000000000000000000000000040"
            hex"000000000000000000000000000000000000000000000000000000000000000b"
            hex"626561742d6d6f62696c65000000000000000000000000000000000000000000",
            "action 9"
        );
    }

    function test_UsdcToEvm_IsMainnetsPayload() public pure {
        assertEq(
            CoreWriterLib.usdcToEvm(49_317_726_300),
            hex"0100000d" hex"0000000000000000000000002000000000000000000000000000000000000000"
            hex"0000000000000000000000000000000000000000000000000000000000000000"
            hex"00000000000000000000000000000000000000000000000000000000ffffffff"
            hex"00000000000000000000000000000000000000000000000000000000ffffffff"
            hex"0000000000000000000000000000000000000000000000000000000000000000"
            hex"0000000000000000000000000000000000000000000000000000000b7b90c85c",
            "action 13"
        );
    }

    function test_SetAbstraction_IsVersionIdAndFields() public pure {
        assertEq(
            CoreWriterLib.setAbstraction(0x40A5089854165d3d8Bc054CF02aDffDA28Ac092C, CoreWriterLib.MODE_DISABLED),
            hex"01000010" hex"00000000000000000000000040a5089854165d3d8bc054cf02adffda28ac092c"
            hex"0000000000000000000000000000000000000000000000000000000000000001",
            "action 16"
        );
    }
}

/// @notice Reads: raw input without a selector, known prefix decoded, everything else refused.
contract CoreReadLibTest is VenueBase {
    address internal constant USER = address(0xABC);

    function setUp() public {
        setUpWorld();
    }

    function readSpot() external view returns (uint64 total, uint64 available) {
        return CoreReadLib.spotUsdc(USER);
    }

    function readAccountValue() external view returns (int64) {
        return CoreReadLib.accountValue(USER);
    }

    function readExists() external view returns (bool) {
        return CoreReadLib.userExists(USER);
    }

    function readPosition(uint32 asset) external view returns (int64) {
        return CoreReadLib.positionSize(USER, asset);
    }

    function testFuzz_C4_LongerReplyIsReadByItsKnownPrefix(int64 value, bytes calldata more) public {
        bytes memory known = abi.encode(value, uint64(1), uint64(2), int64(3));
        answer(CoreReadLib.ACCOUNT_MARGIN_SUMMARY, abi.encode(uint32(0), USER), bytes.concat(known, more));
        assertEqInt(this.readAccountValue(), value, "account value");
    }

    function testFuzz_C4_ShorterReplyReverts(uint256 length) public {
        length = bound(length, 1, 95);
        answer(CoreReadLib.SPOT_BALANCE, abi.encode(USER, uint64(0)), new bytes(length));
        vm.expectRevert(abi.encodeWithSelector(VenueErrorsLib.ReadFailed.selector, CoreReadLib.SPOT_BALANCE));
        this.readSpot();
    }

    function test_C4_FailedReadReverts() public {
        vm.expectRevert(abi.encodeWithSelector(VenueErrorsLib.ReadFailed.selector, CoreReadLib.CORE_USER_EXISTS));
        this.readExists();
    }

    function test_C4_AddressWithoutPrecompileReverts() public {
        vm.etch(CoreReadLib.SPOT_BALANCE, "");
        vm.expectRevert(abi.encodeWithSelector(VenueErrorsLib.ReadFailed.selector, CoreReadLib.SPOT_BALANCE));
        this.readSpot();
    }

    function testFuzz_C4_ValueOutsideItsTypeReverts(uint256 total) public {
        total = bound(total, 2 ** 64, type(uint256).max);
        answer(CoreReadLib.SPOT_BALANCE, abi.encode(USER, uint64(0)), abi.encode(total, uint64(0), uint64(0)));
        (bool ok,) = tried(address(this), abi.encodeCall(this.readSpot, ()));
        assertFalse(ok, "more than 64 bits");
    }

    /// @dev A refusing precompile burns what it is given: the cap bounds it.
    function test_C10_FailedReadBurnsNoMoreThanTheCap() public {
        uint256 before = gasleft();
        (bool ok,) = tried(address(this), abi.encodeCall(this.readExists, ()));
        uint256 used = before - gasleft();
        assertFalse(ok, "unknown user");
        assertLe(CoreReadLib.GAS_CAP, used, "the stand-in burns all, as the real one");
        assertLe(used, CoreReadLib.GAS_CAP + 20_000, "no more than the cap");
    }

    function testFuzz_SpotUsdc_HeldMoneyIsNotAvailable(uint64 spot, uint64 hold) public {
        setSpot(USER, spot, hold);
        (uint64 total, uint64 available) = this.readSpot();
        assertEq(total, spot, "total");
        assertEq(available, spot > hold ? spot - hold : 0, "available, even when more is held than there is");
    }

    function testFuzz_PositionSize_AssetsBeyond16BitsUseTheSecondPrecompile(uint32 asset, int64 lots) public {
        bool second = asset > type(uint16).max;
        bytes memory position = abi.encode(lots, uint64(0), int64(0), uint32(20), false);
        answer(second ? CoreReadLib.POSITION_2 : CoreReadLib.POSITION, abi.encode(USER, asset), position);
        assertEqInt(this.readPosition(asset), lots, second ? "0x813" : "0x800");
    }

    function test_PositionSize_TheLastAssetOfTheFirstPrecompile() public {
        testFuzz_PositionSize_AssetsBeyond16BitsUseTheSecondPrecompile(65_535, -42);
        testFuzz_PositionSize_AssetsBeyond16BitsUseTheSecondPrecompile(65_536, 43);
    }
}
