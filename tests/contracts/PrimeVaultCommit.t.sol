// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {Commit, PendingMark} from "contracts/interfaces/IPrimeVault.sol";
import {ErrorsLib} from "contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "contracts/libraries/EventsLib.sol";
import {PrimeVaultBase, TestVenue} from "./PrimeVaultBase.sol";

/// @notice Marks and commits: rules A1 to A6. The number of the rule is in the name.
contract PrimeVaultCommitTest is PrimeVaultBase {
    int64 internal constant LOT = 1_000_000e6;

    /// @dev A commit ready to be sent: `t1` earned `result`, all of it sub-account 1's.
    function _prepared(int64 result) internal returns (Commit memory c) {
        t1.earn(result);
        _mark(t1);
        c = _next();
        _marked(c, t1);
        _change(c, 1, result);
    }

    /* A1: TWO TRANSACTIONS */

    function testFuzz_A1_CommitBooksTheDeltaOfTheMark(int64 result) public {
        result = int64(boundInt(result, -10_000e6, LOT));
        _commit(_prepared(result));
        _lane(1, uint64(int64(10_000e6) + result));
        assertEqInt(vault.venueOf(address(t1)).book, 12_000e6 + int256(result), "book");
        assertEq(vault.pendingMarkOf(address(t1)).asOf, 0, "used up");
        _checkBalance();
    }

    function testFuzz_A1_P_CommitSucceeds_WhenPricesMove(int64 result, int64 later) public {
        result = int64(boundInt(result, -10_000e6, LOT));
        later = int64(boundInt(later, -LOT, LOT));
        Commit memory c = _prepared(result);
        t1.earn(later);
        t1.setQuiet(false);
        _commit(c);
        _lane(1, uint64(int64(10_000e6) + result));
        _checkBalance();
    }

    function testFuzz_A1_P_CommitSucceeds_WhenStrangersDonate(int64 result, uint64 dust, uint64 dustAtVenue) public {
        result = int64(boundInt(result, -10_000e6, LOT));
        dust = uint64(bound(dust, 1, 1e12));
        dustAtVenue = uint64(bound(dustAtVenue, 1, 1e12));
        Commit memory c = _prepared(result);
        usdc.mint(address(vault), dust);
        usdc.mint(address(t1), dustAtVenue);
        vault.sync(address(0));
        vault.sync(address(t1));
        _commit(c);
        assertEq(vault.insurance(), 1000e6 + dust, "dust in the vault is insurance");
        _lane(1, uint64(int64(10_000e6) + result));
        _checkBalance();
        // What was given to the venue is the next mark's profit.
        _mark(t1);
        assertEqInt(vault.pendingMarkOf(address(t1)).delta, int256(uint256(dustAtVenue)), "next mark");
    }

    function testFuzz_A1_CommitSucceeds_WhenClientsDeposit(int64 result, uint64 amount) public {
        result = int64(boundInt(result, -10_000e6, LOT));
        amount = uint64(bound(amount, 1, 1e14));
        Commit memory c = _prepared(result);
        _deposit(1, amount);
        _openAccount(stranger, 100e6);
        _commit(c);
        _lane(1, uint64(int64(10_000e6 + amount) + result));
        _checkBalance();
    }

    function testFuzz_A1_CommitSucceeds_WhenTheKeeperMovesCash(int64 result, uint64 sent, uint64 home) public {
        result = int64(boundInt(result, -10_000e6, LOT));
        sent = uint64(bound(sent, 1, 10_000e6));
        home = uint64(bound(home, 1, 12_000e6));
        Commit memory c = _prepared(result);
        _send(t1, sent);
        _home(t1, home);
        vault.sync(address(t1));
        _commit(c);
        assertEqInt(
            vault.venueOf(address(t1)).book,
            t1.worth(),
            "the book is what the venue is worth: no flow was taken for profit"
        );
        _checkBalance();
    }

    function testFuzz_A6_P_CommitSucceeds_WhenAClientCancelsInFront(int64 result, uint64 amount) public {
        result = int64(boundInt(result, -10_000e6, LOT));
        amount = uint64(bound(amount, 10e6, 10_000e6));
        uint256 ticket = _request(2, amount);
        Commit memory c = _prepared(result);
        _approve(c, ticket, amount);
        vm.prank(bob);
        vault.cancelWithdraw(ticket);
        _commit(c);
        _lane(2, 10_000e6);
        assertEq(vault.payables(), 0, "nothing approved");
        _checkBalance();
    }

    function testFuzz_A1_CommitSucceeds_WhenAClientClosesInFront(int64 gain) public {
        gain = int64(boundInt(gain, 1, LOT));
        _commitApproval(_request(1, 10_000e6), 10_000e6);
        _lane(1, 0);
        vault.claim(1);
        vm.warp(block.timestamp + 10 minutes);
        Commit memory c = _prepared(gain);
        vm.prank(alice);
        vault.closeAccount(1);
        _commit(c);
        _lane(1, uint64(gain));
        assertTrue(vault.accountOf(1).open, "kept: its lane is not empty");
        assertFalse(vault.accountOf(1).closing, "no longer closing");
        _checkBalance();
    }

    /// @dev A top-up of insurance in front of a commit with a deficit would break it if it counted against A3.
    function testFuzz_A1_CommitSucceeds_WhenStrangersFundInsurance(uint64 loss, uint64 gift) public {
        loss = uint64(bound(loss, 1, 1e13));
        gift = uint64(bound(gift, 1, 2e13));
        t1.earn(-int128(uint128(loss + 1000e6)));
        _mark(t1);
        Commit memory c = _next();
        _marked(c, t1);
        c.insuranceDelta = -1000e6;
        c.newDeficit = loss;
        _insure(gift);
        _commit(c);
        assertEq(vault.deficit(), gift < loss ? loss - gift : 0, "the gift pays first");
        assertEq(vault.insurance(), gift > loss ? gift - loss : 0, "and the rest stays");
        _checkBalance();
    }

    function test_A1_Mark_RevertWhen_NotQuiet() public {
        t1.setQuiet(false);
        _refused(
            keeper, abi.encodeCall(vault.mark, (address(t1), "", new uint32[](0))), ErrorsLib.VenueNotQuiet.selector
        );
    }

    function test_A1_EachMarkIsUsedOnce() public {
        Commit memory c = _prepared(5e6);
        _marked(c, t1);
        c.pnl4[0] = 10e6;
        _commitRefused(c, ErrorsLib.MarkMissing.selector);
    }

    function test_A1_Commit_RevertWhen_MarkMissing() public {
        Commit memory c = _next();
        _marked(c, t1);
        _commitRefused(c, ErrorsLib.MarkMissing.selector);
    }

    function testFuzz_A1_Commit_RevertWhen_MarkTooOld(uint32 wait) public {
        wait = uint32(bound(wait, 0, 1 days));
        Commit memory c = _prepared(5e6);
        vm.warp(block.timestamp + wait);
        if (wait > 15 minutes) _commitRefused(c, ErrorsLib.MarkTooOld.selector);
        else _commit(c);
    }

    function testFuzz_A1_Commit_RevertWhen_AsOfAfterAMark(uint16 back, uint16 later) public {
        back = uint16(bound(back, 1, 15 minutes));
        later = uint16(bound(later, 1, back));
        t1.setBack(back);
        Commit memory c = _prepared(5e6);
        c.asOf = uint64(block.timestamp) - back + later;
        _commitRefused(c, ErrorsLib.StaleCommit.selector);
        c.asOf = uint64(block.timestamp) - back;
        _commit(c);
    }

    function testFuzz_A1_ALaterMarkReplacesAnUnusedOne(int64 first, int64 second) public {
        first = int64(boundInt(first, -LOT, LOT));
        second = int64(boundInt(second, -LOT, LOT));
        t1.earn(first);
        _mark(t1);
        t1.earn(second);
        _mark(t1);
        assertEqInt(vault.pendingMarkOf(address(t1)).delta, int256(first) + second, "one mark, from the book");
    }

    function test_A1_Mark_StoresAndTells() public {
        t1.earn(7e6);
        uint32[] memory assets = new uint32[](2);
        (assets[0], assets[1]) = (0, 5);
        vm.expectEmit(address(vault));
        emit EventsLib.Marked(address(t1), 7e6, 12_007e6, uint64(block.timestamp), uint64(block.number), keccak256(""));
        vm.expectEmit(address(vault));
        emit EventsLib.AssetMarked(address(t1), 0, -1, 2);
        vm.expectEmit(address(vault));
        emit EventsLib.AssetMarked(address(t1), 5, -6, 7);
        vm.prank(keeper);
        vault.mark(address(t1), "", assets);
        PendingMark memory pending = vault.pendingMarkOf(address(t1));
        assertEqInt(pending.delta, 7e6, "delta");
        assertEq(pending.asOf, block.timestamp, "asOf");
        assertEq(vault.venueOf(address(t1)).markedAt, block.timestamp, "markedAt");
    }

    function test_A1_Mark_RevertWhen_AssetsOfAnAttestedVenue() public {
        _refused(
            keeper, abi.encodeCall(vault.mark, (address(t2), "", new uint32[](1))), ErrorsLib.AssetsNotAllowed.selector
        );
    }

    function testFuzz_A1_Mark_RevertWhen_ValueTooOld(uint32 back) public {
        back = uint32(bound(back, 0, 1 days));
        t2.setBack(back);
        bytes memory data = abi.encodeCall(vault.mark, (address(t2), "", new uint32[](0)));
        if (back > 15 minutes) _refused(keeper, data, ErrorsLib.MarkTooOld.selector);
        else _mark(t2);
    }

    function test_A1_Mark_RevertWhen_ValueFromTheFuture() public {
        t2.setBack(type(uint64).max); // One second ahead.
        _refused(
            keeper, abi.encodeCall(vault.mark, (address(t2), "", new uint32[](0))), ErrorsLib.MarkInFuture.selector
        );
    }

    /* A2: CONSERVATION */

    /// @dev Each of the four terms one micro-dollar off, up or down, reverts; the exact ones pass.
    function testFuzz_A2_OneMicroDollarOffReverts(int64 pnl1, int64 pnl3, int64 insuranceDelta, uint8 term, bool up)
        public
    {
        pnl1 = int64(boundInt(pnl1, -9_999e6, LOT));
        pnl3 = int64(boundInt(pnl3, -9_999e6, LOT));
        insuranceDelta = int64(boundInt(insuranceDelta, -999e6, LOT));
        t1.earn(int128(pnl1) + pnl3 + insuranceDelta);
        _mark(t1);
        int64 step = up ? int64(1) : int64(-1);
        Commit memory c = _next();
        _marked(c, t1);
        c.insuranceDelta = insuranceDelta;
        _change(c, 1, pnl1);
        _change(c, 3, pnl3);

        Commit memory wrong = _next();
        _marked(wrong, t1);
        term = uint8(bound(term, 0, 3));
        _change(wrong, 1, term == 0 ? pnl1 + step : pnl1);
        _change(wrong, 3, pnl3);
        wrong.insuranceDelta = term == 1 ? insuranceDelta + step : insuranceDelta;
        if (term == 2) wrong.newDeficit = 1;
        if (term == 3) wrong.fees = 1;
        _commitRefused(wrong, ErrorsLib.NotConserved.selector);
        _commit(c);
        _lane(1, uint64(int64(10_000e6) + pnl1));
        _lane(3, uint64(int64(10_000e6) + pnl3));
        _checkBalance();
    }

    function testFuzz_A2_OneMicroDollarOffTheDeficitReverts(uint64 loss, bool up) public {
        loss = uint64(bound(loss, 2, 1e14));
        t1.earn(-int128(uint128(loss + 1000e6)));
        _mark(t1);
        Commit memory c = _next();
        _marked(c, t1);
        c.insuranceDelta = -1000e6;
        c.newDeficit = up ? loss + 1 : loss - 1;
        _commitRefused(c, ErrorsLib.NotConserved.selector);
        c.newDeficit = loss;
        _commit(c);
        assertEq(vault.deficit(), loss, "deficit");
        _checkBalance();
    }

    function testFuzz_A2_TwoVenuesShareOneSum(int64 a, int64 b) public {
        a = int64(boundInt(a, -5_000e6, LOT));
        b = int64(boundInt(b, -5_000e6, 300e6)); // Within the band.
        _send(t2, 6_000e6);
        t1.earn(a);
        t2.earn(b);
        _mark(t1);
        _mark(t2);
        Commit memory c = _next();
        _marked(c, t2);
        _marked(c, t1);
        _change(c, 2, a + b);
        _commit(c);
        _lane(2, uint64(int64(10_000e6) + a + b));
        _checkBalance();
    }

    /// @dev Opposite clients on one seat: the venue earned nothing, yet the one pays the other.
    function testFuzz_A2_ClientsPayEachOther(uint64 amount) public {
        amount = uint64(bound(amount, 1, 10_000e6));
        Commit memory c = _next();
        _change(c, 1, int64(amount));
        _change(c, 2, -int64(amount));
        _commit(c);
        _lane(1, 10_000e6 + amount);
        _lane(2, 10_000e6 - amount);
        _checkBalance();
    }

    function testFuzz_A8_FeesAreRefused_WithoutACap(uint64 fees) public {
        fees = uint64(bound(fees, 1, 10_000e6));
        Commit memory c = _next();
        c.fees = fees;
        _change(c, 1, -int64(fees));
        _commitRefused(c, ErrorsLib.FeeAboveCap.selector);
    }

    /* A3: BAD DEBT */

    function testFuzz_A3_P_DeficitOnlyWhenInsuranceIsSpent(uint64 loss, uint64 deficit) public {
        loss = uint64(bound(loss, 1, 999e6));
        deficit = uint64(bound(deficit, 1, loss));
        t1.earn(-int128(uint128(loss)));
        _mark(t1);
        Commit memory c = _next();
        _marked(c, t1);
        c.newDeficit = deficit;
        c.insuranceDelta = -int64(loss - deficit);
        _commitRefused(c, ErrorsLib.DeficitBeforeInsurance.selector);
        c.newDeficit = 0;
        c.insuranceDelta = -int64(loss);
        _commit(c);
        assertEq(vault.insurance(), 1000e6 - loss, "insurance bears it");
    }

    function testFuzz_A3_InsuranceCannotGoBelowZero(uint64 more) public {
        more = uint64(bound(more, 1, 1e14));
        t1.earn(-int128(uint128(1000e6 + more)));
        _mark(t1);
        Commit memory c = _next();
        _marked(c, t1);
        c.insuranceDelta = -int64(1000e6 + more);
        _commitRefused(c, ErrorsLib.InsuranceShort.selector);
    }

    /// @dev Any loss can be committed: lanes as far as they go, then insurance, then deficit.
    function testFuzz_A3_P_ACommitCanAlwaysBeBuilt(uint64 loss) public {
        loss = uint64(bound(loss, 1, 1e17));
        t1.earn(-int128(uint128(loss)));
        _mark(t1);
        Commit memory c = _next();
        _marked(c, t1);
        uint64 left = loss;
        for (uint256 id = 1; id <= 3; ++id) {
            uint64 part = left < vault.laneOf(id) ? left : vault.laneOf(id);
            _change(c, id, -int64(part));
            left -= part;
        }
        uint64 insured = left < 1000e6 ? left : 1000e6;
        c.insuranceDelta = -int64(insured);
        c.newDeficit = left - insured;
        _commit(c);
        assertEq(vault.deficit(), left - insured, "deficit");
        _checkBalance();
    }

    function testFuzz_A3_SurplusRepaysTheDeficitFirst(uint64 owed, uint64 surplus) public {
        owed = uint64(bound(owed, 1, 1e14));
        surplus = uint64(bound(surplus, 1, 2e14));
        _loseBeyondInsurance(owed);
        t1.earn(int128(uint128(surplus)));
        vm.warp(block.timestamp + 10 minutes);
        _mark(t1);
        Commit memory c = _next();
        _marked(c, t1);
        c.insuranceDelta = int64(surplus);
        _commit(c);
        assertEq(vault.deficit(), surplus < owed ? owed - surplus : 0, "repaid");
        assertEq(vault.insurance(), surplus > owed ? surplus - owed : 0, "the rest");
        _checkBalance();
    }

    function testFuzz_A3_GiftsRepayTheDeficitFirst(uint64 owed, uint64 gift, bool loose) public {
        owed = uint64(bound(owed, 1, 1e14));
        gift = uint64(bound(gift, 1, 2e14));
        _loseBeyondInsurance(owed);
        if (loose) {
            usdc.mint(address(vault), gift);
            vault.sync(address(0));
        } else {
            _insure(gift);
        }
        assertEq(vault.deficit(), gift < owed ? owed - gift : 0, "repaid");
        assertEq(vault.insurance(), gift > owed ? gift - owed : 0, "the rest");
        _checkBalance();
    }

    function testFuzz_A3_WhileADeficitIsOpen_NothingIsDeposited(uint64 owed) public {
        _loseBeyondInsurance(uint64(bound(owed, 1, 1e14)));
        _refused(alice, abi.encodeCall(vault.deposit, (1, 10e6)), ErrorsLib.DeficitOpen.selector);
        _refused(alice, abi.encodeCall(vault.openAccount, (alice, 100e6)), ErrorsLib.DeficitOpen.selector);
    }

    function testFuzz_A3_WhileADeficitIsOpen_NothingIsApproved(uint64 owed) public {
        owed = uint64(bound(owed, 1, 1e14));
        _loseBeyondInsurance(owed);
        uint256 ticket = _request(2, 1_000e6);
        _commitApproval(ticket, 1_000e6);
        assertEq(vault.payables(), 0, "skipped");
        _insure(owed);
        _commitApproval(ticket, 1_000e6);
        assertEq(vault.payables(), 1_000e6, "paid once the deficit is gone");
        _checkBalance();
    }

    /* A4: ENCODING */

    function testFuzz_A4_EveryLaneTakesItsOwnDelta(uint64[4] memory starts, int64[4] memory changes) public {
        _openAccount(stranger, 10_000e6); // Id 4 completes the first word.
        int256 total;
        Commit memory c = _next();
        for (uint256 i; i < 4; ++i) {
            starts[i] = uint64(bound(starts[i], 1, 1e12));
            _deposit(i + 1, starts[i]);
            changes[i] = int64(boundInt(changes[i], -int256(uint256(starts[i])), LOT));
            _change(c, i + 1, changes[i]);
            total += changes[i];
        }
        t1.earn(int128(total));
        _mark(t1);
        _marked(c, t1);
        _commit(c);
        for (uint256 i; i < 4; ++i) {
            _lane(i + 1, uint64(int64(10_000e6 + starts[i]) + changes[i]));
        }
        _checkBalance();
    }

    function testFuzz_A4_P_NoBorrowBetweenLanes(uint64 over, uint8 id) public {
        over = uint64(bound(over, 1, 1e15));
        id = uint8(bound(id, 1, 2));
        Commit memory c = _next();
        int64 loss = -int64(10_000e6 + over);
        _change(c, id, loss);
        _change(c, id + 1, -loss);
        _commitRefused(c, ErrorsLib.LaneOutOfRange.selector);
    }

    function testFuzz_A4_DeltaOfANeverOpenedIdReverts(uint16 id, int64 delta) public {
        id = uint16(bound(id, 4, 1024));
        delta = int64(boundInt(delta, 1, 10_000e6));
        Commit memory c = _next();
        _change(c, 1, -delta);
        _change(c, id, delta);
        _commitRefused(c, ErrorsLib.AccountNotOpen.selector);
    }

    function test_A4_DeltaOfAClosedIdReverts_OfAClosingOneDoesNot() public {
        _commitApproval(_request(2, 10_000e6), 10_000e6);
        vault.claim(1);
        vm.prank(bob);
        vault.closeAccount(2);
        vm.warp(block.timestamp + 10 minutes);
        Commit memory c = _next();
        _change(c, 1, -1);
        _change(c, 2, 1);
        uint256 before = vm.snapshotState();
        _commit(c);
        _lane(2, 1);
        vm.revertToState(before);
        _commit(_next()); // Closes it.
        vm.warp(block.timestamp + 10 minutes);
        c.epoch = vault.epoch() + 1;
        c.asOf = uint64(block.timestamp);
        _commitRefused(c, ErrorsLib.AccountNotOpen.selector);
    }

    function testFuzz_A4_RevertWhen_WordsNotAscending(uint8 a, uint8 b) public {
        Commit memory c = _next();
        c.words = abi.encodePacked(a > b ? a : b, a > b ? b : a);
        c.pnl4 = new uint256[](2);
        _commitRefused(c, ErrorsLib.WordsNotAscending.selector);
    }

    function test_A4_RevertWhen_LengthsDiffer() public {
        Commit memory c = _next();
        c.words = hex"0001";
        c.pnl4 = new uint256[](1);
        _commitRefused(c, ErrorsLib.LengthMismatch.selector);
    }

    /* A5: ORDER */

    function testFuzz_A5_TenMinutesApart(uint32 wait) public {
        wait = uint32(bound(wait, 1, 1 hours));
        _commit(_next()); // The first needs no wait.
        vm.warp(block.timestamp + wait);
        if (wait < 10 minutes) _commitRefused(_next(), ErrorsLib.CommitTooEarly.selector);
        else _commit(_next());
    }

    function testFuzz_A5_EpochIsTheNext(uint64 epoch) public {
        Commit memory c = _next();
        if (epoch == c.epoch) ++epoch;
        c.epoch = epoch;
        _commitRefused(c, ErrorsLib.WrongEpoch.selector);
    }

    function testFuzz_A5_FenceNeverFalls(uint64 first, uint64 second) public {
        Commit memory c = _next();
        c.fence = first;
        _commit(c);
        vm.warp(block.timestamp + 10 minutes);
        c = _next();
        c.fence = second;
        if (second < first) {
            _commitRefused(c, ErrorsLib.StaleFence.selector);
        } else {
            _commit(c);
            assertEq(vault.lastFence(), second, "stored");
        }
    }

    function testFuzz_A5_AsOfRisesAndIsNotAhead(uint64 asOf) public {
        _commit(_next());
        uint64 last = vault.lastAsOf();
        vm.warp(block.timestamp + 10 minutes);
        Commit memory c = _next();
        c.asOf = uint64(bound(asOf, 0, block.timestamp + 10 minutes));
        if (c.asOf <= last) _commitRefused(c, ErrorsLib.StaleCommit.selector);
        else if (c.asOf > block.timestamp) _commitRefused(c, ErrorsLib.CommitInFuture.selector);
        else _commit(c);
    }

    function testFuzz_A5_StoresWhatItSays(uint64 fence, bytes32 root) public {
        Commit memory c = _prepared(3e6);
        c.fence = fence;
        c.statementRoot = root;
        vm.expectEmit(address(vault));
        emit EventsLib.LanesChanged(1, c.words, c.pnl4);
        vm.expectEmit(address(vault));
        emit EventsLib.Committed(1, c.asOf, fence, root, 3e6, 0, 0, 0, c.marked);
        _commit(c);
        assertEq(vault.statementRootOf(1), root, "root");
        assertEq(vault.epoch(), 1, "epoch");
        assertEq(vault.committedAt(), block.timestamp, "committedAt");
        assertEq(vault.lastAsOf(), c.asOf, "asOf");
        assertEq(vault.lastFence(), fence, "fence");
    }

    function testFuzz_A5_OnlyAKeeperCommits(address who) public {
        vm.assume(who != keeper && who != keeper2);
        _refused(who, abi.encodeCall(vault.commit, (_next())), ErrorsLib.NotKeeper.selector);
    }

    /* A6: APPROVALS */

    function testFuzz_A6_PaysTheLeastOfFour(uint64 asked, uint64 approved, uint64 loss, uint64 idle) public {
        asked = uint64(bound(asked, 10e6, 10_000e6));
        loss = uint64(bound(loss, 0, 10_000e6));
        idle = uint64(bound(idle, 0, 18_000e6));
        if (idle < 18_000e6) _send(t2, 18_000e6 - idle);
        uint256 ticket = _request(2, asked);
        _ripen();
        _mark(t1);
        _mark(t2);
        Commit memory c = _next();
        _marked(c, t1);
        _marked(c, t2);
        _change(c, 1, int64(loss));
        _change(c, 2, -int64(loss));
        _approve(c, ticket, approved);
        uint256 expected = approved;
        if (expected > asked) expected = asked;
        if (expected > 10_000e6 - loss) expected = 10_000e6 - loss;
        if (expected > vault.idle()) expected = vault.idle();
        _commit(c);
        assertEq(vault.ticketOf(ticket).payable_, expected, "payable");
        assertEq(vault.payables(), expected, "payables");
        _lane(2, uint64(10_000e6 - loss - expected));
        _checkBalance();
    }

    function testFuzz_A6_P_SkipsWhatIsNoTicket(uint64 ticket, uint64 amount) public {
        Commit memory c = _fullNext();
        _approve(c, ticket, amount);
        _commit(c);
        assertEq(vault.payables(), 0, "skipped");
    }

    function testFuzz_A6_ATicketTwiceInACommitPaysOnce(uint64 amount, uint64 first, uint64 second) public {
        amount = uint64(bound(amount, 10e6, 10_000e6));
        first = uint64(bound(first, 0, 20_000e6));
        second = uint64(bound(second, 0, 20_000e6));
        uint256 ticket = _request(2, amount);
        _ripen();
        Commit memory c = _fullNext();
        _approve(c, ticket, first);
        _approve(c, ticket, second);
        _commit(c);
        uint256 both = uint256(first) + second;
        assertEq(vault.ticketOf(ticket).payable_, both < amount ? both : amount, "at most what was asked");
        _checkBalance();
    }

    function testFuzz_A6_PartsKeepTheTicketAndItsTime(uint64 amount, uint64 part) public {
        amount = uint64(bound(amount, 10e6, 10_000e6));
        part = uint64(bound(part, 1, amount - 1));
        uint256 asked = block.timestamp;
        uint256 ticket = _request(2, amount);
        _commitApproval(ticket, part);
        assertEq(vault.ticketOf(ticket).remaining, amount - part, "remaining");
        assertEq(vault.ticketOf(ticket).requestedAt, asked, "its original time");
        assertEq(vault.pendingTicketOf(2), ticket, "still open");
        vault.claim(ticket);
        assertEq(vault.pendingTicketOf(2), ticket, "open until all is paid");
        _commitApproval(ticket, type(uint64).max);
        vault.claim(ticket);
        assertEq(vault.ticketOf(ticket).paid, amount, "paid what was asked");
        assertEq(vault.pendingTicketOf(2), 0, "closed");
        assertEq(usdc.balanceOf(bob), amount, "arrived");
        _checkBalance();
    }

    function test_A6_OnlyInAFullCommit_T1MustBeMarked() public {
        uint256 ticket = _request(2, 1_000e6);
        _ripen();
        Commit memory c = _next();
        _approve(c, ticket, 1_000e6);
        _commit(c);
        assertEq(vault.payables(), 0, "t1 has a book and was not marked");
        _commitApproval(ticket, 1_000e6);
        assertEq(vault.payables(), 1_000e6, "now it was");
    }

    function testFuzz_A6_OnlyInAFullCommit_T2WithinADay(uint32 wait) public {
        wait = uint32(bound(wait, 10 minutes, 3 days));
        uint256 ticket = _request(2, 1_000e6);
        _ripen();
        _send(t2, 1_000e6);
        _mark(t2);
        Commit memory c = _next();
        _marked(c, t2);
        _commit(c);
        vm.warp(block.timestamp + wait - 10 minutes);
        _commitApproval(ticket, 1_000e6);
        assertEq(vault.payables(), wait <= 24 hours ? 1_000e6 : 0, "a day");
        _checkBalance();
    }

    /// @dev A loss that is marked but held back must not let others leave first.
    function test_A6_OnlyInAFullCommit_NoMarkHeldBack() public {
        uint256 ticket = _request(2, 1_000e6);
        _ripen();
        _send(t2, 1_000e6);
        t2.earn(-500e6);
        _mark(t2);
        _commitApproval(ticket, 1_000e6);
        assertEq(vault.payables(), 0, "t2's mark is unused");
    }

    function test_A6_AVenueWithoutBookNeedsNoMark() public {
        uint256 ticket = _request(2, 1_000e6); // t2's book is 0.
        _commitApproval(ticket, 1_000e6);
        assertEq(vault.payables(), 1_000e6, "paid");
    }

    function testFuzz_A6_ALaneThatEmptiesVoidsTheRest(uint64 loss) public {
        loss = uint64(bound(loss, 1, 9_990e6));
        uint256 ticket = _request(2, 10_000e6);
        _ripen();
        _mark(t1);
        Commit memory c = _next();
        _marked(c, t1);
        _change(c, 1, int64(loss));
        _change(c, 2, -int64(loss));
        _approve(c, ticket, type(uint64).max);
        _commit(c);
        assertEq(vault.ticketOf(ticket).payable_, 10_000e6 - loss, "what is there");
        assertEq(vault.ticketOf(ticket).remaining, 0, "the rest is void");
        vault.claim(ticket);
        assertEq(vault.pendingTicketOf(2), 0, "closed");
        _checkBalance();
    }

    function testFuzz_A6_ATicketAtLaneZeroDoesNotRevive(uint64 fresh) public {
        fresh = uint64(bound(fresh, 10e6, 1e12));
        uint256 ticket = _request(2, 10_000e6);
        Commit memory c = _next();
        _change(c, 1, 10_000e6);
        _change(c, 2, -10_000e6);
        _commit(c);
        _deposit(2, fresh);
        assertEq(vault.ticketOf(ticket).remaining, 0, "void");
        _request(2, fresh); // And the next one may be made.
    }

    function testFuzz_A6_ApprovalsNeverExceedIdle(uint64[3] memory asked, uint64 sent) public {
        for (uint256 id = 1; id <= 3; ++id) {
            _request(id, uint64(bound(asked[id - 1], 10e6, 10_000e6)));
        }
        _ripen();
        _send(t2, uint64(bound(sent, 1, 17_000e6)));
        _mark(t2);
        Commit memory c = _fullNext();
        _marked(c, t2);
        for (uint256 ticket = 1; ticket <= 3; ++ticket) {
            _approve(c, ticket, type(uint64).max);
        }
        _commit(c);
        assertLe(vault.payables(), vault.idle(), "reserved cash exists");
        for (uint256 ticket = 1; ticket <= 3; ++ticket) {
            if (vault.ticketOf(ticket).payable_ > 0) vault.claim(ticket);
        }
        assertEq(vault.payables(), 0, "all claimed");
        _checkBalance();
    }
}
