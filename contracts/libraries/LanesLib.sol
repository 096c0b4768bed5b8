// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {LANE_WORDS} from "./ConstantsLib.sol";
import {ErrorsLib} from "./ErrorsLib.sol";

/// @title Four uint64 balances to a storage word.
/// @notice Sub-account id lies in word (id − 1) / 4, lane (id − 1) % 4, lane 0 lowest. Amounts in micro-USDC.
/// @dev A word of deltas holds four int64 in the same lanes. Each lane is extended, added and range-checked by itself: nothing is
/// borrowed from or carried into a neighbour.
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
            uint256 word = uint8(words[i]);
            require(word >= next, ErrorsLib.WordsNotAscending());
            unchecked {
                next = word + 1;
            }
            if (word >> 6 != group) {
                group = word >> 6;
                bits = openBits[group];
            }
            (uint256 changed, int256 wordSum) = addWord(lanes[word], deltas[i], bits >> ((word & 63) << 2));
            lanes[word] = changed;
            unchecked {
                sum += wordSum; // At most 1,024 × 2^63.
            }
        }
    }

    /// @notice One word of lanes plus one word of deltas.
    /// @param open Its lowest four bits: which lanes belong to an open sub-account.
    /// @dev Assembly because it runs once per four sub-accounts of a commit; `tests/contracts/LanesLib.t.sol` compares it with plain Solidity.
    function addWord(uint256 lanes, uint256 deltas, uint256 open) internal pure returns (uint256 changed, int256 sum) {
        bool closed;
        bool outOfRange;
        assembly ("memory-safe") {
            for { let shift := 0 } lt(shift, 256) { shift := add(shift, 64) } {
                let delta := signextend(7, shr(shift, deltas))
                let lane := add(and(shr(shift, lanes), 0xffffffffffffffff), delta)
                // A negative result has its upper bits set, like one above 2^64 − 1.
                outOfRange := or(outOfRange, shr(64, lane))
                closed := or(closed, and(iszero(and(open, 1)), iszero(iszero(delta))))
                changed := or(changed, shl(shift, lane))
                sum := add(sum, delta)
                open := shr(1, open)
            }
            outOfRange := iszero(iszero(outOfRange))
        }
        require(!closed, ErrorsLib.AccountNotOpen());
        require(!outOfRange, ErrorsLib.LaneOutOfRange());
    }

    function position(uint256 id) internal pure returns (uint256 word, uint256 shift) {
        word = (id - 1) / 4;
        shift = (id - 1) % 4 * 64;
    }
}
