// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {Attestation, IAttestor} from "./interfaces/IAttestor.sol";
import {IPrimeVault} from "./interfaces/IPrimeVault.sol";
import {VenueErrorsLib} from "./libraries/VenueErrorsLib.sol";

// timestamp: every span here is a minute or more; a block's time can be bent by seconds.
// calls-loop, low-level-calls, return-bomb: each signer is asked once, with a gas cap; a contract that misbehaves
// breaks only its own signature; the cap bounds the reply too.
// uninitialized-local: begins at address 0, below every signer.
// unused-return: the third part of an ECDSA failure says nothing more.
// costly-loop: runs in the constructor only.
// slither-disable-start timestamp,calls-loop,low-level-calls,return-bomb,uninitialized-local,unused-return,costly-loop

/// @title Attestor
/// @notice Who may say what a T2 seat is worth, and how many of them it takes. It keeps no record of what was said: nonces
/// and times are the seat's affair.
///
/// SIGNATURES. Over the EIP-712 digest, in strictly ascending order of their signers, which makes a duplicate impossible.
/// Every signature given must be an attestor's: one wrong one refuses the whole set. 65 bytes are ECDSA; anything else is
/// abi.encode(signer, signature) of a contract (ERC-1271), which is asked with a gas cap.
///
/// ROLES. The vault's curator removes, and adds who was announced 10 days before (at once before the vault's first
/// sub-account); a guardian can take an announcement back. Anyone removes an attestor that signed two statements about one
/// venue under one nonce. Never fewer attestors than the threshold, which is fixed: then the curator adds one first.
contract Attestor is IAttestor, EIP712 {
    /// @dev Enough for a multisig of several owners.
    uint256 internal constant CONTRACT_GAS = 200_000;
    uint256 internal constant ECDSA_LENGTH = 65;
    uint40 internal constant ANNOUNCED_FOR = 10 days;
    uint256 internal constant ADDABLE_FOR = 14 days;
    bytes32 internal constant ATTESTATION_TYPEHASH = keccak256(
        "Attestation(uint256 chainId,address vault,address venue,uint64 nonce,uint64 asOf,int64 equity,uint64 received,uint64 returned,bytes32 markSheet)"
    );

    /// @inheritdoc IAttestor
    address public immutable vault;
    /// @inheritdoc IAttestor
    uint256 public immutable threshold;

    /// @inheritdoc IAttestor
    mapping(address signer => bool) public isAttestor;
    /// @inheritdoc IAttestor
    uint256 public attestorCount;
    /// @inheritdoc IAttestor
    mapping(address signer => uint40) public addableFrom;

    constructor(address vault_, address[] memory signers, uint256 threshold_) EIP712("Perp Prime Attestor", "1") {
        require(vault_ != address(0), VenueErrorsLib.ZeroAddress());
        require(threshold_ > 0 && signers.length >= threshold_, VenueErrorsLib.BelowThreshold());
        vault = vault_;
        threshold = threshold_;
        for (uint256 i; i < signers.length; ++i) {
            _add(signers[i]);
        }
    }

    /* ANYONE */

    /// @inheritdoc IAttestor
    function reportEquivocation(
        address signer,
        Attestation calldata first,
        bytes calldata firstSignature,
        Attestation calldata second,
        bytes calldata secondSignature
    ) external {
        (bytes32 one, bytes32 other) = (digestOf(first), digestOf(second));
        // Chain and vault too: the digest covers them, and a statement about another vault's venue is none about this one.
        bool same = first.chainId == second.chainId && first.vault == second.vault && first.venue == second.venue
            && first.nonce == second.nonce;
        require(same && one != other, VenueErrorsLib.NotEquivocal());
        require(
            _signerOf(one, firstSignature) == signer && _signerOf(other, secondSignature) == signer,
            VenueErrorsLib.SignatureInvalid()
        );
        _remove(signer);
        emit Equivocated(signer, first.venue, first.nonce);
    }

    /* CURATOR AND GUARDIANS */

    /// @inheritdoc IAttestor
    function announceAttestor(address signer) external {
        _onlyCurator();
        require(signer != address(0), VenueErrorsLib.ZeroAddress());
        addableFrom[signer] = uint40(block.timestamp) + ANNOUNCED_FOR;
        emit AttestorAnnounced(signer, addableFrom[signer]);
    }

    /// @inheritdoc IAttestor
    function withdrawAnnouncement(address signer) external {
        bool curator = msg.sender == IPrimeVault(vault).curator();
        require(curator || IPrimeVault(vault).isGuardian(msg.sender), VenueErrorsLib.NotGuardian());
        require(addableFrom[signer] != 0, VenueErrorsLib.NotAnnounced());
        delete addableFrom[signer];
        emit AnnouncementWithdrawn(signer);
    }

    /// @inheritdoc IAttestor
    function addAttestor(address signer) external {
        _onlyCurator();
        if (IPrimeVault(vault).accountCount() > 0) {
            uint256 from = addableFrom[signer];
            bool ripe = from != 0 && block.timestamp >= from && block.timestamp <= from + ADDABLE_FOR;
            require(ripe, VenueErrorsLib.NotAnnounced());
        }
        delete addableFrom[signer];
        _add(signer);
    }

    /// @inheritdoc IAttestor
    function removeAttestor(address signer) external {
        _onlyCurator();
        _remove(signer);
    }

    /* VIEWS */

    /// @inheritdoc IAttestor
    function verify(Attestation calldata attestation, bytes[] calldata signatures) external view {
        require(signatures.length >= threshold, VenueErrorsLib.TooFewSignatures());
        bytes32 digest = digestOf(attestation);
        address last;
        for (uint256 i; i < signatures.length; ++i) {
            address signer = _signerOf(digest, signatures[i]);
            require(signer > last, VenueErrorsLib.SignersNotAscending());
            require(isAttestor[signer], VenueErrorsLib.NotAttestor());
            last = signer;
        }
    }

    /// @inheritdoc IAttestor
    function digestOf(Attestation calldata attestation) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(ATTESTATION_TYPEHASH, attestation)));
    }

    /* INTERNAL */

    function _onlyCurator() internal view {
        require(msg.sender == IPrimeVault(vault).curator(), VenueErrorsLib.NotCurator());
    }

    /// @dev Reverts unless the signature is valid. A contract's address counts only once it has confirmed.
    function _signerOf(bytes32 digest, bytes calldata signature) internal view returns (address signer) {
        if (signature.length == ECDSA_LENGTH) {
            ECDSA.RecoverError failure;
            (signer, failure,) = ECDSA.tryRecoverCalldata(digest, signature);
            require(failure == ECDSA.RecoverError.NoError, VenueErrorsLib.SignatureInvalid());
            return signer;
        }
        bytes memory inner;
        (signer, inner) = abi.decode(signature, (address, bytes));
        (bool ok, bytes memory reply) =
            signer.staticcall{gas: CONTRACT_GAS}(abi.encodeCall(IERC1271.isValidSignature, (digest, inner)));
        // 32 bytes at least, of which the first four are the magic ones: an account without code answers nothing.
        // forge-lint: disable-next-line(unsafe-typecast)
        bool valid = ok && reply.length >= 32 && bytes32(reply) == bytes32(IERC1271.isValidSignature.selector);
        require(valid, VenueErrorsLib.SignatureInvalid());
    }

    function _remove(address signer) internal {
        require(isAttestor[signer], VenueErrorsLib.NotAttestor());
        require(attestorCount > threshold, VenueErrorsLib.BelowThreshold());
        isAttestor[signer] = false;
        --attestorCount;
        emit AttestorRemoved(signer);
    }

    function _add(address signer) internal {
        require(signer != address(0), VenueErrorsLib.ZeroAddress());
        require(!isAttestor[signer], VenueErrorsLib.DuplicateAttestor());
        isAttestor[signer] = true;
        ++attestorCount;
        emit AttestorAdded(signer);
    }
}

// slither-disable-end timestamp,calls-loop,low-level-calls,return-bomb,uninitialized-local,unused-return,costly-loop
