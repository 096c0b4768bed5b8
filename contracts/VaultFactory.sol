// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {IPooledAccount} from "./interfaces/IPooledAccount.sol";
import {IVaultFactory, Kind, Template} from "./interfaces/IVaultFactory.sol";
import {IVenue} from "./interfaces/IVenue.sol";
import {TIER_ATTESTED, TIER_READ} from "./libraries/ConstantsLib.sol";
import {FactoryErrorsLib} from "./libraries/FactoryErrorsLib.sol";
import {MAX_PROTOCOL_BPS} from "./libraries/PoolLib.sol";

// assembly: cREATE2 of code that comes with the call.
// slither-disable-start assembly

/// @title Where vaults, pools and venue adapters come from.
///
/// TEMPLATES
/// The owner lists creation code by its hash; a listing is never changed or taken back. `create` takes init code as
/// calldata, since the code of a vault would not fit in here beside another, checks its first part against the
/// listing and adds the constructor's arguments as they come. A venue's tier is its template's, never its maker's.
///
/// REGISTRY
/// `kindOf` and `tierOf` say what was made here and from which kind of code; they say nothing of the arguments, which
/// are in the contracts' own immutables for all to read.
///
/// TRUST
/// The owner can list bad code: what it makes has to pass a vault's timelock before money goes there. It cannot touch
/// what was made. Vaults and pools read nothing from here once they exist: the protocol fee lies in their immutables.
contract VaultFactory is IVaultFactory {
    /* STORAGE */

    address public immutable owner;
    uint16 public protocolBps;
    address public protocolRecipient;
    mapping(bytes32 template => Template) internal templates;
    mapping(address made => Kind) public kindOf;
    mapping(address venue => uint8) public tierOf;
    address[] public createdAt;

    /* CONSTRUCTOR */

    constructor(address owner_, uint16 protocolBps_, address protocolRecipient_) {
        require(owner_ != address(0), FactoryErrorsLib.ZeroAddress());
        owner = owner_;
        _setProtocolFee(protocolBps_, protocolRecipient_);
    }

    /* ANYONE */

    /// @inheritdoc IVaultFactory
    function create(bytes32 template, bytes calldata initCode, bytes32 salt) external returns (address made) {
        Template memory t = templates[template];
        require(t.kind != Kind.None, FactoryErrorsLib.TemplateUnknown());
        require(
            initCode.length >= t.codeLength && keccak256(initCode[:t.codeLength]) == template,
            FactoryErrorsLib.CodeMismatch()
        );
        made = _create(initCode, _salt(msg.sender, salt));
        if (t.kind == Kind.Pool) {
            IPooledAccount pool = IPooledAccount(made);
            require(kindOf[pool.primeVault()] == Kind.Vault, FactoryErrorsLib.NotOurVault());
            require(
                pool.protocolBps() == protocolBps && pool.protocolRecipient() == protocolRecipient,
                FactoryErrorsLib.WrongProtocolFee()
            );
        } else if (t.kind == Kind.Venue) {
            require(kindOf[IVenue(made).vault()] == Kind.Vault, FactoryErrorsLib.NotOurVault());
            tierOf[made] = t.tier;
        }
        kindOf[made] = t.kind;
        createdAt.push(made);
        emit Created(made, t.kind, template, msg.sender);
    }

    /* OWNER */

    /// @inheritdoc IVaultFactory
    function addTemplate(bytes32 template, Kind kind, uint8 tier, uint32 codeLength) external {
        _onlyOwner();
        require(templates[template].kind == Kind.None, FactoryErrorsLib.TemplateExists());
        bool tierFits = kind == Kind.Venue ? tier == TIER_READ || tier == TIER_ATTESTED : tier == 0;
        require(kind != Kind.None && codeLength > 0 && tierFits, FactoryErrorsLib.BadTemplate());
        templates[template] = Template({kind: kind, tier: tier, codeLength: codeLength});
        emit TemplateAdded(template, kind, tier, codeLength);
    }

    /// @inheritdoc IVaultFactory
    function setProtocolFee(uint16 bps, address recipient) external {
        _onlyOwner();
        _setProtocolFee(bps, recipient);
    }

    /* VIEWS */

    /// @inheritdoc IVaultFactory
    function templateOf(bytes32 template) external view returns (Template memory) {
        return templates[template];
    }

    /// @inheritdoc IVaultFactory
    function createdCount() external view returns (uint256) {
        return createdAt.length;
    }

    /// @inheritdoc IVaultFactory
    function predict(address creator, bytes calldata initCode, bytes32 salt) external view returns (address) {
        bytes32 hash = keccak256(abi.encodePacked(hex"ff", address(this), _salt(creator, salt), keccak256(initCode)));
        return address(uint160(uint256(hash)));
    }

    /* INTERNALS */

    /// @dev Nobody else can take the address a creator counts on.
    function _salt(address creator, bytes32 salt) internal pure returns (bytes32) {
        return keccak256(abi.encode(creator, salt));
    }

    function _create(bytes memory initCode, bytes32 salt) internal returns (address made) {
        // Solidity's `new` needs the code in here.
        assembly ("memory-safe") {
            made := create2(0, add(initCode, 32), mload(initCode), salt)
            if iszero(made) {
                let reason := mload(0x40)
                returndatacopy(reason, 0, returndatasize())
                revert(reason, returndatasize())
            }
        }
    }

    function _setProtocolFee(uint16 bps, address recipient) internal {
        require(bps <= MAX_PROTOCOL_BPS, FactoryErrorsLib.FeeTooHigh());
        require(bps == 0 || recipient != address(0), FactoryErrorsLib.ZeroAddress());
        protocolBps = bps;
        protocolRecipient = recipient;
        emit ProtocolFeeSet(bps, recipient);
    }

    function _onlyOwner() internal view {
        require(msg.sender == owner, FactoryErrorsLib.NotOwner());
    }
}

// slither-disable-end assembly
