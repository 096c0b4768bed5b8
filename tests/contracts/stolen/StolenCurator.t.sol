// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {CoreOrder} from "contracts/libraries/CoreWriterLib.sol";
import {Commit} from "contracts/interfaces/IPrimeVault.sol";
import {StolenKeyBase} from "./StolenKeyBase.sol";

/// @notice What the thief would have listed as a venue: dollars sent there are its own.
contract Sink {
    address public immutable vault;

    constructor(address vault_) {
        vault = vault_;
    }

    function quiet() external pure returns (bool) {
        return true;
    }
}

/// @notice The curator's key is stolen. Nobody reacts for two weeks: no guardian takes an announcement back, no client
/// leaves. The honest keeper keeps to its books, sends nothing to venues it does not know, and charges all the fees it may
/// each day; somebody has them paid each day.
contract StolenCuratorTest is StolenKeyBase {
    uint256[3] internal own = [uint256(101), 102, 103];
    uint256 internal feesAfterTimelock;

    function curatorKey() internal pure override returns (address) {
        return THIEF;
    }

    function _submit(bytes memory data) internal {
        _attempt(address(vault), abi.encodeCall(vault.submit, (data)));
    }

    function _announceEverything(Sink sink) internal {
        _submit(_listing(address(sink), type(uint64).max));
        _submit(abi.encodeCall(vault.setFeeRecipient, (THIEF)));
        _submit(abi.encodeCall(vault.setGate, (THIEF)));
        _submit(abi.encodeCall(vault.increaseFeeCap, (FEE_PPM)));
        _submit(abi.encodeCall(vault.increaseCap, (address(venue), type(uint64).max)));
        _submit(abi.encodeCall(vault.increaseRelativeCap, (address(seat), 10_000)));
        _submit(abi.encodeCall(vault.increaseBand, (address(seat), 10_000)));
        _submit(abi.encodeCall(vault.setSuspended, (address(seat), false)));
        _submit(abi.encodeCall(vault.stopDeposits, (false)));
        _submit(abi.encodeCall(vault.decreaseTimelock, (vault.setGate.selector, 3 days)));
        for (uint256 i; i < 3; ++i) {
            _attempt(address(attestor), abi.encodeCall(attestor.announceAttestor, (vm.addr(own[i]))));
        }
        _attempt(address(venue), abi.encodeCall(venue.approveTrader, (THIEF)));
    }

    /// @dev All that can be called now; what is not ripe yet is refused.
    function _useEverything(Sink sink) internal {
        bytes memory gate = abi.encodeCall(vault.setGate, (address(1)));
        _submit(gate);
        _attempt(address(vault), abi.encodeCall(vault.revoke, (gate)));
        _attempt(address(vault), _listing(address(sink), type(uint64).max));
        _attempt(address(vault), abi.encodeCall(vault.removeVenue, (address(sink))));
        _attempt(address(vault), abi.encodeCall(vault.increaseCap, (address(venue), type(uint64).max)));
        for (uint256 i; i < 3; ++i) {
            _attempt(address(attestor), abi.encodeCall(attestor.addAttestor, (vm.addr(own[i]))));
        }
        for (uint256 i; i < 5; ++i) {
            _attempt(address(attestor), abi.encodeCall(attestor.removeAttestor, (vm.addr(keys[i]))));
        }
    }

    /// @dev The keeper does without the seat once no honest attestors are left to speak for it.
    function _honestDay() internal {
        if (vault.exiting()) return;
        vm.prank(KEEPER);
        vault.mark(address(venue), "", new uint32[](0));
        bytes memory attestation = _attested();
        vm.prank(KEEPER);
        (bool ok,) = tried(address(vault), abi.encodeCall(vault.mark, (address(seat), attestation, new uint32[](0))));
        Commit memory c = _next();
        if (!ok) {
            c.marked = new address[](1);
            c.marked[0] = address(venue);
        }
        c.fees = _feesDue();
        int64 result = int64(vault.pendingMarkOf(address(venue)).delta);
        if (ok) result = _result();
        _lanes(c, _spread(result - int64(c.fees)));
        vm.prank(KEEPER);
        vault.commit(c);
        address recipient = vault.feeRecipient();
        uint256 paid = vault.payFees();
        if (recipient == THIEF) feesAfterTimelock += paid;
    }

    function test_TwoWeeksOfAStolenCurator() public {
        uint256 equity = vault.sumEquity();
        Sink sink = new Sink(address(vault));
        factory.setTier(address(sink), 1); // Worse than can be: the factory makes no such venue (G2).
        pass(1 days);
        _announceEverything(sink);
        for (uint256 day; day < 14; ++day) {
            if (day == 8) _submit(abi.encodeCall(vault.removeVenue, (address(sink))));
            if (day == 10) _submit(abi.encodeCall(vault.abdicate, (vault.setGate.selector)));
            _honestDay();
            _useEverything(sink);
            _tryEverything(CURATORS);
            pass(1 days);
        }
        _honestDay();
        _useEverything(sink);
        _tryEverything(CURATORS);

        outOfReach = venue.rearm.selector; // The breaker did not trip: see below.
        _checkNothingForgotten(CURATORS);
        // A8: 0.60% a day, from the day on which another recipient could be named.
        uint256 bound = equity * FEE_PPM / 1e6 * (14 - 3);
        emit log_named_uint("a stolen curator key: got out in two weeks, all of it fees (micro-USDC)", _loot());
        emit log_named_uint("  bound: fees of eleven days (micro-USDC)", bound);
        assertEq(_loot(), feesAfterTimelock, "nothing but the fees");
        assertLe(_loot(), bound, "A8, G1: fees after the timelock");
        assertLe(bound * 9 / 10, _loot(), "and the bound is what it got");
        assertEq(vault.sumEquity() + usdc.balanceOf(TREASURY) + _loot(), equity, "clients lost the fees alone");
        assertEq(usdc.balanceOf(address(sink)), 0, "nothing reached its venue");
    }

    /// @dev The breaker trips, and nobody takes back the key the thief had approved: it arms the breaker with it, and has
    /// what a trader key has. Within three days there is no such key.
    function test_C6_AStolenCuratorRearmsOnlyWithAKeyThreeDaysOld() public {
        bytes memory rearm = abi.encodeCall(venue.rearm, (THIEF, uint40(block.timestamp + 7 days)));
        _attempt(address(venue), abi.encodeCall(venue.approveTrader, (THIEF)));
        vm.prank(GUARDIAN);
        venue.revokeTrader();
        for (uint256 hour; hour < 72; ++hour) {
            assertFalse(_attempt(address(venue), rearm), "not before");
            pass(1 hours);
        }
        rearm = abi.encodeCall(venue.rearm, (THIEF, uint40(block.timestamp + 7 days)));
        assertTrue(_attempt(address(venue), rearm), "three days later");
        pass(2);
        core.setPrice(ETH, ETH_PRICE, 200e4, type(uint64).max);
        CoreOrder memory o = CoreOrder(ETH, true, 2_200e8, 30_000e6, false, 3, 0);
        (int64 before,) = venue.equity();
        core.orderByAgent(THIEF, address(venue), o);
        (int64 left,) = venue.equity();
        emit log_named_uint("a stolen curator key after a trip, by trading (micro-USDC)", uint64(before - left));
        assertLe(uint64(before - left), vault.venueOf(address(venue)).cap, "C1: what was at the seat");
        // In time, a guardian takes it back.
        vm.prank(GUARDIAN);
        venue.revokeTrader();
        pass(2);
        (bool ok,) = tried(address(core), abi.encodeCall(core.orderByAgent, (THIEF, address(venue), o)));
        assertFalse(ok, "revoked");
    }
}
