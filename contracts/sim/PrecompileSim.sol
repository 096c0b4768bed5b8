// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {CoreState} from "./CoreState.sol";

/// @title PrecompileSim
/// @notice Used only on a local chain: its runtime code stands in for every read precompile (0x800 to 0x813). It answers what
/// CoreState holds for its own address and the raw input, and like a precompile burns all its gas when it has no answer.
/// @dev Deploy one with the CoreState, then copy its runtime code, which carries the immutable, to each address.
contract PrecompileSim {
    CoreState internal immutable coreState;

    constructor(CoreState coreState_) {
        coreState = coreState_;
    }

    fallback(bytes calldata input) external returns (bytes memory) {
        try coreState.get(address(this), input) returns (bytes memory output) {
            return output;
        } catch {
            // Solidity has no statement that burns all gas, as a refusing precompile does.
            assembly ("memory-safe") {
                invalid()
            }
        }
    }
}
