"""`prime tca` prints every measure, and a dash for what was not measured."""

from decimal import Decimal

import msgspec
import pytest
from rich.console import Console

from keeper.api.views import ImpactView, TcaView
from keeper.cli import output
from keeper.cli import tca as command
from keeper.tca import order_report, summary
from tests.unit.tca.conftest import accepted, closed, story, trail

D = Decimal


def view() -> TcaView:
    reports = [order_report(trail(story())), order_report(trail([accepted(), closed("unfilled", "0")]))]
    impact = ImpactView(
        fills=40, used=True, coefficient_bps=D(2), bias_bps=D(0), model_rms_bps=D("0.5"), book_rms_bps=D("1.25")
    )
    return TcaView(orders=tuple(reports), summary=summary(reports), impact={"alpha": impact})


def test_the_table_shows_orders_summary_and_the_impact_model(monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(width=160)
    with console.capture() as capture:
        monkeypatch.setattr(output, "console", lambda: console)
        command.show(view(), list(view().orders), together=True)
    text = capture.get()
    for part in ("buy 4 ETH-PERP", "2.50", "–", "1 s", "1 of 2 orders filled", "did worse", "1.25: used"):
        assert part in text, part


def test_the_api_s_answer_reads_back_the_same() -> None:
    assert msgspec.json.decode(msgspec.json.encode(view()), type=TcaView, strict=False) == view()
