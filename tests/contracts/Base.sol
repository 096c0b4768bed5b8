// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

/// @notice The cheat codes the tests use; forge answers them at the address of `vm`.
interface Vm {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    function addr(uint256 key) external pure returns (address);
    function assume(bool condition) external pure;
    function chainId(uint256 id) external;
    function cool(address target) external;
    function etch(address target, bytes calldata code) external;
    function expectCall(address target, bytes calldata data) external;
    function expectCall(address target, bytes calldata data, uint64 count) external;
    function expectEmit() external;
    function expectEmit(address emitter) external;
    function expectRevert() external;
    function expectRevert(bytes4 reason) external;
    function expectRevert(bytes calldata data) external;
    function getRecordedLogs() external returns (Log[] memory);
    function label(address target, string calldata name) external;
    function lastCallGas() external view returns (Gas memory);
    function load(address target, bytes32 slot) external view returns (bytes32);
    function mockCall(address target, bytes calldata data, bytes calldata answer) external;
    function mockCallRevert(address target, bytes calldata data, bytes calldata revertData) external;
    function clearMockedCalls() external;
    function prank(address sender) external;
    function recordLogs() external;
    function revertToState(uint256 id) external returns (bool);
    function roll(uint256 height) external;
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function snapshotState() external returns (uint256 id);
    function startPrank(address sender) external;
    function stopPrank() external;
    function store(address target, bytes32 slot, bytes32 value) external;
    function toString(uint256 value) external pure returns (string memory);
    function warp(uint256 timestamp) external;

    struct Gas {
        uint64 gasLimit;
        uint64 gasTotalUsed;
        uint64 gasMemoryUsed;
        int64 gasRefunded;
        uint64 gasRemaining;
    }
}

/// @notice Base of every forge test: cheat codes, assertions, bounded fuzz inputs. A failed assertion reverts with its
/// reason.
abstract contract Base {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    /// @dev forge calls only contracts that say so.
    bool public constant IS_TEST = true;

    error Failed(string what);
    error NotEqual(string what, uint256 left, uint256 right);
    error NotEqualInt(string what, int256 left, int256 right);
    error NotEqualAddress(string what, address left, address right);
    error NotEqualBytes32(string what, bytes32 left, bytes32 right);
    error NotEqualBytes(string what, bytes left, bytes right);
    error NotOrdered(string what, uint256 smaller, uint256 larger);

    /// @dev forge prints events of this name.
    event log_named_uint(string name, uint256 value);

    function assertTrue(bool claim, string memory what) internal pure {
        if (!claim) revert Failed(what);
    }

    function assertFalse(bool claim, string memory what) internal pure {
        if (claim) revert Failed(what);
    }

    function assertEq(uint256 left, uint256 right, string memory what) internal pure {
        if (left != right) revert NotEqual(what, left, right);
    }

    /// @dev Named for its type: a literal would match both overloads.
    function assertEqInt(int256 left, int256 right, string memory what) internal pure {
        if (left != right) revert NotEqualInt(what, left, right);
    }

    function assertEq(address left, address right, string memory what) internal pure {
        if (left != right) revert NotEqualAddress(what, left, right);
    }

    function assertEq(bytes32 left, bytes32 right, string memory what) internal pure {
        if (left != right) revert NotEqualBytes32(what, left, right);
    }

    function assertEq(bytes memory left, bytes memory right, string memory what) internal pure {
        if (keccak256(left) != keccak256(right)) revert NotEqualBytes(what, left, right);
    }

    /// @dev Fails unless `smaller` <= `larger`.
    function assertLe(uint256 smaller, uint256 larger, string memory what) internal pure {
        if (smaller > larger) revert NotOrdered(what, smaller, larger);
    }

    /// @notice `x` folded into [low, high], the bounds included; a value already inside stays as it is.
    function bound(uint256 x, uint256 low, uint256 high) internal pure returns (uint256) {
        if (low > high) revert NotOrdered("bound", low, high);
        if (x >= low && x <= high) return x;
        uint256 size = high - low + 1;
        return size == 0 ? x : low + x % size;
    }

    /// @notice `x` folded into [low, high], the bounds included.
    function boundInt(int256 x, int256 low, int256 high) internal pure returns (int256) {
        if (low > high) revert NotEqualInt("boundInt", low, high);
        if (x >= low && x <= high) return x;
        unchecked {
            uint256 size = uint256(high - low) + 1;
            return size == 0 ? x : int256(uint256(low) + uint256(x) % size);
        }
    }

    /// @notice Whether a call reverts, and with which four bytes.
    function tried(address target, bytes memory data) internal returns (bool ok, bytes4 reason) {
        bytes memory answer;
        (ok, answer) = target.call(data);
        if (!ok && answer.length >= 4) reason = bytes4(answer);
    }
}

/// @notice What an invariant test returns from `targetSelectors()`.
struct FuzzSelector {
    address addr;
    bytes4[] selectors;
}
