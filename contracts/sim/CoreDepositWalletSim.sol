// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// @title CoreDepositWalletSim
/// @notice Used only on a local chain: stands in for Circle's bridge of USDC between EVM and Core. The venue's bridge credits
/// `recipient` on Core for each Deposit, and calls `pay` for what leaves Core.
contract CoreDepositWalletSim {
    using SafeERC20 for IERC20;

    /// @notice `dex` type(uint32).max is spot, 0 the main perp dex.
    event Deposit(address indexed recipient, uint256 amount, uint32 dex);
    event Paid(address indexed recipient, uint256 amount);

    error NotBridge();

    IERC20 public immutable usdc;
    address public immutable bridge;

    constructor(IERC20 usdc_, address bridge_) {
        usdc = usdc_;
        bridge = bridge_;
    }

    function deposit(uint256 amount, uint32 dex) external {
        _deposit(msg.sender, amount, dex);
    }

    function depositFor(address recipient, uint256 amount, uint32 dex) external {
        _deposit(recipient, amount, dex);
    }

    /// @notice Bridge: pays a withdrawal from Core.
    function pay(address recipient, uint256 amount) external {
        require(msg.sender == bridge, NotBridge());
        emit Paid(recipient, amount);
        usdc.safeTransfer(recipient, amount);
    }

    function _deposit(address recipient, uint256 amount, uint32 dex) internal {
        emit Deposit(recipient, amount, dex);
        usdc.safeTransferFrom(msg.sender, address(this), amount);
    }
}
