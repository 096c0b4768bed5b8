// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {PoolLib} from "contracts/libraries/PoolLib.sol";

/// @notice Rounding of a pool's shares and fees, for those who stay. Minting is proved for every amount at books whose
/// divisor is a power of two; other divisions of wide products are beyond the provers: PooledAccount.t.sol fuzzes them.
contract PoolProofs {
    /// @dev Assets and shares, virtual ones included: empty, par, after a loss, after a gain, and primes.
    function _book(uint8 which) internal pure returns (uint256 assets, uint256 supply) {
        if (which == 0) return (1, 1e6);
        if (which == 1) return (1_000_000_001, 1_000_000_001e6);
        if (which == 2) return (333_333_333, 1_000_000_001e6);
        if (which == 3) return (7_777_777_777_777, 1_000_000_001e6);
        return (999_999_999_989, 67_280_421_310_721);
    }

    /// @dev Who deposits gets no more shares than the money buys, and less than one share fewer.
    function check_Mint_RoundsDown(uint64 given) external pure {
        (uint256 assets, uint256 supply) = (1 << 40, 999_999_999_989_000_003);
        uint256 shares = PoolLib.sharesFor(given, assets, supply);
        assert(shares * assets <= given * supply && (shares + 1) * assets > given * supply);
    }

    /// @dev Those who stay own no less per share after a deposit.
    function check_Mint_DilutesNobody(uint64 given) external pure {
        (uint256 assets, uint256 supply) = (1 << 40, 999_999_999_989_000_003);
        uint256 shares = PoolLib.sharesFor(given, assets, supply);
        assert((assets + given) * supply >= assets * (supply + shares));
    }

    /// @dev The high-water mark is rounded up: no fee is taken on a gain that is only rounding.
    function check_PerformanceFee_NotOnRounding(uint8 which, uint16 bps) external pure {
        (uint256 assets, uint256 supply) = _book(which);
        assert(PoolLib.performanceFee(assets, supply, PoolLib.priceUp(assets, supply), bps) == 0);
    }
}
