// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {LANE_WORDS} from "./ConstantsLib.sol";
import {ErrorsLib} from "./ErrorsLib.sol";

// assembly: the loop of a commit; proved in tests/contracts/symbolic and compared with plain Solidity in tests.
// slither-disable-start assembly

/// @title Four uint64 balances to a storage word.
/// @notice Sub-account id lies in word (id − 1) / 4, lane (id − 1) % 4, lane 0 lowest. Amounts in micro-USDC.
/// @dev A word of deltas holds four int64 in the same lanes. Each lane is extended, added and range-checked by itself:
/// nothing is borrowed from or carried into a neighbour.
library LanesLib {
    uint256 internal constant LANE_MAX = type(uint64).max;

    function get(uint256[LANE_WORDS] storage lanes, uint256 id) internal view returns (uint64) {
        (uint256 word, uint256 shift) = position(id);
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint64(lanes[word] >> shift); // Truncation is what takes one lane.
    }

    function add(uint256[LANE_WORDS] storage lanes, uint256 id, uint64 amount) internal {
        (uint256 word, uint256 shift) = position(id);
        uint256 all = lanes[word];
        require(((all >> shift) & LANE_MAX) + amount <= LANE_MAX, ErrorsLib.LaneOutOfRange());
        lanes[word] = all + (uint256(amount) << shift);
    }

    function sub(uint256[LANE_WORDS] storage lanes, uint256 id, uint64 amount) internal {
        (uint256 word, uint256 shift) = position(id);
        uint256 all = lanes[word];
        require(((all >> shift) & LANE_MAX) >= amount, ErrorsLib.LaneOutOfRange());
        lanes[word] = all - (uint256(amount) << shift);
    }

    /// @notice Adds each word of `deltas` to the storage word that the byte of `words` beside it names.
    /// @param openBits Bit id − 1 is set while the sub-account is open: a delta for any other id reverts.
    /// @param words One byte per storage word, strictly ascending.
    /// @return sum Σ of all deltas.
    function addDeltas(
        uint256[LANE_WORDS] storage lanes,
        uint256[4] storage openBits,
        bytes calldata words,
        uint256[] calldata deltas
    ) internal returns (int256 sum) {
        uint256 count = words.length;
        require(deltas.length == count, ErrorsLib.LengthMismatch());
        uint256 next; // The smallest index that the next word may have.
        uint256 group = type(uint256).max; // The word of `openBits` held in `bits`: 64 storage words each.
        uint256 bits;
        for (uint256 i; i < count; ++i) {
            uint256 word;
            uint256 delta4;
            uint256 slot;
            // Saves the checks of three indexes: i < count, and a byte is below LANE_WORDS.
            assembly ("memory-safe") {
                word := byte(0, calldataload(add(words.offset, i)))
                delta4 := calldataload(add(deltas.offset, shl(5, i)))
                slot := add(lanes.slot, word)
            }
            require(word >= next, ErrorsLib.WordsNotAscending());
            unchecked {
                next = word + 1;
            }
            if (word >> 6 != group) {
                group = word >> 6;
                bits = openBits[group];
            }
            uint256 lanes4;
            assembly ("memory-safe") {
                lanes4 := sload(slot)
            }
            (uint256 changed, int256 wordSum) = addWord(lanes4, delta4, bits >> ((word & 63) << 2));
            assembly ("memory-safe") {
                sstore(slot, changed)
            }
            unchecked {
                sum += wordSum; // At most 1,024 × 2^63.
            }
        }
    }

    /// @notice One word of lanes plus one word of deltas.
    /// @param open Its lowest four bits: which lanes belong to an open sub-account.
    /// @dev Assembly because it runs once per four sub-accounts of a commit; `tests/contracts/LanesLib.t.sol` compares
    /// it with plain Solidity.
    function addWord(uint256 lanes, uint256 deltas, uint256 open) internal pure returns (uint256 changed, int256 sum) {
        if (open & 15 != 15) require(deltas & ~_spread(open) == 0, ErrorsLib.AccountNotOpen());
        uint256 outOfRange;
        assembly ("memory-safe") {
            // Each lane in 256 bits: a negative result has its upper bits set, like one above 2^64 − 1.
            let delta := signextend(7, deltas)
            let lane := add(and(lanes, 0xffffffffffffffff), delta)
            sum := delta
            outOfRange := lane
            changed := lane

            delta := signextend(7, shr(64, deltas))
            lane := add(and(shr(64, lanes), 0xffffffffffffffff), delta)
            sum := add(sum, delta)
            outOfRange := or(outOfRange, lane)
            changed := or(changed, shl(64, lane))

            delta := signextend(7, shr(128, deltas))
            lane := add(and(shr(128, lanes), 0xffffffffffffffff), delta)
            sum := add(sum, delta)
            outOfRange := or(outOfRange, lane)
            changed := or(changed, shl(128, lane))

            delta := sar(192, deltas)
            lane := add(shr(192, lanes), delta)
            sum := add(sum, delta)
            outOfRange := shr(64, or(outOfRange, lane))
            changed := or(changed, shl(192, lane))
        }
        require(outOfRange == 0, ErrorsLib.LaneOutOfRange());
    }

    /// @dev Four bits to four lanes of ones.
    function _spread(uint256 bits) private pure returns (uint256 mask) {
        for (uint256 lane; lane < 4; ++lane) {
            if ((bits >> lane) & 1 == 1) mask |= LANE_MAX << (lane * 64);
        }
    }

    function position(uint256 id) internal pure returns (uint256 word, uint256 shift) {
        word = (id - 1) / 4;
        shift = (id - 1) % 4 * 64;
    }
}

// slither-disable-end assembly
