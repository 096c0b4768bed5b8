// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {CoreDepositWalletSim} from "../../../contracts/sim/CoreDepositWalletSim.sol";
import {CoreState} from "../../../contracts/sim/CoreState.sol";
import {CoreWriterSim} from "../../../contracts/sim/CoreWriterSim.sol";
import {PrecompileSim} from "../../../contracts/sim/PrecompileSim.sol";
import {TestUSDC} from "../../../contracts/sim/TestUSDC.sol";
import {VenueState} from "../../../contracts/interfaces/IPrimeVault.sol";
import {PerpAssetInfo} from "../../../contracts/libraries/CoreReadLib.sol";
import {ICoreWriter} from "../../../contracts/libraries/CoreWriterLib.sol";
import {Base} from "../Base.sol";

/// @notice What a venue asks its vault for, as a test sets it.
contract RolesOnlyVault {
    address public curator = address(0xC0);
    mapping(address who => bool) public isKeeper;
    mapping(address who => bool) public isGuardian;
    uint256 public accountCount;
    uint40 public exitAt;
    int128 internal book;

    constructor(address keeper, address guardian) {
        isKeeper[keeper] = true;
        isGuardian[guardian] = true;
    }

    function exiting() external view returns (bool) {
        return exitAt != 0;
    }

    function venueOf(address) external view returns (VenueState memory state) {
        state.book = book;
    }

    function setBook(int128 book_) external {
        book = book_;
    }

    function setAccountCount(uint256 count) external {
        accountCount = count;
    }

    function startExit() external {
        exitAt = uint40(block.timestamp);
    }
}

/// @notice A HyperCore that a test sets by hand: the stand-ins of the local chain, at their real addresses.
abstract contract VenueBase is Base {
    address internal constant CURATOR = address(0xC0);
    address internal constant KEEPER = address(0xCE);
    address internal constant GUARDIAN = address(0x6A);
    address internal constant STRANGER = address(0xBAD);
    address internal constant CORE_WRITER = 0x3333333333333333333333333333333333333333;
    uint256 internal constant START = 1_770_336_000;

    RolesOnlyVault internal vault;
    TestUSDC internal usdc;
    CoreState internal core;
    CoreDepositWalletSim internal wallet;
    uint64 internal l1Block;

    function setUpWorld() internal {
        vm.warp(START);
        vault = new RolesOnlyVault(KEEPER, GUARDIAN);
        usdc = new TestUSDC(address(this));
        core = new CoreState(address(this));
        wallet = new CoreDepositWalletSim(usdc, address(this));
        bytes memory code = address(new PrecompileSim(core)).code;
        for (uint160 precompile = 0x800; precompile <= 0x813; ++precompile) {
            vm.etch(address(precompile), code);
        }
        vm.etch(CORE_WRITER, address(new CoreWriterSim()).code);
        setL1Block(1000);
    }

    /* WHAT CORE ANSWERS */

    function answer(address precompile, bytes memory input, bytes memory output) internal {
        address[] memory precompiles = new address[](1);
        bytes[] memory inputs = new bytes[](1);
        bytes[] memory outputs = new bytes[](1);
        (precompiles[0], inputs[0], outputs[0]) = (precompile, input, output);
        core.set(precompiles, inputs, outputs);
    }

    function setL1Block(uint64 height) internal {
        l1Block = height;
        answer(address(0x809), "", abi.encode(height));
    }

    /// @dev Units of 1e-8 USDC.
    function setSpot(address user, uint64 total, uint64 hold) internal {
        answer(address(0x801), abi.encode(user, uint64(0)), abi.encode(total, hold, uint64(0)));
    }

    function setPerp(address user, int64 accountValue, uint64 withdrawable) internal {
        answer(address(0x80f), abi.encode(uint32(0), user), abi.encode(accountValue, uint64(0), uint64(0), int64(0)));
        answer(address(0x803), abi.encode(user), abi.encode(withdrawable));
    }

    function setAsset(uint32 asset, uint8 sizeDecimals, uint64 oracle) internal {
        answer(address(0x80a), abi.encode(asset), abi.encode(PerpAssetInfo("COIN", 1, sizeDecimals, 20, false)));
        answer(address(0x807), abi.encode(asset), abi.encode(oracle));
    }

    function setPosition(address user, uint32 asset, int64 lots) internal {
        bytes memory position = abi.encode(lots, uint64(0), int64(0), uint32(20), false);
        answer(asset <= type(uint16).max ? address(0x800) : address(0x813), abi.encode(user, asset), position);
    }

    function setExists(address user, bool exists) internal {
        answer(address(0x810), abi.encode(user), abi.encode(exists));
    }

    /// @notice Seconds pass, and one L1 block for each.
    function pass(uint256 secondsPassed) internal {
        vm.warp(block.timestamp + secondsPassed);
        setL1Block(l1Block + uint64(secondsPassed));
    }

    /* WHAT CORE IS TOLD */

    function expectAction(bytes memory payload) internal {
        vm.expectCall(CORE_WRITER, abi.encodeCall(ICoreWriter.sendRawAction, (payload)), 1);
    }
}
