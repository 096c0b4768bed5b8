// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {State, StateLib} from "contracts/libraries/StateLib.sol";

/// @notice Insurance, bad debt and the fee allowance, for every state they can be in and every amount.
contract MoneyProofs {
    using StateLib for State;

    State internal s;

    /* WHAT IS PROVED */

    function settle(int64 insuranceDelta, uint64 newDeficit) external {
        s.settleInsurance(insuranceDelta, newDeficit);
    }

    function _settled(uint64 insurance, uint64 deficit, uint64 gifts, int64 insuranceDelta, uint64 newDeficit)
        internal
        returns (bool ok)
    {
        (s.insurance, s.deficit, s.insuranceSinceMark) = (insurance, deficit, gifts);
        (ok,) = address(this).call(abi.encodeCall(this.settle, (insuranceDelta, newDeficit)));
    }

    /* INSURANCE */

    /// @dev Insurance repays a deficit first: never are both above zero.
    function check_Insurance_RepaysFirst(
        uint64 insurance,
        uint64 deficit,
        uint64 gifts,
        int64 insuranceDelta,
        uint64 newDeficit
    ) external {
        if (insurance > 0 && deficit > 0) return;
        _settled(insurance, deficit, gifts, insuranceDelta, newDeficit);
        assert(s.insurance == 0 || s.deficit == 0);
    }

    /// @dev Bad debt is declared only when insurance is used up, but for gifts that the keeper could not know of.
    function check_Deficit_AfterInsurance(
        uint64 insurance,
        uint64 deficit,
        uint64 gifts,
        int64 insuranceDelta,
        uint64 newDeficit
    ) external {
        bool ok = _settled(insurance, deficit, gifts, insuranceDelta, newDeficit);
        if (ok && newDeficit > 0) assert(s.insurance <= gifts);
    }

    /// @dev Insurance pays what it has and no more.
    function check_Insurance_NeverOverdrawn(uint64 insurance, int64 insuranceDelta) external {
        bool ok = _settled(insurance, 0, 0, insuranceDelta, 0);
        assert(ok == (int256(uint256(insurance)) + insuranceDelta >= 0));
    }

    /* FEES */

    /// @dev Without a cap nothing is allowed, whatever was stored before.
    function check_Fees_NoneWithoutACap(uint64 stored, uint64 equity, uint64 equityNow) external {
        (s.feeAllowance, s.equityAtCommit, s.sumEquity) = (stored, equity, equityNow);
        s.accrueFees();
        assert(s.feeAllowance == 0);
    }

    /* SUB-ACCOUNTS */

    /// @dev Opening and closing moves one bit, that of the id.
    function check_SetOpen_MovesOneBit(uint256 bits) external {
        for (uint256 id = 1; id <= 4; ++id) {
            s.openBits[0] = bits;
            s.setOpen(id, bits >> (id - 1) & 1 == 0);
            assert(s.openBits[0] ^ bits == 1 << (id - 1));
        }
    }
}
