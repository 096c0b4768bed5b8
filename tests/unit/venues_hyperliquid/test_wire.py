"""Recorded answers decode into typed records, encode to the same JSON, and fail when a field has another name."""

import json
from collections.abc import Iterator
from copy import deepcopy
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from keeper.venues.hyperliquid.wire import INFO, ExchangeAnswer, decode, encode
from keeper.venues.hyperliquid.wire.account import ClearinghouseState2023, UserFill, UserFill2023
from tests.unit.venues_hyperliquid.conftest import RECORDED, recorded

FILES = sorted(RECORDED.glob("*.json"))
OLD: dict[str, Any] = {
    "clearinghouseState.sdk.get_user_state": ClearinghouseState2023,
    "userFills.sdk.get_user_fills": list[UserFill2023],
    "userFillsByTime.sdk.get_user_fills_by_time": list[UserFill2023],
}
OPTIONAL = {
    "cloid",  # only where the client gave one
    "collateralToken",
    "feeToken@userNonFundingLedgerUpdates",  # newer rows only
    "growthMode",
    "isDelisted",
    "lastGrowthModeChangeTime",
    "marginMode",
    "marginTableId",
    "marginTables",
    "maxTradeSzs@clearinghouseState",  # 2023 only
    "nSamples",  # null today
    "onlyIsolated",
    "origSz@openOrders",
    "twapId",
    "delegate",
    "cDeposit",  # one of the two
    "resting",
    "filled",
    "error",  # one of the three
    "data",  # absent for a plain success
}
"""Fields that are not always there: a new name shows as a difference, not as a failure."""


def kind_of(path: Path) -> Any:
    return OLD.get(path.stem) or INFO.get(path.name.split(".")[0], ExchangeAnswer)


def fields(value: Any, where: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of all fields of records, the first of each kind only; maps by coin have none."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield (*where, name)
            yield from fields(item, (*where, name))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from fields(item, (*where, number))


def cases() -> Iterator[Any]:
    for path in FILES:
        kind = path.name.split(".")[0]
        if kind == "allMids":
            continue
        seen = set()
        for where in fields(json.loads(path.read_text())["response"]):
            name = ".".join(str(part) for part in where if isinstance(part, str))
            if name not in seen:
                seen.add(name)
                yield pytest.param(path, where, id=f"{path.stem}-{name}")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_recorded_answer_comes_back_the_same(path: Path) -> None:
    response = json.loads(path.read_text())["response"]
    assert json.loads(encode(decode(json.dumps(response), kind_of(path)))) == response


@pytest.mark.parametrize(("path", "where"), cases())
def test_a_renamed_field_is_found(path: Path, where: tuple[Any, ...]) -> None:
    kind, response = path.name.split(".")[0], json.loads(path.read_text())["response"]
    renamed = deepcopy(response)
    holder = renamed
    for part in where[:-1]:
        holder = holder[part]
    holder[where[-1] + "New"] = holder.pop(where[-1])
    if {where[-1], f"{where[-1]}@{kind}"} & OPTIONAL:
        assert json.loads(encode(decode(json.dumps(renamed), kind_of(path)))) != renamed
    else:
        with pytest.raises(msgspec.ValidationError):
            decode(json.dumps(renamed), kind_of(path))


def test_numbers_of_value_are_decimals_with_their_digits() -> None:
    fill = decode(json.dumps(recorded("userFillsByTime.go.UserFillsByTime")), list[UserFill])[0]
    assert (fill.px, fill.fee) == (Decimal("4307.4"), Decimal("0.004845"))
    assert encode(Decimal("0.00000001")) == b'"0.00000001"'


def test_a_field_we_do_not_know_does_not_stop_us() -> None:
    rows = recorded("userFillsByTime.go.UserFillsByTime")
    rows[0]["brandNew"] = 1
    assert decode(json.dumps(rows), list[UserFill])[0].tid == rows[0]["tid"]
