"""Signed orders: whose they are, whether they were allowed, and which client order ids they may have used (rule H1)."""

from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal

from keeper.audit.chain_replay import ChainReplay
from keeper.audit.report import Findings
from keeper.audit.statement_file import OrderPart, Statement
from keeper.model.identifiers import client_order_id
from keeper.model.instruments import coin_of
from keeper.model.signed_orders import Order, SignedOrder, digest_of, recover, signable
from keeper.model.terms import OBJECTIVE_TERMS, signer_of
from keeper.model.venue_records import Fill

MOST_LEGS, ATTEMPTS = 65_536, 8

GRACE_S = 60
"""An order accepted just before a right or its deadline ended may fill a little later; and the venue's clock is not the
chain's."""


@dataclass(slots=True)
class AuditedOrder:
    digest: str
    order: Order
    signer: str | None
    legs: int = 0
    filled: Decimal = Decimal(0)

    @property
    def id(self) -> int:
        return self.order.subAccount

    @property
    def size(self) -> Decimal:
        return self.order.size


class Orders:
    """Every order of every statement; `owner_of` ties a fill to one."""

    def __init__(self, chain_id: int, vault: str, replay: ChainReplay, findings: Findings) -> None:
        self._chain_id = chain_id
        self._vault = vault
        self._replay = replay
        self._findings = findings
        self._orders: dict[str, AuditedOrder] = {}
        self._by_cloid: dict[str, AuditedOrder] = {}
        self._nonces: dict[tuple[str, int], str] = {}

    def add_statement(self, statement: Statement) -> None:
        for part in statement.orders:
            self._add(part, f"epoch {statement.epoch}")

    def owner_of(self, fill: Fill) -> AuditedOrder | None:
        return self._by_cloid.get(fill.cloid) if fill.cloid else None

    def all(self) -> list[AuditedOrder]:
        return list(self._orders.values())

    def _add(self, part: OrderPart, where: str) -> None:
        try:
            digest = "0x" + digest_of(signable(part.order, chain_id=self._chain_id, vault=self._vault)).hex()
        except Exception as error:  # noqa: BLE001 - whatever eth-account dislikes, the order cannot have been signed
            self._findings.add(
                "order_unreadable", f"{where} order {part.digest}", f"no such order can be signed: {error}"
            )
            return
        place = f"{where} order {digest}"
        self._findings.equal(
            "order_digest", place, "the statement gives another digest than the order has", digest, part.digest
        )
        if digest in self._orders:
            self._derive(self._orders[digest], part.legs)
            return
        audited = AuditedOrder(digest, part.order, self._signer(part, place))
        self._orders[digest] = audited
        if audited.signer is not None:
            first = self._nonces.setdefault((audited.signer, part.order.nonce), digest)
            if first != digest:
                what = f"nonce {part.order.nonce} of {audited.signer} was used by order {first} before"
                self._findings.add("nonce_used_twice", place, what)
        self._check_terms(part, audited, place)
        self._derive(audited, part.legs)

    def _derive(self, audited: AuditedOrder, legs: int) -> None:
        """Its client order ids, up to the leg numbers that the statement says it used."""
        legs = min(legs, MOST_LEGS)
        for leg in range(audited.legs, legs):
            for attempt in range(ATTEMPTS):
                cloid = client_order_id(self._vault, bytes.fromhex(audited.digest[2:]), leg, attempt)
                self._by_cloid[cloid] = audited
        audited.legs = max(audited.legs, legs)

    def _check_terms(self, part: OrderPart, audited: AuditedOrder, place: str) -> None:
        """An order of objective 1 was to be worked under terms that its signer signed, and under those only."""
        terms, signer = part.terms, None
        if terms is not None:
            with suppress(ValueError):
                signer = signer_of(terms, part.terms_signature, chain_id=self._chain_id, vault=self._vault)
        has_own = terms is not None and terms.order == audited.digest and signer == audited.signer
        if (part.order.objective == OBJECTIVE_TERMS) != has_own:
            what = (
                f"sub-account {audited.id}: its objective is {part.order.objective}, and its terms are not its signer's"
            )
            self._findings.add("terms", place, what, audited.signer, signer)

    def _signer(self, part: OrderPart, place: str) -> str | None:
        try:
            signer, _ = recover(
                SignedOrder(order=part.order, signature=part.signature), chain_id=self._chain_id, vault=self._vault
            )
        except ValueError as error:
            self._findings.add("forged_signature", place, f"sub-account {part.order.subAccount}: {error}")
            return None
        return signer.lower()

    def check_fill(self, fill: Fill, audited: AuditedOrder, holding: Decimal) -> None:
        """One fill against its order. `holding`: the sub-account's position in the coin, over all seats, before it."""
        order = audited.order
        place = f"{fill.venue} {fill.coin} trade {fill.tid}"
        ours = f"order {audited.digest} of sub-account {audited.id}"
        time_s = fill.time_ms // 1000
        if audited.signer is not None and not any(
            self._replay.may_trade(audited.id, audited.signer, at)
            for at in (time_s, time_s - GRACE_S, time_s + GRACE_S)
        ):
            what = f"{ours} is signed by {audited.signer}, who had no right to trade then"
            self._findings.add("forged_signature", place, what, self._replay.owner_of(audited.id), audited.signer)
        if order.deadline + GRACE_S < time_s:
            self._findings.add("order_expired", place, f"{ours} had expired", order.deadline, time_s)
        self._findings.equal(
            "wrong_coin", place, f"{ours} is for another instrument", coin_of(order.instrument), fill.coin
        )
        self._findings.equal("wrong_side", place, f"{ours} is for the other side", order.direction, fill.side)
        if order.venues and fill.venue not in {venue.lower() for venue in order.venues}:
            self._findings.add(
                "wrong_venue", place, f"{ours} does not allow this venue", ", ".join(order.venues), fill.venue
            )
        limit = order.limit
        if limit is not None and (fill.price > limit if fill.side == "buy" else fill.price < limit):
            self._findings.add("beyond_limit", place, f"{ours} filled beyond its limit", limit, fill.price)
        after = holding + fill.signed_size
        if order.reduceOnly and (abs(after) > abs(holding) or after * holding < 0):
            self._findings.add("not_reducing", place, f"{ours} is reduce-only", holding, after)
        audited.filled += fill.size
        if audited.filled > order.size:
            self._findings.add("overfilled", place, f"{ours} filled more than it asked for", order.size, audited.filled)
