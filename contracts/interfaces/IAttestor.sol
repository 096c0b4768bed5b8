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
/// @notice A signature is 65 bytes of ECDSA, or abi.encode(address signer, bytes signature) of an ERC-1271 contract.
interface IAttestor {
    /// @notice `signer` may be added from `addableFrom` on, for 14 days.
    event AttestorAnnounced(address indexed signer, uint40 addableFrom);
    /// @notice `signer` may no longer be added.
    event AnnouncementWithdrawn(address indexed signer);
    /// @notice Signatures of `signer` count from now on.
    event AttestorAdded(address indexed signer);
    /// @notice Signatures of `signer` count no longer.
    event AttestorRemoved(address indexed signer);
    /// @notice It signed two different statements about `venue` under `nonce`.
    event Equivocated(address indexed signer, address indexed venue, uint64 nonce);

    /// @notice The vault whose curator and guardians decide here.
    function vault() external view returns (address);

    /// @notice How many attestors must sign: m. Fixed.
    function threshold() external view returns (uint256);

    /// @notice Whether signatures of `signer` count.
    function isAttestor(address signer) external view returns (bool);

    /// @notice How many attestors there are: n, never below m.
    function attestorCount() external view returns (uint256);

    /// @notice The EIP-712 digest that is signed.
    /// @param attestation What is signed.
    /// @return The hash that ECDSA signs and ERC-1271 is asked about.
    function digestOf(Attestation calldata attestation) external view returns (bytes32);

    /// @notice Reverts unless at least `threshold` distinct attestors signed.
    /// @param attestation What was signed.
    /// @param signatures Of attestors alone, in strictly ascending order of their signers; one wrong one refuses all.
    function verify(Attestation calldata attestation, bytes[] calldata signatures) external view;

    /// @notice Anyone: removes an attestor that signed two different statements about one venue under one nonce.
    /// @dev Reverts where that would leave fewer than the threshold; the proof keeps, for when another one was added.
    /// @param signer The attestor that signed both.
    /// @param first One statement.
    /// @param firstSignature `signer`'s under it.
    /// @param second Another one, of the same chain, vault, venue and nonce.
    /// @param secondSignature `signer`'s under that.
    function reportEquivocation(
        address signer,
        Attestation calldata first,
        bytes calldata firstSignature,
        Attestation calldata second,
        bytes calldata secondSignature
    ) external;

    /// @notice From when on a signer may be added; 0: it is not announced.
    /// @param signer Who was announced.
    /// @return Seconds.
    function addableFrom(address signer) external view returns (uint40);

    /// @notice Vault's curator: says who is to be added, 10 days before.
    /// @param signer Not 0. Announced again, its 10 days begin again.
    function announceAttestor(address signer) external;

    /// @notice Vault's curator or a guardian.
    function withdrawAnnouncement(address signer) external;

    /// @notice Vault's curator: adds who was announced in time; anybody before the vault's first sub-account.
    /// @param signer Who is none yet.
    function addAttestor(address signer) external;

    /// @notice Vault's curator; never below the threshold.
    /// @param signer Whose signatures count no longer, those given before included.
    function removeAttestor(address signer) external;
}
