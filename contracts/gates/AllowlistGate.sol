// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {IGate} from "../interfaces/IGate.sol";

/// @title A list of who may enter, kept by one address.
/// @notice A vault asks it at entry only (openAccount, deposit, account transfer). Taking somebody off the list keeps
/// no money in.
contract AllowlistGate is IGate {
    address public immutable keeper;

    /// @inheritdoc IGate
    mapping(address who => bool) public mayEnter;

    event AdmissionSet(address indexed who, bool admitted);

    error NotKeeper();

    /// @param keeper_ Who keeps the list.
    // A gate without a keeper admits nobody, ever: of no use, and no danger.
    // slither-disable-next-line missing-zero-check
    constructor(address keeper_) {
        keeper = keeper_;
    }

    function set(address who, bool admitted) external {
        require(msg.sender == keeper, NotKeeper());
        mayEnter[who] = admitted;
        emit AdmissionSet(who, admitted);
    }
}
