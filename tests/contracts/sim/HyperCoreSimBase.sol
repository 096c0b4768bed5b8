// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {CoreState} from "../../../contracts/sim/CoreState.sol";
import {HyperCoreSim} from "../../../contracts/sim/HyperCoreSim.sol";
import {PrecompileSim} from "../../../contracts/sim/PrecompileSim.sol";
import {TestUSDC} from "../../../contracts/sim/TestUSDC.sol";
import {Base} from "../Base.sol";

/// @notice A local HyperCore at the precompiles' real addresses, with one perp of two decimals of size.
abstract contract HyperCoreSimBase is Base {
    uint64 internal constant USDC = 1e6;
    uint64 internal constant SPOT = 1e8;
    uint32 internal constant SPOT_DEX = type(uint32).max;
    uint256 internal constant BEGIN = 1_770_336_000;
    /// @dev An ETH-like perp: sizes of 0.01, prices of 0.0001; 2,000 USDC.
    uint32 internal constant ETH = 1;
    uint64 internal constant ETH_PRICE = 2_000e4;
    uint8 internal constant ETH_DECIMALS = 2;

    TestUSDC internal usdc;
    HyperCoreSim internal core;

    function setUpCore() internal {
        vm.warp(BEGIN);
        usdc = new TestUSDC(address(this));
        core = new HyperCoreSim(usdc);
        bytes memory code = address(new PrecompileSim(CoreState(address(core)))).code;
        for (uint160 precompile = 0x800; precompile <= 0x813; ++precompile) {
            vm.etch(address(precompile), code);
        }
        core.list(ETH, ETH_DECIMALS, 25);
        core.setPrice(ETH, ETH_PRICE, 5_000, type(uint64).max);
    }

    /// @notice Seconds pass, one block each while anything may land, then at once.
    function pass(uint256 secondsPassed) internal {
        uint256 end = block.timestamp + secondsPassed;
        for (uint256 i; i < 20 && block.timestamp < end; ++i) {
            vm.warp(block.timestamp + 1);
            core.step();
        }
        vm.warp(end);
        core.step();
    }

    function depositFor(address who, uint64 amount, uint32 dex) internal {
        usdc.mint(address(this), amount);
        usdc.approve(address(core), amount);
        core.depositFor(who, amount, dex);
    }

    function spotOf(address who) internal view returns (uint256 spot) {
        (,,, spot) = core.accounts(who);
    }
}
