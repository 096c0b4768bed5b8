"""Transactions with a memory: each is in the event log before it leaves, and its end is there when it is known."""

from collections.abc import Callable, Iterable

from keeper.chain.transactor import Receipt, Transactor, TxRecord
from keeper.clock import Clock
from keeper.errors import ChainError, NotLeader
from keeper.model.events import TxIntent, TxLanded


class Sender:
    """One key's transactions, recorded by `append`; none leaves unless `may_send` says so then: NotLeader."""

    def __init__(
        self,
        transactor: Transactor,
        append: Callable[..., int],
        clock: Clock,
        may_send: Callable[[], bool] = lambda: True,
    ) -> None:
        self._transactor = transactor
        self._append = append
        self._clock = clock
        self._may_send = may_send
        self._count = 0

    @property
    def address(self) -> str:
        return self._transactor.address

    async def send(self, purpose: str, to: str, data: bytes) -> Receipt:
        """Sends one call and waits for its receipt.

        ChainError: it would have reverted, or did; UnknownOutcome: it may still land, and a restart finds out.
        """
        self._count += 1
        key = f"{purpose}:{self._clock.now_ms()}:{self._count}"
        receipt = await self._transactor.send(key, purpose, to, data, on_intent=self._intend)
        self._land(key, receipt, receipt.tx)
        if not receipt.ok:
            raise ChainError(f"{purpose}: reverted in block {receipt.block}: {receipt.text}")
        return receipt

    async def resume(self, unsettled: Iterable[TxIntent]) -> None:
        """After a restart: learns what became of recorded transactions, by nonce, then repairs the sequence."""
        hashes: dict[tuple[int, str], list[str]] = {}
        for intent in unsettled:
            hashes.setdefault((intent.nonce, intent.key), []).append(intent.tx)
        for (nonce, key), signed in sorted(hashes.items()):
            self._land(key, await self._transactor.resume(key, nonce, signed), signed[-1])
        await self._transactor.start()

    def _intend(self, record: TxRecord) -> None:
        self._append(
            TxIntent(
                key=record.key,
                purpose=record.purpose,
                to=record.to.lower(),
                data="0x" + record.data.hex(),
                nonce=record.nonce,
                tx=record.hash,
                at_ms=self._clock.now_ms(),
            )
        )
        if not self._may_send():
            raise NotLeader(f"{record.purpose}: this keeper's lease has run out; nothing was sent")

    def _land(self, key: str, receipt: Receipt | None, tx: str) -> None:
        self._append(
            TxLanded(
                key=key,
                tx=receipt.tx if receipt else tx,
                block=receipt.block if receipt else 0,
                ok=receipt is not None and receipt.ok,
                text=receipt.text if receipt else "never landed",
                at_ms=self._clock.now_ms(),
            )
        )
