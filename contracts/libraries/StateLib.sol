// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";
import {SafeCastLib} from "solady/utils/SafeCastLib.sol";

import {Account, Band, PendingMark, Ticket, VenueState} from "../interfaces/IPrimeVault.sol";
import {ensure} from "./CheckLib.sol";
import {FEE_DAYS, LANE_WORDS, MILLION} from "./ConstantsLib.sol";
import {ErrorsLib} from "./ErrorsLib.sol";
import {EventsLib} from "./EventsLib.sol";

// divide-before-multiply: a day's fee is a whole number of micro-USDC; the rest is the clients'.
// slither-disable-start divide-before-multiply

/// @dev A sub-account offered to `to`; void in another generation.
struct Offer {
    address to;
    uint32 generation;
}

/// @notice All storage of a PrimeVault. Its libraries work on it by delegatecall; amounts in micro-USDC.
/// @dev Ordered by what one commit reads and writes together.
struct State {
    /* ROLES */
    address owner;
    address curator;
    mapping(address keeper => bool) isKeeper;
    mapping(address guardian => bool) isGuardian;
    uint256 keeperCount;
    /* BALANCE: the first slot is read by every entry, commit and exit */
    uint112 idle;
    uint112 sumEquity;
    uint16 feeCapPpm;
    bool exiting;
    bool depositsStopped;
    uint128 insurance;
    uint128 deficit;
    uint128 payables;
    uint128 feesAccrued;
    /// @dev Insurance that arrived since the last mark: no keeper preparing a commit could know of it.
    uint128 insuranceSinceMark;
    uint128 totalExitPaid;
    /* COMMITS: one slot */
    uint32 epoch;
    uint40 committedAt;
    uint40 lastAsOf;
    uint64 lastFence;
    uint40 fullAt;
    uint32 fullEpoch;
    bool closingsWait;
    mapping(uint64 epoch => bytes32 root) statementRootOf;
    /* FEES */
    uint64 feeAllowance;
    uint40 feeAccruedAt;
    uint112 equityAtCommit;
    address feeRecipient;
    /* SUB-ACCOUNTS */
    uint256[LANE_WORDS] lanes;
    /// @dev Bit id − 1: `Account.open`, packed for `commit`.
    uint256[4] openBits;
    /// @dev Highest id ever opened.
    uint256 accountCount;
    uint256[] freeIds;
    mapping(uint256 id => Account account) accounts;
    mapping(uint256 id => mapping(uint32 generation => mapping(address who => uint256 untilAndRights))) rightsAt;
    mapping(uint256 id => Offer offer) offers;
    /// @dev First in, first out: positions [closingHead, closingTail).
    mapping(uint256 position => uint256 id) closings;
    uint128 closingHead;
    uint128 closingTail;
    address gate;
    /* TICKETS */
    uint256 ticketCount;
    mapping(uint256 ticket => Ticket state) tickets;
    /// @dev 0 once everything is paid or void.
    mapping(uint256 id => uint256 ticket) pendingTicketOf;
    uint40 outflowStart;
    uint104 outflowLimit;
    uint104 outflowUsed;
    /* VENUES */
    address[] venueList;
    mapping(address venue => VenueState state) venueStates;
    mapping(address venue => PendingMark pending) pendingMarks;
    mapping(address venue => Band band) bands;
    /// @dev 0: not suspended, or by the curator alone.
    mapping(address venue => uint40 since) guardedSince;
    /// @dev Rises when a guardian suspends a venue and when such a venue is marked.
    uint256 guardRound;
    /// @dev The round in which a sub-account (id and generation) had its one approval.
    mapping(uint256 idAndGeneration => uint256 round) approvedRound;
    /* TIMELOCKS */
    /// @dev Above the minimum only.
    mapping(bytes4 selector => uint40 delay) raisedTimelock;
    mapping(bytes32 dataHash => uint40 since) submittedAt;
    mapping(bytes4 selector => bool) abdicated;
    /* EXIT */
    uint40 exitAt;
    uint40 staleArmedAt;
    uint40 deficitArmedAt;
    uint40 deficitSince;
    mapping(uint256 ticket => uint40 since) overdueArmedAt;
    mapping(uint256 id => uint64 amount) exitPaidOf;
}

/// @title What several parts of a vault do to its storage.
library StateLib {
    using FixedPointMathLib for uint256;
    using SafeCastLib for uint256;
    using StateLib for State;

    function listed(State storage s, address venue) internal view returns (VenueState storage state) {
        state = s.venueStates[venue];
        ensure(state.listed, uint32(ErrorsLib.VenueNotListed.selector));
    }

    /// @dev Insurance pays an open deficit first; afterwards one of the two is zero.
    function settleInsurance(State storage s, int256 insuranceDelta, uint256 newDeficit) internal {
        int256 after_ = int256(uint256(s.insurance)) + insuranceDelta;
        ensure(after_ >= 0, uint32(ErrorsLib.InsuranceShort.selector));
        // forge-lint: disable-next-line(unsafe-typecast)
        uint256 left = uint256(after_);
        uint256 before = s.deficit;
        uint256 owed = before + newDeficit;
        uint256 repaid = left.min(owed);
        left -= repaid;
        // Gifts since the mark do not count: by topping up insurance a stranger would break a commit on its way.
        ensure(newDeficit == 0 || left <= s.insuranceSinceMark, uint32(ErrorsLib.DeficitBeforeInsurance.selector));
        s.insurance = left.toUint128();
        s.deficit = (owed - repaid).toUint128();
        if (before == 0 && owed > repaid) s.deficitSince = uint40(block.timestamp);
    }

    /// @dev What the clients' lanes are worth: a deficit that a keeper invents raises the lanes, and not this.
    function coveredEquity(State storage s) internal view returns (uint112) {
        return uint256(s.sumEquity).zeroFloorSub(s.deficit).toUint112();
    }

    /// @dev Fees accrue on the smaller of equity at the last commit and now; three days' worth can be saved up.
    function accrueFees(State storage s) internal {
        uint256 aDay = uint256(s.equityAtCommit).min(s.coveredEquity()) * s.feeCapPpm / MILLION;
        uint256 allowance = s.feeAllowance + aDay * (block.timestamp - s.feeAccruedAt) / 1 days;
        s.feeAllowance = allowance.min(aDay * FEE_DAYS).toUint64();
        s.feeAccruedAt = uint40(block.timestamp);
    }

    /// @dev Called only when it changes; the bit changes with it.
    function setOpen(State storage s, uint256 id, bool open) internal {
        s.accounts[id].open = open;
        uint256 bit;
        unchecked {
            bit = id - 1; // Ids start at 1.
        }
        // forge-lint: disable-next-line(incorrect-shift)
        s.openBits[bit >> 8] ^= 1 << (bit & 255);
    }

    function voidRemaining(State storage s, uint256 ticket, uint256 id, Ticket storage t) internal {
        emit EventsLib.WithdrawCancelled(ticket, id, t.remaining);
        t.remaining = 0;
        if (t.payable_ == 0) s.pendingTicketOf[id] = 0;
    }
}

// slither-disable-end divide-before-multiply
