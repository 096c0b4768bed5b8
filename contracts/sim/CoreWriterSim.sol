// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

/// @title CoreWriterSim
/// @notice Used only on a local chain: its runtime code stands in for CoreWriter at 0x3333333333333333333333333333333333333333.
/// It validates nothing, as the real one; the venue's bridge follows the event and executes or drops the action later.
contract CoreWriterSim {
    event RawAction(address indexed user, bytes data);

    function sendRawAction(bytes calldata data) external {
        emit RawAction(msg.sender, data);
    }
}
