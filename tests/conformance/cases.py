"""The register of cases. A case is an async function of a `World`; it fails by an assertion."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.conformance.harness import AdapterUnderTest, Capability, World

Check = Callable[[World], Awaitable[None]]


@dataclass(frozen=True)
class Case:
    """`number` stays its own for ever; `needs` says which adapters it applies to, `bend` which frame it has bent."""

    number: str
    title: str
    check: Check
    needs: frozenset[Capability]
    bend: str | None

    def applies(self, adapter: AdapterUnderTest) -> bool:
        return self.needs <= adapter.capabilities and (self.bend is None or self.bend in adapter.bend)


CASES: list[Case] = []


def case(number: int, title: str, *needs: Capability, bend: str | None = None) -> Callable[[Check], Check]:
    """Registers a case as `C-<number>`. ValueError when the number is taken."""

    def register(check: Check) -> Check:
        name = f"C-{number:02}"
        if any(known.number == name for known in CASES):
            raise ValueError(f"{name} is taken")
        CASES.append(Case(name, title, check, frozenset(needs), bend))
        return check

    return register


def all_cases() -> list[Case]:
    """Every case, in order of its number."""
    from tests.conformance import (  # noqa: F401 - importing them registers their cases
        cases_account,
        cases_commands,
        cases_faults,
        cases_market,
        cases_resting,
        cases_stream,
        cases_venue,
    )

    return sorted(CASES, key=lambda item: int(item.number.removeprefix("C-")))
