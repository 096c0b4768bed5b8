// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title TestUSDC
/// @notice Used only on a local chain: stands in for USDC, with permit. The minter mints.
contract TestUSDC is ERC20Permit {
    error NotMinter();

    address public immutable minter;

    constructor(address minter_) ERC20("USD Coin", "USDC") ERC20Permit("USD Coin") {
        minter = minter_;
    }

    function mint(address to, uint256 amount) external {
        require(msg.sender == minter, NotMinter());
        _mint(to, amount);
    }

    function decimals() public pure override returns (uint8) {
        return 6;
    }
}
