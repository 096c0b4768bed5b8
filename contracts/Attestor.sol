// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {Attestation, IAttestor} from "./interfaces/IAttestor.sol";
import {IPrimeVault} from "./interfaces/IPrimeVault.sol";
import {VenueErrorsLib} from "./libraries/VenueErrorsLib.sol";

/// @title Attestor
/// @notice Who may say what a T2 seat is worth, and how many of them it takes. It keeps no record of what was said: nonces
/// and times are the seat's affair.
///
/// SIGNATURES. ECDSA over the EIP-712 digest, in strictly ascending order of their signers, which makes a duplicate impossible.
/// Every signature given must be an attestor's: one wrong one refuses the whole set.
///
/// ROLES. The vault's curator adds and removes; never fewer attestors than the threshold, which is fixed.
contract Attestor is IAttestor, EIP712 {
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

    constructor(address vault_, address[] memory signers, uint256 threshold_) EIP712("Perp Prime Attestor", "1") {
        require(vault_ != address(0), VenueErrorsLib.ZeroAddress());
        require(threshold_ > 0 && signers.length >= threshold_, VenueErrorsLib.BelowThreshold());
        vault = vault_;
        threshold = threshold_;
        for (uint256 i; i < signers.length; ++i) {
            _add(signers[i]);
        }
    }

    /* CURATOR */

    /// @inheritdoc IAttestor
    function addAttestor(address signer) external {
        _onlyCurator();
        _add(signer);
    }

    /// @inheritdoc IAttestor
    function removeAttestor(address signer) external {
        _onlyCurator();
        require(isAttestor[signer], VenueErrorsLib.NotAttestor());
        require(attestorCount > threshold, VenueErrorsLib.BelowThreshold());
        isAttestor[signer] = false;
        --attestorCount;
        emit AttestorRemoved(signer);
    }

    /* VIEWS */

    /// @inheritdoc IAttestor
    function verify(Attestation calldata attestation, bytes[] calldata signatures) external view {
        require(signatures.length >= threshold, VenueErrorsLib.TooFewSignatures());
        bytes32 digest = digestOf(attestation);
        address last;
        for (uint256 i; i < signatures.length; ++i) {
            address signer = ECDSA.recover(digest, signatures[i]);
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

    function _add(address signer) internal {
        require(signer != address(0), VenueErrorsLib.ZeroAddress());
        require(!isAttestor[signer], VenueErrorsLib.DuplicateAttestor());
        isAttestor[signer] = true;
        ++attestorCount;
        emit AttestorAdded(signer);
    }
}
