"""The scheduler's end: what is at work finishes, nothing new begins."""

import asyncio

from keeper.clock import TestClock
from keeper.scheduling.scheduler import Scheduler


async def test_a_stop_waits_for_the_task_at_work() -> None:
    begun, steps = asyncio.Event(), list[str]()

    async def work() -> None:
        steps.append("begun")
        begun.set()
        await asyncio.sleep(0.2)
        steps.append("done")

    scheduler = Scheduler(TestClock())
    scheduler.add("work", 0, work)
    scheduler.start()
    async with asyncio.timeout(5):
        await begun.wait()
    await scheduler.stop()
    assert steps == ["begun", "done"]
    await asyncio.sleep(1.2)
    assert steps == ["begun", "done"]


async def test_a_stop_before_the_start_is_no_error() -> None:
    await Scheduler(TestClock()).stop()
