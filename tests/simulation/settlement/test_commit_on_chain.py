"""The books against the real contract: its logs rebuild its storage, and it accepts what the books build, to the
micro-dollar and no other way."""

import asyncio
import json
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from eth_utils.address import to_checksum_address as checked

from keeper.attest.typed import Proposal, attestation_of, sign
from keeper.audit.chain_replay import ChainReplay
from keeper.audit.report import Finding, Findings
from keeper.audit.seat_audit import SeatAudit
from keeper.audit.sources import SeatRecords
from keeper.audit.statement_file import Statement, StatementFile, parse
from keeper.chain.abi import load
from keeper.chain.calls import commit, encode_call, mark
from keeper.chain.dry_run import TIER_ATTESTED, VENUE
from keeper.chain.log_follower import ChainLog, LogFollower
from keeper.chain.rpc import Web3
from keeper.chain.transactor import Transactor
from keeper.chain.vault import Vault
from keeper.errors import ChainError
from keeper.model.events import ChainLogSeen, MarkTaken
from keeper.model.instruments import Instrument
from keeper.model.marks import VenueMark
from keeper.model.statements import canonical, client_part
from keeper.model.venue_records import Fill
from keeper.settlement import CommitPlan, build
from tests.simulation.chain.conftest import CLIENT, KEEPER, KEYS, OWNER, Deployed, deploy, make, rpc, transact
from tests.simulation.chain.conftest import anvil_url as anvil_url
from tests.simulation.chain.conftest import deployed as deployed
from tests.simulation.chain.conftest import w3 as w3
from tests.unit.ledger.world import World, prepared

CHAIN_ID = 31337


class Owned:
    """Whose the books say each fill is."""

    def __init__(self, owners: dict[tuple[int, int], int]) -> None:
        self._owners = owners

    def owner_id(self, fill: Fill) -> int | None:
        return self._owners[fill.oid, fill.tid] or None

    def routing_fee(self, fill: Fill) -> int:
        return 0


class Local:
    """A vault with one attested seat on anvil, and a world that trades there."""

    def __init__(self, w3: Web3, vault: str, venue: str, attestor: str) -> None:
        self.w3, self.venue, self.attestor = w3, venue, attestor
        self.vault = Vault(w3, vault)
        self.world = World(venue, vault=False)
        self.follower = LogFollower(w3, [vault], [load("PrimeVault")])
        self.keeper = Transactor(w3, KEYS[1])
        self.sent = 0
        self.nonce = 0
        self.statement: dict[str, Any] = {}
        self.logs: list[ChainLog] = []
        self.statements: list[StatementFile] = []

    async def follow(self) -> None:
        for log in await self.follower.poll():
            self.logs.append(log)
            self.world.tell(
                ChainLogSeen(
                    name=log.name,
                    block=log.block,
                    log_index=log.log_index,
                    tx=log.tx,
                    time_s=log.time_s,
                    args=log.args,
                )
            )

    async def on_time(self) -> None:
        await rpc(self.w3, "evm_mine")
        now_ms = (await self.w3.eth.get_block("latest"))["timestamp"] * 1000
        self.world.now_ms = max(self.world.now_ms, now_ms - 20_000)

    async def transact(self, sender: str, function: str, *arguments: Any) -> None:
        await transact(self.w3, sender, "PrimeVault", self.vault.address, function, *arguments)

    async def send(self, amount: int) -> None:
        await self.transact(KEEPER, "send", checked(self.venue), amount)
        self.sent += amount
        self.world.row("deposit", amount, 0, self.venue)

    async def mark(self, prices: dict[str, Decimal]) -> VenueMark:
        self.world.wait()
        sheet = self.world.sheet(prices, self.venue)
        self.nonce += 1
        proposal = Proposal(sheet=sheet, nonce=self.nonce, received=self.sent, returned=0)
        attestation = attestation_of(proposal, chain_id=CHAIN_ID, vault=self.vault.address)
        signed = attestation.encode([sign(attestation, attestor=self.attestor, key=KEYS[2])])
        receipt = await self.keeper.send(f"mark:{self.nonce}", "mark", self.vault.address, mark(self.venue, signed, []))
        assert receipt.ok
        pending = await self.vault.pending_mark_of(self.venue)
        assert pending is not None
        taken = VenueMark(
            venue=self.venue,
            tier=2,
            as_of=sheet.as_of,
            l1_block=0,
            delta=pending.delta,
            value=(await self.vault.venue_of(self.venue)).book + pending.delta,
            sheet=sheet,
            held=await self.vault.held_of(self.venue),
        )
        self.world.tell(MarkTaken(mark=taken, block=receipt.block, tx=receipt.tx))
        await self.follow()
        return taken

    async def plan(self, taken: VenueMark) -> CommitPlan:
        state = await self.vault.state()
        plan, statement = build(
            self.world.books,
            [taken],
            chain_id=CHAIN_ID,
            vault=self.vault.address,
            epoch=state.epoch + 1,
            as_of=taken.as_of,
            fence=1,
            snapshot_block=state.block,
            idle=state.idle,
            payables=state.payables,
            insurance=state.insurance,
            deficit=state.deficit,
            requirement=lambda _id: 0,
        )
        self.statement = statement
        self.statements.append(parse(f"{plan.epoch}.json", json.loads(canonical(statement))))
        return plan

    async def settle(self, prices: dict[str, Decimal], seconds: int = 601) -> Statement:
        """Marks, plans and commits after some time; what the statement says."""
        await rpc(self.w3, "evm_increaseTime", seconds)
        await self.on_time()
        await self.commit(await self.plan(await self.mark(prices)))
        await self.compare()
        return self.statements[-1].statement

    def audit(self) -> list[Finding]:
        """The auditor's own walk through the seat, from the chain's logs and the venue's records: what it disputes of
        the statements."""
        findings, seat = Findings(), self.world.books.seat(self.venue)
        replay = ChainReplay(findings)
        for log in self.logs:
            replay.apply(log)
        records = SeatRecords(
            venue=self.venue,
            instruments=(Instrument(self.venue, "BTC", 0, 5, 40),),
            fills=tuple(seat.fills),
            payments=(),
            rates=(),
            rows=tuple(seat.rows),
        )
        owners = zip(((fill.oid, fill.tid) for fill in seat.fills), seat.owners, strict=True)
        audit = SeatAudit(records, 2, Owned(dict(owners)), findings)
        for commit_, file in zip(replay.commits, self.statements, strict=True):
            statement = file.statement
            result = audit.settle(commit_.marks[self.venue], statement.marks[0], [], commit_.epoch)
            findings.equal("insurance", file.name, "", result.insurance, sum(i.amount for i in statement.insurance))
            lanes = {id_: earned.for_lane for id_, earned in result.results.items() if earned.for_lane}
            findings.equal("lanes", file.name, "", commit_.deltas, lanes)
            for account in statement.accounts:
                mine = [(s.withheld_before, s.withheld) for s in account.seats]
                theirs = result.results.get(account.id)
                findings.equal(
                    "withheld",
                    f"{file.name} {account.id}",
                    "",
                    [(theirs.withheld_before, theirs.withheld)] if theirs else [],
                    mine,
                )
        return list(findings.found)

    async def commit(self, plan: CommitPlan) -> None:
        self.world.tell(prepared(plan, self.world.now_ms))
        receipt = await self.keeper.send(f"commit:{plan.epoch}", "commit", self.vault.address, commit(plan.to_abi()))
        assert receipt.ok
        await self.follow()

    async def compare(self) -> None:
        """Every figure of the books with the contract's storage."""
        state, books = await self.vault.state(), self.world.books
        assert (books.vault.idle, books.vault.insurance, books.vault.deficit) == (
            state.idle,
            state.insurance,
            state.deficit,
        )
        assert (books.vault.payables, books.vault.sum_equity, books.epoch) == (
            state.payables,
            state.sum_equity,
            state.epoch,
        )
        assert books.book(self.venue) == (await self.vault.venue_of(self.venue)).book
        for account in books.accounts():
            assert account.lane == await self.vault.lane_of(account.id)
        self.world.check_balance()


@pytest.fixture
async def local(w3: Web3, deployed: Deployed) -> Local:
    """Sub-accounts 1 and 2 of 1,000 USDC each, insurance 150, 400 at the seat."""
    vault = checked(deployed.vault)
    attestor = await deploy(w3, "Attestor", vault, [CLIENT], 1)
    seat = (vault, checked(deployed.usdc), checked(attestor), KEEPER, OWNER)
    venue = await make(w3, deployed.factory, "SeatVenue", VENUE, TIER_ATTESTED, *seat)
    listing = (checked(venue), 2_000_000_000, 10_000)
    announced = encode_call("PrimeVault", "addVenue", *listing)
    await transact(w3, OWNER, "PrimeVault", deployed.vault, "submit", announced)
    await rpc(w3, "evm_increaseTime", 10 * 86_400)
    await rpc(w3, "evm_mine")
    await transact(w3, OWNER, "PrimeVault", deployed.vault, "addVenue", *listing)
    await transact(w3, OWNER, "TestUSDC", deployed.usdc, "mint", CLIENT, 1_000_000_000)
    await transact(w3, CLIENT, "TestUSDC", deployed.usdc, "approve", vault, 1_000_000_000)
    await transact(w3, CLIENT, "PrimeVault", deployed.vault, "openAccount", CLIENT, 1_000_000_000)
    here = Local(w3, deployed.vault, venue, attestor)
    await here.keeper.start()
    await here.on_time()
    await here.send(400_000_000)
    await here.follow()
    return here


async def test_profit_loss_and_a_withdrawal_settle_as_the_books_say(local: Local) -> None:
    await local.compare()
    local.world.trade(1, "BTC", "buy", Decimal("0.01"), Decimal(60_000), 270_000, local.venue)
    local.world.trade(2, "BTC", "sell", Decimal("0.004"), Decimal(60_100), 108_001, local.venue)
    local.world.fund("BTC", Decimal("0.0000125"), Decimal("60050.5"), local.venue)
    await local.transact(CLIENT, "requestWithdraw", 2, 90_000_000, CLIENT)
    await rpc(local.w3, "evm_increaseTime", 2)
    await local.on_time()
    plan = await local.plan(await local.mark({"BTC": Decimal(59_000)}))
    assert plan.approvals == (), "a commit must lie between request and approval"
    assert set(plan.pnl) == {1, 2}

    state = await local.vault.state()
    for name in ("insurance_delta", "new_deficit"):
        with pytest.raises(ChainError, match="NotConserved"):
            await local.keeper.send("bad", "bad", local.vault.address, commit(changed(plan, name).to_abi()))
    assert (await local.vault.state()).epoch == state.epoch

    await local.commit(plan)
    await local.compare()
    assert await local.vault.statement_root_of(1) == plan.statement_root
    assert (await local.vault.state()).payables == 0

    await rpc(local.w3, "evm_increaseTime", 601)
    await local.on_time()
    plan = await local.plan(await local.mark({"BTC": Decimal(59_000)}))
    assert plan.approvals == ((1, 90_000_000),)
    await local.commit(plan)
    await local.compare()
    await local.transact(CLIENT, "claim", 1)
    await local.follow()
    await local.compare()


async def test_a_clients_proofs_are_accepted_on_chain(local: Local) -> None:
    local.world.trade(1, "BTC", "buy", Decimal("0.01"), Decimal(60_000), 270_000, local.venue)
    await local.commit(await local.plan(await local.mark({"BTC": Decimal(59_000)})))
    address = checked(await deploy(local.w3, "Lens"))
    verify = local.w3.eth.contract(address=address, abi=load("Lens")).functions.verifyStatement
    vault, part = checked(local.vault.address), client_part(local.statement, 1)
    assert [entry["section"] for entry in part["entries"]][:2] == ["statement", "accounts"]
    for entry in part["entries"]:
        content = canonical([entry["section"], entry["entry"]])
        proof = [bytes.fromhex(node.removeprefix("0x")) for node in entry["proof"]]
        assert await verify(vault, 1, content, proof).call()
        assert not await verify(vault, 2, content, proof).call()
        assert not await verify(vault, 1, content + b" ", proof).call()


async def prime(*arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "keeper", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_prime_statement_is_proven_by_vault_and_lens(local: Local, anvil_url: str, tmp_path: Path) -> None:
    local.world.trade(1, "BTC", "buy", Decimal("0.01"), Decimal(60_000), 270_000, local.venue)
    await local.commit(await local.plan(await local.mark({"BTC": Decimal(59_000)})))
    file = tmp_path / "epoch-000001.json"
    file.write_bytes(canonical(local.statement))
    lens = await deploy(local.w3, "Lens")
    files, chain = ("--statements", str(tmp_path)), ("--rpc", anvil_url, "--vault", local.vault.address)
    code, out, err = await prime("statement", "1", *files, *chain, "--lens", lens)
    assert code == 0, err
    assert "3 entries, 3 of them proven on chain" in out
    assert "989.730000" in out

    code, out, err = await prime("statement", "1", *files, *chain, "--json")
    assert code == 0, err
    (document,) = json.loads(out)
    assert [entry["section"] for entry in document["entries"]] == ["statement", "accounts", "orders"]
    verify = local.w3.eth.contract(address=checked(lens), abi=load("Lens")).functions.verifyStatement
    for entry in document["entries"]:
        content, *proof = (bytes.fromhex(text[2:]) for text in (entry["content"], *entry["proof"]))
        assert await verify(checked(local.vault.address), document["epoch"], content, proof).call()

    code, out, _ = await prime("statement", "2", *files, "--csv")
    assert code == 0
    header, row = out.splitlines()
    assert dict(zip(header.split(","), row.split(","), strict=True))["after"] == "1000"

    altered = json.loads(file.read_text())
    altered["accounts"][0]["after"] += 1
    file.write_text(json.dumps(altered))
    for judge in ((), ("--lens", lens)):
        code, out, err = await prime("statement", "1", *files, *chain, *judge)
        assert code == 1
        assert "epoch 1: accounts is not in the statement committed on chain" in err
    code, _, err = await prime("statement", "9", *files)
    assert code == 1
    assert "sub-account 9 is in none of the 1 statements" in err


async def test_a_loss_beyond_lane_and_insurance_settles_as_the_books_say(local: Local) -> None:
    local.world.trade(1, "BTC", "buy", Decimal("0.03"), Decimal(60_000), 0, local.venue)
    await local.commit(await local.plan(await local.mark({"BTC": Decimal(20_000)})))  # −1,200 USDC
    await local.compare()
    assert local.world.lanes() == {1: 0, 2: 1_000_000_000}
    assert (local.world.books.vault.insurance, local.world.books.vault.deficit) == (0, 50_000_000)
    await rpc(local.w3, "evm_increaseTime", 601)
    await local.on_time()
    await local.commit(await local.plan(await local.mark({"BTC": Decimal(21_000)})))
    await local.compare()
    assert local.world.lanes() == {1: 30_000_000, 2: 1_000_000_000}


async def test_a_gain_beyond_the_band_is_withheld_for_a_day(local: Local) -> None:
    """Rule D3 with the vault's own bands: 400 at the seat, so that 20 USDC a day are accepted of a gain of 90."""
    usdc, price = 1_000_000, {"BTC": Decimal(62_000)}
    local.world.trade(1, "BTC", "buy", Decimal("0.03"), Decimal(60_000), 0, local.venue)
    local.world.trade(2, "BTC", "buy", Decimal("0.015"), Decimal(60_000), 0, local.venue)
    statement = await local.settle(price)
    assert statement.marks[0].held == 70 * usdc
    assert [account.seats[0].withheld for account in statement.accounts] == [46_666_666, 23_333_333]
    assert [account.pnl for account in statement.accounts] == [13_333_334, 6_666_667]
    assert [(item.kind, item.amount) for item in statement.insurance] == [("withheld", -1)]
    assert await local.vault.held_of(local.venue) == 70 * usdc
    books = local.world.books
    assert books.equity(1, {(local.venue, "BTC"): price["BTC"]}) == 1_060 * usdc

    # A client cannot withdraw what is withheld.
    await local.transact(CLIENT, "requestWithdraw", 2, books.vault.accounts[2].lane, CLIENT)
    statement = await local.settle(price)
    assert statement.totals.delta == 0
    assert statement.marks[0].held == 70 * usdc

    # A fall takes from the quarantine first; the day's smallest is what the vault lets go.
    local.world.trade(1, "BTC", "sell", Decimal("0.03"), Decimal(61_500), 0, local.venue)  # −15
    statement = await local.settle(price)
    assert statement.marks[0].held == 55 * usdc
    statement = await local.settle(price, 24 * 3600)
    assert statement.marks[0].held == 0
    assert [account.seats[0].withheld for account in statement.accounts] == [0, 0]
    assert (books.withheld(1), books.withheld(2)) == (0, 0)
    paid_out = books.vault.payables
    assert {1: 1_045 * usdc, 2: 1_030 * usdc - paid_out} == local.world.lanes()
    assert books.vault.insurance == 150 * usdc
    assert local.audit() == []


def changed(plan: CommitPlan, name: str) -> CommitPlan:
    return replace(plan, **{name: getattr(plan, name) + 1})
