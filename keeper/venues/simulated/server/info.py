"""POST /info. Every read is of the account asked about; an agent's address is an account of its own, usually none."""

from collections.abc import Callable
from typing import Any

import msgspec

from keeper.errors import InputError
from keeper.venues.simulated.engine import Venue
from keeper.venues.simulated.server.info_account import AccountInfo
from keeper.venues.simulated.server.info_market import MarketInfo
from keeper.venues.simulated.server.replies import WRONG_SHAPE, BadRequest
from keeper.venues.simulated.server.requests import InfoRequest


class Info:
    """Answers on one venue; `answer` takes the decoded JSON body."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self.markets = MarketInfo(venue)
        self.accounts = AccountInfo(venue, self.markets)
        self._handlers: dict[str, Callable[[InfoRequest], Any]] = self.markets.handlers() | self.accounts.handlers()

    def answer(self, body: Any) -> Any:
        """The JSON answer; BadRequest for what the venue cannot read or does not know."""
        try:
            request = msgspec.convert(body, InfoRequest)
            handler = self._handlers[request.type]
            self._venue.read_time()
            return handler(request)
        except (msgspec.ValidationError, InputError, KeyError) as error:
            raise BadRequest(422, WRONG_SHAPE) from error

    def all_mids(self, dex: int = 0) -> dict[str, str]:
        return self.markets.all_mids(dex)
