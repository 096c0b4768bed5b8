"""Random epochs of a vault's life: what is done, and what the twin says comes of it. The same seed, the same script."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from keeper.chain.abi import Entry, signature_of, type_of
from keeper.ledger.lanes import pack
from tests.simulation.differential.twin import ATTESTED, READ, Refused, Settlement, Twin, Venue, picture

START = 1_800_000_000
USD = 1_000_000
NOBODY = "0x" + "00" * 20
STEP = "(uint40,address,address,bytes,bytes4,bool,int256[])[]"


@dataclass(frozen=True)
class Addresses:
    """Where the test contract put everything (Replay.test_Addresses)."""

    vault: str
    usdc: str
    t1: str
    t2: str
    keeper: str
    curator: str
    minter: str
    far1: str
    far2: str

    @property
    def venues(self) -> tuple[str, str]:
        return self.t1, self.t2


class Script:
    """Builds the steps. `abis`: by contract name, the entries forge wrote."""

    def __init__(self, seed: int, where: Addresses, abis: Mapping[str, list[Entry]]) -> None:
        self.random = random.Random(seed)
        self.where = where
        self.calls = {
            (name, entry["name"]): entry
            for name, entries in abis.items()
            for entry in entries
            if entry["type"] == "function"
        }
        self.steps: list[tuple[Any, ...]] = []
        self.pictures: list[list[int]] = []
        self.owners: set[str] = set()
        venues = [Venue(READ, 10**15), Venue(ATTESTED, 10**15)]
        self.fee_cap = (0, 500, 6_000)[seed % 3]
        self.twin = Twin(START, venues, self.fee_cap)
        self.first()

    # steps

    def data(self, contract: str, name: str, *arguments: Any) -> bytes:
        entry = self.calls[contract, name]
        kinds = [type_of(parameter) for parameter in entry["inputs"]]
        return keccak(text=signature_of(entry))[:4] + encode(kinds, arguments)

    def step(self, sender: str, target: str, data: bytes, refusal: str = "", check: bool = False) -> None:
        expected = picture(self.twin) if check else []
        if check:
            self.pictures.append(expected)
        code = keccak(text=f"{refusal}()")[:4] if refusal else bytes(4)
        self.steps.append((self.twin.now, sender, target, data, code, check, expected))

    def vault(self, sender: str, act: Callable[[], object], name: str, *arguments: Any, check: bool = False) -> bool:
        """One call of the vault: the twin says whether it is refused. Returns whether it happened."""
        try:
            act()
            refusal = ""
        except Refused as problem:
            refusal = str(problem)
        self.step(sender, self.where.vault, self.data("PrimeVault", name, *arguments), refusal, check)
        return not refusal

    def fund(self, who: str, amount: int) -> None:
        self.step(self.where.minter, self.where.usdc, self.data("TestUSDC", "mint", who, amount))
        if who not in self.owners:
            self.owners.add(who)
            self.step(who, self.where.usdc, self.data("TestUSDC", "approve", self.where.vault, 2**256 - 1))

    # life

    def first(self) -> None:
        curator, vault = self.where.curator, self.where.vault
        if self.fee_cap:
            self.step(curator, vault, self.data("PrimeVault", "increaseFeeCap", self.fee_cap))
        self.step(curator, vault, self.data("PrimeVault", "setFeeRecipient", person(999)))
        self.open()  # refused: no insurance yet
        self.insure(100 * USD + self.random.randrange(1_000 * USD))
        for _ in range(self.random.randrange(2, 8)):
            self.open()

    def epochs(self, count: int) -> None:
        acts = [
            self.open, self.deposit, self.deposit, self.request, self.request, self.cancel, self.claim, self.claim,
            self.send, self.send, self.home, self.recall, self.sync, self.lapse, self.give, self.pay_fees,
            self.close, self.earn, self.earn, self.earn, self.wait, self.mark_early,
        ]  # fmt: skip
        for _ in range(count):
            for _ in range(self.random.randrange(2, 12)):
                self.random.choice(acts)()
            self.commit()

    def amount(self, most: int) -> int:
        """Of any size up to `most`, the ends often."""
        chance = self.random.random()
        if chance < 0.15 or most <= 1:
            return most
        if chance < 0.2:
            return 1
        return int(min(most, self.random.lognormvariate(0, 2) * most / 20))

    def some_id(self) -> int:
        return self.random.randrange(1, len(self.twin.accounts) + 1)

    def some_venue(self) -> int:
        return self.random.randrange(2)

    def open(self) -> None:
        if len(self.twin.accounts) >= 20 and not self.twin.free_ids:
            return
        owner = person(self.random.randrange(1, 40))
        amount = 99 * USD + self.random.randrange(60_000 * USD)
        self.fund(owner, amount)
        self.vault(owner, lambda: self.twin.open_account(owner, amount), "openAccount", owner, amount)

    def deposit(self) -> None:
        id_ = self.some_id()
        amount = self.amount(50_000 * USD)
        owner = self.twin.accounts[id_].owner
        self.fund(owner, amount)
        self.vault(owner, lambda: self.twin.deposit(id_, amount), "deposit", id_, amount)

    def request(self) -> None:
        id_ = self.some_id()
        account = self.twin.accounts[id_]
        amount = self.amount(account.lane) if self.random.random() < 0.9 else account.lane + 1
        if self.random.random() < 0.2:
            amount = account.lane
        receiver = person(1000 + id_)
        self.vault(
            account.owner, lambda: self.twin.request(id_, amount, receiver), "requestWithdraw", id_, amount, receiver
        )

    def unpaid(self) -> list[int]:
        return [account.ticket for account in self.twin.accounts.values() if account.ticket]

    def cancel(self) -> None:
        if tickets := self.unpaid():
            number = self.random.choice(tickets)
            owner = self.twin.accounts[self.twin.tickets[number - 1].account].owner
            self.vault(owner, lambda: self.twin.cancel(number), "cancelWithdraw", number)

    def claim(self) -> None:
        if tickets := self.unpaid():
            number = self.random.choice(tickets)
            self.vault(person(7), lambda: self.twin.claim(number), "claim", number)

    def close(self) -> None:
        id_ = self.some_id()
        self.vault(self.twin.accounts[id_].owner, lambda: self.twin.close_account(id_), "closeAccount", id_)

    def send(self) -> None:
        index = self.some_venue()
        amount = self.amount(self.twin.free_cash) + (1 if self.random.random() < 0.05 else 0)
        self.vault(self.where.keeper, lambda: self.twin.send(index, amount), "send", self.where.venues[index], amount)

    def home(self) -> None:
        """Money comes from far away to the venue's contract; a profit is paid by somebody."""
        index = self.some_venue()
        venue = self.twin.venues[index]
        if venue.worth <= 0:
            return
        amount = self.amount(venue.worth)
        self.step(self.where.minter, self.where.usdc, self.data("TestUSDC", "mint", self.where.venues[index], amount))
        self.step(person(7), self.where.venues[index], self.data("TestVenue", "earn", -amount))
        venue.worth -= amount
        venue.home += amount

    def recall(self) -> None:
        index, amount = self.some_venue(), self.random.randrange(0, 10_000 * USD)
        self.vault(
            self.where.keeper, lambda: self.twin.recall(index, amount), "recall", self.where.venues[index], amount
        )

    def sync(self) -> None:
        index = self.some_venue()
        self.vault(person(7), lambda: self.twin.sync(index), "sync", self.where.venues[index])

    def lapse(self) -> None:
        index = self.some_venue()
        self.vault(person(7), lambda: self.twin.lapse(index), "lapseRecall", self.where.venues[index])

    def give(self) -> None:
        """To insurance, or as a donation that is booked now or later."""
        amount = self.amount(3_000 * USD)
        if self.random.random() < 0.5:
            self.insure(amount)
            return
        self.step(self.where.minter, self.where.usdc, self.data("TestUSDC", "mint", self.where.vault, amount))
        self.twin.donate(amount)
        if self.random.random() < 0.5:
            self.vault(person(7), self.twin.sync_vault, "sync", NOBODY)

    def insure(self, amount: int) -> None:
        giver = person(8)
        self.fund(giver, amount)
        self.vault(giver, lambda: self.twin.fund_insurance(amount), "fundInsurance", amount)

    def pay_fees(self) -> None:
        self.vault(person(7), self.twin.pay_fees, "payFees")

    def earn(self) -> None:
        index = self.some_venue()
        venue = self.twin.venues[index]
        scale = max(1_000 * USD, abs(venue.worth))
        amount = int(self.random.gauss(0, 0.05 if self.random.random() < 0.95 else 0.8) * scale)
        if self.random.random() < 0.01:  # more than all lanes and the insurance can bear, or nearly
            amount = -int(self.random.uniform(0.9, 1.2) * (self.twin.sum_equity + self.twin.insurance))
        self.step(person(7), self.where.venues[index], self.data("TestVenue", "earn", amount))
        venue.worth += amount

    def wait(self) -> None:
        self.twin.now += self.random.choice((1, 60, 600, 3_600, 30_000, 90_000))

    def mark_early(self) -> None:
        self.mark(self.some_venue())

    def mark(self, index: int) -> None:
        venue = self.where.venues[index]
        self.vault(self.where.keeper, lambda: self.twin.mark(index), "mark", venue, b"", [])

    # commits

    def commit(self) -> None:
        """The next commit, rarely a wrong one first; afterwards everything is compared."""
        self.twin.now += self.random.choice((600, 700, 3_600, 3_600, 20_000))
        marked = [index for index in (0, 1) if self.random.random() < 0.9]
        for index in marked:
            self.mark(index)
        if self.random.random() < 0.3:
            self.random.choice((self.deposit, self.cancel, self.sync, self.give, self.send))()
        self.twin.now += self.random.choice((0, 1, 30))
        settlement = self.settlement(tuple(marked))
        if self.random.random() < 0.1:
            self.settle(self.wrong(settlement))
        if not self.settle(settlement):
            raise AssertionError(f"the twin refuses its own commit {self.twin.epoch + 1}: {settlement}")

    def settlement(self, marked: tuple[int, ...]) -> Settlement:
        """Results of any sign for some sub-accounts; what no lane can bear goes to insurance, then to the deficit."""
        twin = self.twin
        left = sum(twin.venues[index].delta for index in marked)
        fees = self.random.randrange(0, 1 + twin.fee_room(0) + max(0, left) // 50) if twin.fee_cap_ppm else 0
        lanes = {id_: account.lane for id_, account in twin.accounts.items() if account.open}
        pnl: dict[int, int] = {}
        ids = self.random.sample(sorted(lanes), k=self.random.randrange(0, len(lanes) + 1))
        for id_ in ids:
            wanted = int(self.random.gauss(0, 0.02) * lanes[id_]) + left // (len(ids) or 1)
            pnl[id_] = max(-lanes[id_], wanted)
        over = sum(pnl.values()) - left
        for id_ in self.random.sample(sorted(lanes), k=len(lanes)):
            part = min(over, lanes[id_] + pnl.get(id_, 0)) if over > 0 else 0
            pnl[id_] = pnl.get(id_, 0) - part
            over -= part
        left = -over  # > 0: still to be given out; < 0: nobody can bear it
        if left > 0 and lanes and self.random.random() < 0.9:
            id_ = self.random.choice(sorted(lanes))
            pnl[id_], left = pnl.get(id_, 0) + left, 0
        # The insurance as it was when the keeper prepared: gifts since the mark are not known to it.
        known = max(0, twin.insurance - twin.since_mark)
        insurance_delta = max(left, -known)
        fees = self.charge(pnl, lanes, fees, twin.deficit + insurance_delta - left)
        approvals = [
            (number, self.amount(twin.tickets[number - 1].remaining + 5))
            for number in self.random.sample(range(1, len(twin.tickets) + 1), k=min(len(twin.tickets), 4))
        ]
        approvals += [(number, 2**63) for number in self.unpaid() if self.random.random() < 0.6]
        as_of = max([twin.last_as_of + 1, *[twin.now - 600]])
        as_of = min([as_of, twin.now, *[twin.venues[index].as_of for index in marked]])
        return Settlement(
            as_of=max(as_of, twin.last_as_of + 1), fence=twin.last_fence + self.random.randrange(2),
            pnl={id_: amount for id_, amount in sorted(pnl.items()) if amount},
            insurance_delta=insurance_delta, fees=fees, new_deficit=insurance_delta - left,
            marked=marked, approvals=tuple(approvals),
        )  # fmt: skip

    def charge(self, pnl: dict[int, int], lanes: dict[int, int], wanted: int, deficit: int) -> int:
        """Takes fees out of lanes that can pay them, within what the vault allows after the approvals it may make and
        with at most this deficit."""
        rest = {id_: lanes[id_] + pnl.get(id_, 0) for id_ in lanes}
        payer = max(rest, key=lambda id_: rest[id_], default=0)
        fees = min(wanted, rest.get(payer, 0))
        equity = self.twin.sum_equity + sum(pnl.values()) - fees
        unpaid = sum(self.twin.tickets[number - 1].remaining for number in self.unpaid())
        fees = min(fees, self.twin.fee_room(max(0, equity - unpaid - deficit)))
        if fees:
            pnl[payer] = pnl.get(payer, 0) - fees
        return fees

    def wrong(self, c: Settlement) -> Settlement:
        """Off by a micro-dollar, a lane too far, late, early, or charging too much."""
        choice = self.random.randrange(6)
        if choice == 0:
            return replace(c, fees=c.fees + 1)
        if choice == 1:
            return replace(c, new_deficit=c.new_deficit + 1, insurance_delta=c.insurance_delta + 2)
        if choice == 2:
            id_ = self.some_id()
            return replace(c, pnl=dict(sorted({**c.pnl, id_: -self.twin.accounts[id_].lane - 1}.items())))
        if choice == 3:
            return replace(c, as_of=self.twin.now + 1)
        if choice == 4:
            return replace(c, as_of=self.twin.last_as_of)
        too_much = self.twin.fee_room(10**15) + 1
        return replace(c, fees=c.fees + too_much, new_deficit=c.new_deficit + too_much)

    def settle(self, c: Settlement) -> bool:
        words, pnl4 = pack(c.pnl)
        marked = [self.where.venues[index] for index in c.marked]
        approvals = [(number, min(amount, 2**64 - 1)) for number, amount in c.approvals]
        commit = (
            self.twin.epoch + 1, c.as_of, c.fence, keccak(c.as_of.to_bytes(8, "big")), c.insurance_delta, c.fees,
            c.new_deficit, words, list(pnl4), marked, approvals,
        )  # fmt: skip
        return self.vault(self.where.keeper, lambda: self.twin.commit(c), "commit", commit, check=True)

    def encoded(self) -> bytes:
        return encode([STEP], [self.steps])


def person(number: int) -> str:
    return f"0x{0xA0000000 + number:040x}"
