// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {IPrimeVault} from "contracts/interfaces/IPrimeVault.sol";
import {VaultHarness} from "./VaultHarness.sol";

/// @notice Timelocks, for every call, every argument and every moment.
contract TimelockProofs is VaultHarness {
    address internal venue = address(this); // Read from storage, like `one`.

    constructor() {
        s.venueStates[venue].listed = true;
        s.venueStates[venue].tier = 2;
        s.venueList.push(venue);
    }

    /// @dev As a venue, this contract belongs to itself.
    function vault() external view returns (address) {
        return address(this);
    }

    /// @dev The timelocked calls, with the least delay of each as the rules say it (G1, G3).
    function _call(uint8 which) internal pure returns (bytes4 selector, uint256 least) {
        if (which == 0) return (IPrimeVault.addVenue.selector, 10 days);
        if (which == 1) return (IPrimeVault.increaseCap.selector, 10 days);
        if (which == 2) return (IPrimeVault.increaseRelativeCap.selector, 10 days);
        if (which == 3) return (IPrimeVault.increaseBand.selector, 10 days);
        if (which == 4) return (IPrimeVault.addKeeper.selector, 48 hours);
        if (which == 5) return (IPrimeVault.removeVenue.selector, 3 days);
        if (which == 6) return (IPrimeVault.increaseFeeCap.selector, 3 days);
        if (which == 7) return (IPrimeVault.setFeeRecipient.selector, 3 days);
        if (which == 8) return (IPrimeVault.setGate.selector, 3 days);
        if (which == 9) return (IPrimeVault.abdicate.selector, 3 days);
        if (which == 10) return (IPrimeVault.removeGuardian.selector, 3 days);
        if (which == 11) return (IPrimeVault.setCurator.selector, 3 days);
        return (IPrimeVault.setOwner.selector, 3 days);
    }

    /// @dev Any arguments at all, but for a venue, which must be one that exists; and a state in which each call can work.
    function _data(uint8 which, bytes4 selector, uint256[4] calldata arguments) internal returns (bytes memory) {
        if (which > 3 && which != 5) {
            if (which == 10) s.isGuardian[address(uint160(arguments[0]))] = true;
            return abi.encodePacked(selector, arguments);
        }
        if (which == 0) s.venueStates[venue].listed = false;
        return abi.encodePacked(selector, uint256(uint160(venue)), arguments[1], arguments[2], arguments[3]);
    }

    function _try(bytes memory data) internal returns (bool ok) {
        (ok,) = address(this).call(data);
    }

    /// @dev Announced at `submitted` (0: never), called now, under a timelock raised to `raised` (0: not).
    function _tryAfter(bytes memory data, bytes4 timelock, uint40 submitted, uint40 raised, uint40 time)
        internal
        returns (bool ok)
    {
        s.submittedAt[keccak256(data)] = submitted;
        s.raisedTimelock[timelock] = raised;
        _warp(time);
        return _try(data);
    }

    function _max(uint256 a, uint256 b) internal pure returns (uint256) {
        return a > b ? a : b;
    }

    /* DELAYS */

    /// @dev Whoever calls, whatever it says: nothing that loosens takes effect unless announced, before its delay has
    /// passed, or later than 14 days after.
    function check_Loosening_WaitsAndExpires(
        uint8 which,
        uint256[4] calldata arguments,
        uint40 submitted,
        uint40 raised,
        uint40 time
    ) external {
        (bytes4 selector, uint256 least) = _call(which);
        if (!_tryAfter(_data(which, selector, arguments), selector, submitted, raised, time)) return;
        uint256 ripe = submitted + _max(least, raised);
        assert(submitted > 0 && time >= ripe && time <= ripe + 14 days);
    }

    /// @dev Two calls tighten with one argument and loosen with the other: `true` needs no timelock, `false` does.
    function check_Reopening_WaitsAndExpires(bool resume, uint40 submitted, uint40 raised, uint40 time) external {
        (s.depositsStopped, s.venueStates[venue].suspended) = (true, true);
        bytes memory data =
            resume ? abi.encodeCall(this.setSuspended, (venue, false)) : abi.encodeCall(this.stopDeposits, (false));
        if (!_tryAfter(data, bytes4(data), submitted, raised, time)) return;
        uint256 ripe = submitted + _max(3 days, raised);
        assert(submitted > 0 && time >= ripe && time <= ripe + 14 days);
    }

    /// @dev Decreasing a timelock takes that timelock, as long as it is now, and never goes below the least.
    function check_DecreaseTimelock_TakesThatTimelock(
        uint8 which,
        uint40 delay,
        uint40 submitted,
        uint40 raised,
        uint40 time
    ) external {
        (bytes4 selector, uint256 least) = _call(which);
        bytes memory data = abi.encodeCall(this.decreaseTimelock, (selector, delay));
        if (!_tryAfter(data, selector, submitted, raised, time)) return;
        uint256 ripe = submitted + _max(least, raised);
        assert(submitted > 0 && time >= ripe && time <= ripe + 14 days);
        assert(delay >= least && delay < raised);
    }

    /// @dev Announced data serve once.
    function check_Announcement_ServesOnce(uint8 which, uint256[4] calldata arguments, uint40 submitted, uint40 time)
        external
    {
        (bytes4 selector,) = _call(which);
        bytes memory data = _data(which, selector, arguments);
        if (!_tryAfter(data, selector, submitted, 0, time)) return;
        assert(s.submittedAt[keccak256(data)] == 0);
        assert(!_try(data));
    }

    /// @dev What was given up stays given up.
    function check_Abdicated_IsForEver(uint8 which, uint256[4] calldata arguments, uint40 submitted, uint40 time)
        external
    {
        (bytes4 selector,) = _call(which);
        s.abdicated[selector] = true;
        bytes memory data = _data(which, selector, arguments);
        assert(!_tryAfter(data, selector, submitted, 0, time));
    }

    /* AT ONCE */

    /// @dev What a curator or guardian may do without waiting only tightens.
    function check_Instant_OnlyTightens(uint8 which, uint64 value, uint64 cap, uint16 bps, uint16 band, uint16 fee)
        external
    {
        (s.venueStates[venue].cap, s.venueStates[venue].relativeCapBps) = (cap, bps);
        (s.bands[venue].bps, s.feeCapPpm) = (band, fee);
        _warp(NOW);
        bytes memory data = abi.encodeCall(this.decreaseCap, (venue, value));
        if (which == 1) data = abi.encodeWithSelector(this.decreaseRelativeCap.selector, venue, value);
        if (which == 2) data = abi.encodeWithSelector(this.decreaseBand.selector, venue, value);
        if (which == 3) data = abi.encodeWithSelector(this.decreaseFeeCap.selector, value);
        bool ok = _try(data);
        assert(s.venueStates[venue].cap == (ok && which != 1 && which != 2 && which != 3 ? value : cap));
        assert(s.venueStates[venue].cap <= cap && s.venueStates[venue].relativeCapBps <= bps);
        assert(s.bands[venue].bps <= band && s.feeCapPpm <= fee);
    }

    /// @dev A guardian takes announced calls back, but not the one that removes it.
    function check_Guardian_CannotRevokeItsOwnRemoval(address guardian, address caller, uint40 submitted) external {
        if (caller == address(this)) return;
        (s.owner, s.curator) = (caller, caller);
        s.isGuardian[address(this)] = true;
        bytes memory data = abi.encodeCall(this.removeGuardian, (guardian));
        s.submittedAt[keccak256(data)] = submitted;
        _warp(NOW);
        bool ok = _try(abi.encodeCall(this.revoke, (data)));
        assert(ok == (submitted > 0 && guardian != address(this)));
        assert(s.submittedAt[keccak256(data)] == (ok ? 0 : submitted));
    }
}
