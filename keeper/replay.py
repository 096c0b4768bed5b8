"""Decisions run again from the log alone: each gives the same bytes, or says what differs.

The log is read from its first event, which rebuilds the books; at each decision the books are as they were when it was
made, and the event holds whatever else it was made from. The chain of hashes is checked on the way.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from keeper.errors import InputError, IntegrityError
from keeper.execution import decision_record
from keeper.ledger import Books
from keeper.margin.decision import decide
from keeper.model.events import CommitPrepared, Event, RebalanceDecided, RiskDecided, RouteDecided, encode
from keeper.risk.decision import rerun
from keeper.routing import RoutingError, plan
from keeper.settlement.record import rebuilt
from keeper.tca.check import read


@dataclass(frozen=True, slots=True)
class Kind:
    """A sort of decision: the event that records it, what it is called by, and how it is made again."""

    event: type[Event]
    id_of: Callable[[Any, int], str]
    again: Callable[[Books, Any], Event]


def rerouted(_books: Books, event: RouteDecided) -> RouteDecided:
    """The router's answer to what it saw then."""
    request, quotes, _ = read(event.decision)
    return RouteDecided(
        digest=event.digest, at_ms=event.at_ms, decision=decision_record(request, quotes, plan(request, quotes))
    )


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "rebalance": Kind(RebalanceDecided, lambda _event, seq: str(seq), lambda _books, event: decide(event)),
        "risk": Kind(RiskDecided, lambda _event, seq: str(seq), rerun),
        "route": Kind(RouteDecided, lambda _event, seq: str(seq), rerouted),
        "settlement": Kind(CommitPrepared, lambda event, _seq: str(event.epoch), rebuilt),
    }
)
"""By name. A settlement goes by its epoch (which more than one attempt may have), the others by their number in the
log."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`differences`: empty when the decision came out the same, byte for byte."""

    kind: str
    id: str
    seq: int
    differences: tuple[str, ...]

    @property
    def same(self) -> bool:
        return not self.differences


def replay_decisions(
    log: Iterable[tuple[int, str, Event]], kinds: Mapping[str, Kind] = KINDS, id: str | None = None
) -> Iterator[Verdict]:
    """The decisions of these kinds in a log of (seq, hash, event), or the one of that id; in order."""
    books = Books()
    hashes: dict[int, str] = {}
    for seq, digest, event in log:
        for name, kind in kinds.items():
            if isinstance(event, kind.event) and id in (None, kind.id_of(event, seq)):
                found = (*_differences(kind, books, event), *_anchor(event, hashes))
                yield Verdict(name, kind.id_of(event, seq), seq, found)
        books.apply(seq, event)
        hashes[seq] = digest


def _differences(kind: Kind, books: Books, event: Event) -> tuple[str, ...]:
    try:
        again = kind.again(books, event)
    except (InputError, IntegrityError, RoutingError) as error:
        return (f"it cannot be made again: {error}",)
    stored, now = encode(event), encode(again)
    return () if stored == now else tuple(difference(json.loads(stored), json.loads(now)))


def _anchor(event: Event, hashes: Mapping[int, str]) -> tuple[str, ...]:
    """The head that a settlement put into its statement must be an event of this very log."""
    if not isinstance(event, CommitPrepared) or event.inputs is None:
        return ()
    log = event.inputs.log
    if hashes.get(log.seq) == log.hash:
        return ()
    return (f"its statement names event {log.seq} with hash {log.hash}, the log has {hashes.get(log.seq)} there",)


def difference(stored: Any, now: Any, path: str = "") -> Iterator[str]:
    """Where two JSON values differ, leaf by leaf."""
    if isinstance(stored, dict) and isinstance(now, dict):
        for name in sorted(stored.keys() | now.keys()):
            yield from difference(stored.get(name), now.get(name), f"{path}.{name}".removeprefix("."))
    elif isinstance(stored, list) and isinstance(now, list) and len(stored) == len(now):
        for index, (one, other) in enumerate(zip(stored, now, strict=True)):
            yield from difference(one, other, f"{path}[{index}]")
    elif stored != now:
        yield f"{path}: stored {json.dumps(stored)}, now {json.dumps(now)}"
