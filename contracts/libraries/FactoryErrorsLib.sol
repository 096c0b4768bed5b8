// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

/// @title What a VaultFactory refuses.
library FactoryErrorsLib {
    /// @notice The first bytes of the init code are not the template's.
    error CodeMismatch();
    error FeeTooHigh();
    error NotOwner();
    /// @notice The vault behind it was not made here.
    error NotOurVault();
    error TemplateExists();
    error TemplateUnknown();
    error BadTemplate();
    /// @notice The pool's protocol fee or recipient is not the present one.
    error WrongProtocolFee();
    error ZeroAddress();
}
