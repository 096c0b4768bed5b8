"""A short run of the ledger's state machine; `./dev test-deep ledger` makes a long one."""

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.property.ledger_machine import LedgerMachine


def test_no_order_of_operations_loses_a_micro_dollar() -> None:
    before = LedgerMachine.steps
    run_state_machine_as_test(
        LedgerMachine, settings=settings(max_examples=15, stateful_step_count=20, deadline=None, database=None)
    )
    assert LedgerMachine.steps > before
