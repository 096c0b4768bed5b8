// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {LANE_WORDS} from "./ConstantsLib.sol";
import {ErrorsLib} from "./ErrorsLib.sol";

// assembly: the loop of a commit; proved in tests/contracts/symbolic and compared with plain Solidity in tests.
// incorrect-exp, too-many-digits: bits are flipped and lanes masked, each mask written out whole.
// slither-disable-start assembly,incorrect-exp,too-many-digits

/// @title Four uint64 balances to a storage word.
/// @notice Sub-account id lies in word (id − 1) / 4, lane (id − 1) % 4, lane 0 lowest. Amounts in micro-USDC.
/// @dev A word of deltas holds four int64 in the same lanes. Each lane is added and range-checked by itself:
/// nothing is borrowed from or carried into a neighbour.
library LanesLib {
    uint256 internal constant LANE_MAX = type(uint64).max;

    /// @dev What was wrong in the loop; lanes out of range set bits above these.
    uint256 private constant UNSORTED = 1;
    uint256 private constant CLOSED = 2;

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
        require(deltas.length == words.length, ErrorsLib.LengthMismatch());
        uint256 lanesAt;
        uint256 openAt;
        uint256 word;
        uint256 delta;
        assembly ("memory-safe") {
            lanesAt := lanes.slot
            openAt := openBits.slot
            word := words.offset
            delta := deltas.offset
        }
        (uint256 halves, uint256 bad) = _addAll(lanesAt, openAt, word, word + words.length, delta);
        require(bad & UNSORTED == 0, ErrorsLib.WordsNotAscending());
        require(bad & CLOSED == 0, ErrorsLib.AccountNotOpen());
        require(bad == 0, ErrorsLib.LaneOutOfRange());
        // forge-lint: disable-next-line(unsafe-typecast)
        sum = int256((halves & type(uint128).max) + (halves >> 128)) - int256(words.length << 65); // Below 2^128.
    }

    /// @dev The loop of a commit. A lane takes 128 bits while it is changed, so that two of them fit a word with room: with
    /// delta + 2^63 instead of the delta no term is negative, and lane + delta + 2^127 shows in its upper half whether
    /// the lane is left. `tests/contracts/LanesLib.t.sol` compares it with plain Solidity. What it has stored when
    /// something is `bad` the caller reverts.
    /// @param place Of the first of `words` in calldata, a byte each. @param end Of the last, and one. @param from Of the first delta.
    /// @return halves Σ (delta + 2^63) of the even lanes, in the lower 128 bits, and of the odd ones, in the upper.
    function _addAll(uint256 lanes, uint256 openBits, uint256 place, uint256 end, uint256 from)
        private
        returns (uint256 halves, uint256 bad)
    {
        assembly ("memory-safe") {
            let next := 0 // The smallest index that the next word may have.
            let limit := 0 // First word that `bits`, which hold 64 words' lanes, do not know.
            let bits := 0
            for {} lt(place, end) {
                place := add(place, 1)
                from := add(from, 32)
            } {
                let word := byte(0, calldataload(place))
                bad := or(bad, lt(word, next))
                next := add(word, 1)
                if iszero(lt(word, limit)) {
                    limit := add(and(word, 192), 64)
                    bits := sload(add(openBits, shr(6, word)))
                }
                let delta4 := calldataload(from)
                {
                    let open := shr(shl(2, and(word, 63)), bits)
                    if xor(and(open, 15), 15) {
                        // A delta in a lane whose bit is 0.
                        let there := mul(and(open, 1), 0xffffffffffffffff)
                        there := or(there, shl(64, mul(and(shr(1, open), 1), 0xffffffffffffffff)))
                        there := or(there, shl(128, mul(and(shr(2, open), 1), 0xffffffffffffffff)))
                        there := or(there, shl(192, mul(and(shr(3, open), 1), 0xffffffffffffffff)))
                        bad := or(bad, shl(1, iszero(iszero(and(delta4, not(there))))))
                    }
                }
                delta4 := xor(delta4, 0x8000000000000000800000000000000080000000000000008000000000000000)
                word := add(lanes, word) // Its slot.
                let lanes4 := sload(word)
                let half := and(delta4, 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff)
                halves := add(halves, half)
                let even := and(lanes4, 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff)
                even := add(add(even, half), 0x7fffffffffffffff80000000000000007fffffffffffffff8000000000000000)
                even := xor(even, 0x8000000000000000000000000000000080000000000000000000000000000000)
                half := and(shr(64, delta4), 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff)
                halves := add(halves, half)
                lanes4 := and(shr(64, lanes4), 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff)
                lanes4 := add(add(lanes4, half), 0x7fffffffffffffff80000000000000007fffffffffffffff8000000000000000)
                lanes4 := xor(lanes4, 0x8000000000000000000000000000000080000000000000000000000000000000)
                bad := or(
                    bad,
                    and(or(even, lanes4), 0xffffffffffffffff0000000000000000ffffffffffffffff0000000000000000)
                )
                sstore(word, or(even, shl(64, lanes4)))
            }
        }
    }

    function position(uint256 id) internal pure returns (uint256 word, uint256 shift) {
        word = (id - 1) / 4;
        shift = (id - 1) % 4 * 64;
    }
}

// slither-disable-end assembly,incorrect-exp,too-many-digits
