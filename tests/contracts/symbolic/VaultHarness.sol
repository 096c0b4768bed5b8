// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {PrimeVault} from "contracts/PrimeVault.sol";
import {TestUSDC} from "contracts/sim/TestUSDC.sol";

interface Clock {
    function warp(uint256 time) external;
}

/// @notice The real vault with its storage open to a proof. The proof's contract holds every role and owns sub-account 1.
abstract contract VaultHarness is PrimeVault {
    Clock private constant CLOCK = Clock(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

    /// @dev Some time after the first days of the chain, so that spans can lie before it.
    uint256 internal constant NOW = 400 days;

    /// @dev Read from storage, so that the prover sees keys of mappings being hashed: it takes a hash that the compiler
    /// folded into a constant for another slot.
    uint256 internal one = 1;

    constructor()
        PrimeVault(address(new TestUSDC(address(this))), address(this), address(this), _two(address(this), address(1)))
    {
        s.accountCount = 1;
        s.accounts[one].owner = address(this);
        (s.accounts[one].generation, s.accounts[one].open) = (1, true);
        s.openBits[0] = 1;
    }

    function _two(address a, address b) private pure returns (address[] memory list) {
        list = new address[](2);
        (list[0], list[1]) = (a, b);
    }

    function _warp(uint256 time) internal {
        CLOCK.warp(time);
    }
}
