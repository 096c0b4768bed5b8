// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.24;

// unindexed-event-address: set once in a while: nobody filters by it.
// slither-disable-start unindexed-event-address

/// @notice What a template makes.
enum Kind {
    None,
    Vault,
    Pool,
    Venue
}

/// @notice Audited creation code: its hash is the template's name. `tier` of venues only: 1 reads equity, 2 attests it.
struct Template {
    Kind kind;
    uint8 tier;
    uint32 codeLength;
}

/// @title Makes vaults, pools and venue adapters from listed code, and remembers which it made.
/// @notice Nothing that it made ever asks it anything on the way out of money.
interface IVaultFactory {
    /// @notice Code of `codeLength` bytes with the hash `template` is listed.
    event TemplateAdded(bytes32 indexed template, Kind kind, uint8 tier, uint32 codeLength);
    /// @notice `creator` made `made` from listed code.
    event Created(address indexed made, Kind indexed kind, bytes32 indexed template, address creator);
    /// @notice Pools made from now on give `bps` basis points of their fee shares to `recipient`.
    event ProtocolFeeSet(uint16 bps, address recipient);

    /// @notice Anyone: makes a contract by CREATE2. Reverts with the constructor's reason.
    /// @param initCode The template's code and behind it the constructor's arguments. @param salt Mixed with the caller.
    /// @dev A pool must stand on a vault made here and carry the present protocol fee and recipient in its immutables; a
    /// venue must serve a vault made here.
    function create(bytes32 template, bytes calldata initCode, bytes32 salt) external returns (address made);

    /// @notice Owner: lists code, for good.
    /// @param template keccak256 of the creation code.
    /// @param kind What it makes.
    /// @param tier 1 or 2 for a venue, else 0.
    /// @param codeLength Bytes of the code, without arguments.
    function addTemplate(bytes32 template, Kind kind, uint8 tier, uint32 codeLength) external;

    /// @notice Owner: for pools made from now on. At most 3,000 basis points of their fee shares.
    /// @param bps Basis points.
    /// @param recipient Not 0 unless `bps` is.
    function setProtocolFee(uint16 bps, address recipient) external;

    /// @notice Who lists code and sets the protocol fee. Fixed.
    function owner() external view returns (address);

    /// @notice The protocol's part of the fee shares of pools made now, in basis points.
    function protocolBps() external view returns (uint16);

    /// @notice Who gets that part.
    function protocolRecipient() external view returns (address);

    /// @notice The listing of the code with this hash; kind `None`: there is none.
    function templateOf(bytes32 template) external view returns (Template memory);

    /// @notice What this factory made at `made`; `None`: nothing.
    function kindOf(address made) external view returns (Kind);

    /// @notice Tier of a venue adapter that this factory made; 0: it did not make it.
    function tierOf(address venue) external view returns (uint8);

    /// @notice Everything made, in order.
    /// @return How many contracts were made.
    function createdCount() external view returns (uint256);

    /// @notice What was made as number `index`, from 0. Reverts beyond the last.
    function createdAt(uint256 index) external view returns (address);

    /// @notice Where `create` by `creator` would make this.
    /// @param creator Who is going to call.
    /// @param initCode As for `create`.
    /// @param salt As for `create`.
    function predict(address creator, bytes calldata initCode, bytes32 salt) external view returns (address);
}

// slither-disable-end unindexed-event-address
