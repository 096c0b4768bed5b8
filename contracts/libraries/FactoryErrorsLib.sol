// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

/// @title What a VaultFactory refuses.
library FactoryErrorsLib {
    /// @notice The first bytes of the init code are not the template's.
    error CodeMismatch();
    /// @notice A protocol fee above 3,000 basis points.
    error FeeTooHigh();
    /// @notice The caller is not the factory's owner.
    error NotOwner();
    /// @notice The vault behind it was not made here.
    error NotOurVault();
    /// @notice The code is listed already: a listing is never changed.
    error TemplateExists();
    /// @notice No code is listed under this hash.
    error TemplateUnknown();
    /// @notice No kind, no length, or a tier that does not fit the kind: 1 or 2 for venues, 0 for the rest.
    error BadTemplate();
    /// @notice The pool's protocol fee or recipient is not the present one.
    error WrongProtocolFee();
    /// @notice The owner, or the recipient of a fee above 0, is address 0.
    error ZeroAddress();
}
