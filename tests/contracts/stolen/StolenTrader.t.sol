// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {CoreReadLib} from "contracts/libraries/CoreReadLib.sol";
import {CoreOrder} from "contracts/libraries/CoreWriterLib.sol";
import {StolenKeyBase} from "./StolenKeyBase.sol";

/// @notice A trader key at the read venue is stolen. Its orders go to Core without passing a contract; whoever takes the
/// other side is the thief's accomplice, so what the seat loses by price is loot.
contract StolenTraderTest is StolenKeyBase {
    function traderKey() internal pure override returns (address) {
        return THIEF;
    }

    function _worth() internal view returns (uint256) {
        (int64 value,) = venue.equity();
        return uint256(int256(value));
    }

    /// @dev Over the API, as large as margin allows, at the accomplice's price.
    function _order(bool isBuy, uint64 lots) internal returns (bool ok) {
        CoreOrder memory o = CoreOrder(ETH, isBuy, isBuy ? 2_200e8 : 1_800e8, lots * 1e6, false, 3, 0);
        vm.prank(THIEF);
        (ok,) = tried(address(core), abi.encodeCall(core.orderByAgent, (THIEF, address(venue), o)));
    }

    /// @dev There and back until margin is gone.
    function _churn() internal returns (bool traded) {
        for (uint64 lots = 32_768; lots > 0; lots /= 2) {
            while (_order(true, lots)) {
                traded = true;
                if (!_order(false, lots)) break;
            }
        }
    }

    /// @dev Nobody reacts but the strangers who watch the floor. What was at the venue can be traded away in a minute: it is
    /// what the cap bounds (C1). No dollar leaves the vault or the other seat, and the key ends (C6).
    function test_TwoWeeksOfAStolenTrader() public {
        uint256 before = _worth();
        uint256 cash = vault.idle();
        core.setPrice(ETH, ETH_PRICE, 200e4, type(uint64).max); // 10% away: an accomplice's book on a thin market
        for (uint256 day; day < 14; ++day) {
            _churn();
            _tryEverything(0);
            for (uint256 call; call < 2; ++call) {
                tried(address(venue), abi.encodeCall(venue.revokeTrader, ()));
                pass(60);
            }
            if (day > 0) assertFalse(_churn(), "stopped");
            pass(1 days);
            _honestCommit();
        }
        uint256 lost = before - _worth();

        _checkNothingForgotten(0);
        emit log_named_uint("a stolen trader key: got out of the vault in two weeks (micro-USDC)", _loot());
        emit log_named_uint("  traded away to its accomplice, at most (micro-USDC)", lost);
        emit log_named_uint("  bound: the seat, at most its cap (micro-USDC)", before);
        assertEq(_loot(), 0, "nothing leaves the vault");
        assertLe(lost, before, "C1: at most what was at the seat");
        assertLe(before, uint256(vault.venueOf(address(venue)).cap), "C1: which is at most the cap");
        assertLe(before * 9 / 10, lost, "and the bound is what it got");
        assertTrue(venue.tripped(), "C6: below the floor strangers stop it");
        assertEq(vault.idle(), cash, "the vault's cash is untouched");
        assertLe(cash - vault.insurance() - 10, _everybodyLeaves(), "and pays those who leave");
    }

    /// @dev One that takes little at a time loses its key at the floor: 85% of the last mark.
    function test_C6_ASlowThiefIsStoppedAtTheFloor() public {
        uint256 before = _worth();
        core.setPrice(ETH, ETH_PRICE, 20e4, type(uint64).max); // 1% away
        uint256 minutes_;
        while (!venue.tripped()) {
            assertTrue(_order(minutes_ % 2 == 0, 500), "still let");
            ++minutes_;
            pass(60);
            tried(address(venue), abi.encodeCall(venue.revokeTrader, ()));
        }
        pass(2);
        assertFalse(_order(true, 1), "stopped");
        uint256 aMinute = 500 * 20e4 + 500 * 2_020e4 * 450 / 1e6 + 1; // adverse price and fee of one order
        emit log_named_uint("a slow stolen trader key, until the floor (micro-USDC)", before - _worth());
        assertLe(before - _worth(), before * 15 / 100 + 2 * aMinute, "C6: the floor, and two minutes");
    }

    /// @dev One above the floor loses its key with its time.
    function test_C6_AStolenTraderKeyEndsWithinAWeek() public {
        pass(7 days);
        venue.expireTrader();
        pass(2);
        assertFalse(_order(true, 1), "expired");
        (bool again,) =
            tried(address(venue), abi.encodeCall(venue.authorizeTrader, (THIEF, uint40(block.timestamp + 1))));
        assertFalse(again, "and is never enrolled again");
        assertEqInt(CoreReadLib.positionSize(address(venue), ETH), 0, "nothing traded");
    }
}
