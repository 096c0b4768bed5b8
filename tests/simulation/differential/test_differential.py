"""A few hundred random epochs of the contract against the twin and the keeper's books, and that they can differ."""

from dataclasses import replace

import pytest

from keeper.ledger.vault import VaultBooks
from tests.simulation.differential.twin import Twin
from tools.differential import DifferenceError, Ground

pytestmark = pytest.mark.xdist_group("forge")


@pytest.fixture(scope="module")
def ground() -> Ground:
    return Ground()


@pytest.mark.parametrize("seed", [1_001, 1_002])
def test_contract_twin_and_books_are_equal(ground: Ground, seed: int) -> None:
    assert ground.chunk(seed, 150) >= 150


def test_a_micro_dollar_is_seen(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """A twin that forgets a micro-dollar of a send is found out, with the figure that differs."""
    send = Twin.send

    def generous(twin: Twin, index: int, amount: int) -> None:
        send(twin, index, amount)
        twin.idle += 1

    monkeypatch.setattr(Twin, "send", generous)
    with pytest.raises(DifferenceError, match="Differs"):
        ground.chunk(1, 20)


def test_the_books_are_compared(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """Books that lose a micro-dollar of a lane are found out."""
    deposited = VaultBooks._shift

    def short(books: VaultBooks, block: int, id_: int, delta: int) -> None:
        deposited(books, block, id_, delta)
        account = books.accounts[id_]
        books.accounts[id_] = replace(account, lane=account.lane + 1)

    monkeypatch.setattr(VaultBooks, "_shift", short)
    with pytest.raises(DifferenceError, match="the books differ"):
        ground.chunk(1, 20)
