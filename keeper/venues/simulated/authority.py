"""Who may act for whom: agents (API wallets) and the nonces of every signer."""

from bisect import insort
from dataclasses import dataclass

from keeper.venues.simulated.errors import VenueError

NAMED_AGENTS = 3
NAME_LENGTH = 16
KEPT_NONCES = 100
DAY_MS = 86_400_000
NONCE_PAST_MS = 2 * DAY_MS
NONCE_FUTURE_MS = DAY_MS
API_MARGIN_MS = 120_000
MAX_VALIDITY_MS = 180 * DAY_MS


@dataclass(frozen=True)
class Agent:
    """`name` is empty for the one unnamed agent; `valid_until_ms` None means no end."""

    address: str
    account: str
    name: str
    valid_until_ms: int | None

    def valid_at(self, now_ms: int) -> bool:
        return self.valid_until_ms is None or now_ms < self.valid_until_ms


class Agents:
    """One unnamed and three named agents per account; enrolling a name again replaces (revokes) its address."""

    def __init__(self) -> None:
        self._by_address: dict[str, Agent] = {}

    def add(self, agent: Agent, now_ms: int) -> None:
        """Enrols; VenueError when the name is too long, taken addresses are reused or the limit is reached."""
        if len(agent.name) > NAME_LENGTH:
            raise VenueError(f"Agent name must be at most {NAME_LENGTH} characters: {agent.name}")
        if agent.valid_until_ms is not None and not now_ms < agent.valid_until_ms <= now_ms + MAX_VALIDITY_MS:
            raise VenueError("Agent valid_until must be in the future and at most 180 days ahead")
        holder = self._by_address.get(agent.address)
        if holder is not None and holder.account != agent.account and holder.valid_at(now_ms):
            raise VenueError("Extra agent already used.")
        current = {other.name: other for other in self.of(agent.account, now_ms)}
        named = [name for name in current if name and name != agent.name]
        if agent.name and len(named) >= NAMED_AGENTS:
            raise VenueError("Too many extra agents.")
        replaced = current.get(agent.name)
        if replaced is not None:
            del self._by_address[replaced.address]
        self._by_address[agent.address] = agent

    def find(self, address: str, now_ms: int) -> Agent | None:
        agent = self._by_address.get(address)
        return agent if agent is not None and agent.valid_at(now_ms) else None

    def of(self, account: str, now_ms: int) -> list[Agent]:
        return [agent for agent in self._by_address.values() if agent.account == account and agent.valid_at(now_ms)]


class Nonces:
    """Per signer the 100 highest nonces; a new one must exceed the smallest kept, be unused and near block time."""

    def __init__(self) -> None:
        self._kept: dict[str, list[int]] = {}

    def admit(self, signer: str, nonce: int, now_ms: int) -> None:
        """Consumes the nonce, or VenueError in the venue's words."""
        kept = self._kept.setdefault(signer, [])
        floor = max(now_ms - NONCE_PAST_MS + API_MARGIN_MS, kept[0] if len(kept) >= KEPT_NONCES else 0)
        bound = now_ms + NONCE_FUTURE_MS - API_MARGIN_MS
        if nonce in kept:
            raise VenueError(f"Invalid nonce: duplicate nonce {nonce}")
        if nonce < floor:
            raise VenueError(f"Invalid nonce: nonce too low {nonce} < {floor}")
        if nonce > bound:
            raise VenueError(f"Invalid nonce: nonce too high {nonce} > {bound}")
        insort(kept, nonce)
        del kept[:-KEPT_NONCES]


def split_validity(name: str) -> tuple[str, int | None]:
    """`keeper valid_until 1700000000000` is the name `keeper` with an end."""
    plain, separator, until = name.partition(" valid_until ")
    if not separator:
        return name, None
    if not until.isdigit():
        raise VenueError("Agent valid_until must be milliseconds")
    return plain, int(until)
