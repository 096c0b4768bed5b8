"""Orders behind fills: whose they are, whether they were allowed, and which client order ids they may have used
(rule H1). Most are signed by a client; a few stand in the statements as reasons (liquidation, withdrawal, ...)."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal

from keeper.audit.chain_replay import ChainReplay
from keeper.audit.digests import domain_separator, order_digest, signer_of
from keeper.audit.report import Findings
from keeper.audit.seat_records import notional
from keeper.audit.statement_file import OrderPart, Statement
from keeper.model.amounts import from_e8
from keeper.model.fees import MILLION, MOST_PPM
from keeper.model.identifiers import client_order_id
from keeper.model.instruments import Side, coin_of
from keeper.model.reasons import Reason
from keeper.model.signed_orders import SIDES, Order
from keeper.model.terms import OBJECTIVE_TERMS
from keeper.model.terms import signer_of as signer_of_terms
from keeper.model.venue_records import Fill

LEGS, ATTEMPTS = 256, 8
"""How far ids are tried for a fill that nothing nearer explains."""

MOST_LEGS = 65_536
"""No statement makes the auditor try more, whatever number of legs it gives an order."""

LEG_GAP, ATTEMPT_GAP = 2, 2
"""Legs and attempts are numbered as they are sent: so many in a row without a fill end the first search."""

GRACE_S = 60
"""An order accepted just before a right or its deadline ended may fill a little later; and the venue's clock is not the
chain's."""


@dataclass(slots=True)
class AuditedOrder:
    """A signed order, or a reason; `signer` None where a signature gives none. `legs`: as many numbers of legs its
    statement says it used; `routing_ppm`: the broker's fee on its fills, in parts per million."""

    digest: bytes
    terms: Order | Reason
    signer: str | None
    legs: int = 0
    routing_ppm: int = 0
    filled: Decimal = Decimal(0)
    searched: bool = False

    @property
    def id(self) -> int:
        return self.terms.subAccount

    @property
    def size(self) -> Decimal:
        return from_e8(self.terms.quantity)

    @property
    def side(self) -> Side:
        return SIDES[self.terms.side]

    @property
    def coin(self) -> str:
        return coin_of(self.terms.instrument)

    @property
    def reduces(self) -> bool:
        return self.terms.reduceOnly if isinstance(self.terms, Order) else self.terms.reduces

    @property
    def name(self) -> str:
        kind = "order" if isinstance(self.terms, Order) else self.terms.kind
        return f"{kind} 0x{self.digest.hex()}"

    def may_fill_at(self, time_ms: int) -> bool:
        """Whether it can be behind a fill of that time, as far as time tells."""
        if isinstance(self.terms, Order):
            return time_ms <= (self.terms.deadline + GRACE_S) * 1000
        return time_ms >= self.terms.atMs - GRACE_S * 1000


class Orders:
    """`add_statement` for each; then `tie` to the fills' ids; then `owner_of` says whose a fill is."""

    def __init__(self, chain_id: int, vault: str, replay: ChainReplay, findings: Findings) -> None:
        self._domain = domain_separator(chain_id, vault)
        self._chain_id, self._vault = chain_id, vault
        self._replay = replay
        self._findings = findings
        self._orders: dict[bytes, AuditedOrder] = {}
        self._by_cloid: dict[str, AuditedOrder] = {}
        self._untied: set[str] = set()
        self._nonces: dict[tuple[str, int], bytes] = {}

    def add_statement(self, statement: Statement) -> None:
        self._findings.now_ms = statement.as_of * 1000
        for part in statement.orders:
            self._add_order(part, f"epoch {statement.epoch}")
        for reason in statement.reasons:
            self._orders.setdefault(reason.digest(), AuditedOrder(reason.digest(), reason, None))

    def tie(self, cloids: Iterable[str]) -> None:
        """Finds the order of each client order id, near where ids are used first."""
        self._untied = set(cloids)
        for order in self._orders.values():
            self._search(order, LEG_GAP, ATTEMPT_GAP)

    def owner_of(self, fill: Fill) -> AuditedOrder | None:
        """An id that was not found near is looked for among all that the orders it may belong to can have."""
        if not fill.cloid:
            return None
        if fill.cloid in self._untied:
            for order in self._orders.values():
                mine = (order.coin, order.side) == (fill.coin, fill.side) and order.may_fill_at(fill.time_ms)
                if mine and not order.searched:
                    order.searched = True
                    self._search(order, LEGS, ATTEMPTS)
        return self._by_cloid.get(fill.cloid)

    def owner_id(self, fill: Fill) -> int | None:
        order = self._by_cloid.get(fill.cloid) if fill.cloid else None
        return order.id if order else None

    def routing_fee(self, fill: Fill) -> int:
        """The most that the broker may take of a fill: its order's part of the notional, floored."""
        order = self._by_cloid.get(fill.cloid) if fill.cloid else None
        if order is None or not order.routing_ppm:
            return 0
        return abs(notional(fill.size, fill.price)) * order.routing_ppm // MILLION

    def all(self) -> Iterable[AuditedOrder]:
        return self._orders.values()

    def _search(self, order: AuditedOrder, leg_gap: int, attempt_gap: int) -> None:
        quiet = 0
        for leg in range(max(LEGS, order.legs)):
            quiet = 0 if self._search_leg(order, leg, attempt_gap) else quiet + 1
            if quiet >= leg_gap and leg >= order.legs - 1:
                break

    def _search_leg(self, order: AuditedOrder, leg: int, attempt_gap: int) -> bool:
        """Whether any attempt of the leg is a fill's."""
        found, quiet = False, 0
        for attempt in range(ATTEMPTS):
            cloid = client_order_id(self._vault, order.digest, leg, attempt)
            if cloid in self._untied or self._by_cloid.get(cloid) is order:
                self._untied.discard(cloid)
                self._by_cloid[cloid] = order
                found, quiet = True, 0
            else:
                quiet += 1
            if quiet == attempt_gap:
                break
        return found

    # the orders themselves

    def _add_order(self, part: OrderPart, where: str) -> None:
        try:
            digest = order_digest(part.order, self._domain)
        except ValueError as error:
            self._findings.add(
                "order_unreadable", f"{where} order {part.digest}", f"no such order can be signed: {error}"
            )
            return
        place = f"{where} order 0x{digest.hex()}"
        self._findings.equal(
            "order_digest", place, "the statement gives another digest than the order has", _hex(digest), part.digest
        )
        legs = min(part.legs, MOST_LEGS)
        if digest in self._orders:
            known = self._orders[digest]
            known.legs = max(known.legs, legs)
            what = "its routing fee is not what an earlier statement says"
            self._findings.equal("routing_fee", place, what, known.routing_ppm, part.routing_ppm)
            return
        if not 0 <= part.routing_ppm <= MOST_PPM:
            what = f"a routing fee of {part.routing_ppm} ppm; 0 to {MOST_PPM} may be asked"
            self._findings.add("routing_fee", place, what, MOST_PPM, part.routing_ppm)
        order = AuditedOrder(digest, part.order, self._signer(part, digest, place), legs, part.routing_ppm)
        self._orders[digest] = order
        if order.signer is not None:
            first = self._nonces.setdefault((order.signer, part.order.nonce), digest)
            if first != digest:
                what = f"nonce {part.order.nonce} of {order.signer} was used by order {_hex(first)} before"
                self._findings.add("nonce_used_twice", place, what)
        self._check_own_terms(part, order, place)

    def _check_own_terms(self, part: OrderPart, order: AuditedOrder, place: str) -> None:
        """An order of objective 1 was to be worked under terms that its signer signed, and under those only."""
        terms, signer = part.terms, None
        if terms is not None:
            with suppress(ValueError):
                signer = signer_of_terms(terms, part.terms_signature, chain_id=self._chain_id, vault=self._vault)
        has_own = terms is not None and terms.order == _hex(order.digest) and signer == order.signer
        if (part.order.objective == OBJECTIVE_TERMS) != has_own:
            what = (
                f"sub-account {order.id}: its objective is {part.order.objective}, and its terms are not its signer's"
            )
            self._findings.add("terms", place, what, order.signer, signer)

    def _signer(self, part: OrderPart, digest: bytes, place: str) -> str | None:
        try:
            return signer_of(digest, part.signature)
        except ValueError as error:
            self._findings.add("forged_signature", place, f"sub-account {part.order.subAccount}: {error}")
            return None

    # an order and its fills

    def check_fill(self, fill: Fill, order: AuditedOrder, holding: Decimal) -> None:
        """One fill against its order. `holding`: the sub-account's position in the coin, over all seats, before it."""
        place = f"{fill.venue} {fill.coin} trade {fill.tid}"
        ours = f"{order.name} of sub-account {order.id}"
        if isinstance(order.terms, Order):
            self._check_terms(fill, order, order.terms, place, ours)
        if order.coin != fill.coin:
            self._findings.add("wrong_coin", place, f"{ours} is for another instrument", order.coin, fill.coin)
        if order.side != fill.side:
            self._findings.add("wrong_side", place, f"{ours} is for the other side", order.side, fill.side)
        after = holding + fill.signed_size
        if order.reduces and (abs(after) > abs(holding) or after * holding < 0):
            self._findings.add("not_reducing", place, f"{ours} is reduce-only", holding, after)
        order.filled += fill.size
        if order.filled > order.size:
            self._findings.add("overfilled", place, f"{ours} filled more than it asked for", order.size, order.filled)

    def _check_terms(self, fill: Fill, order: AuditedOrder, terms: Order, place: str, ours: str) -> None:
        """What the client signed beyond coin, side and size."""
        time_s = fill.time_ms // 1000
        if order.signer is not None and not any(
            self._replay.may_trade(order.id, order.signer, at) for at in (time_s, time_s - GRACE_S, time_s + GRACE_S)
        ):
            what = f"{ours} is signed by {order.signer}, who had no right to trade then"
            self._findings.add("forged_signature", place, what, self._replay.owner_of(order.id), order.signer)
        if terms.deadline + GRACE_S < time_s:
            self._findings.add("order_expired", place, f"{ours} had expired", terms.deadline, time_s)
        if terms.venues and fill.venue not in {venue.lower() for venue in terms.venues}:
            allowed = ", ".join(terms.venues)
            self._findings.add("wrong_venue", place, f"{ours} does not allow this venue", allowed, fill.venue)
        limit = terms.limit
        if limit is not None and (fill.price > limit if fill.side == "buy" else fill.price < limit):
            self._findings.add("beyond_limit", place, f"{ours} filled beyond its limit", limit, fill.price)


def _hex(digest: bytes) -> str:
    return f"0x{digest.hex()}"
