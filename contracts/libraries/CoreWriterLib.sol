// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

/// @notice HyperEVM's system contract for writing to HyperCore.
interface ICoreWriter {
    function sendRawAction(bytes calldata data) external;
}

/// @notice An order as CoreWriter takes it: price and size human × 1e8; tif 1 ALO, 2 GTC, 3 IOC; cloid 0 is none.
struct CoreOrder {
    uint32 asset;
    bool isBuy;
    uint64 limitPx;
    uint64 size;
    bool reduceOnly;
    uint8 tif;
    uint128 cloid;
}

/// @title CoreWriter actions: 0x01, three bytes of action id, then the ABI-encoded fields.
/// @dev Fire and forget: Core drops an action it cannot execute without a trace, so nobody may conclude anything from success.
library CoreWriterLib {
    /// @dev Standard account: perp and spot have separate balances.
    uint8 internal constant MODE_DISABLED = 1;
    uint32 internal constant MAIN_DEX = 0;
    uint32 internal constant SPOT_DEX = type(uint32).max;
    uint8 internal constant TIF_ALO = 1;
    uint8 internal constant TIF_GTC = 2;
    uint8 internal constant TIF_IOC = 3;
    /// @dev USDC's system address: sending to it on Core pays out on the EVM.
    address internal constant USDC_SYSTEM = 0x2000000000000000000000000000000000000000;
    uint64 internal constant USDC = 0;

    /// @notice Action 1. Core delays it by a few seconds.
    function limitOrder(CoreOrder memory order) internal pure returns (bytes memory) {
        return _action(1, abi.encode(order));
    }

    /// @notice Action 7: `amount` micro-USDC between perp and spot.
    function usdClassTransfer(uint64 amount, bool toPerp) internal pure returns (bytes memory) {
        return _action(7, abi.encode(amount, toPerp));
    }

    /// @notice Action 9: `key` becomes the agent called `name`, in place of the one called so before.
    function addApiWallet(address key, string memory name) internal pure returns (bytes memory) {
        return _action(9, abi.encode(key, name));
    }

    /// @notice Action 10: takes back the order of that number.
    function cancelByOid(uint32 asset, uint64 oid) internal pure returns (bytes memory) {
        return _action(10, abi.encode(asset, oid));
    }

    /// @notice Action 11: takes back the order of that client order id.
    function cancelByCloid(uint32 asset, uint128 cloid) internal pure returns (bytes memory) {
        return _action(11, abi.encode(asset, cloid));
    }

    /// @notice Action 13: `amount` USDC (1e-8) from spot to the sender's own address on the EVM.
    function usdcToEvm(uint64 amount) internal pure returns (bytes memory) {
        return _action(13, abi.encode(USDC_SYSTEM, address(0), SPOT_DEX, SPOT_DEX, USDC, amount));
    }

    /// @notice Action 16: `user`'s account mode.
    function setAbstraction(address user, uint8 mode) internal pure returns (bytes memory) {
        return _action(16, abi.encode(user, mode));
    }

    function _action(uint24 id, bytes memory fields) private pure returns (bytes memory) {
        return abi.encodePacked(uint8(1), id, fields);
    }
}
