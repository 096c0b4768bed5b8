// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";
import {SafeCastLib} from "solady/utils/SafeCastLib.sol";
import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {
    Account,
    Approval,
    Commit,
    IPrimeVaultCore,
    PendingMark,
    Ticket,
    VenueState
} from "./interfaces/IPrimeVault.sol";
import {IVenue} from "./interfaces/IVenue.sol";
import "./libraries/ConstantsLib.sol";
import {ErrorsLib} from "./libraries/ErrorsLib.sol";
import {EventsLib} from "./libraries/EventsLib.sol";
import {LanesLib} from "./libraries/LanesLib.sol";

/// @title The balance sheet of a prime broker.
///
/// BALANCE
/// One asset (USDC). Every amount is in micro-USDC. At all times
///   sumEquity + payables + insurance + feesAccrued == idle + Σ book + deficit.
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
/// WITHDRAWALS
/// The owner of a sub-account asks, naming the receiver. A commit approves: cash is reserved at once (payables <=
/// idle). Anyone may then have it paid. Claims call the token and nothing else, and nothing can pause them.
/// Approvals count only in a full commit; so keepers mark every read venue, those without a book too: by a stranger's
/// dust, collected, one gets a book.
///
/// ROLES
/// Owner names curator and keepers. Curator lists venues, sets caps, suspends sends. Keepers move free cash to listed
/// venues within their caps and back, mark and commit. No role can withdraw, redirect or create money. A keeper can
/// split a result wrongly between lanes: the statement root it leaves behind is the evidence.
///
/// TRUST
/// The asset transfers exactly what it is told (pulls check it) and has no hooks. A listed venue is trusted for its
/// value and for sending its cash back; it is trusted with no more than its cap, and it can break no view and no claim.
contract PrimeVault is IPrimeVaultCore {
    using FixedPointMathLib for uint256;
    using LanesLib for uint256[LANE_WORDS];
    using SafeCastLib for uint256;
    using SafeCastLib for int256;
    using SafeTransferLib for address;

    /* IMMUTABLES */

    address public immutable asset;

    /* ROLES */

    address public owner;
    address public curator;
    mapping(address keeper => bool) public isKeeper;

    /* BALANCE */

    uint128 public idle;
    uint128 public sumEquity;
    uint128 public payables;
    uint128 public insurance;
    uint128 public feesAccrued;
    uint128 public deficit;

    /* COMMITS */

    uint64 public epoch;
    uint64 public committedAt;
    uint64 public lastAsOf;
    uint64 public lastFence;
    mapping(uint64 epoch => bytes32 root) public statementRootOf;

    /// @dev Insurance that arrived since the last mark: no keeper preparing a commit could know of it.
    uint128 internal insuranceSinceMark;

    /* SUB-ACCOUNTS */

    uint256[LANE_WORDS] internal lanes;

    /// @dev Bit id − 1: `Account.open`, packed for `commit`.
    uint256[4] internal openBits;

    /// @dev Highest id ever opened.
    uint256 public accountCount;
    uint256[] internal freeIds;
    mapping(uint256 id => Account account) internal accounts;
    mapping(uint256 id => mapping(uint32 generation => mapping(address who => uint256 untilAndRights))) internal
        rightsAt;

    /// @dev First in, first out: positions [closingHead, closingTail).
    mapping(uint256 position => uint256 id) internal closings;
    uint128 internal closingHead;
    uint128 internal closingTail;

    /* TICKETS */

    uint256 public ticketCount;
    mapping(uint256 ticket => Ticket state) internal tickets;

    /// @dev 0 once everything is paid or void.
    mapping(uint256 id => uint256 ticket) public pendingTicketOf;

    /* VENUES */

    address[] internal venueList;
    mapping(address venue => VenueState state) internal venueStates;
    mapping(address venue => PendingMark pending) internal pendingMarks;

    /* GUARD */

    bool internal transient entered;

    /* CONSTRUCTOR */

    /// @param keepers At least two, all different: one lost key must not stop settlement.
    constructor(address asset_, address owner_, address curator_, address[] memory keepers) {
        _require(asset_ != address(0), uint32(ErrorsLib.ZeroAddress.selector));
        asset = asset_;
        _setOwner(owner_);
        _setCurator(curator_);
        _require(keepers.length >= MIN_KEEPERS, uint32(ErrorsLib.TooFewKeepers.selector));
        for (uint256 i; i < keepers.length; ++i) {
            _addKeeper(keepers[i]);
        }
    }

    /* CLIENT */

    /// @inheritdoc IPrimeVaultCore
    function openAccount(address owner_, uint64 amount) external returns (uint256 id) {
        _enter();
        _require(owner_ != address(0), uint32(ErrorsLib.ZeroAddress.selector));
        _require(amount >= MIN_OPENING, uint32(ErrorsLib.AmountTooSmall.selector));
        _require(accountCount > 0 || insurance >= MIN_INSURANCE, uint32(ErrorsLib.InsuranceNotSeeded.selector));

        uint256 free = freeIds.length;
        if (free > 0) {
            id = freeIds[free - 1];
            freeIds.pop();
        } else {
            _require(accountCount < MAX_ACCOUNTS, uint32(ErrorsLib.TooManyAccounts.selector));
            id = ++accountCount;
        }
        Account storage account = accounts[id];
        uint32 generation = ++account.generation;
        account.owner = owner_;
        account.openedAt = uint40(block.timestamp);
        _setOpen(id, true);

        emit EventsLib.AccountOpened(id, owner_, generation);
        _deposit(id, amount);
        _exit();
    }

    /// @inheritdoc IPrimeVaultCore
    function closeAccount(uint256 id) external {
        _enter();
        Account storage account = _open(id);
        _require(!account.closing, uint32(ErrorsLib.AlreadyClosing.selector));
        _require(lanes.get(id) == 0, uint32(ErrorsLib.AccountNotEmpty.selector));
        if (msg.sender != account.owner) {
            _require(isKeeper[msg.sender], uint32(ErrorsLib.NotOwner.selector));
            _require(block.timestamp >= account.openedAt + DORMANT_AFTER, uint32(ErrorsLib.NotDormant.selector));
            // At lane 0 a ticket lives only by what it still has to pay.
            _require(tickets[pendingTicketOf[id]].payable_ == 0, uint32(ErrorsLib.TicketUnpaid.selector));
        }
        account.closing = true;
        closings[closingTail++] = id;
        emit EventsLib.AccountClosing(id);
        _exit();
    }

    /// @inheritdoc IPrimeVaultCore
    function deposit(uint256 id, uint64 amount) external {
        _enter();
        _depositAllowed(id);
        _deposit(id, amount);
        _exit();
    }

    /// @inheritdoc IPrimeVaultCore
    function depositWithPermit(uint256 id, uint64 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external {
        _enter();
        _depositAllowed(id);
        // A permit that a stranger used first has already given the allowance; one that failed otherwise fails at the
        // pull.
        try IERC20Permit(asset).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        _deposit(id, amount);
        _exit();
    }

    /// @inheritdoc IPrimeVaultCore
    function setRights(uint256 id, address who, uint8 rights, uint40 until) external {
        _enter();
        Account storage account = _owned(id);
        _require(rights <= TRADE | DEPOSIT_FOR, uint32(ErrorsLib.BadRights.selector));
        _rights(id)[who] = uint256(until) << 8 | rights;
        emit EventsLib.RightsSet(id, account.generation, who, rights, until);
        _exit();
    }

    /// @inheritdoc IPrimeVaultCore
    function requestWithdraw(uint256 id, uint64 amount, address receiver) external returns (uint256 ticket) {
        _enter();
        _owned(id);
        _checkReceiver(receiver);
        uint64 lane = lanes.get(id);
        _require(amount <= lane, uint32(ErrorsLib.WithdrawTooLarge.selector));
        _require(amount > 0 && (amount == lane || amount >= MIN_TICKET), uint32(ErrorsLib.AmountTooSmall.selector));
        _require(pendingTicketOf[id] == 0, uint32(ErrorsLib.TicketUnpaid.selector));

        ticket = ++ticketCount;
        Ticket storage t = tickets[ticket];
        // forge-lint: disable-next-line(unsafe-typecast)
        t.account = uint32(id); // At most MAX_ACCOUNTS.
        t.requestedAt = uint40(block.timestamp);
        t.remaining = amount;
        t.receiver = receiver;
        pendingTicketOf[id] = ticket;
        emit EventsLib.WithdrawRequested(ticket, id, receiver, amount);
        _exit();
    }

    /// @inheritdoc IPrimeVaultCore
    function cancelWithdraw(uint256 ticket) external {
        _enter();
        Ticket storage t = tickets[ticket];
        uint256 id = _ownedTicket(t);
        _require(t.remaining > 0, uint32(ErrorsLib.TicketNotPending.selector));
        _voidRemaining(ticket, id, t);
        _exit();
    }

    /// @inheritdoc IPrimeVaultCore
    function redirect(uint256 ticket, address receiver) external {
        _enter();
        Ticket storage t = tickets[ticket];
        _ownedTicket(t);
        _require(t.remaining > 0 || t.payable_ > 0, uint32(ErrorsLib.TicketNotPending.selector));
        _checkReceiver(receiver);
        t.receiver = receiver;
        emit EventsLib.Redirected(ticket, receiver);
        _exit();
    }

    /* ANYONE */

    /// @inheritdoc IPrimeVaultCore
    function claim(uint256 ticket) external returns (uint64 paid) {
        _enter();
        Ticket storage t = tickets[ticket];
        paid = t.payable_;
        _require(paid > 0, uint32(ErrorsLib.NothingPayable.selector));
        address receiver = t.receiver;
        t.payable_ = 0;
        t.paid += paid;
        if (t.remaining == 0) pendingTicketOf[t.account] = 0;
        payables -= paid;
        emit EventsLib.Claimed(ticket, receiver, paid);
        _pay(receiver, paid);
        _exit();
    }

    /// @inheritdoc IPrimeVaultCore
    function sync(address venue) external returns (uint64 collected) {
        _enter();
        if (venue == address(0)) {
            collected = (_balance() - idle).toUint64();
            _insure(address(0), collected);
        } else {
            VenueState storage state = _listed(venue);
            uint256 before = _balance();
            IVenue(venue).collect();
            // The difference, not what the venue says.
            collected = (_balance() - before).toUint64();
            idle += collected;
            _moveBook(state, -int128(uint128(collected)));
            // forge-lint: disable-next-line(unsafe-typecast)
            state.recalling -= uint64(uint256(collected).min(state.recalling));
            emit EventsLib.Collected(venue, collected);
        }
        _exit();
    }

    /// @inheritdoc IPrimeVaultCore
    function advance(address venue) external {
        _enter();
        _listed(venue);
        IVenue(venue).advance();
        _exit();
    }

    /// @inheritdoc IPrimeVaultCore
    function lapseRecall(address venue) external {
        _enter();
        VenueState storage state = _listed(venue);
        emit EventsLib.RecallLapsed(venue, state.recalling);
        state.recalling = 0;
        IVenue(venue).lapse();
        _exit();
    }

    /// @inheritdoc IPrimeVaultCore
    function fundInsurance(uint64 amount) external {
        _enter();
        _insure(msg.sender, amount);
        _pull(amount);
        _exit();
    }

    /* KEEPER */

    /// @inheritdoc IPrimeVaultCore
    function send(address venue, uint64 amount) external {
        _enter();
        _onlyKeeper();
        VenueState storage state = _listed(venue);
        _require(!state.suspended, uint32(ErrorsLib.VenueSuspended.selector));
        _require(amount > 0, uint32(ErrorsLib.AmountTooSmall.selector));
        _require(amount <= freeCash(), uint32(ErrorsLib.CashNotFree.selector));
        int256 cap = int256(_capOf(state));
        _moveBook(state, int128(uint128(amount)));
        _require(state.book <= cap && state.windowNet <= cap, uint32(ErrorsLib.CapExceeded.selector));
        emit EventsLib.Sent(venue, amount);
        _pay(venue, amount);
        IVenue(venue).send(amount);
        _exit();
    }

    /// @inheritdoc IPrimeVaultCore
    function recall(address venue, uint64 amount) external {
        _enter();
        _onlyKeeper();
        VenueState storage state = _listed(venue);
        _require(amount > 0, uint32(ErrorsLib.AmountTooSmall.selector));
        state.recalling += amount;
        emit EventsLib.RecallAsked(venue, amount);
        IVenue(venue).recall(amount);
        _exit();
    }

    /// @inheritdoc IPrimeVaultCore
    function mark(address venue, bytes calldata attestation, uint32[] calldata assets) external {
        _enter();
        _onlyKeeper();
        VenueState storage state = _listed(venue);
        _require(IVenue(venue).quiet(), uint32(ErrorsLib.VenueNotQuiet.selector));
        (int128 value, uint64 asOf, uint64 l1Block, bytes32 sheet) = IVenue(venue).observe(attestation);
        _require(asOf <= block.timestamp, uint32(ErrorsLib.MarkInFuture.selector));
        _require(block.timestamp - asOf <= MAX_MARK_AGE, uint32(ErrorsLib.MarkTooOld.selector));
        int128 delta = value - state.book;
        pendingMarks[venue] = PendingMark({delta: delta, asOf: asOf, l1Block: l1Block});
        state.markedAt = uint40(block.timestamp);
        insuranceSinceMark = 0;
        emit EventsLib.Marked(venue, delta, value, asOf, l1Block, sheet);

        _require(assets.length == 0 || state.tier == TIER_READ, uint32(ErrorsLib.AssetsNotAllowed.selector));
        for (uint256 i; i < assets.length; ++i) {
            (int64 size, uint64 markPrice) = IVenue(venue).assetOf(assets[i]);
            emit EventsLib.AssetMarked(venue, assets[i], size, markPrice);
        }
        _exit();
    }

    /// @inheritdoc IPrimeVaultCore
    function commit(Commit calldata c) external {
        _enter();
        _onlyKeeper();
        uint64 next = epoch + 1;
        _require(c.epoch == next, uint32(ErrorsLib.WrongEpoch.selector));
        _require(c.fence >= lastFence, uint32(ErrorsLib.StaleFence.selector));
        _require(c.asOf > lastAsOf, uint32(ErrorsLib.StaleCommit.selector));
        _require(c.asOf <= block.timestamp, uint32(ErrorsLib.CommitInFuture.selector));
        _require(
            next == 1 || block.timestamp >= committedAt + COMMIT_INTERVAL, uint32(ErrorsLib.CommitTooEarly.selector)
        );
        _require(c.fees == 0, uint32(ErrorsLib.FeeAboveCap.selector));

        int256 delta = _useMarks(c.marked, c.asOf);
        int256 pnl = lanes.addDeltas(openBits, c.words, c.pnl4);
        _require(
            pnl + int256(uint256(c.fees)) + c.insuranceDelta - int256(uint256(c.newDeficit)) == delta,
            uint32(ErrorsLib.NotConserved.selector)
        );

        sumEquity = (int256(uint256(sumEquity)) + pnl).toUint256().toUint128();
        feesAccrued += c.fees;
        _settleInsurance(c.insuranceDelta, c.newDeficit);

        epoch = next;
        committedAt = uint64(block.timestamp);
        lastAsOf = c.asOf;
        lastFence = c.fence;
        statementRootOf[next] = c.statementRoot;
        emit EventsLib.LanesChanged(next, c.words, c.pnl4);
        emit EventsLib.Committed(
            next, c.asOf, c.fence, c.statementRoot, pnl, c.fees, c.insuranceDelta, c.newDeficit, c.marked
        );

        // Skipped in a commit that is not full rather than refused: whether a book is zero may change while the commit
        // is on its way.
        if (c.approvals.length > 0 && deficit == 0 && _full(c.marked)) _approve(c.approvals);
        _closeAccounts();
        _exit();
    }

    /* CURATOR */

    /// @inheritdoc IPrimeVaultCore
    function addVenue(address venue, uint8 tier, uint64 cap, uint16 relativeCapBps) external {
        _enter();
        _onlyCurator();
        _require(venueList.length < MAX_VENUES, uint32(ErrorsLib.TooManyVenues.selector));
        _require(tier == TIER_READ || tier == TIER_ATTESTED, uint32(ErrorsLib.BadTier.selector));
        VenueState storage state = venueStates[venue];
        _require(!state.listed, uint32(ErrorsLib.AlreadySet.selector));
        _require(IVenue(venue).vault() == address(this), uint32(ErrorsLib.WrongVault.selector));
        state.listed = true;
        state.tier = tier;
        venueList.push(venue);
        emit EventsLib.VenueAdded(venue, tier);
        _setCap(venue, cap);
        _setRelativeCap(venue, relativeCapBps);
        _exit();
    }

    /// @inheritdoc IPrimeVaultCore
    function removeVenue(address venue) external {
        _enter();
        _onlyCurator();
        VenueState storage state = _listed(venue);
        _require(state.recalling == 0, uint32(ErrorsLib.RecallOpen.selector));
        int256 book = state.book;
        _require(
            book <= int256(uint256(MAX_REMOVED_BOOK)) && book >= -int256(uint256(MAX_REMOVED_BOOK)),
            uint32(ErrorsLib.BookTooLarge.selector)
        );
        delete venueStates[venue];
        delete pendingMarks[venue];
        address last = venueList[venueList.length - 1];
        for (uint256 i; i < venueList.length; ++i) {
            if (venueList[i] == venue) venueList[i] = last;
        }
        venueList.pop();
        _settleInsurance(-book, 0);
        emit EventsLib.VenueRemoved(venue);
        _exit();
    }

    /// @inheritdoc IPrimeVaultCore
    function increaseCap(address venue, uint64 cap) external {
        _changeCap(venue, cap, true);
    }

    /// @inheritdoc IPrimeVaultCore
    function decreaseCap(address venue, uint64 cap) external {
        _changeCap(venue, cap, false);
    }

    /// @inheritdoc IPrimeVaultCore
    function increaseRelativeCap(address venue, uint16 bps) external {
        _changeRelativeCap(venue, bps, true);
    }

    /// @inheritdoc IPrimeVaultCore
    function decreaseRelativeCap(address venue, uint16 bps) external {
        _changeRelativeCap(venue, bps, false);
    }

    /// @inheritdoc IPrimeVaultCore
    function setSuspended(address venue, bool suspended) external {
        _enter();
        _onlyCurator();
        VenueState storage state = _listed(venue);
        _require(state.suspended != suspended, uint32(ErrorsLib.AlreadySet.selector));
        state.suspended = suspended;
        emit EventsLib.SuspensionSet(venue, suspended);
        _exit();
    }

    /* OWNER */

    /// @inheritdoc IPrimeVaultCore
    function addKeeper(address keeper) external {
        _enter();
        _onlyOwner();
        _addKeeper(keeper);
        _exit();
    }

    /// @inheritdoc IPrimeVaultCore
    function removeKeeper(address keeper) external {
        _enter();
        _onlyOwner();
        _require(isKeeper[keeper], uint32(ErrorsLib.NotKeeper.selector));
        isKeeper[keeper] = false;
        emit EventsLib.KeeperRemoved(keeper);
        _exit();
    }

    /// @inheritdoc IPrimeVaultCore
    function setCurator(address curator_) external {
        _enter();
        _onlyOwner();
        _setCurator(curator_);
        _exit();
    }

    /// @inheritdoc IPrimeVaultCore
    function setOwner(address owner_) external {
        _enter();
        _onlyOwner();
        _setOwner(owner_);
        _exit();
    }

    /* VIEWS */

    /// @inheritdoc IPrimeVaultCore
    function freeCash() public view returns (uint128) {
        uint256 kept = uint256(payables) + insurance + feesAccrued;
        // forge-lint: disable-next-line(unsafe-typecast)
        return idle > kept ? uint128(idle - kept) : 0; // At most `idle`.
    }

    /// @inheritdoc IPrimeVaultCore
    function laneOf(uint256 id) external view returns (uint64) {
        return id == 0 || id > accountCount ? 0 : lanes.get(id);
    }

    /// @inheritdoc IPrimeVaultCore
    function accountOf(uint256 id) external view returns (Account memory) {
        return accounts[id];
    }

    /// @inheritdoc IPrimeVaultCore
    function ticketOf(uint256 ticket) external view returns (Ticket memory) {
        return tickets[ticket];
    }

    /// @inheritdoc IPrimeVaultCore
    function rightsOf(uint256 id, address who) external view returns (uint8 rights, uint40 until) {
        uint256 packed = _rights(id)[who];
        // forge-lint: disable-next-line(unsafe-typecast)
        return (uint8(packed), uint40(packed >> 8)); // As `setRights` packed them.
    }

    /// @inheritdoc IPrimeVaultCore
    function venueOf(address venue) external view returns (VenueState memory) {
        return venueStates[venue];
    }

    /// @inheritdoc IPrimeVaultCore
    function pendingMarkOf(address venue) external view returns (PendingMark memory) {
        return pendingMarks[venue];
    }

    /// @inheritdoc IPrimeVaultCore
    function venues() external view returns (address[] memory) {
        return venueList;
    }

    /// @inheritdoc IPrimeVaultCore
    function solvency()
        external
        view
        returns (uint256 assetsT0, uint256 assetsT1, uint256 assetsT2, uint256 liabilities)
    {
        assetsT0 = idle;
        liabilities = uint256(sumEquity) + payables + feesAccrued;
        for (uint256 i; i < venueList.length; ++i) {
            address venue = venueList[i];
            // A low-level call instead of try: an answer that cannot be decoded would revert here.
            (bool ok, bytes memory answer) = venue.staticcall{gas: VIEW_GAS}(abi.encodeCall(IVenue.equity, ()));
            if (!ok || answer.length < 64) continue;
            (int256 value,) = abi.decode(answer, (int256, uint256));
            if (value <= 0 || value > type(int64).max) continue;
            // forge-lint: disable-next-line(unsafe-typecast)
            if (venueStates[venue].tier == TIER_READ) assetsT1 += uint256(value);
            // forge-lint: disable-next-line(unsafe-typecast)
            else assetsT2 += uint256(value);
        }
    }

    /* COMMIT, STEP BY STEP */

    /// @dev Uses up the marks of `marked` and returns Σ of their deltas. A venue named twice has no second mark.
    function _useMarks(address[] calldata marked, uint64 asOf) internal returns (int256 delta) {
        for (uint256 i; i < marked.length; ++i) {
            VenueState storage state = _listed(marked[i]);
            PendingMark storage pending = pendingMarks[marked[i]];
            _require(pending.asOf > 0, uint32(ErrorsLib.MarkMissing.selector));
            _require(pending.asOf >= asOf, uint32(ErrorsLib.StaleCommit.selector));
            _require(block.timestamp - pending.asOf <= MAX_MARK_AGE, uint32(ErrorsLib.MarkTooOld.selector));
            int128 markDelta = pending.delta;
            state.book += markDelta;
            delta += markDelta;
            delete pendingMarks[marked[i]];
        }
    }

    /// @dev Insurance pays an open deficit first; afterwards one of the two is zero.
    function _settleInsurance(int256 insuranceDelta, uint256 newDeficit) internal {
        int256 after_ = int256(uint256(insurance)) + insuranceDelta;
        _require(after_ >= 0, uint32(ErrorsLib.InsuranceShort.selector));
        // forge-lint: disable-next-line(unsafe-typecast)
        uint256 left = uint256(after_);
        uint256 owed = deficit + newDeficit;
        uint256 repaid = left.min(owed);
        left -= repaid;
        // Gifts since the mark do not count: by topping up insurance a stranger would break a commit on its way.
        _require(newDeficit == 0 || left <= insuranceSinceMark, uint32(ErrorsLib.DeficitBeforeInsurance.selector));
        insurance = left.toUint128();
        deficit = (owed - repaid).toUint128();
    }

    /// @dev Whether every read venue with a book is marked here, and every attested one was within a day, its last mark
    /// being used.
    function _full(address[] calldata marked) internal view returns (bool) {
        for (uint256 i; i < venueList.length; ++i) {
            address venue = venueList[i];
            VenueState storage state = venueStates[venue];
            if (state.book == 0) continue;
            if (state.tier == TIER_READ) {
                uint256 found;
                while (found < marked.length && marked[found] != venue) ++found;
                if (found == marked.length) return false;
            } else {
                if (block.timestamp - state.markedAt > MAX_ATTESTED_AGE) return false;
                // A loss that the keeper marked but did not commit must not let others leave before it is shared.
                if (pendingMarks[venue].asOf > 0) return false;
            }
        }
        return true;
    }

    /// @dev What cannot be paid is skipped, never refused.
    function _approve(Approval[] calldata approvals) internal {
        uint256 cash = idle - payables;
        for (uint256 i; i < approvals.length; ++i) {
            uint256 ticket = approvals[i].ticket;
            Ticket storage t = tickets[ticket];
            uint256 id = t.account;
            uint256 remaining = t.remaining;
            if (remaining == 0) continue;
            uint256 lane = lanes.get(id);
            uint256 least = remaining.min(approvals[i].amount).min(lane).min(cash);
            if (least == 0) continue;
            // forge-lint: disable-next-line(unsafe-typecast)
            uint64 amount = uint64(least); // Not more than the lane.
            cash -= amount;
            lanes.sub(id, amount);
            t.remaining -= amount;
            t.payable_ += amount;
            emit EventsLib.WithdrawApproved(ticket, id, epoch, amount);
            if (amount == lane && amount < remaining) _voidRemaining(ticket, id, t);
        }
        uint128 total = (idle - payables - cash).toUint128();
        sumEquity -= total;
        payables += total;
    }

    /// @dev Called only when it changes; the bit changes with it.
    function _setOpen(uint256 id, bool open) internal {
        accounts[id].open = open;
        uint256 bit;
        unchecked {
            bit = id - 1; // Ids start at 1.
        }
        // forge-lint: disable-next-line(incorrect-shift)
        openBits[bit >> 8] ^= 1 << (bit & 255);
    }

    function _closeAccounts() internal {
        uint256 head = closingHead;
        uint256 end = (head + MAX_CLOSINGS).min(closingTail);
        for (; head < end; ++head) {
            uint256 id = closings[head];
            delete closings[head];
            Account storage account = accounts[id];
            uint256 ticket = pendingTicketOf[id];
            Ticket storage t = tickets[ticket];
            account.closing = false;
            if (lanes.get(id) > 0 || t.payable_ > 0) {
                emit EventsLib.AccountKept(id);
                continue;
            }
            // Nothing of the old owner may reach the next one: a ticket at lane 0 is void.
            if (t.remaining > 0) _voidRemaining(ticket, id, t);
            _setOpen(id, false);
            freeIds.push(id);
            emit EventsLib.AccountClosed(id, account.generation);
        }
        // forge-lint: disable-next-line(unsafe-typecast)
        closingHead = uint128(head); // At most `closingTail`.
    }

    /* MONEY */

    /// @dev Effects before the pull; the pull reverts unless exactly `amount` arrives.
    function _deposit(uint256 id, uint64 amount) internal {
        _require(amount > 0, uint32(ErrorsLib.AmountTooSmall.selector));
        _require(deficit == 0, uint32(ErrorsLib.DeficitOpen.selector));
        uint256 ticket = pendingTicketOf[id];
        // A ticket whose lane fell to 0 is closed: new money does not revive it.
        if (ticket > 0 && tickets[ticket].remaining > 0 && lanes.get(id) == 0) {
            _voidRemaining(ticket, id, tickets[ticket]);
        }
        lanes.add(id, amount);
        sumEquity += amount;
        idle += amount;
        emit EventsLib.Deposited(id, msg.sender, amount);
        _pull(amount);
    }

    /// @dev Books `amount` of cash to insurance. `from` 0: it already lies here.
    function _insure(address from, uint64 amount) internal {
        idle += amount;
        insuranceSinceMark += amount;
        _settleInsurance(int256(uint256(amount)), 0);
        emit EventsLib.InsuranceFunded(from, amount);
    }

    function _balance() internal view returns (uint256) {
        return asset.balanceOf(address(this));
    }

    /// @dev The only way out.
    function _pay(address to, uint64 amount) internal {
        idle -= amount;
        asset.safeTransfer(to, amount);
    }

    function _pull(uint64 amount) internal {
        uint256 before = _balance();
        asset.safeTransferFrom(msg.sender, address(this), amount);
        _require(_balance() - before == amount, uint32(ErrorsLib.TransferMismatch.selector));
    }

    function _voidRemaining(uint256 ticket, uint256 id, Ticket storage t) internal {
        emit EventsLib.WithdrawCancelled(ticket, id, t.remaining);
        t.remaining = 0;
        if (t.payable_ == 0) pendingTicketOf[id] = 0;
    }

    /// @dev The smaller of the absolute cap and the relative one, the latter of all cash and all positive books; a send
    /// changes neither sum.
    function _capOf(VenueState storage state) internal view returns (uint256) {
        uint256 total = idle;
        for (uint256 i; i < venueList.length; ++i) {
            int256 book = venueStates[venueList[i]].book;
            // forge-lint: disable-next-line(unsafe-typecast)
            if (book > 0) total += uint256(book);
        }
        return (total * state.relativeCapBps / FULL_BPS).min(state.cap);
    }

    /// @dev Cash between vault and venue: the book follows it, and so does the net of the day's window.
    function _moveBook(VenueState storage state, int128 amount) internal {
        state.book += amount;
        if (block.timestamp >= state.windowStart + SEND_WINDOW) {
            state.windowStart = uint40(block.timestamp);
            state.windowNet = amount;
        } else {
            state.windowNet += amount;
        }
    }

    /* CHECKS */

    /// @dev `require(ok, error)` with one copy of the revert for all checks: seventy of the compiler's would be 3 KB.
    function _require(bool ok, uint32 error_) internal pure {
        if (ok) return;
        assembly ("memory-safe") {
            mstore(0, error_)
            revert(28, 4)
        }
    }

    function _enter() internal {
        _require(!entered, uint32(ErrorsLib.Reentered.selector));
        entered = true;
    }

    function _exit() internal {
        entered = false;
    }

    function _onlyKeeper() internal view {
        _require(isKeeper[msg.sender], uint32(ErrorsLib.NotKeeper.selector));
    }

    function _onlyCurator() internal view {
        _require(msg.sender == curator, uint32(ErrorsLib.NotCurator.selector));
    }

    function _onlyOwner() internal view {
        _require(msg.sender == owner, uint32(ErrorsLib.NotOwner.selector));
    }

    function _open(uint256 id) internal view returns (Account storage account) {
        account = accounts[id];
        _require(account.open, uint32(ErrorsLib.AccountNotOpen.selector));
    }

    function _owned(uint256 id) internal view returns (Account storage account) {
        account = _open(id);
        _require(msg.sender == account.owner, uint32(ErrorsLib.NotOwner.selector));
    }

    /// @dev An account does not close before its ticket is paid, so its owner is the one who asked.
    function _ownedTicket(Ticket storage t) internal view returns (uint256 id) {
        id = t.account;
        _owned(id);
    }

    function _listed(address venue) internal view returns (VenueState storage state) {
        state = venueStates[venue];
        _require(state.listed, uint32(ErrorsLib.VenueNotListed.selector));
    }

    /// @dev Of the present generation.
    function _rights(uint256 id) internal view returns (mapping(address who => uint256 untilAndRights) storage) {
        return rightsAt[id][accounts[id].generation];
    }

    function _depositAllowed(uint256 id) internal view {
        Account storage account = _open(id);
        if (msg.sender == account.owner) return;
        uint256 packed = _rights(id)[msg.sender];
        _require(packed & DEPOSIT_FOR != 0 && block.timestamp <= packed >> 8, uint32(ErrorsLib.NotOwner.selector));
    }

    function _checkReceiver(address receiver) internal view {
        _require(
            receiver != address(0) && receiver != address(this) && !venueStates[receiver].listed,
            uint32(ErrorsLib.BadReceiver.selector)
        );
    }

    /* SETTERS */

    function _setOwner(address owner_) internal {
        _require(owner_ != address(0), uint32(ErrorsLib.ZeroAddress.selector));
        owner = owner_;
        emit EventsLib.OwnerSet(owner_);
    }

    function _setCurator(address curator_) internal {
        _require(curator_ != address(0), uint32(ErrorsLib.ZeroAddress.selector));
        curator = curator_;
        emit EventsLib.CuratorSet(curator_);
    }

    function _addKeeper(address keeper) internal {
        _require(keeper != address(0), uint32(ErrorsLib.ZeroAddress.selector));
        _require(!isKeeper[keeper], uint32(ErrorsLib.AlreadySet.selector));
        isKeeper[keeper] = true;
        emit EventsLib.KeeperAdded(keeper);
    }

    function _changeCap(address venue, uint64 cap, bool up) internal {
        _onlyCurator();
        uint64 old = _listed(venue).cap;
        _require(up ? cap > old : cap < old, uint32(ErrorsLib.WrongDirection.selector));
        _setCap(venue, cap);
    }

    function _changeRelativeCap(address venue, uint16 bps, bool up) internal {
        _onlyCurator();
        uint16 old = _listed(venue).relativeCapBps;
        _require(up ? bps > old : bps < old, uint32(ErrorsLib.WrongDirection.selector));
        _setRelativeCap(venue, bps);
    }

    function _setCap(address venue, uint64 cap) internal {
        venueStates[venue].cap = cap;
        emit EventsLib.CapChanged(venue, cap);
    }

    function _setRelativeCap(address venue, uint16 bps) internal {
        _require(bps <= FULL_BPS, uint32(ErrorsLib.CapExceeded.selector));
        venueStates[venue].relativeCapBps = bps;
        emit EventsLib.RelativeCapChanged(venue, bps);
    }
}
