// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {Attestor} from "contracts/Attestor.sol";
import {PrimeVault} from "contracts/PrimeVault.sol";
import {Attestation} from "contracts/interfaces/IAttestor.sol";
import {Approval, Commit} from "contracts/interfaces/IPrimeVault.sol";
import {CoreOrder} from "contracts/libraries/CoreWriterLib.sol";
import {HyperCoreVenue} from "contracts/venues/HyperCoreVenue.sol";
import {SeatVenue} from "contracts/venues/SeatVenue.sol";
import {TestFactory} from "../PrimeVaultBase.sol";
import {HyperCoreSimBase} from "../sim/HyperCoreSimBase.sol";

/// @notice A vault with a venue of each tier, three clients, and a thief who holds one key and a sub-account of its own.
/// The other roles are honest. What each function is for, and who may call it, is written down in `_mayVault` and its
/// sisters and compared with the deployed code: a new function fails these tests until somebody has thought about it.
abstract contract StolenKeyBase is HyperCoreSimBase {
    /* WHO MAY CALL A FUNCTION */
    uint8 internal constant VIEW = 1;
    uint8 internal constant ANYONE = 2;
    /// @dev The owner of the sub-account or ticket named; here always another's.
    uint8 internal constant CLIENT = 4;
    uint8 internal constant KEEPERS = 8;
    uint8 internal constant GUARDIANS = 16;
    uint8 internal constant CURATORS = 32;
    uint8 internal constant OWNERS = 64;
    /// @dev The vault itself.
    uint8 internal constant VAULT = 128;

    address internal constant BOSS = address(0xB055);
    address internal constant CURATOR = address(0xC0);
    address internal constant KEEPER = address(0xCE);
    address internal constant GUARDIAN = address(0x6A);
    address internal constant TRADER = address(0xA1);
    address internal constant TREASURY = address(0x7EA5);
    address internal constant SEAT = address(0x5EA7);
    address internal constant THIEF = address(0x7E1F);

    uint64 internal constant SEED = 100e6;
    uint16 internal constant FEE_PPM = 6_000;
    uint256 internal constant TWO_WEEKS = 14 days;

    struct Call {
        address target;
        bytes data;
    }

    TestFactory internal factory;
    PrimeVault internal vault;
    HyperCoreVenue internal venue;
    SeatVenue internal seat;
    Attestor internal attestor;
    address[3] internal clients = [address(0x101), address(0x102), address(0x103)];
    uint64[3] internal stakes = [60_000e6, 30_000e6, 10_000e6];
    /// @dev Five attestors, three of whom suffice; keys in ascending order of their addresses.
    uint256[5] internal keys = [uint256(1), 2, 3, 4, 5];
    /// @dev The thief's sub-account; the clients' are 1 to 3.
    uint256 internal thiefId;

    mapping(address target => mapping(bytes4 selector => uint8)) internal may;
    mapping(address target => uint256) internal known;
    mapping(address target => mapping(bytes4 selector => uint256)) internal attempts;
    mapping(address target => mapping(bytes4 selector => uint256)) internal worked;
    /// @dev One function of the role that nothing in this test makes possible.
    bytes4 internal outOfReach;

    /// @dev The role whose key was stolen: `THIEF` holds it.
    function keeperKey() internal pure virtual returns (address) {
        return address(0xCF);
    }

    function guardianKey() internal pure virtual returns (address) {
        return GUARDIAN;
    }

    function curatorKey() internal pure virtual returns (address) {
        return CURATOR;
    }

    function traderKey() internal pure virtual returns (address) {
        return TRADER;
    }

    function setUp() public virtual {
        setUpCore();
        _sortKeys();
        address[] memory keepers = new address[](2);
        (keepers[0], keepers[1]) = (KEEPER, keeperKey());
        factory = new TestFactory();
        vault = factory.vault(address(usdc), BOSS, curatorKey(), keepers);
        attestor = new Attestor(address(vault), _signers(), 3);
        venue = new HyperCoreVenue(address(vault), address(usdc), address(core), address(core));
        seat = new SeatVenue(address(vault), address(usdc), address(attestor), SEAT, SEAT);
        vm.prank(BOSS);
        vault.addGuardian(guardianKey());
        factory.setTier(address(venue), 1);
        factory.setTier(address(seat), 2);
        _list(address(venue), 70_000e6);
        _list(address(seat), 20_000e6);
        vm.startPrank(curatorKey());
        vault.increaseFeeCap(FEE_PPM);
        vault.setFeeRecipient(TREASURY);
        venue.approveTrader(traderKey());
        venue.allowAsset(ETH);
        vm.stopPrank();

        usdc.mint(address(core), 1e15); // What clients win somebody has lost to the house.
        usdc.mint(address(this), 200_000e6);
        usdc.approve(address(vault), type(uint256).max);
        vault.fundInsurance(1_000e6);
        for (uint256 i; i < 3; ++i) {
            vault.openAccount(clients[i], stakes[i]);
        }
        usdc.mint(THIEF, SEED);
        vm.startPrank(THIEF);
        usdc.approve(address(vault), type(uint256).max);
        thiefId = vault.openAccount(THIEF, SEED);
        vm.stopPrank();
        _activate();
        _mayVault();
        _mayVenue();
        _maySeat();
        _mayAttestor();
    }

    /// @dev The one place that knows how a venue is listed.
    function _listing(address where, uint64 cap) internal view returns (bytes memory) {
        return abi.encodeCall(vault.addVenue, (where, cap, 10_000));
    }

    function _list(address where, uint64 cap) internal {
        vm.prank(curatorKey());
        (bool ok,) = tried(address(vault), _listing(where, cap));
        assertTrue(ok, "listed");
    }

    /// @dev 40,000 at the read venue, all but 1,000 on perp; 10,000 at the seat.
    function _activate() internal {
        depositFor(address(venue), 2 * USDC, SPOT_DEX);
        pass(15);
        vm.startPrank(KEEPER);
        venue.setUp();
        pass(2);
        vault.send(address(venue), 40_000e6);
        vault.send(address(seat), 10_000e6);
        pass(15);
        venue.confirm();
        venue.toPerp(39_000e6);
        pass(2);
        venue.authorizeTrader(traderKey(), uint40(block.timestamp + 7 days));
        vm.stopPrank();
        pass(60);
        _honestCommit();
    }

    /* THE HONEST */

    function _sortKeys() private {
        for (uint256 i; i < 5; ++i) {
            for (uint256 j; j < 4; ++j) {
                if (vm.addr(keys[j]) > vm.addr(keys[j + 1])) (keys[j], keys[j + 1]) = (keys[j + 1], keys[j]);
            }
        }
    }

    function _signers() internal view returns (address[] memory list) {
        list = new address[](5);
        for (uint256 i; i < 5; ++i) {
            list[i] = vm.addr(keys[i]);
        }
    }

    function _statement(int64 equity) internal view returns (Attestation memory) {
        return Attestation({
            chainId: block.chainid,
            vault: address(vault),
            venue: address(seat),
            nonce: seat.lastNonce() + 1,
            asOf: uint64(block.timestamp),
            equity: equity,
            received: seat.sentTotal(),
            returned: seat.returnedTotal(),
            markSheet: keccak256("sheet")
        });
    }

    function _sign(Attestation memory a, uint256 key) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, attestor.digestOf(a));
        return abi.encodePacked(r, s, v);
    }

    /// @dev Signed by the attestors whose places in `keys` are given, in their order.
    function _signed(Attestation memory a, uint256[] memory who) internal view returns (bytes memory) {
        bytes[] memory signatures = new bytes[](who.length);
        for (uint256 i; i < who.length; ++i) {
            signatures[i] = _sign(a, keys[who[i]]);
        }
        return abi.encode(a, signatures);
    }

    /// @dev The truth, signed by the last three that are attestors. What lies at the seat's deposit address is what the
    /// venue holds.
    function _attested() internal view returns (bytes memory) {
        uint256[] memory who = new uint256[](3);
        uint256 place = 3;
        for (uint256 i = 5; i > 0 && place > 0; --i) {
            if (attestor.isAttestor(vm.addr(keys[i - 1]))) who[--place] = i - 1;
        }
        return _signed(_statement(int64(uint64(usdc.balanceOf(SEAT)))), who);
    }

    /// @dev Both venues as `who`, the seat with the true attestation.
    function _markAll(address who) internal {
        vm.startPrank(who);
        vault.mark(address(venue), "", new uint32[](0));
        vault.mark(address(seat), _attested(), new uint32[](0));
        vm.stopPrank();
    }

    /// @dev The next commit of both venues; changes nobody's lane yet.
    function _next() internal view returns (Commit memory c) {
        c.epoch = vault.epoch() + 1;
        c.asOf = uint64(block.timestamp);
        c.fence = vault.lastFence();
        c.statementRoot = keccak256(abi.encode(c.epoch));
        c.marked = new address[](2);
        (c.marked[0], c.marked[1]) = (address(venue), address(seat));
    }

    function _result() internal view returns (int64) {
        return int64(vault.pendingMarkOf(address(venue)).delta + vault.pendingMarkOf(address(seat)).delta);
    }

    /// @dev Deltas of sub-accounts 1 to 4, which are one word.
    function _lanes(Commit memory c, int64[4] memory deltas) internal pure {
        c.words = hex"00";
        c.pnl4 = new uint256[](1);
        for (uint256 i; i < 4; ++i) {
            c.pnl4[0] |= uint256(uint64(deltas[i])) << (64 * i);
        }
    }

    function _approve(Commit memory c, uint256 ticket) internal pure {
        c.approvals = new Approval[](1);
        c.approvals[0] = Approval({ticket: uint64(ticket), amount: type(uint64).max});
    }

    /// @dev What the seats won or lost, spread over the clients by lane, a remainder to the first.
    function _spread(int64 result) internal view returns (int64[4] memory deltas) {
        int256 all = int256(uint256(vault.laneOf(1)) + vault.laneOf(2) + vault.laneOf(3));
        int64 left = result;
        for (uint256 i = 1; i < 3; ++i) {
            deltas[i] = int64(result * int256(uint256(vault.laneOf(i + 1))) / all);
            left -= deltas[i];
        }
        deltas[0] = left;
    }

    function _honestCommit() internal {
        _honestCommit(0);
    }

    /// @dev `fees` by the clients, as their results.
    function _honestCommit(uint64 fees) internal {
        _markAll(KEEPER);
        Commit memory c = _next();
        _lanes(c, _spread(_result() - int64(fees)));
        c.fees = fees;
        vm.prank(KEEPER);
        vault.commit(c);
    }

    /// @dev A hair less than what has accrued.
    function _feesDue() internal view returns (uint64) {
        uint256 aDay = uint256(vault.sumEquity()) * 98 / 100 * vault.feeCapPerDay() / 1e6;
        uint256 due = vault.feeAllowance() + aDay * (block.timestamp - vault.committedAt()) / 1 days;
        return uint64(due < aDay * 3 ? due : aDay * 3);
    }

    /// @dev As above, and the tickets of 1 to 3, which stand in `tickets`, are approved.
    function _honestApproval(uint256[3] memory tickets) internal {
        _markAll(KEEPER);
        Commit memory c = _next();
        _lanes(c, _spread(_result()));
        c.approvals = new Approval[](3);
        for (uint256 i; i < 3; ++i) {
            c.approvals[i] = Approval({ticket: uint64(tickets[i]), amount: type(uint64).max});
        }
        vm.prank(KEEPER);
        vault.commit(c);
    }

    /// @dev Every client asks for its whole lane and is paid what the vault's cash allows.
    function _everybodyLeaves() internal returns (uint256 paid) {
        uint256[3] memory tickets;
        for (uint256 i; i < 3; ++i) {
            uint64 lane = vault.laneOf(i + 1);
            if (lane == 0) continue;
            vm.prank(clients[i]);
            tickets[i] = vault.requestWithdraw(i + 1, lane, clients[i]);
        }
        pass(10 minutes);
        _honestCommit();
        pass(1 days);
        _honestApproval(tickets);
        for (uint256 i; i < 3; ++i) {
            if (vault.ticketOf(tickets[i]).payable_ > 0) paid += vault.claim(tickets[i]);
        }
    }

    /* THE THIEF */

    function _attempt(address target, bytes memory data) internal returns (bool ok) {
        bytes4 selector = bytes4(data);
        vm.prank(THIEF);
        (ok,) = tried(target, data);
        ++attempts[target][selector];
        if (ok) ++worked[target][selector];
    }

    /// @dev Every function that is no view, once; nothing that is neither anyone's nor the role's own may work.
    function _tryEverything(uint8 role) internal {
        Call[] memory calls = _everyCall();
        for (uint256 i; i < calls.length; ++i) {
            bool ok = _attempt(calls[i].target, calls[i].data);
            uint8 allowed = may[calls[i].target][bytes4(calls[i].data)] & (ANYONE | role);
            if (allowed == 0) assertFalse(ok, vm.toString(uint32(bytes4(calls[i].data))));
        }
    }

    /// @dev What reached the thief; of what it brought it has nothing in hand.
    function _loot() internal view returns (uint256) {
        return usdc.balanceOf(THIEF);
    }

    /// @dev Every function of every contract was thought of, and each of the role's own was tried, and did work.
    function _checkNothingForgotten(uint8 role) internal view {
        address[4] memory targets = [address(vault), address(venue), address(seat), address(attestor)];
        for (uint256 i; i < 4; ++i) {
            bytes4[] memory selectors = _selectorsOf(targets[i]);
            assertEq(selectors.length, known[targets[i]], "functions of a contract, and functions considered");
            for (uint256 j; j < selectors.length; ++j) {
                string memory name = vm.toString(uint32(selectors[j]));
                uint8 who = may[targets[i]][selectors[j]];
                assertTrue(who != 0, name);
                if (who == VIEW) continue;
                assertTrue(attempts[targets[i]][selectors[j]] > 0, name);
                bool needed = who & role != 0 && selectors[j] != outOfReach;
                if (needed) assertTrue(worked[targets[i]][selectors[j]] > 0, name);
            }
        }
    }

    /// @dev The selectors a contract's dispatcher compares with: PUSH4 selector EQ.
    function _selectorsOf(address target) private view returns (bytes4[] memory selectors) {
        bytes memory code = target.code;
        selectors = new bytes4[](200);
        uint256 count;
        for (uint256 i; i + 5 < code.length; ++i) {
            if (code[i] != 0x63 || code[i + 5] != 0x14) continue;
            bytes4 found;
            assembly ("memory-safe") {
                found := and(mload(add(add(code, 33), i)), shl(224, 0xffffffff))
            }
            selectors[count++] = found;
        }
        assembly ("memory-safe") {
            mstore(selectors, count)
        }
    }

    /* EVERY FUNCTION, AND WHO MAY CALL IT */

    function _say(address target, bytes4 selector, uint8 who) private {
        assertEq(may[target][selector], 0, "named twice");
        may[target][selector] = who;
        ++known[target];
    }

    function _mayVault() private {
        address v = address(vault);
        bytes4[44] memory views = [
            vault.asset.selector,
            vault.factory.selector,
            vault.owner.selector,
            vault.curator.selector,
            vault.isKeeper.selector,
            vault.isGuardian.selector,
            vault.idle.selector,
            vault.sumEquity.selector,
            vault.payables.selector,
            vault.insurance.selector,
            vault.feesAccrued.selector,
            vault.deficit.selector,
            vault.epoch.selector,
            vault.committedAt.selector,
            vault.lastAsOf.selector,
            vault.lastFence.selector,
            vault.fullAt.selector,
            vault.fullEpoch.selector,
            vault.statementRootOf.selector,
            vault.accountCount.selector,
            vault.ticketCount.selector,
            vault.pendingTicketOf.selector,
            vault.paidOf.selector,
            vault.exiting.selector,
            vault.exitAt.selector,
            vault.exitArmedAt.selector,
            vault.exitPaidOf.selector,
            vault.totalExitPaid.selector,
            vault.bandOf.selector,
            vault.feeCapPerDay.selector,
            vault.feeAllowance.selector,
            vault.feeRecipient.selector,
            vault.outflowWindow.selector,
            vault.gate.selector,
            vault.depositsStopped.selector,
            vault.timelockOf.selector,
            vault.executableAt.selector,
            vault.abdicated.selector,
            vault.offerOf.selector,
            vault.suspendedBook.selector,
            vault.totalQuarantine.selector,
            vault.freeCash.selector,
            vault.laneOf.selector,
            vault.accountOf.selector
        ];
        for (uint256 i; i < views.length; ++i) {
            _say(v, views[i], VIEW);
        }
        _say(v, vault.ticketOf.selector, VIEW);
        _say(v, vault.rightsOf.selector, VIEW);
        _say(v, vault.venueOf.selector, VIEW);
        _say(v, vault.pendingMarkOf.selector, VIEW);
        _say(v, vault.venues.selector, VIEW);
        _say(v, vault.solvency.selector, VIEW);
        _say(v, vault.openAccount.selector, ANYONE);
        _say(v, vault.claim.selector, ANYONE);
        _say(v, vault.sync.selector, ANYONE);
        _say(v, vault.advance.selector, ANYONE);
        _say(v, vault.lapseRecall.selector, ANYONE);
        _say(v, vault.fundInsurance.selector, ANYONE);
        _say(v, vault.payFees.selector, ANYONE);
        _say(v, vault.triggerExit.selector, ANYONE);
        _say(v, vault.unwind.selector, ANYONE);
        _say(v, vault.claimExit.selector, ANYONE);
        _say(v, vault.closeAccount.selector, CLIENT); // A keeper too: of an empty one, after thirty days.
        _say(v, vault.deposit.selector, CLIENT);
        _say(v, vault.depositWithPermit.selector, CLIENT);
        _say(v, vault.setRights.selector, CLIENT);
        _say(v, vault.requestWithdraw.selector, CLIENT);
        _say(v, vault.cancelWithdraw.selector, CLIENT);
        _say(v, vault.redirect.selector, CLIENT);
        _say(v, vault.offerAccount.selector, CLIENT);
        _say(v, vault.acceptAccount.selector, CLIENT);
        _say(v, vault.send.selector, KEEPERS);
        _say(v, vault.recall.selector, KEEPERS);
        _say(v, vault.mark.selector, KEEPERS);
        _say(v, vault.commit.selector, KEEPERS);
        _say(v, vault.addVenue.selector, CURATORS);
        _say(v, vault.removeVenue.selector, CURATORS);
        _say(v, vault.increaseCap.selector, CURATORS);
        _say(v, vault.decreaseCap.selector, CURATORS | GUARDIANS);
        _say(v, vault.increaseRelativeCap.selector, CURATORS);
        _say(v, vault.decreaseRelativeCap.selector, CURATORS);
        _say(v, vault.increaseBand.selector, CURATORS);
        _say(v, vault.decreaseBand.selector, CURATORS | GUARDIANS);
        _say(v, vault.increaseFeeCap.selector, CURATORS);
        _say(v, vault.decreaseFeeCap.selector, CURATORS | GUARDIANS);
        _say(v, vault.setFeeRecipient.selector, CURATORS);
        _say(v, vault.setGate.selector, CURATORS);
        _say(v, vault.setSuspended.selector, CURATORS | GUARDIANS);
        _say(v, vault.stopDeposits.selector, CURATORS | GUARDIANS);
        _say(v, vault.refuseQuarantine.selector, GUARDIANS);
        _say(v, vault.submit.selector, CURATORS | OWNERS);
        _say(v, vault.revoke.selector, CURATORS | OWNERS | GUARDIANS);
        _say(v, vault.abdicate.selector, CURATORS | OWNERS);
        _say(v, vault.increaseTimelock.selector, CURATORS);
        _say(v, vault.decreaseTimelock.selector, CURATORS);
        _say(v, vault.addKeeper.selector, OWNERS);
        _say(v, vault.removeKeeper.selector, OWNERS | GUARDIANS);
        _say(v, vault.addGuardian.selector, OWNERS);
        _say(v, vault.removeGuardian.selector, OWNERS);
        _say(v, vault.setCurator.selector, OWNERS);
        _say(v, vault.setOwner.selector, OWNERS);
    }

    function _mayVenue() private {
        address v = address(venue);
        bytes4[14] memory views = [
            venue.account.selector,
            venue.allowedFrom.selector,
            venue.assetOf.selector,
            venue.breakerFloor.selector,
            venue.bucket.selector,
            venue.confirmed.selector,
            venue.equity.selector,
            venue.lastMove.selector,
            venue.openRecall.selector,
            venue.quiet.selector,
            venue.trader.selector,
            venue.tripped.selector,
            venue.usableFrom.selector,
            venue.vault.selector
        ];
        for (uint256 i; i < views.length; ++i) {
            _say(v, views[i], VIEW);
        }
        _say(v, venue.send.selector, VAULT);
        _say(v, venue.recall.selector, VAULT);
        _say(v, venue.advance.selector, VAULT);
        _say(v, venue.lapse.selector, VAULT);
        _say(v, venue.collect.selector, VAULT);
        _say(v, venue.observe.selector, VAULT);
        _say(v, venue.setUp.selector, KEEPERS);
        _say(v, venue.toPerp.selector, KEEPERS);
        _say(v, venue.toSpot.selector, KEEPERS);
        _say(v, venue.authorizeTrader.selector, KEEPERS);
        _say(v, venue.placeOrder.selector, KEEPERS);
        _say(v, venue.cancelByOid.selector, KEEPERS);
        _say(v, venue.cancelByCloid.selector, KEEPERS);
        _say(v, venue.confirm.selector, ANYONE);
        _say(v, venue.expireTrader.selector, ANYONE);
        _say(v, venue.revokeTrader.selector, ANYONE | GUARDIANS);
        _say(v, venue.unwind.selector, ANYONE);
        _say(v, venue.approveTrader.selector, CURATORS);
        _say(v, venue.allowAsset.selector, CURATORS);
        _say(v, venue.rearm.selector, CURATORS);
        _say(v, venue.disapproveTrader.selector, CURATORS | GUARDIANS);
        _say(v, venue.disallowAsset.selector, CURATORS | GUARDIANS);
    }

    function _maySeat() private {
        address v = address(seat);
        bytes4[11] memory views = [
            seat.account.selector,
            seat.assetOf.selector,
            seat.attestor.selector,
            seat.collectedTotal.selector,
            seat.depositAddress.selector,
            seat.equity.selector,
            seat.lastNonce.selector,
            seat.quiet.selector,
            seat.returnedTotal.selector,
            seat.sentTotal.selector,
            seat.vault.selector
        ];
        for (uint256 i; i < views.length; ++i) {
            _say(v, views[i], VIEW);
        }
        _say(v, seat.send.selector, VAULT);
        _say(v, seat.recall.selector, VAULT);
        _say(v, seat.advance.selector, VAULT);
        _say(v, seat.lapse.selector, VAULT);
        _say(v, seat.collect.selector, VAULT);
        _say(v, seat.observe.selector, VAULT);
        _say(v, seat.unwind.selector, ANYONE);
    }

    function _mayAttestor() private {
        address v = address(attestor);
        bytes4[8] memory views = [
            attestor.addableFrom.selector,
            attestor.attestorCount.selector,
            attestor.digestOf.selector,
            attestor.eip712Domain.selector,
            attestor.isAttestor.selector,
            attestor.threshold.selector,
            attestor.vault.selector,
            attestor.verify.selector
        ];
        for (uint256 i; i < views.length; ++i) {
            _say(v, views[i], VIEW);
        }
        _say(v, attestor.reportEquivocation.selector, ANYONE);
        _say(v, attestor.announceAttestor.selector, CURATORS);
        _say(v, attestor.withdrawAnnouncement.selector, CURATORS | GUARDIANS);
        _say(v, attestor.addAttestor.selector, CURATORS);
        _say(v, attestor.removeAttestor.selector, CURATORS);
    }

    /* EVERY CALL */

    Call[] private collected;

    function _add(address target, bytes memory data) private {
        collected.push(Call(target, data));
    }

    /// @dev Each function that is no view, with what a thief would ask of it: the clients' sub-accounts and tickets, and
    /// itself as the one who profits.
    function _everyCall() private returns (Call[] memory) {
        delete collected;
        _callsOfClients();
        _callsOfRoles();
        _callsOfVenues();
        return collected;
    }

    function _callsOfClients() private {
        address v = address(vault);
        uint256 ticket = vault.pendingTicketOf(1);
        _add(v, abi.encodeCall(vault.openAccount, (THIEF, 1)));
        _add(v, abi.encodeCall(vault.closeAccount, (1)));
        _add(v, abi.encodeCall(vault.deposit, (1, 1)));
        _add(v, abi.encodeCall(vault.depositWithPermit, (1, 1, type(uint256).max, 27, bytes32(0), bytes32(0))));
        _add(v, abi.encodeCall(vault.setRights, (1, THIEF, 3, type(uint40).max)));
        _add(v, abi.encodeCall(vault.requestWithdraw, (1, 10e6, THIEF)));
        _add(v, abi.encodeCall(vault.cancelWithdraw, (ticket)));
        _add(v, abi.encodeCall(vault.redirect, (ticket, THIEF)));
        _add(v, abi.encodeCall(vault.offerAccount, (1, THIEF)));
        _add(v, abi.encodeCall(vault.acceptAccount, (1)));
        _add(v, abi.encodeCall(vault.claim, (ticket)));
        _add(v, abi.encodeCall(vault.sync, (address(venue))));
        _add(v, abi.encodeCall(vault.advance, (address(venue))));
        _add(v, abi.encodeCall(vault.lapseRecall, (address(venue))));
        _add(v, abi.encodeCall(vault.fundInsurance, (0)));
        _add(v, abi.encodeCall(vault.payFees, ()));
        _add(v, abi.encodeCall(vault.triggerExit, (0)));
        _add(v, abi.encodeCall(vault.triggerExit, (vault.pendingTicketOf(thiefId))));
        _add(v, abi.encodeCall(vault.unwind, (address(venue), abi.encode(uint8(5), ETH, uint128(1e9)))));
        _add(v, abi.encodeCall(vault.claimExit, (1)));
    }

    function _callsOfRoles() private {
        address v = address(vault);
        Commit memory c = _next();
        _lanes(c, [int64(-1e6), 0, 0, 1e6]);
        _add(v, abi.encodeCall(vault.send, (address(seat), 1e6)));
        _add(v, abi.encodeCall(vault.recall, (address(seat), 1e6)));
        _add(v, abi.encodeCall(vault.mark, (address(venue), "", new uint32[](0))));
        _add(v, abi.encodeCall(vault.commit, (c)));
        _add(v, _listing(THIEF, type(uint64).max));
        _add(v, abi.encodeCall(vault.removeVenue, (address(seat))));
        _add(v, abi.encodeCall(vault.increaseCap, (address(venue), type(uint64).max)));
        _add(v, abi.encodeCall(vault.decreaseCap, (address(venue), vault.venueOf(address(venue)).cap - 1)));
        _add(v, abi.encodeCall(vault.increaseRelativeCap, (address(seat), 10_000)));
        _add(v, abi.encodeCall(vault.decreaseRelativeCap, (address(seat), 9_000)));
        _add(v, abi.encodeCall(vault.increaseBand, (address(seat), 10_000)));
        _add(v, abi.encodeCall(vault.decreaseBand, (address(seat), vault.bandOf(address(seat)).bps / 2)));
        _add(v, abi.encodeCall(vault.increaseFeeCap, (FEE_PPM)));
        _add(v, abi.encodeCall(vault.decreaseFeeCap, (FEE_PPM - 1)));
        _add(v, abi.encodeCall(vault.setFeeRecipient, (THIEF)));
        _add(v, abi.encodeCall(vault.setGate, (THIEF)));
        _add(v, abi.encodeCall(vault.setSuspended, (address(seat), true)));
        _add(v, abi.encodeCall(vault.setSuspended, (address(seat), false)));
        _add(v, abi.encodeCall(vault.stopDeposits, (true)));
        _add(v, abi.encodeCall(vault.stopDeposits, (false)));
        _add(v, abi.encodeCall(vault.refuseQuarantine, (address(seat))));
        _add(v, abi.encodeCall(vault.submit, (abi.encodeCall(vault.setFeeRecipient, (THIEF)))));
        _add(v, abi.encodeCall(vault.submit, (abi.encodeCall(vault.setOwner, (THIEF)))));
        _add(v, abi.encodeCall(vault.revoke, (abi.encodeCall(vault.removeGuardian, (guardianKey())))));
        _add(v, abi.encodeCall(vault.abdicate, (vault.setGate.selector)));
        _add(v, abi.encodeCall(vault.increaseTimelock, (vault.setGate.selector, 4 days)));
        _add(v, abi.encodeCall(vault.decreaseTimelock, (vault.setGate.selector, 3 days)));
        _add(v, abi.encodeCall(vault.addKeeper, (address(0xBAD))));
        _add(v, abi.encodeCall(vault.removeKeeper, (KEEPER)));
        _add(v, abi.encodeCall(vault.addGuardian, (address(0xBAD))));
        _add(v, abi.encodeCall(vault.removeGuardian, (guardianKey())));
        _add(v, abi.encodeCall(vault.setCurator, (THIEF)));
        _add(v, abi.encodeCall(vault.setOwner, (THIEF)));
    }

    function _callsOfVenues() private {
        address v = address(venue);
        address w = address(seat);
        uint40 week = uint40(block.timestamp + 7 days);
        CoreOrder memory order = CoreOrder(ETH, true, 2_000e8, 1e6, false, 3, uint128(block.timestamp));
        _add(v, abi.encodeCall(venue.setUp, ()));
        _add(v, abi.encodeCall(venue.toPerp, (1e6)));
        _add(v, abi.encodeCall(venue.toSpot, (1e6)));
        _add(v, abi.encodeCall(venue.authorizeTrader, (THIEF, week)));
        _add(v, abi.encodeCall(venue.placeOrder, (order)));
        _add(v, abi.encodeCall(venue.cancelByOid, (ETH, 1)));
        _add(v, abi.encodeCall(venue.cancelByCloid, (ETH, 1)));
        _add(v, abi.encodeCall(venue.confirm, ()));
        _add(v, abi.encodeCall(venue.expireTrader, ()));
        _add(v, abi.encodeCall(venue.revokeTrader, ()));
        _add(v, abi.encodeCall(venue.unwind, (abi.encode(uint8(5), ETH, uint128(1e9)))));
        _add(v, abi.encodeCall(venue.approveTrader, (address(0xA3))));
        _add(v, abi.encodeCall(venue.allowAsset, (2)));
        _add(v, abi.encodeCall(venue.rearm, (THIEF, week)));
        _add(v, abi.encodeCall(venue.disapproveTrader, (address(0xA3))));
        _add(v, abi.encodeCall(venue.disallowAsset, (ETH)));
        for (uint256 i; i < 2; ++i) {
            address each = i == 0 ? v : w;
            _add(each, abi.encodeCall(venue.send, (1e6)));
            _add(each, abi.encodeCall(venue.recall, (1e6)));
            _add(each, abi.encodeCall(venue.advance, ()));
            _add(each, abi.encodeCall(venue.lapse, ()));
            _add(each, abi.encodeCall(venue.collect, ()));
            _add(each, abi.encodeCall(venue.observe, ("")));
        }
        _add(w, abi.encodeCall(seat.unwind, (abi.encode(uint8(5), ETH, uint128(1e9)))));
        address a = address(attestor);
        Attestation memory one = _statement(1e6);
        _add(a, abi.encodeCall(attestor.reportEquivocation, (vm.addr(keys[4]), one, "", one, "")));
        _add(a, abi.encodeCall(attestor.announceAttestor, (address(0xA77))));
        _add(a, abi.encodeCall(attestor.withdrawAnnouncement, (address(0xA77))));
        _add(a, abi.encodeCall(attestor.addAttestor, (THIEF)));
        _add(a, abi.encodeCall(attestor.removeAttestor, (vm.addr(keys[4]))));
    }
}
