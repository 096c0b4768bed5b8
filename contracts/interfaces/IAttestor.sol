// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.24;

/// @notice What an attestor says of one seat. EIP-712, domain {name "Perp Prime Attestor", version "1", chainId, verifyingContract = the Attestor}.
/// @dev Type: Attestation(uint256 chainId,address vault,address venue,uint64 nonce,uint64 asOf,int64 equity,uint64 received,uint64 returned,bytes32 markSheet)
struct Attestation {
    uint256 chainId;
    address vault;
    address venue;
    uint64 nonce;
    uint64 asOf;
    int64 equity;
    uint64 received;
    uint64 returned;
    bytes32 markSheet;
}

/// @title m-of-n signatures over a seat's equity. Signatures come in strictly ascending order of their signers.
interface IAttestor {
    event AttestorAdded(address indexed signer);
    event AttestorRemoved(address indexed signer);

    function vault() external view returns (address);
    function threshold() external view returns (uint256);
    function isAttestor(address signer) external view returns (bool);
    function attestorCount() external view returns (uint256);

    /// @notice The EIP-712 digest that is signed.
    function digestOf(Attestation calldata attestation) external view returns (bytes32);

    /// @notice Reverts unless at least `threshold` distinct attestors signed.
    function verify(Attestation calldata attestation, bytes[] calldata signatures) external view;

    /// @notice Vault's curator.
    function addAttestor(address signer) external;

    /// @notice Vault's curator; never below the threshold.
    function removeAttestor(address signer) external;
}
