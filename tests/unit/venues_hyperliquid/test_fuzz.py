"""Hostile messages: recorded ones bent by chance, and noise. Whatever comes, the parsers answer with an event, an
`Unreadable` or a clear error; nothing else escapes, and no number of theirs is absurd."""

import contextlib
import json
from copy import deepcopy
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keeper.market_data.checks import book_fault, context_fault
from keeper.venues.base import BookUpdate, Confirmed, ContextUpdate, FillsUpdate, Refused, Unknown, Unreadable
from keeper.venues.hyperliquid.outcomes import outcome_of
from keeper.venues.hyperliquid.stream import read
from keeper.venues.hyperliquid.wire import INFO, decode, encode
from tests.unit.venues_hyperliquid.conftest import RECORDED, recorded

ME = "0x" + "aa" * 20
FILES = sorted(path for path in RECORDED.glob("*.json") if path.name.split(".")[0] in INFO)
SEEDS: list[Any] = [
    {"channel": "l2Book", "data": recorded("l2Book.sdk.get_l2_snapshot")},
    {
        "channel": "activeAssetCtx",
        "data": {"coin": "BTC", "ctx": recorded("metaAndAssetCtxs.go.MetaAndAssetCtxs")[1][0]},
    },
    {"channel": "userFills", "data": {"user": ME, "fills": recorded("userFillsByTime.go.UserFillsByTime")}},
]
TEXTS = ["NaN", "-Infinity", "1e999999", "-0", "0", "-1", "", " 1", "1_0", "٣", "9" * 60, "0x", "\x00", "A" * 3_000]
VALUES: list[Any] = [None, True, [], {}, -1, 2**70, 1e308, 0.1, [[[]]], {"px": "1"}]
WILD = st.sampled_from([*TEXTS, *VALUES])


def leaves(value: Any, where: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of everything inside a message."""
    if isinstance(value, dict):
        return [path for key, item in value.items() for path in ((*where, key), *leaves(item, (*where, key)))]
    if isinstance(value, list):
        return [path for n, item in enumerate(value[:3]) for path in ((*where, n), *leaves(item, (*where, n)))]
    return []


@st.composite
def bent(draw: st.DrawFn, seed: Any) -> str:
    """A copy with up to three things replaced, removed, doubled or renamed; then perhaps cut short."""
    value = json.loads(json.dumps(seed))
    for _ in range(draw(st.integers(0, 3))):
        paths = leaves(value)
        if not paths:
            break
        *way, last = draw(st.sampled_from(paths))
        holder = value
        for step in way:
            holder = holder[step]
        match draw(st.sampled_from(["replace", "remove", "rename", "double"])):
            case "replace":
                holder[last] = deepcopy(draw(WILD))  # what is bent next must not bend the samples
            case "remove":
                del holder[last]
            case "rename" if isinstance(last, str):
                holder[last + "X"] = holder.pop(last)
            case "double" if isinstance(holder, list):
                holder.insert(last, holder[last])
    text = json.dumps(value)
    return text[: draw(st.integers(0, len(text)))] if draw(st.integers(0, 4)) == 0 else text


def is_sane(number: Decimal) -> bool:
    return number.is_finite() and abs(number.adjusted()) <= 30


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.sampled_from(SEEDS).flatmap(bent))
def test_a_bent_stream_message_is_an_event_or_unreadable(text: str) -> None:
    event = read(text, "v", ME)[1]
    match event:
        case BookUpdate(book=book):
            assert all(is_sane(p) and is_sane(s) and p > 0 and s > 0 for p, s in (*book.bids, *book.asks))
            book_fault(book)
        case ContextUpdate(context=context):
            numbers = (context.mark, context.oracle, context.funding, context.open_interest)
            assert all(map(is_sane, numbers))
            context_fault(context)
        case FillsUpdate(fills=fills):
            assert all(is_sane(fill.price) and is_sane(fill.size) for fill in fills)
        case _:
            assert event is None or isinstance(event, Unreadable)


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.text(max_size=300), st.recursive(WILD, lambda inner: st.lists(inner, max_size=4)).map(str)))
def test_noise_is_no_event(text: str) -> None:
    event = read(text, "v", ME)[1]
    assert event is None or isinstance(event, Unreadable)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_bent_answer_is_a_record_or_a_decode_error(path: Any, data: st.DataObject) -> None:
    kind = path.name.split(".")[0]
    text = data.draw(bent(json.loads(path.read_text())["response"]))
    with contextlib.suppress(msgspec.MsgspecError):  # any other exception fails the test
        encode(decode(text, INFO[kind]))


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.binary(max_size=5).map(lambda noise: b"[" * 5_000 + noise)))
def test_noise_in_answer_to_a_command_is_unknown(body: bytes) -> None:
    assert isinstance(outcome_of(body), Unknown)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(
        [recorded("order.go.Orders_Cloid"), recorded("order.go.CancelByCloid_Success"),
         {"status": "ok", "response": {"type": "order", "data": {"statuses": [
             {"filled": {"totalSz": "0.02", "avgPx": "1891.4", "oid": 7}}]}}}]
    ).flatmap(bent)
)  # fmt: skip
def test_a_bent_answer_to_a_command_never_claims_an_absurd_fill(text: str) -> None:
    outcome = outcome_of(text.encode())
    match outcome:
        case Confirmed():
            assert is_sane(outcome.filled)
            assert outcome.filled >= 0
        case _:
            assert isinstance(outcome, Refused | Unknown)
