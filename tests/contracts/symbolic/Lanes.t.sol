// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {LANE_WORDS, MAX_ACCOUNTS} from "contracts/libraries/ConstantsLib.sol";
import {LanesLib} from "contracts/libraries/LanesLib.sol";

/// @notice LanesLib for every word, every delta, every id. A `check_` function holds for all of its inputs; what
/// reverts outside of a low-level call is out of scope, so each proof catches the reverts that it is about.
contract LanesProofs {
    using LanesLib for uint256[LANE_WORDS];

    uint256[LANE_WORDS] internal lanes;
    uint256[4] internal openBits;

    /* WHAT IS PROVED */

    function add(uint256 id, uint64 amount) external {
        lanes.add(id, amount);
    }

    function sub(uint256 id, uint64 amount) external {
        lanes.sub(id, amount);
    }

    function addWord(uint256 word, uint256 deltas, uint256 open) public returns (uint256, int256) {
        uint256[] memory one = new uint256[](1);
        (lanes[0], openBits[0], one[0]) = (word, open, deltas);
        int256 sum = this.addDeltas(hex"00", one);
        return (lanes[0], sum);
    }

    function addDeltas(bytes calldata words, uint256[] calldata deltas) external returns (int256) {
        return lanes.addDeltas(openBits, words, deltas);
    }

    function _lane(uint256 word, uint256 lane) internal pure returns (uint256) {
        return (word >> (lane * 64)) & type(uint64).max;
    }

    function _delta(uint256 word, uint256 lane) internal pure returns (int256) {
        // forge-lint: disable-next-line(unsafe-typecast)
        return int64(uint64(word >> (lane * 64)));
    }

    /* IDS */

    /// @dev Every id has a place, and its own.
    function check_Position_IsInjective(uint16 a, uint16 b) external pure {
        if (a == 0 || b == 0 || a > MAX_ACCOUNTS || b > MAX_ACCOUNTS) return;
        (uint256 wordA, uint256 shiftA) = LanesLib.position(a);
        (uint256 wordB, uint256 shiftB) = LanesLib.position(b);
        assert(wordA < LANE_WORDS && shiftA % 64 == 0 && shiftA < 256);
        assert(a == b || wordA != wordB || shiftA != shiftB);
    }

    /* SINGLE LANES */

    function check_Get_ReadsItsLane(uint256 word) external {
        lanes[0] = word;
        for (uint256 lane; lane < 4; ++lane) {
            assert(lanes.get(lane + 1) == _lane(word, lane));
        }
    }

    /// @dev Refused exactly when the lane would pass its maximum; otherwise this lane rises and no other changes.
    function check_Add_ChangesOneLane(uint256 word, uint64 amount) external {
        for (uint256 lane; lane < 4; ++lane) {
            lanes[0] = word;
            (bool ok,) = address(this).call(abi.encodeCall(this.add, (lane + 1, amount)));
            assert(ok == (_lane(word, lane) + amount <= type(uint64).max));
            for (uint256 other; other < 4; ++other) {
                uint256 expected = _lane(word, other) + (ok && other == lane ? amount : 0);
                assert(_lane(lanes[0], other) == expected);
            }
        }
    }

    /// @dev Refused exactly when the lane holds less; otherwise this lane falls and no other changes: nothing borrowed.
    function check_Sub_ChangesOneLane(uint256 word, uint64 amount) external {
        for (uint256 lane; lane < 4; ++lane) {
            lanes[0] = word;
            (bool ok,) = address(this).call(abi.encodeCall(this.sub, (lane + 1, amount)));
            assert(ok == (_lane(word, lane) >= amount));
            for (uint256 other; other < 4; ++other) {
                uint256 expected = _lane(word, other) - (ok && other == lane ? amount : 0);
                assert(_lane(lanes[0], other) == expected);
            }
        }
    }

    function check_AddThenSub_Restores(uint256 word, uint64 amount) external {
        lanes[0] = word;
        (bool ok,) = address(this).call(abi.encodeCall(this.add, (2, amount)));
        if (!ok) return;
        lanes.sub(2, amount);
        assert(lanes[0] == word);
    }

    /* WORDS */

    /// @dev The assembly accepts exactly what plain arithmetic accepts, lane by lane.
    function check_AddWord_AcceptsExactlyWhatFits(uint256 word, uint256 deltas) external {
        (bool ok,) = address(this).call(abi.encodeCall(this.addWord, (word, deltas, 15)));
        uint256 outOfRange; // Without branches: one path instead of thousands.
        for (uint256 lane; lane < 4; ++lane) {
            // forge-lint: disable-next-line(unsafe-typecast)
            outOfRange |= uint256(int256(_lane(word, lane)) + _delta(deltas, lane)) >> 64;
        }
        assert(ok == (outOfRange == 0));
    }

    /// @dev No borrow and no carry: each lane is its own sum.
    function check_AddWord_EachLaneByItself(uint256 word, uint256 deltas) external {
        (bool ok, bytes memory answer) = address(this).call(abi.encodeCall(this.addWord, (word, deltas, 15)));
        if (!ok) return;
        (uint256 changed,) = abi.decode(answer, (uint256, int256));
        for (uint256 lane; lane < 4; ++lane) {
            // forge-lint: disable-next-line(unsafe-typecast)
            assert(int256(_lane(changed, lane)) == int256(_lane(word, lane)) + _delta(deltas, lane));
        }
    }

    /// @dev What is reported is the sum of the four deltas; with the proof above: what the lanes rose by together.
    function check_AddWord_SumIsTheChange(uint256 word, uint256 deltas) external {
        (bool ok, bytes memory answer) = address(this).call(abi.encodeCall(this.addWord, (word, deltas, 15)));
        if (!ok) return;
        (, int256 sum) = abi.decode(answer, (uint256, int256));
        assert(sum == _delta(deltas, 0) + _delta(deltas, 1) + _delta(deltas, 2) + _delta(deltas, 3));
    }

    /// @dev The lane of an id that is not open keeps its balance whatever is posted.
    function check_AddWord_ClosedLanesKeep(uint256 word, uint256 deltas, uint8 open) external {
        (bool ok, bytes memory answer) = address(this).call(abi.encodeCall(this.addWord, (word, deltas, open & 15)));
        if (!ok) return;
        (uint256 changed,) = abi.decode(answer, (uint256, int256));
        for (uint256 lane; lane < 4; ++lane) {
            if ((open >> lane) & 1 == 0) assert(_lane(changed, lane) == _lane(word, lane));
        }
    }

    /// @dev Four deltas packed as a keeper packs them come out as they went in.
    function check_Packing_IsExact(int64 a, int64 b, int64 c, int64 d) external {
        // forge-lint: disable-start(unsafe-typecast)
        uint256 packed =
            uint256(uint64(a)) | uint256(uint64(b)) << 64 | uint256(uint64(c)) << 128 | uint256(uint64(d)) << 192;
        // forge-lint: disable-end(unsafe-typecast)
        assert(_delta(packed, 0) == a && _delta(packed, 1) == b && _delta(packed, 2) == c && _delta(packed, 3) == d);
        // Over lanes of 2^63 every int64 fits: what is reported is their sum.
        uint256 middle = 1 << 63;
        (, int256 sum) = addWord(middle | middle << 64 | middle << 128 | middle << 192, packed, 15);
        assert(sum == int256(a) + b + c + d);
    }

    /* SEVERAL WORDS */

    /// @dev Two words, all deltas: each storage word gets its own, a third one nothing, and the sums add up.
    function check_AddDeltas_TwoWords(uint256 first, uint256 second, uint256 third, uint256[2] calldata given)
        external
    {
        (lanes[3], lanes[4], lanes[200]) = (first, third, second);
        (openBits[0], openBits[3]) = (type(uint256).max, type(uint256).max);
        uint256[] memory deltas = new uint256[](2);
        (deltas[0], deltas[1]) = (given[0], given[1]);
        (bool ok, bytes memory answer) = address(this).call(abi.encodeCall(this.addDeltas, (hex"03c8", deltas)));
        assert(lanes[4] == third);
        if (!ok) {
            assert(lanes[3] == first && lanes[200] == second);
            return;
        }
        (uint256 changed, int256 sum) = addWord(first, given[0], 15);
        (uint256 changed2, int256 sum2) = addWord(second, given[1], 15);
        assert(lanes[3] == changed && lanes[200] == changed2);
        assert(abi.decode(answer, (int256)) == sum + sum2);
    }

    /// @dev Words are strictly ascending, or nothing happens.
    function check_AddDeltas_WordsAscend(bytes1 a, bytes1 b) external {
        (bool ok,) = address(this).call(abi.encodeCall(this.addDeltas, (abi.encodePacked(a, b), new uint256[](2))));
        assert(ok == (uint8(a) < uint8(b)));
    }
}
