// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {LANE_WORDS} from "contracts/libraries/ConstantsLib.sol";
import {ErrorsLib} from "contracts/libraries/ErrorsLib.sol";
import {LanesLib} from "contracts/libraries/LanesLib.sol";
import {Base} from "./Base.sol";

/// @notice The assembly of LanesLib against the same thing in plain Solidity.
contract LanesLibTest is Base {
    using LanesLib for uint256[LANE_WORDS];

    uint256[LANE_WORDS] internal lanes;
    uint256[4] internal openBits;

    /* WHAT IS COMPARED */

    function assembly_(uint256 word, uint256 deltas, uint256 open) public returns (uint256, int256) {
        uint256[] memory one = new uint256[](1);
        (lanes[0], openBits[0], one[0]) = (word, open, deltas);
        int256 sum = this.addDeltas(hex"00", one);
        return (lanes[0], sum);
    }

    function plain(uint256 word, uint256 deltas, uint256 open) external pure returns (uint256 changed, int256 sum) {
        bool closed;
        bool outOfRange;
        for (uint256 lane; lane < 4; ++lane) {
            int64 delta = int64(uint64(deltas >> (lane * 64)));
            int256 result = int256(uint256(uint64(word >> (lane * 64)))) + delta;
            if (delta != 0 && (open >> lane) & 1 == 0) closed = true;
            if (result < 0 || result > int256(uint256(type(uint64).max))) outOfRange = true;
            else changed |= uint256(result) << (lane * 64);
            sum += delta;
        }
        require(!closed, ErrorsLib.AccountNotOpen());
        require(!outOfRange, ErrorsLib.LaneOutOfRange());
    }

    function add(uint256 id, uint64 amount) external {
        lanes.add(id, amount);
    }

    function sub(uint256 id, uint64 amount) external {
        lanes.sub(id, amount);
    }

    function addDeltas(bytes calldata words, uint256[] calldata deltas) external returns (int256) {
        return lanes.addDeltas(openBits, words, deltas);
    }

    /* WORDS */

    function testFuzz_AddWord_EqualsPlain(uint256 word, uint256 deltas, uint256 open) public {
        (bool ok, bytes memory left) = address(this).call(abi.encodeCall(this.assembly_, (word, deltas, open)));
        (bool ok2, bytes memory right) = address(this).call(abi.encodeCall(this.plain, (word, deltas, open)));
        assertTrue(ok == ok2, "both or neither");
        assertEq(left, right, "same answer");
    }

    /// @dev Random words almost always leave the range somewhere; here every lane stays inside.
    function testFuzz_AddWord_EqualsPlainInRange(uint64[4] memory start, int64[4] memory change) public {
        (uint256 word, uint256 deltas, uint256 expected) = (0, 0, 0);
        int256 total;
        for (uint256 i; i < 4; ++i) {
            int256 low = -int256(uint256(start[i]));
            int256 high = int256(uint256(type(uint64).max - start[i]));
            if (low < type(int64).min) low = type(int64).min;
            if (high > type(int64).max) high = type(int64).max;
            int256 d = boundInt(change[i], low, high);
            word |= uint256(start[i]) << (i * 64);
            deltas |= uint256(uint64(int64(d))) << (i * 64);
            expected |= uint256(int256(uint256(start[i])) + d) << (i * 64);
            total += d;
        }
        (uint256 changed, int256 sum) = assembly_(word, deltas, 15);
        assertEq(changed, expected, "lane by lane");
        assertEqInt(sum, total, "sum");
        (uint256 twin, int256 twinSum) = this.plain(word, deltas, 15);
        assertEq(changed, twin, "plain twin");
        assertEqInt(sum, twinSum, "plain twin's sum");
    }

    /// @dev A4: a lane that falls below 0 takes nothing from its neighbour, it reverts.
    function testFuzz_A4_P_NoBorrowBetweenLanes(uint256 lane, uint64 have, uint64 more) public {
        lane = bound(lane, 0, 3);
        have = uint64(bound(have, 0, uint64(type(int64).max) - 1));
        more = uint64(bound(more, have + 1, uint64(type(int64).max)));
        uint256 full = type(uint256).max ^ (uint256(type(uint64).max - have) << (lane * 64));
        uint256 deltas = uint256(uint64(-int64(more))) << (lane * 64);
        (bool ok, bytes4 reason) = tried(address(this), abi.encodeCall(this.assembly_, (full, deltas, 15)));
        assertFalse(ok, "refused");
        assertEq(bytes32(reason), bytes32(ErrorsLib.LaneOutOfRange.selector), "reason");
    }

    /// @dev A4: nor does one that rises above 2^64 − 1 carry into it.
    function testFuzz_A4_NoCarryBetweenLanes(uint256 lane, uint64 room, uint64 more) public {
        lane = bound(lane, 0, 3);
        room = uint64(bound(room, 0, uint64(type(int64).max) - 1));
        more = uint64(bound(more, room + 1, uint64(type(int64).max)));
        uint256 word = uint256(type(uint64).max - room) << (lane * 64);
        (bool ok, bytes4 reason) =
            tried(address(this), abi.encodeCall(this.assembly_, (word, uint256(more) << (lane * 64), 15)));
        assertFalse(ok, "refused");
        assertEq(bytes32(reason), bytes32(ErrorsLib.LaneOutOfRange.selector), "reason");
    }

    function testFuzz_A4_ClosedLaneRefusesOnlyADelta(uint256 lane, uint64 change) public {
        lane = bound(lane, 0, 3);
        change = uint64(bound(change, 1, uint64(type(int64).max)));
        uint256 open = 15 ^ (1 << lane);
        (bool ok, bytes4 reason) =
            tried(address(this), abi.encodeCall(this.assembly_, (0, uint256(change) << (lane * 64), open)));
        assertFalse(ok, "refused");
        assertEq(bytes32(reason), bytes32(ErrorsLib.AccountNotOpen.selector), "reason");
        (uint256 changed,) = assembly_(0, uint256(change) << ((lane + 1) % 4 * 64), open);
        assertEq(changed, uint256(change) << ((lane + 1) % 4 * 64), "its neighbour takes one");
    }

    /* SINGLE LANES */

    function testFuzz_AddSub_RoundTrip(uint256 id, uint64 start, uint64 amount) public {
        id = bound(id, 1, 1024);
        start = uint64(bound(start, 0, type(uint64).max - amount));
        lanes[(id - 1) / 4] = type(uint256).max ^ (uint256(type(uint64).max) << ((id - 1) % 4 * 64));
        uint256 before = lanes[(id - 1) / 4];
        lanes.add(id, start);
        lanes.add(id, amount);
        assertEq(lanes.get(id), uint256(start) + amount, "both");
        lanes.sub(id, amount);
        assertEq(lanes.get(id), start, "the first");
        lanes.sub(id, start);
        assertEq(lanes[(id - 1) / 4], before, "neighbours untouched");
    }

    function testFuzz_Add_RevertWhen_AboveTheLane(uint256 id, uint64 have, uint64 more) public {
        id = bound(id, 1, 1024);
        have = uint64(bound(have, 1, type(uint64).max));
        more = uint64(bound(more, uint256(type(uint64).max) - have + 1, type(uint64).max));
        lanes.add(id, have);
        vm.expectRevert(ErrorsLib.LaneOutOfRange.selector);
        this.add(id, more);
    }

    function testFuzz_Sub_RevertWhen_BelowZero(uint256 id, uint64 have, uint64 more) public {
        id = bound(id, 1, 1024);
        have = uint64(bound(have, 0, type(uint64).max - 1));
        more = uint64(bound(more, uint256(have) + 1, type(uint64).max));
        lanes.add(id, have);
        if (id % 4 != 0) lanes.add(id + 1, type(uint64).max); // Nothing to borrow.
        vm.expectRevert(ErrorsLib.LaneOutOfRange.selector);
        this.sub(id, more);
    }

    function testFuzz_Position(uint256 id) public pure {
        id = bound(id, 1, 1024);
        (uint256 word, uint256 shift) = LanesLib.position(id);
        assertEq(word * 4 + shift / 64 + 1, id, "round trip");
        assertLe(word, 255, "one byte");
        assertLe(shift, 192, "inside the word");
    }

    /* MANY WORDS */

    /// @dev Every id of a random set of words, opened alone: what lands where, and that the sum is theirs.
    function testFuzz_A4_AddDeltas_LandsWhereItSays(uint256 seed, uint8 first, uint8 second) public {
        if (first == second) second = first ^ 1;
        if (first > second) (first, second) = (second, first);
        uint256 idA = uint256(first) * 4 + seed % 4 + 1;
        uint256 idB = uint256(second) * 4 + (seed >> 8) % 4 + 1;
        uint64 a = uint64(bound(seed >> 16, 1, 1e15));
        uint64 b = uint64(bound(seed >> 80, 1, 1e15));
        openBits[(idA - 1) / 256] |= 1 << ((idA - 1) % 256);
        openBits[(idB - 1) / 256] |= 1 << ((idB - 1) % 256);
        uint256[] memory deltas = new uint256[](2);
        deltas[0] = uint256(a) << ((idA - 1) % 4 * 64);
        deltas[1] = uint256(b) << ((idB - 1) % 4 * 64);
        assertEqInt(this.addDeltas(abi.encodePacked(first, second), deltas), int256(uint256(a) + b), "sum");
        assertEq(lanes.get(idA), a, "first");
        assertEq(lanes.get(idB), b, "second");
    }

    function testFuzz_A4_RevertWhen_WordsNotAscending(uint8 first, uint8 second) public {
        (first, second) = first > second ? (first, second) : (second, first);
        vm.expectRevert(ErrorsLib.WordsNotAscending.selector);
        this.addDeltas(abi.encodePacked(first, second), new uint256[](2));
    }

    function testFuzz_A4_RevertWhen_LengthsDiffer(uint8 words, uint8 deltas) public {
        words = uint8(bound(words, 0, 8));
        deltas = uint8(bound(deltas, 0, 8));
        if (words == deltas) ++deltas;
        vm.expectRevert(ErrorsLib.LengthMismatch.selector);
        this.addDeltas(new bytes(words), new uint256[](deltas));
    }
}
