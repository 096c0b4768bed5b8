// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

/// @title CoreState
/// @notice Used only on a local chain: what the read precompiles answer. The venue's bridge writes it, one transaction per
/// block of the venue, so that the answers belong to blocks and past blocks keep theirs.
contract CoreState {
    error NotBridge();
    error LengthsDiffer();
    error Unknown(address precompile, bytes input);

    address public immutable bridge;

    mapping(address precompile => mapping(bytes32 inputHash => bytes)) internal replies;

    constructor(address bridge_) {
        bridge = bridge_;
    }

    /// @notice Bridge: from now on `precompiles[i]` answers `outputs[i]` to `inputs[i]`. An empty output forgets the reply.
    function set(address[] calldata precompiles, bytes[] calldata inputs, bytes[] calldata outputs) external {
        require(msg.sender == bridge, NotBridge());
        require(precompiles.length == inputs.length && inputs.length == outputs.length, LengthsDiffer());
        for (uint256 i; i < precompiles.length; ++i) {
            replies[precompiles[i]][keccak256(inputs[i])] = outputs[i];
        }
    }

    function get(address precompile, bytes calldata input) external view returns (bytes memory output) {
        output = replies[precompile][keccak256(input)];
        require(output.length > 0, Unknown(precompile, input));
    }
}
