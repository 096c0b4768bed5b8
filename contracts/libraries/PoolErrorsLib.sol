// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

/// @title What a PooledAccount refuses.
library PoolErrorsLib {
    error AmountTooSmall();
    error BadReceiver();
    /// @notice The batch is closed and may still be priced: cancelling now would be a free option.
    error CannotCancel();
    error ExceedsMax();
    error Exiting();
    error FeeTooHigh();
    error NotController();
    error NotExiting();
    error NotManager();
    /// @notice Less gas than a vault's answer needs: a refusal for want of gas must not pass as the vault's.
    error NotEnoughGas();
    error NotOwner();
    error NothingToClaim();
    /// @notice ERC-7540: the price of a request is not known before it is settled.
    error PreviewUnsupported();
    error Reentered();
    error TooLarge();
    /// @notice The controller has 3 unclaimed batches (1 if the request is a stranger's): claim one first.
    error TooManyRequests();
    error TransferMismatch();
    error ZeroAddress();
}
