"""What is due by business time. APScheduler reads the wall clock itself, so here it only ticks each second; `run_due`
decides by the injected clock what to do, and asking it twice does nothing twice."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from keeper.clock import Clock
from keeper.errors import PrimeError
from keeper.monitoring import metrics

log = structlog.get_logger(__name__)


@dataclass
class Task:
    """A job and its period. `due_ms` is business time; a period of 0 means at every tick."""

    name: str
    period_ms: int
    job: Callable[[], Awaitable[None]]
    due_ms: int = 0
    failures: int = field(default=0)


class Scheduler:
    """Runs tasks one after another when due; a failing task is counted, logged and tried again at its next time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tasks: list[Task] = []
        self._ticker = AsyncIOScheduler()
        self._busy = asyncio.Lock()
        self.ticked_at = time.monotonic()

    def add(self, name: str, period_s: float, job: Callable[[], Awaitable[None]]) -> None:
        self._tasks.append(Task(name=name, period_ms=int(period_s * 1000), job=job))

    async def run_due(self) -> None:
        """Runs what is due now. Returns at once while an earlier call is still at work."""
        if self._busy.locked():
            return
        async with self._busy:
            for task in self._tasks:
                now = self._clock.now_ms()
                if now < task.due_ms:
                    continue
                task.due_ms = now + task.period_ms
                await self._run(task)
            self.ticked_at = time.monotonic()

    async def _run(self, task: Task) -> None:
        try:
            await task.job()
            task.failures = 0
        except PrimeError as error:
            task.failures += 1
            metrics.task_errors.labels(task.name).inc()
            log.warning("task failed", task=task.name, error=str(error), failures=task.failures)
        except Exception as error:
            task.failures += 1
            metrics.task_errors.labels(task.name).inc()
            log.error("task broke", task=task.name, error=repr(error), failures=task.failures, exc_info=True)

    def start(self) -> None:
        self._ticker.add_job(
            self.run_due, "interval", seconds=1, coalesce=True, max_instances=2, misfire_grace_time=None
        )
        self._ticker.start()

    async def stop(self) -> None:
        """Stops ticking and waits for the task at work: a shutdown of the ticker would cancel it in the middle."""
        if self._ticker.running:
            self._ticker.pause()
            async with self._busy:
                self._ticker.shutdown(wait=False)
