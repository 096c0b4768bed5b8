"""What belongs to accounts besides trading: sub-accounts, referrers, builders, history of their equity."""

from keeper.venues.simulated.accounts import Account
from keeper.venues.simulated.errors import VenueError
from keeper.venues.simulated.state import State
from keeper.venues.simulated.units import MICRO, usdc_text

SUB_VOLUME = 100_000 * MICRO
FIRST_SUBS, MOST_SUBS = 10, 50
VOLUME_PER_SUB = 100_000_000 * MICRO
BUILDERS = 10
MOST_PERP_TENTHS = 100
HISTORY = 24 * 60


class Members:
    def __init__(self, state: State) -> None:
        self._state = state

    def subs_of(self, master: str) -> list[Account]:
        return [account for account in self._state.accounts.values() if account.master == master]

    def create_sub_account(self, account: Account, name: str) -> str:
        """The new account's address. VenueError: a sub-account has none, too little volume, a name taken."""
        subs = self.subs_of(account.address)
        if account.master is not None:
            raise VenueError("Sub-accounts cannot create sub-accounts.")
        if account.volume < SUB_VOLUME:
            traded = usdc_text(account.volume).removesuffix(".0")
            raise VenueError(
                f"Cannot create sub-accounts until enough volume traded. Required: ${SUB_VOLUME // MICRO}. "
                f"Traded: ${traded}."
            )
        if len(subs) >= min(MOST_SUBS, FIRST_SUBS + account.volume // VOLUME_PER_SUB):
            raise VenueError("Too many sub-accounts.")
        if not name or any(sub.name == name for sub in subs):
            raise VenueError("Sub-account name is empty or already in use.")
        address = "0x" + self._state.hash_of("sub-account", account.address, len(subs))[-40:]
        sub = self._state.open_account(address)
        sub.master, sub.name = account.address, name
        return address

    def set_referrer(self, account: Account, code: str) -> None:
        if not code or account.referrer is not None:
            raise VenueError("Referrer already set." if code else "Referral code is empty.")
        account.referrer = code

    def approve_builder(self, account: Account, builder: str, tenths: int) -> None:
        """`tenths` of a basis point at most; nought revokes."""
        if not tenths:
            account.builders.pop(builder, None)
            return
        if builder not in account.builders and len(account.builders) >= BUILDERS:
            raise VenueError("Too many builders approved.")
        account.builders[builder] = tenths

    def builder_allowed(self, account: Account, builder: str, tenths: int) -> bool:
        approved = self._state.master(account).builders.get(builder, 0)
        return tenths <= min(approved, MOST_PERP_TENTHS)

    def take_history(self) -> None:
        """A point of every account's equity and PnL."""
        for account in self._state.accounts.values():
            value = self._state.total_value(account)
            account.history.append((self._state.now_ms, value, value - account.net_in))
            del account.history[:-HISTORY]
