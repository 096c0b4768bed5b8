"""Limiters on a hand-moved clock: what waits, what goes first, and what is kept for cancels."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.errors import ConfigError
from keeper.venues.limits import AccountLimit, IpLimit, LimitRegistry, TokenBucket


class Hand:
    """A monotonic clock that pausing moves."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.paused: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    async def pause(self, seconds: float) -> None:
        self.paused.append(seconds)
        self.now_s += seconds
        await asyncio.sleep(0)


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, 60)), max_size=50))
def test_no_window_gives_more_than_the_bucket_and_its_refill(steps: list[tuple[float, int]]) -> None:
    hand = Hand()
    bucket = TokenBucket(100, 2, hand)
    taken: list[tuple[float, int]] = []
    for pause, weight in steps:
        hand.now_s += pause
        if bucket.take(weight):
            taken.append((hand.now_s, weight))
    for start, (since, _) in enumerate(taken):
        for end in range(start, len(taken)):
            assert sum(weight for _, weight in taken[start : end + 1]) <= 100 + 2 * (taken[end][0] - since) + 1e-6


def test_a_request_larger_than_the_bucket_waits_for_a_full_one() -> None:
    hand = Hand()
    bucket = TokenBucket(10, 1, hand)
    assert bucket.take(25)
    assert bucket.tokens == -15
    hand.now_s = 24
    assert not bucket.take(25)
    hand.now_s = 25
    assert bucket.take(25)


async def test_each_purpose_leaves_a_part_to_those_before_it() -> None:
    hand = Hand()
    limit = IpLimit("v", 1200, hand, hand.pause)
    for _ in range(45):
        await limit.acquire(20, "heavy")
    assert (limit.tokens, hand.paused) == (300, [])
    for _ in range(120):
        await limit.acquire(2, "light")
    assert (limit.tokens, hand.paused) == (60, [])
    for _ in range(60):
        await limit.acquire(1, "cancel")
    assert (limit.tokens, hand.paused) == (0, [])
    await limit.acquire(1, "cancel")
    assert hand.paused == [pytest.approx(0.05)]
    await limit.acquire(1, "order")
    assert hand.paused[1:] == [pytest.approx(61 / 20)]
    await limit.acquire(20, "heavy")
    assert hand.paused[2:] == [pytest.approx(260 / 20)]


async def test_a_venue_that_says_429_slows_reports_but_no_cancel() -> None:
    hand = Hand()
    limit = IpLimit("v", 1200, hand, hand.pause)
    limit.refused()
    for purpose in ("cancel", "order", "light"):
        await limit.acquire(1, purpose)
    assert (limit.tokens, hand.paused) == (297, [])
    await limit.acquire(20, "heavy")
    assert hand.paused == [pytest.approx(23 / 20)]
    await limit.acquire(20, "heavy")
    assert hand.paused[1:] == [pytest.approx(1)]


async def test_requests_of_one_purpose_keep_their_order() -> None:
    hand = Hand()
    limit = IpLimit("v", 60, hand, hand.pause)
    gone: list[int] = []

    async def ask(number: int) -> None:
        await limit.acquire(20, "heavy")
        gone.append(number)

    await asyncio.gather(*(ask(number) for number in range(6)))
    assert gone == list(range(6))


def test_the_last_commands_of_an_account_are_cancels() -> None:
    hand = Hand()
    limit = AccountLimit(allowance=1_000, per_s=0.1, reserve=100, monotonic=hand)
    assert all(limit.take("order") for _ in range(900))
    assert not limit.take("order")
    assert limit.left == 100
    assert all(limit.take("cancel") for _ in range(100))
    assert not limit.take("cancel")
    hand.now_s = 10
    assert limit.take("cancel")
    limit.learn(used=2_000, cap=2_500)
    assert limit.left == 500
    assert limit.take("order", 400)
    assert not limit.take("order")


def test_there_is_one_limiter_for_each_address_and_each_account() -> None:
    registry = LimitRegistry()
    assert registry.of_ip("v", 1200) is registry.of_ip("v", 1200)
    assert registry.of_ip("v", 1200) is not registry.of_ip("w", 1200)
    assert registry.of_ip("v", 1200, "10.0.0.1") is not registry.of_ip("v", 1200)
    assert registry.of_account("v", "0xAA") is registry.of_account("v", "0xaa")
    assert registry.of_account("v", "0xaa") is not registry.of_account("v", "0xbb")
    with pytest.raises(ConfigError, match="capacity 0"):
        TokenBucket(0, 1)
