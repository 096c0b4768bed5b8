"""What the API says of execution quality: measured once per change, named by the operator's names."""

from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from keeper.api.views import TcaView
from keeper.app import Keeper
from keeper.execution import CostModel
from keeper.presenter import Presenter
from keeper.tca import TcaJournal, impact_samples
from tests.unit.tca.conftest import DIGEST, decision, look, story


@pytest.fixture
def keeper() -> Any:
    """As much of a keeper as is asked."""
    journal, costs = TcaJournal(), CostModel()
    for event in story():
        journal.apply(event)
    costs.learn_impact(impact_samples(journal.trails.values()))
    config = SimpleNamespace(venues=[SimpleNamespace(adapter="a", name="alpha")], name_of={"a": "alpha", "b": "b"}.get)
    return SimpleNamespace(tca=journal, costs=costs, config=config)


def test_orders_summary_and_impact_go_out_as_json(keeper: Any) -> None:
    answer = Presenter(cast(Keeper, keeper)).tca(500)
    again = msgspec.json.decode(msgspec.json.encode(answer), type=TcaView, strict=False)
    assert again == answer
    assert [report.digest for report in again.orders] == [DIGEST]
    assert again.impact.keys() == {"alpha", "b"}
    assert again.impact["alpha"].used is False


def test_an_order_is_measured_again_only_when_there_is_something_new(keeper: Any) -> None:
    presenter = Presenter(cast(Keeper, keeper))
    first, second = (presenter.tca(500).orders[0] for _ in range(2))
    assert first is second
    keeper.tca.apply(look("after", "1005", keeper.tca.trails[DIGEST].fills[0].time_ms + 60_000))
    third = presenter.tca(500).orders[0]
    assert first.markout_bps[60_000] is None
    assert third.markout_bps[60_000] is not None


def test_decisions_are_given_by_order(keeper: Any) -> None:
    presenter = Presenter(cast(Keeper, keeper))
    found = presenter.decisions(DIGEST)
    assert found is not None
    assert [view.decision for view in found] == [decision()]
    assert found[0].names == {"a": "alpha"}
    assert presenter.decisions("0x00") is None
