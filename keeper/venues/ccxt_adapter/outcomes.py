"""What an exception of ccxt proves. Its class alone proves little: a 503 with a JSON body comes as an `ExchangeError`.

A command was *refused* when it was never sent, or when the venue's own answer (2xx, or 4xx but 408 and 429, with a JSON
object) carries the refusal. Everything else is *unknown*: time-outs, 429, 5xx, broken connections, answers that cannot
be read, an id that is taken already (by this very order, perhaps), and codes a venue uses for "we cannot tell".
"""

import json
from contextvars import ContextVar
from typing import Any

import msgspec

from keeper.errors import PrimeError, UnknownOutcome, VenueError
from keeper.venues.base import Refused, Unknown
from keeper.venues.ccxt_adapter.quirks import Quirks

SHOWN = 300
MAYBE_DONE = ("DuplicateOrderId", "InvalidNonce", "OrderNotCached")


class Answer(msgspec.Struct, frozen=True):
    """The last HTTP exchange of the running task: no status = sent, but nothing came back."""

    status: int | None = None
    body: str = ""

    @property
    def says_no(self) -> bool:
        """A status with which a venue itself refuses, and a body only a venue writes."""
        if self.status is None or not 200 <= self.status < 500 or self.status in (408, 429):
            return False
        try:
            return isinstance(json.loads(self.body), dict)
        except ValueError:
            return False


LAST: ContextVar[Answer | None] = ContextVar("last_answer", default=None)
"""None until something is sent in the task's context."""


class UnreadableError(PrimeError):
    """An answer came and says nothing: asking again would only hide it."""


def judge(error: BaseException, answer: Answer | None, quirks: Quirks) -> Refused | Unknown:
    """The outcome of a command that ended in `error`."""
    text = describe(error)
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if answer is None and "ExchangeError" in kinds:
        return Refused(f"{text}; nothing was sent")
    if "ExchangeError" not in kinds or kinds.intersection(MAYBE_DONE) or answer is None or not answer.says_no:
        return Unknown(text)
    if any(_has_code(answer.body, code) for code in quirks.unknown_codes):
        return Unknown(text)
    assert answer.status is not None
    spoken = answer.status >= 400 or answer.body[:50] in str(error)
    return Refused(text) if spoken else Unknown(text)


def translated(error: BaseException, answer: Answer | None) -> PrimeError:
    """The error of a read: VenueError when the venue, or ccxt for it, says no; UnreadableError when a good answer
    cannot be read, so that repeating it is no help; UnknownOutcome for the rest."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if "ExchangeError" in kinds and (answer is None or answer.says_no):
        return VenueError(describe(error))
    answered = answer is not None and answer.status is not None and 200 <= answer.status < 300
    return (UnreadableError if answered and "NetworkError" not in kinds else UnknownOutcome)(describe(error))


def require(field: str | None, method: str, answer: Answer | None) -> None:
    """UnreadableError when an answer with something in it lacks the raw field that the method's reading depends on:
    ccxt leaves out what it does not find, and a renamed field would pass for nothing there."""
    if field is None or answer is None:
        return
    try:
        content = json.loads(answer.body)
    except ValueError as error:
        raise UnreadableError(f"{method}: not JSON: {answer.body[:SHOWN]}") from error
    if content != [] and f'"{field}"' not in answer.body:
        raise UnreadableError(f"{method}: the answer has no field {field}: {answer.body[:SHOWN]}")


def describe(error: BaseException) -> str:
    return f"{type(error).__name__} {error}".rstrip()[:SHOWN]


def _has_code(body: str, code: str) -> bool:
    """Some call it `code`, some `error`."""
    found: Any = json.loads(body)
    return code in (str(found.get("code")), str(found.get("error")))
