// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";
import {SafeCastLib} from "solady/utils/SafeCastLib.sol";
import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {IGate} from "./interfaces/IGate.sol";
import {
    Account,
    Approval,
    Band,
    Commit,
    IPrimeVault,
    PendingMark,
    Ticket,
    VenueState
} from "./interfaces/IPrimeVault.sol";
import {IVenue} from "./interfaces/IVenue.sol";
import {ensure} from "./libraries/CheckLib.sol";
import "./libraries/ConstantsLib.sol";
import {ErrorsLib} from "./libraries/ErrorsLib.sol";
import {EventsLib} from "./libraries/EventsLib.sol";
import {ExitLib} from "./libraries/ExitLib.sol";
import {GovernanceLib} from "./libraries/GovernanceLib.sol";
import {LanesLib} from "./libraries/LanesLib.sol";
import {SettlementLib} from "./libraries/SettlementLib.sol";
import {Offer, State, StateLib} from "./libraries/StateLib.sol";
import {VenueLib} from "./libraries/VenueLib.sol";

// reentrancy-no-eth, reentrancy-benign, reentrancy-events: every entry takes the lock `entered` first, which slither
// does not know as a guard.
// timestamp: every span here is a minute or more; a block's time can be bent by seconds.
// incorrect-equality: generations and ticket numbers are compared, no balances that a stranger can move.
// unused-return: `listed` is called for its check.
// missing-zero-check: checked by `ensure`, which slither does not know.
// slither-disable-start reentrancy-no-eth,reentrancy-benign,reentrancy-events,timestamp,incorrect-equality,unused-return,missing-zero-check

/// @title The balance sheet of a prime broker.
///
/// BALANCE
/// One asset (USDC). Every amount is in micro-USDC. At all times
///   sumEquity + payables + insurance + feesAccrued == idle + Σ book + deficit + totalExitPaid.
/// `idle` is booked cash, never the token balance: a donation changes nothing until `sync(0)` gives it to insurance.
/// `book` of a venue is what it was last worth, plus sends, minus collections since. It may be negative.
///
/// SUB-ACCOUNTS
/// At most 1,024, ids from 1, each one uint64 lane. A lane rises by its owner's deposits and falls only in a commit.
/// Closed ids are used again with the next generation; rights are kept by (id, generation), so none survives.
///
/// MARK AND COMMIT
/// Two transactions. `mark` reads a quiet venue's value and stores delta = value − book. `commit` adds stored deltas to
/// the books and spreads the same total over lanes, fees, insurance and deficit; it reverts unless they are equal to
/// the micro-dollar. It calls nothing and reads no price, and everything that can come between (deposits, sends,
/// collections, donations, cancellations, closings) commutes with it: nobody but the keeper can break a prepared
/// commit.
///
/// LOSSES
/// A loss beyond its lane goes to insurance; `newDeficit` is what insurance cannot pay. Insurance repays an open
/// deficit first. While one is open nothing is deposited and nothing approved.
///
/// ATTESTED VENUES
/// A loss is accepted at once; a gain within a daily band of the book; what exceeds it waits a day in quarantine and is
/// nobody's money meanwhile. A guardian can send it back to wait. See QuarantineLib.
///
/// WITHDRAWALS
/// The owner of a sub-account asks, naming the receiver. A commit approves: cash is reserved at once (payables <=
/// idle). Anyone may then have it paid. Claims call the token and nothing else, and nothing can pause them.
/// Approvals count only in a full commit; so keepers mark every read venue, those without a book too: by a stranger's
/// dust, collected, one gets a book. At least one commit lies between request and approval, and tickets younger than a
/// day get at most a tenth of equity per day: a stolen keeper can lie about lanes, but cash does not follow at once.
///
/// FEES
/// Taken in commits, within an allowance that accrues by the day on equity and was announced; paid to one recipient.
///
/// ENTRY
/// A gate may say who enters. It is asked in openAccount, deposit and acceptAccount, and nowhere else.
///
/// EXIT
/// When no full commit came for three days, a ticket waited seven, or a deficit stood three, anyone arms exit and a day
/// later starts it. It never ends. Venues are taken apart by anyone; what comes home is shared by lane. See ExitLib.
///
/// ROLES
/// Owner names curator, keepers and guardians. Curator lists venues and sets limits; guardians only tighten. What
/// loosens is announced and waits: see GovernanceLib. Keepers move free cash to listed venues within their caps and
/// back, mark and commit. No role can withdraw, redirect or create money. A keeper can split a result wrongly between
/// lanes: the statement root it leaves behind is the evidence.
///
/// PARTS
/// All storage is one `State`. Commits, exit, governance and venues are linked libraries that work on it; this contract
/// is the face, the clients' part and the guard against reentrance.
///
/// TRUST
/// The asset transfers exactly what it is told (pulls check it) and has no hooks. A listed venue is trusted for its
/// value and for sending its cash back; it is trusted with no more than its cap, and it can break no view and no claim.
/// The factory that made the vault says which venues it made and of which tier, once, when they are listed; nothing
/// else asks it.
contract PrimeVault is IPrimeVault {
    using FixedPointMathLib for uint256;
    using LanesLib for uint256[LANE_WORDS];
    using SafeCastLib for uint256;
    using SafeCastLib for int256;
    using SafeTransferLib for address;
    using StateLib for State;

    /* IMMUTABLES */

    address public immutable asset;
    address public immutable factory;

    /* STORAGE */

    State internal s;

    /* GUARD */

    bool internal transient entered;

    /* CONSTRUCTOR */

    /// @dev Whoever makes it is asked for the tier of each venue: see VaultFactory.
    /// @param keepers At least two, all different: one lost key must not stop settlement.
    constructor(address asset_, address owner_, address curator_, address[] memory keepers) {
        ensure(asset_ != address(0), uint32(ErrorsLib.ZeroAddress.selector));
        asset = asset_;
        factory = msg.sender;
        GovernanceLib.init(s, owner_, curator_, keepers);
        s.fullAt = uint40(block.timestamp);
    }

    /* CLIENT */

    /// @inheritdoc IPrimeVault
    function openAccount(address owner_, uint64 amount) external returns (uint256 id) {
        _enter();
        ensure(owner_ != address(0), uint32(ErrorsLib.ZeroAddress.selector));
        ensure(amount >= MIN_OPENING, uint32(ErrorsLib.AmountTooSmall.selector));
        ensure(s.accountCount > 0 || s.insurance >= MIN_INSURANCE, uint32(ErrorsLib.InsuranceNotSeeded.selector));

        uint256 free = s.freeIds.length;
        if (free > 0) {
            id = s.freeIds[free - 1];
            s.freeIds.pop();
        } else {
            ensure(s.accountCount < MAX_ACCOUNTS, uint32(ErrorsLib.TooManyAccounts.selector));
            id = ++s.accountCount;
        }
        Account storage account = s.accounts[id];
        uint32 generation = ++account.generation;
        account.owner = owner_;
        account.openedAt = uint40(block.timestamp);
        s.setOpen(id, true);

        emit EventsLib.AccountOpened(id, owner_, generation);
        _deposit(id, owner_, amount);
        _leave();
    }

    /// @inheritdoc IPrimeVault
    function closeAccount(uint256 id) external {
        _enter();
        Account storage account = _open(id);
        ensure(!account.closing, uint32(ErrorsLib.AlreadyClosing.selector));
        ensure(s.lanes.get(id) == 0, uint32(ErrorsLib.AccountNotEmpty.selector));
        if (msg.sender != account.owner) {
            ensure(s.isKeeper[msg.sender], uint32(ErrorsLib.NotOwner.selector));
            ensure(block.timestamp >= account.openedAt + DORMANT_AFTER, uint32(ErrorsLib.NotDormant.selector));
            // At lane 0 a ticket lives only by what it still has to pay.
            ensure(s.tickets[s.pendingTicketOf[id]].payable_ == 0, uint32(ErrorsLib.TicketUnpaid.selector));
        }
        account.closing = true;
        s.closings[s.closingTail++] = id;
        s.closingsWait = true;
        emit EventsLib.AccountClosing(id);
        _leave();
    }

    /// @inheritdoc IPrimeVault
    function deposit(uint256 id, uint64 amount) external {
        _enter();
        _deposit(id, _depositAllowed(id), amount);
        _leave();
    }

    /// @inheritdoc IPrimeVault
    function depositWithPermit(uint256 id, uint64 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s_) external {
        _enter();
        address owner_ = _depositAllowed(id);
        // A permit that a stranger used first has already given the allowance; one that failed otherwise fails at the
        // pull.
        try IERC20Permit(asset).permit(msg.sender, address(this), amount, deadline, v, r, s_) {} catch {}
        _deposit(id, owner_, amount);
        _leave();
    }

    /// @inheritdoc IPrimeVault
    function setRights(uint256 id, address who, uint8 rights, uint40 until) external {
        _enter();
        Account storage account = _owned(id);
        ensure(rights <= TRADE | DEPOSIT_FOR, uint32(ErrorsLib.BadRights.selector));
        _rights(id)[who] = uint256(until) << 8 | rights;
        emit EventsLib.RightsSet(id, account.generation, who, rights, until);
        _leave();
    }

    /// @inheritdoc IPrimeVault
    function requestWithdraw(uint256 id, uint64 amount, address receiver) external returns (uint256 ticket) {
        _enter();
        _notExiting();
        _owned(id);
        _checkReceiver(receiver);
        uint64 lane = s.lanes.get(id);
        ensure(amount <= lane, uint32(ErrorsLib.WithdrawTooLarge.selector));
        ensure(amount > 0 && (amount == lane || amount >= MIN_TICKET), uint32(ErrorsLib.AmountTooSmall.selector));
        ensure(s.pendingTicketOf[id] == 0, uint32(ErrorsLib.TicketUnpaid.selector));

        ticket = ++s.ticketCount;
        Ticket storage t = s.tickets[ticket];
        // forge-lint: disable-next-line(unsafe-typecast)
        t.account = uint32(id); // At most MAX_ACCOUNTS.
        t.requestedAt = uint40(block.timestamp);
        t.remaining = amount;
        t.receiver = receiver;
        s.pendingTicketOf[id] = ticket;
        emit EventsLib.WithdrawRequested(ticket, id, receiver, amount);
        _leave();
    }

    /// @inheritdoc IPrimeVault
    function cancelWithdraw(uint256 ticket) external {
        _enter();
        Ticket storage t = s.tickets[ticket];
        uint256 id = _ownedTicket(t);
        ensure(t.remaining > 0, uint32(ErrorsLib.TicketNotPending.selector));
        s.voidRemaining(ticket, id, t);
        _leave();
    }

    /// @inheritdoc IPrimeVault
    function redirect(uint256 ticket, address receiver) external {
        _enter();
        Ticket storage t = s.tickets[ticket];
        _ownedTicket(t);
        ensure(_unpaid(t), uint32(ErrorsLib.TicketNotPending.selector));
        _checkReceiver(receiver);
        t.receiver = receiver;
        emit EventsLib.Redirected(ticket, receiver);
        _leave();
    }

    /// @inheritdoc IPrimeVault
    function offerAccount(uint256 id, address to) external {
        _enter();
        Account storage account = _owned(id);
        _transferable(id, account);
        s.offers[id] = Offer({to: to, generation: account.generation});
        emit EventsLib.AccountOffered(id, to);
        _leave();
    }

    /// @inheritdoc IPrimeVault
    function acceptAccount(uint256 id) external {
        _enter();
        ensure(offerOf(id) == msg.sender, uint32(ErrorsLib.NotOffered.selector));
        Account storage account = _open(id);
        _transferable(id, account);
        _admit(msg.sender);
        delete s.offers[id];
        emit EventsLib.AccountTransferred(id, account.owner, msg.sender, ++account.generation);
        account.owner = msg.sender;
        _leave();
    }

    /* ANYONE */

    /// @inheritdoc IPrimeVault
    function claim(uint256 ticket) external returns (uint64 paid) {
        _enter();
        Ticket storage t = s.tickets[ticket];
        paid = t.payable_;
        ensure(paid > 0, uint32(ErrorsLib.NothingPayable.selector));
        address receiver = t.receiver;
        t.payable_ = 0;
        t.paid += paid;
        if (t.remaining == 0) s.pendingTicketOf[t.account] = 0;
        s.payables -= paid;
        emit EventsLib.Claimed(ticket, receiver, paid);
        _pay(receiver, paid);
        _leave();
    }

    /// @inheritdoc IPrimeVault
    function sync(address venue) external returns (uint64 collected) {
        _enter();
        if (venue == address(0)) {
            collected = (_balance() - s.idle).toUint64();
            _insure(address(0), collected);
        } else {
            collected = VenueLib.collect(s, asset, venue);
        }
        _leave();
    }

    /// @inheritdoc IPrimeVault
    function advance(address venue) external {
        _enter();
        s.listed(venue);
        IVenue(venue).advance();
        _leave();
    }

    /// @inheritdoc IPrimeVault
    function lapseRecall(address venue) external {
        _enter();
        VenueState storage state = s.listed(venue);
        emit EventsLib.RecallLapsed(venue, state.recalling);
        state.recalling = 0;
        IVenue(venue).lapse();
        _leave();
    }

    /// @inheritdoc IPrimeVault
    function fundInsurance(uint64 amount) external {
        _enter();
        _insure(msg.sender, amount);
        _pull(amount);
        _leave();
    }

    /// @inheritdoc IPrimeVault
    function payFees() external returns (uint64 paid) {
        _enter();
        _notExiting();
        ensure(s.deficit == 0, uint32(ErrorsLib.DeficitOpen.selector));
        address recipient = s.feeRecipient;
        ensure(recipient != address(0), uint32(ErrorsLib.ZeroAddress.selector));
        paid = uint256(s.feesAccrued).min(s.idle - s.payables).toUint64();
        s.feesAccrued -= paid;
        emit EventsLib.FeesPaid(recipient, paid);
        _pay(recipient, paid);
        _leave();
    }

    /// @inheritdoc IPrimeVault
    function triggerExit(uint256 ticketOrZero) external {
        _enter();
        ExitLib.trigger(s, ticketOrZero);
        _leave();
    }

    /// @inheritdoc IPrimeVault
    function unwind(address venue, bytes calldata step) external {
        _enter();
        ensure(s.exiting, uint32(ErrorsLib.NotExiting.selector));
        s.listed(venue);
        IVenue(venue).unwind(step);
        _leave();
    }

    /// @inheritdoc IPrimeVault
    function claimExit(uint256 id) external returns (uint64 paid) {
        _enter();
        paid = ExitLib.claim(s, asset, id);
        _leave();
    }

    /* KEEPER */

    /// @inheritdoc IPrimeVault
    function send(address venue, uint64 amount) external {
        _enter();
        _onlyKeeper();
        _notExiting();
        VenueLib.send(s, asset, venue, amount);
        _leave();
    }

    /// @inheritdoc IPrimeVault
    function recall(address venue, uint64 amount) external {
        _enter();
        _onlyKeeper();
        _notExiting();
        VenueState storage state = s.listed(venue);
        ensure(amount > 0, uint32(ErrorsLib.AmountTooSmall.selector));
        state.recalling += amount;
        emit EventsLib.RecallAsked(venue, amount);
        IVenue(venue).recall(amount);
        _leave();
    }

    /// @inheritdoc IPrimeVault
    function mark(address venue, bytes calldata attestation, uint32[] calldata assets) external {
        _enter();
        _onlyKeeper();
        _notExiting();
        SettlementLib.mark(s, venue, attestation, assets);
        _leave();
    }

    /// @inheritdoc IPrimeVault
    function commit(Commit calldata) external {
        _enter();
        _onlyKeeper();
        _notExiting();
        SettlementLib.commit(s, msg.data[4:]); // As it came: encoding it again would cost gas.
        _leave();
    }

    /* CURATOR, GUARDIANS AND OWNER: all in GovernanceLib */

    /// @inheritdoc IPrimeVault
    function addVenue(address, uint64, uint16) external {
        _govern();
    }

    /// @inheritdoc IPrimeVault
    function removeVenue(address) external {
        _govern();
    }

    /// @inheritdoc IPrimeVault
    function increaseCap(address, uint64) external {
        _govern();
    }

    /// @inheritdoc IPrimeVault
    function decreaseCap(address, uint64) external {
        _govern();
    }

    /// @inheritdoc IPrimeVault
    function increaseRelativeCap(address, uint16) external {
        _govern();
    }

    /// @inheritdoc IPrimeVault
    function decreaseRelativeCap(address, uint16) external {
        _govern();
    }

    /// @inheritdoc IPrimeVault
    function increaseBand(address, uint16) external {
        _govern();
    }

    /// @inheritdoc IPrimeVault
    function decreaseBand(address, uint16) external {
        _govern();
    }

    /// @inheritdoc IPrimeVault
    function increaseFeeCap(uint16) external {
        _govern();
    }

    /// @inheritdoc IPrimeVault
    function decreaseFeeCap(uint16) external {
        _govern();
    }

    /// @inheritdoc IPrimeVault
    function setFeeRecipient(address) external {
        _govern();
    }

    /// @inheritdoc IPrimeVault
    function setGate(address) external {
        _govern();
    }

    /// @inheritdoc IPrimeVault
    function setSuspended(address, bool) external {
        _govern();
    }

    /// @inheritdoc IPrimeVault
    function stopDeposits(bool) external {
        _govern();
    }

    /// @inheritdoc IPrimeVault
    function refuseQuarantine(address) external {
        _govern();
    }

    /// @inheritdoc IPrimeVault
    function submit(bytes calldata) external {
        _govern();
    }

    /// @inheritdoc IPrimeVault
    function revoke(bytes calldata) external {
        _govern();
    }

    /// @inheritdoc IPrimeVault
    function abdicate(bytes4) external {
        _govern();
    }

    /// @inheritdoc IPrimeVault
    function increaseTimelock(bytes4, uint40) external {
        _govern();
    }

    /// @inheritdoc IPrimeVault
    function decreaseTimelock(bytes4, uint40) external {
        _govern();
    }

    /// @inheritdoc IPrimeVault
    function addKeeper(address) external {
        _govern();
    }

    /// @inheritdoc IPrimeVault
    function removeKeeper(address) external {
        _govern();
    }

    /// @inheritdoc IPrimeVault
    function addGuardian(address) external {
        _govern();
    }

    /// @inheritdoc IPrimeVault
    function removeGuardian(address) external {
        _govern();
    }

    /// @inheritdoc IPrimeVault
    function setCurator(address) external {
        _govern();
    }

    /// @inheritdoc IPrimeVault
    function setOwner(address) external {
        _govern();
    }

    /* VIEWS */

    /// @inheritdoc IPrimeVault
    function owner() external view returns (address) {
        return s.owner;
    }

    /// @inheritdoc IPrimeVault
    function curator() external view returns (address) {
        return s.curator;
    }

    /// @inheritdoc IPrimeVault
    function isKeeper(address who) external view returns (bool) {
        return s.isKeeper[who];
    }

    /// @inheritdoc IPrimeVault
    function isGuardian(address who) external view returns (bool) {
        return s.isGuardian[who];
    }

    /// @inheritdoc IPrimeVault
    function idle() external view returns (uint128) {
        return s.idle;
    }

    /// @inheritdoc IPrimeVault
    function sumEquity() external view returns (uint128) {
        return s.sumEquity;
    }

    /// @inheritdoc IPrimeVault
    function payables() external view returns (uint128) {
        return s.payables;
    }

    /// @inheritdoc IPrimeVault
    function insurance() external view returns (uint128) {
        return s.insurance;
    }

    /// @inheritdoc IPrimeVault
    function feesAccrued() external view returns (uint128) {
        return s.feesAccrued;
    }

    /// @inheritdoc IPrimeVault
    function deficit() external view returns (uint128) {
        return s.deficit;
    }

    /// @inheritdoc IPrimeVault
    function epoch() external view returns (uint64) {
        return s.epoch;
    }

    /// @inheritdoc IPrimeVault
    function committedAt() external view returns (uint64) {
        return s.committedAt;
    }

    /// @inheritdoc IPrimeVault
    function lastAsOf() external view returns (uint64) {
        return s.lastAsOf;
    }

    /// @inheritdoc IPrimeVault
    function lastFence() external view returns (uint64) {
        return s.lastFence;
    }

    /// @inheritdoc IPrimeVault
    function fullAt() external view returns (uint40) {
        return s.fullAt;
    }

    /// @inheritdoc IPrimeVault
    function fullEpoch() external view returns (uint64) {
        return s.fullEpoch;
    }

    /// @inheritdoc IPrimeVault
    function statementRootOf(uint64 epoch_) external view returns (bytes32) {
        return s.statementRootOf[epoch_];
    }

    /// @inheritdoc IPrimeVault
    function accountCount() external view returns (uint256) {
        return s.accountCount;
    }

    /// @inheritdoc IPrimeVault
    function ticketCount() external view returns (uint256) {
        return s.ticketCount;
    }

    /// @inheritdoc IPrimeVault
    function pendingTicketOf(uint256 id) external view returns (uint256) {
        return s.pendingTicketOf[id];
    }

    /// @inheritdoc IPrimeVault
    function paidOf(uint256 ticket) external view returns (uint64) {
        return s.tickets[ticket].paid;
    }

    /// @inheritdoc IPrimeVault
    function exiting() external view returns (bool) {
        return s.exiting;
    }

    /// @inheritdoc IPrimeVault
    function exitAt() external view returns (uint40) {
        return s.exitAt;
    }

    /// @inheritdoc IPrimeVault
    function exitArmedAt(uint256 ticketOrZero) external view returns (uint40) {
        return ExitLib.armedAt(s, ticketOrZero);
    }

    /// @inheritdoc IPrimeVault
    function exitPaidOf(uint256 id) external view returns (uint64) {
        return s.exitPaidOf[id];
    }

    /// @inheritdoc IPrimeVault
    function totalExitPaid() external view returns (uint128) {
        return s.totalExitPaid;
    }

    /// @inheritdoc IPrimeVault
    function bandOf(address venue) external view returns (Band memory) {
        return s.bands[venue];
    }

    /// @inheritdoc IPrimeVault
    function feeCapPerDay() external view returns (uint16) {
        return s.feeCapPpm;
    }

    /// @inheritdoc IPrimeVault
    function feeAllowance() external view returns (uint64) {
        return s.feeAllowance;
    }

    /// @inheritdoc IPrimeVault
    function feeRecipient() external view returns (address) {
        return s.feeRecipient;
    }

    /// @inheritdoc IPrimeVault
    function outflowWindow() external view returns (uint40, uint104, uint104) {
        return (s.outflowStart, s.outflowLimit, s.outflowUsed);
    }

    /// @inheritdoc IPrimeVault
    function gate() external view returns (address) {
        return s.gate;
    }

    /// @inheritdoc IPrimeVault
    function depositsStopped() external view returns (bool) {
        return s.depositsStopped;
    }

    /// @inheritdoc IPrimeVault
    function timelockOf(bytes4 selector) external view returns (uint40) {
        return GovernanceLib.delayOf(s, selector);
    }

    /// @inheritdoc IPrimeVault
    function executableAt(bytes calldata data) external view returns (uint256) {
        return GovernanceLib.executableAt(s, data);
    }

    /// @inheritdoc IPrimeVault
    function abdicated(bytes4 selector) external view returns (bool) {
        return s.abdicated[selector];
    }

    /// @inheritdoc IPrimeVault
    function offerOf(uint256 id) public view returns (address) {
        Offer storage offer = s.offers[id];
        return offer.generation == s.accounts[id].generation ? offer.to : address(0);
    }

    /// @inheritdoc IPrimeVault
    function suspendedBook() external view returns (uint128) {
        return SettlementLib.suspendedBook(s);
    }

    /// @inheritdoc IPrimeVault
    function totalQuarantine() external view returns (uint128 sum) {
        for (uint256 i; i < s.venueList.length; ++i) {
            sum += s.bands[s.venueList[i]].quarantine;
        }
    }

    /// @inheritdoc IPrimeVault
    function freeCash() external view returns (uint128) {
        return VenueLib.freeCash(s);
    }

    /// @inheritdoc IPrimeVault
    function laneOf(uint256 id) external view returns (uint64) {
        return id == 0 || id > s.accountCount ? 0 : s.lanes.get(id);
    }

    /// @inheritdoc IPrimeVault
    function accountOf(uint256 id) external view returns (Account memory) {
        return s.accounts[id];
    }

    /// @inheritdoc IPrimeVault
    function ticketOf(uint256 ticket) external view returns (Ticket memory) {
        return s.tickets[ticket];
    }

    /// @inheritdoc IPrimeVault
    function rightsOf(uint256 id, address who) external view returns (uint8 rights, uint40 until) {
        uint256 packed = _rights(id)[who];
        // forge-lint: disable-next-line(unsafe-typecast)
        return (uint8(packed), uint40(packed >> 8)); // As `setRights` packed them.
    }

    /// @inheritdoc IPrimeVault
    function venueOf(address venue) external view returns (VenueState memory) {
        return s.venueStates[venue];
    }

    /// @inheritdoc IPrimeVault
    function pendingMarkOf(address venue) external view returns (PendingMark memory) {
        return s.pendingMarks[venue];
    }

    /// @inheritdoc IPrimeVault
    function venues() external view returns (address[] memory) {
        return s.venueList;
    }

    /// @inheritdoc IPrimeVault
    function solvency()
        external
        view
        returns (uint256 assetsT0, uint256 assetsT1, uint256 assetsT2, uint256 liabilities)
    {
        return VenueLib.solvency(s);
    }

    /* MONEY */

    /// @dev Effects before the pull; the pull reverts unless exactly `amount` arrives.
    function _deposit(uint256 id, address owner_, uint64 amount) internal {
        _notExiting();
        ensure(!s.depositsStopped, uint32(ErrorsLib.DepositsAreStopped.selector));
        _admit(owner_);
        ensure(amount > 0, uint32(ErrorsLib.AmountTooSmall.selector));
        ensure(s.deficit == 0, uint32(ErrorsLib.DeficitOpen.selector));
        uint256 ticket = s.pendingTicketOf[id];
        // A ticket whose lane fell to 0 is closed: new money does not revive it.
        if (ticket > 0 && s.tickets[ticket].remaining > 0 && s.lanes.get(id) == 0) {
            s.voidRemaining(ticket, id, s.tickets[ticket]);
        }
        s.lanes.add(id, amount);
        if (s.sumEquity == 0) s.fullAt = uint40(block.timestamp);
        s.sumEquity += amount;
        s.idle += amount;
        emit EventsLib.Deposited(id, msg.sender, amount);
        _pull(amount);
    }

    /// @dev Books `amount` of cash to insurance. `from` 0: it already lies here.
    function _insure(address from, uint64 amount) internal {
        s.idle += amount;
        s.insuranceSinceMark += amount;
        s.settleInsurance(int256(uint256(amount)), 0);
        emit EventsLib.InsuranceFunded(from, amount);
    }

    function _balance() internal view returns (uint256) {
        return asset.balanceOf(address(this));
    }

    /// @dev The only way out.
    function _pay(address to, uint64 amount) internal {
        s.idle -= amount;
        asset.safeTransfer(to, amount);
    }

    function _pull(uint64 amount) internal {
        uint256 before = _balance();
        asset.safeTransferFrom(msg.sender, address(this), amount);
        ensure(_balance() - before == amount, uint32(ErrorsLib.TransferMismatch.selector));
    }

    /* CHECKS */

    function _enter() internal {
        ensure(!entered, uint32(ErrorsLib.Reentered.selector));
        entered = true;
    }

    function _leave() internal {
        entered = false;
    }

    function _govern() internal {
        _enter();
        GovernanceLib.run(s, factory, msg.data);
        _leave();
    }

    function _notExiting() internal view {
        ensure(!s.exiting, uint32(ErrorsLib.Exiting.selector));
    }

    /// @dev At entry only.
    function _admit(address who) internal view {
        address gate_ = s.gate;
        ensure(gate_ == address(0) || IGate(gate_).mayEnter(who), uint32(ErrorsLib.GateClosed.selector));
    }

    /// @dev In exit what was not approved is void.
    function _unpaid(Ticket storage t) internal view returns (bool) {
        return t.payable_ > 0 || (t.remaining > 0 && !s.exiting);
    }

    function _transferable(uint256 id, Account storage account) internal view {
        ensure(!account.closing, uint32(ErrorsLib.AlreadyClosing.selector));
        ensure(!_unpaid(s.tickets[s.pendingTicketOf[id]]), uint32(ErrorsLib.TicketUnpaid.selector));
    }

    function _onlyKeeper() internal view {
        ensure(s.isKeeper[msg.sender], uint32(ErrorsLib.NotKeeper.selector));
    }

    function _open(uint256 id) internal view returns (Account storage account) {
        account = s.accounts[id];
        ensure(account.open, uint32(ErrorsLib.AccountNotOpen.selector));
    }

    function _owned(uint256 id) internal view returns (Account storage account) {
        account = _open(id);
        ensure(msg.sender == account.owner, uint32(ErrorsLib.NotOwner.selector));
    }

    /// @dev An account does not close before its ticket is paid, so its owner is the one who asked.
    function _ownedTicket(Ticket storage t) internal view returns (uint256 id) {
        id = t.account;
        _owned(id);
    }

    /// @dev Of the present generation.
    function _rights(uint256 id) internal view returns (mapping(address who => uint256 untilAndRights) storage) {
        return s.rightsAt[id][s.accounts[id].generation];
    }

    /// @return owner_ Of the sub-account, for which the sender may deposit.
    function _depositAllowed(uint256 id) internal view returns (address owner_) {
        owner_ = _open(id).owner;
        if (msg.sender == owner_) return owner_;
        uint256 packed = _rights(id)[msg.sender];
        ensure(packed & DEPOSIT_FOR != 0 && block.timestamp <= packed >> 8, uint32(ErrorsLib.NotOwner.selector));
    }

    function _checkReceiver(address receiver) internal view {
        ensure(
            receiver != address(0) && receiver != address(this) && !s.venueStates[receiver].listed,
            uint32(ErrorsLib.BadReceiver.selector)
        );
    }
}

// slither-disable-end reentrancy-no-eth,reentrancy-benign,reentrancy-events,timestamp,incorrect-equality,unused-return,missing-zero-check
