// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

/// @title What a PooledAccount refuses.
library PoolErrorsLib {
    /// @notice A request worth less than 10 USDC which is not the whole holding.
    error AmountTooSmall();
    /// @notice Address 0 or the pool itself.
    error BadReceiver();
    /// @notice The batch is closed and may still be priced: cancelling now would be a free option.
    error CannotCancel();
    /// @notice A claim of more than the controller's claimable requests.
    error ExceedsMax();
    /// @notice No new requests once the vault is in exit.
    error Exiting();
    /// @notice A fee of the configuration is above its maximum.
    error FeeTooHigh();
    /// @notice The caller is neither the controller nor its operator.
    error NotController();
    /// @notice Only once the vault is in exit.
    error NotExiting();
    /// @notice The caller is not the manager.
    error NotManager();
    /// @notice Less gas than a vault's answer needs: a refusal for want of gas must not pass as the vault's.
    error NotEnoughGas();
    /// @notice The caller is neither the owner nor its operator.
    error NotOwner();
    /// @notice The holder has no part of what the exit paid that it did not get.
    error NothingToClaim();
    /// @notice ERC-7540: the price of a request is not known before it is settled.
    error PreviewUnsupported();
    /// @notice A call from within another one.
    error Reentered();
    /// @notice The batch would hold more assets than the vault can book.
    error TooLarge();
    /// @notice The controller has 3 unclaimed batches (1 if the request is a stranger's): claim one first.
    error TooManyRequests();
    /// @notice The pull did not bring exactly the amount: the token takes a fee or lies.
    error TransferMismatch();
    /// @notice An address that must not be 0 is.
    error ZeroAddress();
}
