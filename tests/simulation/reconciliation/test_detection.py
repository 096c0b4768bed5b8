"""Whatever a venue gets wrong about money is found within one cadence of who looks for it, and freezes the seat."""

import pytest

from keeper.reconciliation.engine import CADENCE_S
from tests.simulation.reconciliation.detection import PAGE, Finding, detected, page


@pytest.fixture(scope="module")
def findings() -> list[Finding]:
    return detected()


def test_each_fault_is_found_within_one_cadence(findings: list[Finding]) -> None:
    late = [
        (item.fault.what, item.found_s, item.text)
        for item in findings
        if item.found_s is None or item.found_s > item.fault.cadence_s
    ]
    assert late == []


def test_each_fault_freezes_the_seat_at_the_second_look(findings: list[Finding]) -> None:
    late = [
        (item.fault.what, item.found_s, item.frozen_s)
        for item in findings
        if item.found_s is None or item.frozen_s is None or item.frozen_s > item.found_s + CADENCE_S
    ]
    assert late == []


def test_the_page_says_what_was_measured(findings: list[Finding]) -> None:
    assert PAGE.read_text() == page(findings), "run `python -m tests.simulation.reconciliation.detection`"
