"""A process of `prime sim serve` for the tests of one module."""

import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from keeper.world.processes import free_port

START_S = 30


@dataclass(frozen=True)
class Ports:
    port: int
    admin_port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def admin_url(self) -> str:
        return f"http://127.0.0.1:{self.admin_port}"


@contextmanager
def sim_serve(*options: str) -> Iterator[Ports]:
    """Where it listens, once it does."""
    ports = Ports(free_port(), free_port())
    command = [sys.executable, "-m", "keeper.cli.sim", "serve", "--port", str(ports.port)]
    command += ["--admin-port", str(ports.admin_port), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            ready, _, _ = select.select([process.stdout], [], [], START_S)
            assert ready, "the simulated venue did not start"
            assert "on http://" in process.stdout.readline(), "the simulated venue ended; what it said is on stderr"
            yield ports
        finally:
            process.terminate()
