// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

// assembly: reverts with four bytes, for code size.
// slither-disable-start assembly

/// @dev `require(ok, error)` with one copy of the revert for all checks: the compiler's own are 40 bytes each.
function ensure(bool ok, uint32 error_) pure {
    if (ok) return;
    assembly ("memory-safe") {
        mstore(0, error_)
        revert(28, 4)
    }
}

// slither-disable-end assembly
