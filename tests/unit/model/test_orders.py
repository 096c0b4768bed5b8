"""The two tables of an order's life are the whole truth about it."""

from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.errors import IntegrityError
from keeper.model.orders import (
    CHILD_TRANSITIONS,
    TRANSITIONS,
    ChildEvent,
    ChildStatus,
    OrderEvent,
    OrderStatus,
    step,
)

TABLES: list[tuple[Any, type[StrEnum], type[StrEnum]]] = [
    (TRANSITIONS, OrderStatus, OrderEvent),
    (CHILD_TRANSITIONS, ChildStatus, ChildEvent),
]


@pytest.mark.parametrize(("table", "states", "events"), TABLES)
def test_every_step_is_either_in_the_table_or_refused(table: Any, states: type[StrEnum], events: type[StrEnum]) -> None:
    assert set(table) == set(states)
    for state in states:
        for event in events:
            if event in table[state]:
                assert step(table, "x", state, event) is table[state][event]
            else:
                with pytest.raises(IntegrityError, match=f"x: {state} -> {event} is not a step"):
                    step(table, "x", state, event)


def walk(table: Any, state: Any, events: list[Any]) -> list[Any]:
    """The states passed, with what is refused left out."""
    path = [state]
    for event in events:
        try:
            path.append(step(table, "x", path[-1], event))
        except IntegrityError:
            continue
    return path


@given(st.sampled_from([OrderStatus.WAITING, OrderStatus.ACCEPTED]), st.lists(st.sampled_from(list(OrderEvent))))
def test_whatever_happens_an_order_goes_one_way(start: OrderStatus, events: list[OrderEvent]) -> None:
    path = walk(TRANSITIONS, start, events)
    ends = [state for state in path if state.closed]
    assert len(ends) <= 1
    assert not ends or path[-1] is ends[0]
    for before, after in pairwise(path):
        assert after is not OrderStatus.WAITING, "nothing waits again"
        if before is OrderStatus.CANCELLING:
            assert after.closed or after is before, "nothing is sent for an order that is being taken back"
        if after in (OrderStatus.FILLED, OrderStatus.PARTIALLY_FILLED):
            assert before in (OrderStatus.WORKING, OrderStatus.CANCELLING), "no fill before a child was sent"


@given(st.lists(st.sampled_from(list(ChildEvent)), max_size=40))
def test_whatever_happens_a_child_goes_one_way(events: list[ChildEvent]) -> None:
    path = walk(CHILD_TRANSITIONS, ChildStatus.SENT, events)
    ends = [state for state in path if state.closed]
    assert len(ends) <= 1
    assert not ends or path[-1] is ends[0]
    if ChildStatus.RESTING in path:
        assert path[-1] not in (ChildStatus.REFUSED, ChildStatus.ABSENT), "what rested was taken by the venue"


def test_the_document_has_these_tables() -> None:
    page = (Path(__file__).parents[3] / "docs" / "execution.md").read_text()
    for name, (table, _, _) in zip(("parent", "child"), TABLES, strict=True):
        part = page.split(f"<!-- {name} -->")[1].split(f"<!-- /{name} -->")[0]
        rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in part.strip().splitlines()[2:]]
        assert rows == [(state, event, after) for state, steps in table.items() for event, after in steps.items()]


def test_every_state_can_end() -> None:
    for table, _, _ in TABLES:
        reach = {state for state, steps in table.items() if not steps}
        while more := {s for s, steps in table.items() if s not in reach and reach & set(steps.values())}:
            reach |= more
        assert reach == set(table)


def test_a_fill_may_come_before_the_answer_and_never_changes_a_childs_state() -> None:
    for state, steps in CHILD_TRANSITIONS.items():
        assert steps.get(ChildEvent.FILL, state) is state
    assert CHILD_TRANSITIONS[ChildStatus.SENT][ChildEvent.FILL] is ChildStatus.SENT
