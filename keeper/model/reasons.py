"""Why an order was placed that no client signed (rules B2, H1): liquidation, withdrawal, migration or rebalancing.

The record stands in the statement's `reasons`; client order ids of its legs derive from its hash as those of a signed
order derive from its digest. Its fields are those of `Order` as far as they mean anything here.
"""

from typing import Any, Literal

import msgspec

from keeper.model.hashing import keccak
from keeper.model.statements import canonical

ReasonKind = Literal["liquidation", "withdrawal", "migration", "rebalance"]


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`side` 0 buy, 1 sell; `quantity` × 1e8, at most what the sub-account holds when it only reduces (liquidation and
    withdrawal always do); `atMs` when it was decided; `why` for people, with the figures."""

    kind: ReasonKind
    subAccount: int  # noqa: N815 - names as in the file
    instrument: str
    side: int
    quantity: int
    atMs: int  # noqa: N815
    why: str

    @property
    def reduces(self) -> bool:
        return self.kind in ("liquidation", "withdrawal")

    def entry(self) -> dict[str, Any]:
        """As it stands in the statement."""
        entry: dict[str, Any] = msgspec.to_builtins(self)
        return entry

    def digest(self) -> bytes:
        """keccak256 of the canonical entry: what stands in an order's digest's place (`client_order_id`)."""
        return keccak(canonical(self.entry()))
