// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";
import {SafeCastLib} from "solady/utils/SafeCastLib.sol";

import {IPrimeVault, VenueState} from "../interfaces/IPrimeVault.sol";
import {IVaultFactory} from "../interfaces/IVaultFactory.sol";
import {IVenue} from "../interfaces/IVenue.sol";
import {ensure} from "./CheckLib.sol";
import "./ConstantsLib.sol";
import {ErrorsLib} from "./ErrorsLib.sol";
import {EventsLib} from "./EventsLib.sol";
import {QuarantineLib} from "./QuarantineLib.sol";
import {State, StateLib} from "./StateLib.sol";

// timestamp: every span here is a minute or more; a block's time can be bent by seconds.
// cyclomatic-complexity: one branch for each call that a timelock guards, in one list.
// assembly: reads the first argument of a call kept in memory.
// slither-disable-start timestamp,cyclomatic-complexity,assembly

/// @title Who may change what, and after how long.
/// @notice Tightening is instant; everything else is announced with `submit` and made after its timelock, within 14
/// days. Before the first sub-account, when there is nobody to protect, nothing waits. In exit nothing changes.
///
/// OWNER names the curator, keepers and guardians. CURATOR lists venues and sets limits. GUARDIANS tighten, and take
/// announced calls back, but not their own removal.
///
/// The timelock runs from `submit` by the delay in force at the call: a longer one covers what is announced already.
library GovernanceLib {
    using FixedPointMathLib for uint256;
    using SafeCastLib for uint256;
    using StateLib for State;

    function init(State storage s, address owner, address curator, address[] memory keepers) public {
        _setOwner(s, owner);
        _setCurator(s, curator);
        ensure(keepers.length >= MIN_KEEPERS, uint32(ErrorsLib.TooFewKeepers.selector));
        for (uint256 i; i < keepers.length; ++i) {
            _addKeeper(s, keepers[i]);
        }
    }

    /// @notice Carries out the vault call whose data is `data`. @param factory Knows the tiers of the venues it made.
    function run(State storage s, address factory, bytes calldata data) public {
        ensure(!s.exiting, uint32(ErrorsLib.Exiting.selector));
        // forge-lint: disable-next-line(unsafe-typecast)
        bytes4 selector = bytes4(data); // What the rest is for.
        bytes calldata args = data[4:];
        if (selector == IPrimeVault.submit.selector) return _submit(s, abi.decode(args, (bytes)));
        if (selector == IPrimeVault.revoke.selector) return _revoke(s, abi.decode(args, (bytes)));
        if (_instant(s, selector, args)) return;
        _useTimelock(s, data);
        _loosen(s, factory, selector, args);
    }

    /// @notice Seconds between announcement and call, for this call.
    function delayOf(State storage s, bytes4 selector) public view returns (uint40) {
        if (s.accountCount == 0) return 0;
        uint40 raised = s.raisedTimelock[selector];
        uint40 least = _minimum(selector);
        return raised > least ? raised : least;
    }

    function executableAt(State storage s, bytes calldata data) public view returns (uint256) {
        uint40 submitted = s.submittedAt[keccak256(data)];
        return submitted == 0 ? 0 : submitted + _delay(s, data);
    }

    /* AT ONCE */

    /// @return done Whether this was a call that needs no timelock.
    function _instant(State storage s, bytes4 selector, bytes calldata args) private returns (bool done) {
        done = true;
        if (selector == IPrimeVault.decreaseCap.selector) {
            (address venue, uint64 cap) = abi.decode(args, (address, uint64));
            _decreaseCap(s, venue, cap);
        } else if (selector == IPrimeVault.decreaseRelativeCap.selector) {
            (address venue, uint16 bps) = abi.decode(args, (address, uint16));
            _onlyCurator(s);
            ensure(bps < s.listed(venue).relativeCapBps, uint32(ErrorsLib.WrongDirection.selector));
            _setRelativeCap(s, venue, bps);
        } else if (selector == IPrimeVault.decreaseBand.selector) {
            (address venue, uint16 bps) = abi.decode(args, (address, uint16));
            _decreaseBand(s, venue, bps);
        } else if (selector == IPrimeVault.decreaseFeeCap.selector) {
            uint16 ppm = abi.decode(args, (uint16));
            _onlyTightener(s);
            ensure(ppm < s.feeCapPpm, uint32(ErrorsLib.WrongDirection.selector));
            _setFeeCap(s, ppm);
        } else if (selector == IPrimeVault.setSuspended.selector) {
            (address venue, bool suspended) = abi.decode(args, (address, bool));
            if (!suspended) return false;
            _suspend(s, venue);
        } else if (selector == IPrimeVault.stopDeposits.selector) {
            if (!abi.decode(args, (bool))) return false;
            _onlyTightener(s);
            _stopDeposits(s, true);
        } else if (selector == IPrimeVault.refuseQuarantine.selector) {
            ensure(s.isGuardian[msg.sender], uint32(ErrorsLib.NotGuardian.selector));
            QuarantineLib.refuse(s, abi.decode(args, (address)));
        } else if (selector == IPrimeVault.increaseTimelock.selector) {
            (bytes4 which, uint40 delay) = abi.decode(args, (bytes4, uint40));
            _increaseTimelock(s, which, delay);
        } else if (selector == IPrimeVault.addGuardian.selector) {
            _onlyOwner(s);
            _addGuardian(s, abi.decode(args, (address)));
        } else if (selector == IPrimeVault.removeKeeper.selector) {
            _removeKeeper(s, abi.decode(args, (address)));
        } else {
            return false;
        }
    }

    function _decreaseCap(State storage s, address venue, uint64 cap) private {
        VenueState storage state = s.listed(venue);
        ensure(cap < state.cap, uint32(ErrorsLib.WrongDirection.selector));
        if (msg.sender != s.curator) {
            _onlyTightener(s);
            int256 book = state.book;
            // A guardian stops growth; only the curator may force a seat to shrink.
            // forge-lint: disable-next-line(unsafe-typecast)
            uint256 least = book > 0 ? uint256(book) * MIN_CAP_OF_BOOK_BPS / FULL_BPS : 0;
            ensure(cap >= least, uint32(ErrorsLib.CapExceeded.selector));
        }
        _setCap(s, venue, cap);
    }

    /// @dev What the running window allows shrinks in proportion.
    function _decreaseBand(State storage s, address venue, uint16 bps) private {
        _onlyTightener(s);
        _onlyAttested(s, venue);
        uint16 old = s.bands[venue].bps;
        ensure(bps < old, uint32(ErrorsLib.WrongDirection.selector));
        s.bands[venue].windowLimit = (uint256(s.bands[venue].windowLimit) * bps / old).toUint128();
        _setBand(s, venue, bps);
    }

    /// @dev A guardian may suspend what the curator has suspended before: only its word changes what a commit needs.
    function _suspend(State storage s, address venue) private {
        _onlyTightener(s);
        VenueState storage state = s.listed(venue);
        bool guarded = s.isGuardian[msg.sender] && s.guardedSince[venue] == 0;
        ensure(guarded || !state.suspended, uint32(ErrorsLib.AlreadySet.selector));
        if (guarded) {
            s.guardedSince[venue] = uint40(block.timestamp);
            ++s.guardRound;
        }
        state.suspended = true;
        emit EventsLib.SuspensionSet(venue, true);
    }

    function _addGuardian(State storage s, address guardian) private {
        ensure(guardian != address(0), uint32(ErrorsLib.ZeroAddress.selector));
        ensure(!s.isGuardian[guardian], uint32(ErrorsLib.AlreadySet.selector));
        s.isGuardian[guardian] = true;
        emit EventsLib.GuardianAdded(guardian);
    }

    function _removeKeeper(State storage s, address keeper) private {
        bool byOwner = msg.sender == s.owner;
        ensure(byOwner || s.isGuardian[msg.sender], uint32(ErrorsLib.NotOwner.selector));
        ensure(s.isKeeper[keeper], uint32(ErrorsLib.NotKeeper.selector));
        ensure(byOwner || s.keeperCount > 1, uint32(ErrorsLib.LastKeeper.selector));
        s.isKeeper[keeper] = false;
        --s.keeperCount;
        emit EventsLib.KeeperRemoved(keeper);
    }

    function _increaseTimelock(State storage s, bytes4 selector, uint40 delay) private {
        _onlyCurator(s);
        uint40 least = _minimum(selector);
        ensure(least > 0, uint32(ErrorsLib.NotTimelocked.selector));
        uint40 old = s.raisedTimelock[selector];
        ensure(delay > (old > least ? old : least) && delay <= MAX_DELAY, uint32(ErrorsLib.TimelockOutOfRange.selector));
        s.raisedTimelock[selector] = delay;
        emit EventsLib.TimelockChanged(selector, delay);
    }

    /* AFTER A TIMELOCK */

    function _loosen(State storage s, address factory, bytes4 selector, bytes calldata args) private {
        if (selector == IPrimeVault.addVenue.selector) {
            (address venue, uint64 cap, uint16 bps) = abi.decode(args, (address, uint64, uint16));
            _addVenue(s, venue, _tierOf(factory, venue), cap, bps);
        } else if (selector == IPrimeVault.removeVenue.selector) {
            _removeVenue(s, abi.decode(args, (address)));
        } else if (selector == IPrimeVault.increaseCap.selector) {
            (address venue, uint64 cap) = abi.decode(args, (address, uint64));
            ensure(cap > s.listed(venue).cap, uint32(ErrorsLib.WrongDirection.selector));
            _setCap(s, venue, cap);
        } else if (selector == IPrimeVault.increaseRelativeCap.selector) {
            (address venue, uint16 bps) = abi.decode(args, (address, uint16));
            ensure(bps > s.listed(venue).relativeCapBps, uint32(ErrorsLib.WrongDirection.selector));
            _setRelativeCap(s, venue, bps);
        } else if (selector == IPrimeVault.increaseBand.selector) {
            (address venue, uint16 bps) = abi.decode(args, (address, uint16));
            _onlyAttested(s, venue);
            ensure(bps > s.bands[venue].bps, uint32(ErrorsLib.WrongDirection.selector));
            _setBand(s, venue, bps);
        } else if (selector == IPrimeVault.increaseFeeCap.selector) {
            uint16 ppm = abi.decode(args, (uint16));
            ensure(ppm > s.feeCapPpm, uint32(ErrorsLib.WrongDirection.selector));
            _setFeeCap(s, ppm);
        } else if (selector == IPrimeVault.setFeeRecipient.selector) {
            address recipient = abi.decode(args, (address));
            ensure(recipient != address(0), uint32(ErrorsLib.ZeroAddress.selector));
            s.feeRecipient = recipient;
            emit EventsLib.FeeRecipientSet(recipient);
        } else if (selector == IPrimeVault.setGate.selector) {
            s.gate = abi.decode(args, (address));
            emit EventsLib.GateSet(s.gate);
        } else if (selector == IPrimeVault.setSuspended.selector) {
            (address venue,) = abi.decode(args, (address, bool));
            _resume(s, venue);
        } else if (selector == IPrimeVault.stopDeposits.selector) {
            _stopDeposits(s, false);
        } else if (selector == IPrimeVault.decreaseTimelock.selector) {
            (bytes4 which, uint40 delay) = abi.decode(args, (bytes4, uint40));
            _decreaseTimelock(s, which, delay);
        } else if (selector == IPrimeVault.abdicate.selector) {
            bytes4 which = abi.decode(args, (bytes4));
            s.abdicated[which] = true;
            emit EventsLib.AbdicatedSelector(which);
        } else if (selector == IPrimeVault.addKeeper.selector) {
            _addKeeper(s, abi.decode(args, (address)));
        } else if (selector == IPrimeVault.removeGuardian.selector) {
            address guardian = abi.decode(args, (address));
            ensure(s.isGuardian[guardian], uint32(ErrorsLib.NotGuardian.selector));
            s.isGuardian[guardian] = false;
            emit EventsLib.GuardianRemoved(guardian);
        } else if (selector == IPrimeVault.setCurator.selector) {
            _setCurator(s, abi.decode(args, (address)));
        } else {
            _setOwner(s, abi.decode(args, (address))); // `setOwner`: `_minimum` knows no other.
        }
    }

    function _addVenue(State storage s, address venue, uint8 tier, uint64 cap, uint16 relativeCapBps) private {
        ensure(s.venueList.length < MAX_VENUES, uint32(ErrorsLib.TooManyVenues.selector));
        ensure(tier > 0, uint32(ErrorsLib.NotFromFactory.selector));
        VenueState storage state = s.venueStates[venue];
        ensure(!state.listed, uint32(ErrorsLib.AlreadySet.selector));
        ensure(IVenue(venue).vault() == address(this), uint32(ErrorsLib.WrongVault.selector));
        state.listed = true;
        state.tier = tier;
        s.venueList.push(venue);
        emit EventsLib.VenueAdded(venue, tier);
        _setCap(s, venue, cap);
        _setRelativeCap(s, venue, relativeCapBps);
        if (tier == TIER_ATTESTED) _setBand(s, venue, DEFAULT_BAND_BPS);
    }

    /// @dev 0: not made there. What has no code made nothing.
    function _tierOf(address factory, address venue) private view returns (uint8) {
        return factory.code.length == 0 ? 0 : IVaultFactory(factory).tierOf(venue);
    }

    function _removeVenue(State storage s, address venue) private {
        VenueState storage state = s.listed(venue);
        ensure(state.recalling == 0, uint32(ErrorsLib.RecallOpen.selector));
        ensure(s.bands[venue].quarantine == 0, uint32(ErrorsLib.QuarantineOpen.selector));
        int256 book = state.book;
        ensure(
            book <= int256(uint256(MAX_REMOVED_BOOK)) && book >= -int256(uint256(MAX_REMOVED_BOOK)),
            uint32(ErrorsLib.BookTooLarge.selector)
        );
        delete s.venueStates[venue];
        delete s.pendingMarks[venue];
        delete s.bands[venue];
        delete s.guardedSince[venue];
        address last = s.venueList[s.venueList.length - 1];
        for (uint256 i; i < s.venueList.length; ++i) {
            if (s.venueList[i] == venue) s.venueList[i] = last;
        }
        s.venueList.pop();
        s.settleInsurance(-book, 0);
        emit EventsLib.VenueRemoved(venue);
    }

    function _resume(State storage s, address venue) private {
        VenueState storage state = s.listed(venue);
        ensure(state.suspended, uint32(ErrorsLib.AlreadySet.selector));
        state.suspended = false;
        delete s.guardedSince[venue];
        emit EventsLib.SuspensionSet(venue, false);
    }

    function _decreaseTimelock(State storage s, bytes4 selector, uint40 delay) private {
        ensure(
            delay < s.raisedTimelock[selector] && delay >= _minimum(selector),
            uint32(ErrorsLib.TimelockOutOfRange.selector)
        );
        s.raisedTimelock[selector] = delay;
        emit EventsLib.TimelockChanged(selector, delay);
    }

    /* TIMELOCK */

    function _submit(State storage s, bytes memory data) private {
        bytes4 selector = _author(s, data);
        ensure(!s.abdicated[selector], uint32(ErrorsLib.Abdicated.selector));
        bytes32 key = keccak256(data);
        uint256 executable = block.timestamp + _delay(s, data);
        uint40 submitted = s.submittedAt[key];
        ensure(
            submitted == 0 || block.timestamp > submitted + _delay(s, data) + ANNOUNCED_FOR,
            uint32(ErrorsLib.AlreadySubmitted.selector)
        );
        s.submittedAt[key] = uint40(block.timestamp);
        emit EventsLib.Submitted(selector, data, executable);
    }

    function _revoke(State storage s, bytes memory data) private {
        ensure(data.length >= 4, uint32(ErrorsLib.NotTimelocked.selector));
        bytes32 key = keccak256(data);
        ensure(s.submittedAt[key] > 0, uint32(ErrorsLib.DataNotSubmitted.selector));
        if (s.isGuardian[msg.sender]) {
            bool own = _selector(data) == IPrimeVault.removeGuardian.selector
                && address(uint160(uint256(_argument(data)))) == msg.sender;
            ensure(!own, uint32(ErrorsLib.Unauthorized.selector));
        } else {
            _author(s, data);
        }
        delete s.submittedAt[key];
        emit EventsLib.Revoked(msg.sender, _selector(data), data);
    }

    /// @dev Nothing was announced before the first sub-account that could be used after it without its full delay.
    function _useTimelock(State storage s, bytes calldata data) private {
        bytes4 selector = _author(s, data);
        ensure(!s.abdicated[selector], uint32(ErrorsLib.Abdicated.selector));
        if (s.accountCount == 0) return;
        bytes32 key = keccak256(data);
        uint256 ripe = s.submittedAt[key];
        ensure(ripe > 0, uint32(ErrorsLib.DataNotSubmitted.selector));
        ripe += _delay(s, data);
        ensure(block.timestamp >= ripe, uint32(ErrorsLib.TimelockNotExpired.selector));
        ensure(block.timestamp <= ripe + ANNOUNCED_FOR, uint32(ErrorsLib.DataExpired.selector));
        delete s.submittedAt[key];
        emit EventsLib.Accepted(selector, data);
    }

    /// @dev The sender must be the role whose call this is. Giving a power up is for who has it.
    function _author(State storage s, bytes memory data) private view returns (bytes4 selector) {
        selector = _selector(data);
        ensure(data.length >= 36 && _minimum(selector) > 0, uint32(ErrorsLib.NotTimelocked.selector));
        bytes4 power = selector == IPrimeVault.abdicate.selector ? bytes4(_argument(data)) : selector;
        if (_isOwners(power)) _onlyOwner(s);
        else _onlyCurator(s);
    }

    /// @dev Decreasing a timelock takes that timelock.
    function _delay(State storage s, bytes memory data) private view returns (uint40) {
        bytes4 selector = _selector(data);
        return delayOf(s, selector == IPrimeVault.decreaseTimelock.selector ? bytes4(_argument(data)) : selector);
    }

    function _selector(bytes memory data) private pure returns (bytes4) {
        // forge-lint: disable-next-line(unsafe-typecast)
        return bytes4(data); // The rest is arguments.
    }

    function _argument(bytes memory data) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := mload(add(data, 36)) // The first word after length and selector.
        }
    }

    function _isOwners(bytes4 selector) private pure returns (bool) {
        return selector == IPrimeVault.addKeeper.selector || selector == IPrimeVault.removeGuardian.selector
            || selector == IPrimeVault.setCurator.selector || selector == IPrimeVault.setOwner.selector;
    }

    /// @dev 0: no timelocked function.
    function _minimum(bytes4 selector) private pure returns (uint40) {
        if (
            selector == IPrimeVault.addVenue.selector || selector == IPrimeVault.increaseCap.selector
                || selector == IPrimeVault.increaseRelativeCap.selector || selector == IPrimeVault.increaseBand.selector
        ) return LONG_DELAY;
        if (selector == IPrimeVault.addKeeper.selector) return KEEPER_DELAY;
        if (
            _isOwners(selector) || selector == IPrimeVault.removeVenue.selector
                || selector == IPrimeVault.increaseFeeCap.selector || selector == IPrimeVault.setFeeRecipient.selector
                || selector == IPrimeVault.setGate.selector || selector == IPrimeVault.setSuspended.selector
                || selector == IPrimeVault.stopDeposits.selector || selector == IPrimeVault.abdicate.selector
                || selector == IPrimeVault.decreaseTimelock.selector
        ) return SHORT_DELAY;
        return 0;
    }

    /* ROLES */

    function _onlyOwner(State storage s) private view {
        ensure(msg.sender == s.owner, uint32(ErrorsLib.NotOwner.selector));
    }

    function _onlyCurator(State storage s) private view {
        ensure(msg.sender == s.curator, uint32(ErrorsLib.NotCurator.selector));
    }

    function _onlyTightener(State storage s) private view {
        ensure(msg.sender == s.curator || s.isGuardian[msg.sender], uint32(ErrorsLib.NotCurator.selector));
    }

    function _onlyAttested(State storage s, address venue) private view {
        ensure(s.listed(venue).tier == TIER_ATTESTED, uint32(ErrorsLib.NotAttested.selector));
    }

    /* SETTERS */

    function _setOwner(State storage s, address owner) private {
        ensure(owner != address(0), uint32(ErrorsLib.ZeroAddress.selector));
        s.owner = owner;
        emit EventsLib.OwnerSet(owner);
    }

    function _setCurator(State storage s, address curator) private {
        ensure(curator != address(0), uint32(ErrorsLib.ZeroAddress.selector));
        s.curator = curator;
        emit EventsLib.CuratorSet(curator);
    }

    function _addKeeper(State storage s, address keeper) private {
        ensure(keeper != address(0), uint32(ErrorsLib.ZeroAddress.selector));
        ensure(!s.isKeeper[keeper], uint32(ErrorsLib.AlreadySet.selector));
        s.isKeeper[keeper] = true;
        ++s.keeperCount;
        emit EventsLib.KeeperAdded(keeper);
    }

    function _setCap(State storage s, address venue, uint64 cap) private {
        s.venueStates[venue].cap = cap;
        emit EventsLib.CapChanged(venue, cap);
    }

    function _setRelativeCap(State storage s, address venue, uint16 bps) private {
        ensure(bps <= FULL_BPS, uint32(ErrorsLib.CapExceeded.selector));
        s.venueStates[venue].relativeCapBps = bps;
        emit EventsLib.RelativeCapChanged(venue, bps);
    }

    function _setBand(State storage s, address venue, uint16 bps) private {
        ensure(bps <= FULL_BPS, uint32(ErrorsLib.BandOutOfRange.selector));
        s.bands[venue].bps = bps;
        emit EventsLib.BandChanged(venue, bps);
    }

    /// @dev Up to now the old cap counts. One that was 0 has left nothing.
    function _setFeeCap(State storage s, uint16 ppm) private {
        ensure(ppm <= MAX_FEE_PPM, uint32(ErrorsLib.FeeAboveCap.selector));
        if (s.feeCapPpm == 0) s.equityAtCommit = s.coveredEquity();
        s.accrueFees();
        s.feeCapPpm = ppm;
        emit EventsLib.FeeCapChanged(ppm);
    }

    function _stopDeposits(State storage s, bool stopped) private {
        ensure(s.depositsStopped != stopped, uint32(ErrorsLib.AlreadySet.selector));
        s.depositsStopped = stopped;
        emit EventsLib.DepositsStopped(stopped);
    }
}

// slither-disable-end timestamp,cyclomatic-complexity,assembly
