"""Some runs of the machine; `./dev test-deep execution` makes tens of thousands of steps."""

from hypothesis import HealthCheck, Phase, settings

from tests.property.execution.machine import ExecutionMachine

TestExecution = ExecutionMachine.TestCase
TestExecution.settings = settings(
    max_examples=20,
    stateful_step_count=30,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
