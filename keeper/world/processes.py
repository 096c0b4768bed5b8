"""Child processes with names, logs and deadlines: started in order, waited for, and stopped in reverse."""

import fcntl
import os
import random
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from keeper.errors import PrimeError

START_S = 20.0
STOP_S = 5.0
POLL_S = 0.02
TAIL_LINES = 15
LOOPBACK = "127.0.0.1"


class ProcessError(PrimeError):
    """A process ended early, or did not answer in time. The text carries the end of its log."""


PORTS = range(20_000, 32_000)
"""Below what systems give to outgoing connections, so that a port found free is not taken by one of those."""

_given: set[int] = set()
_claims: list[int] = []
"""The descriptor of this user's file of claims, once it is open. Closing it would give all claims back."""


def free_port() -> int:
    """A port nobody listens on just now, another one at each call, and given to no other process of this user while
    this one lives: of two that start a child on the same port, one would talk to the other's."""
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
        if port not in _given and _claim(port):
            _given.add(port)
            return port
    raise ProcessError(f"no free port from {PORTS.start} to {PORTS.stop}; stop what listens there")


def _claim(port: int) -> bool:
    """Locks this port's byte of the file; the system unlocks it when the process ends, however it ends."""
    if not _claims:
        path = Path(tempfile.gettempdir()) / f"prime-ports-{os.getuid()}"
        _claims.append(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    try:
        fcntl.lockf(_claims[0], fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((LOOPBACK, port)) == 0


def tail(path: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log."""
    try:
        text = path.read_text(errors="replace").splitlines()
    except OSError:
        return "(no log)"
    return "\n".join(text[-lines:]) or "(the log is empty)"


@dataclass
class Process:
    """One running child."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path
    port: int | None = None

    @property
    def is_running(self) -> bool:
        return self.popen.poll() is None

    def wait_ready(self, deadline_s: float = START_S) -> None:
        """Returns when the port answers. ProcessError when the process ends first, or the deadline passes."""
        until = time.monotonic() + deadline_s
        while True:
            if not self.is_running:
                raise self.failure(f"ended with exit code {self.popen.returncode}")
            if self.port is None or is_listening(self.port):
                return
            if time.monotonic() > until:
                raise self.failure(f"does not answer on port {self.port} after {deadline_s:.0f} s")
            time.sleep(POLL_S)

    def failure(self, what: str) -> ProcessError:
        """What happened to it, with the end of its log."""
        return ProcessError(f"{self.name} {what}; {self.log} ends:\n{tail(self.log)}")

    def stop(self, patience_s: float = STOP_S) -> None:
        """SIGTERM, then SIGKILL."""
        if self.is_running:
            self.popen.terminate()
            try:
                self.popen.wait(patience_s)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """SIGKILL, as a crash would be."""
        self.popen.kill()
        self.popen.wait()


class Processes:
    """The children of one run; leaving the block stops them all, last started first."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: list[Process] = []

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        port: int | None = None,
        wait: bool = True,
        deadline_s: float = START_S,
    ) -> Process:
        """Starts a child whose output goes to `<logs>/<name>.log`. `env` is added to ours: keys go this way, never in
        `command`. With a port and `wait`, returns when it answers. ProcessError when the port is taken already."""
        if port is not None and is_listening(port):
            raise ProcessError(f"{name}: port {port} is in use; stop what listens there or name another port")
        self._logs.mkdir(parents=True, exist_ok=True)
        log = self._logs / f"{name}.log"
        with log.open("ab") as output:
            try:
                popen = subprocess.Popen(  # noqa: S603 - our own commands, no shell
                    [str(word) for word in command],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **(env or {})},
                    start_new_session=True,  # a Ctrl-C reaches us alone, and we stop them in order
                )
            except OSError as error:
                raise ProcessError(f"{name}: {command[0]} cannot be started: {error.strerror}") from error
        process = Process(name, popen, log, port)
        self._running.append(process)
        if wait:
            process.wait_ready(deadline_s)
        return process

    def wait_all(self, deadline_s: float = START_S) -> None:
        """Waits for every child that was started without waiting."""
        for process in self._running:
            process.wait_ready(deadline_s)

    def check(self) -> None:
        """ProcessError if a child has ended by itself."""
        for process in self._running:
            if not process.is_running:
                raise process.failure(f"ended with exit code {process.popen.returncode}")

    def forget(self, process: Process) -> None:
        """Drops a child that was stopped on purpose, so that `check` does not miss it."""
        self._running.remove(process)

    def stop_all(self) -> None:
        while self._running:
            self._running.pop().stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_all()
