"""Child processes: what goes wrong is said with the end of the log, and all of them end."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from keeper.world import processes as module
from keeper.world.processes import ProcessError, Processes, free_port, is_listening

SERVER = "import http.server as h; h.HTTPServer(('127.0.0.1', {port}), h.BaseHTTPRequestHandler).serve_forever()"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
)

HOLDS_ONE = (
    "from keeper.world import processes as p; p.PORTS = range({0}, {0} + 2); print(p.free_port(), flush=True); input()"
)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_waits_for_the_port_and_stops_in_reverse(tmp_path: Path) -> None:
    ports = [free_port(), free_port()]
    with Processes(tmp_path) as processes:
        children = [
            processes.start(f"server {number}", python(SERVER.format(port=port)), port=port)
            for number, port in enumerate(ports)
        ]
        assert all(map(is_listening, ports))
        processes.check()
    assert [child.popen.returncode for child in children] == [-signal.SIGTERM] * 2
    assert not any(map(is_listening, ports))


def test_an_early_end_shows_the_log(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes, pytest.raises(ProcessError) as caught:
        processes.start("bad", python("import sys; print('the reason'); sys.exit(3)"), port=free_port())
    assert "exit code 3" in str(caught.value)
    assert "the reason" in str(caught.value)


def test_a_silent_port_meets_the_deadline(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes, pytest.raises(ProcessError, match=r"does not answer on port .* after 0 s"):
        processes.start("slow", python("import time; time.sleep(30)"), port=free_port(), deadline_s=0.3)


def test_a_port_in_use_is_named_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, Processes(tmp_path) as processes:
        port = taken.getsockname()[1]
        with pytest.raises(ProcessError, match=f"port {port} is in use"):
            processes.start("late", python("pass"), port=port)


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes, pytest.raises(ProcessError, match="no-such-program"):
        processes.start("none", ["no-such-program"])


def test_a_death_is_noticed_and_the_deaf_are_killed(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        deaf = processes.start("deaf", python(STUBBORN))
        while "deaf" not in deaf.log.read_text():
            deaf.wait_ready()
        deaf.stop(patience_s=0.2)
        assert deaf.popen.returncode == -signal.SIGKILL
        with pytest.raises(ProcessError, match="deaf ended with exit code -9"):
            processes.check()
        processes.forget(deaf)
        processes.check()


def test_keys_go_by_environment(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        child = processes.start("env", python("import os; print(os.environ['PRIME_X'])"), env={"PRIME_X": "secret"})
        child.popen.wait()
        assert child.log.read_text() == "secret\n"


def test_a_port_is_given_to_one_process_while_it_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    first = next(port for port in range(32_000, 32_700, 2) if not is_listening(port) and not is_listening(port + 1))
    monkeypatch.setattr(module, "PORTS", range(first, first + 2))
    with subprocess.Popen(python(HOLDS_ONE.format(first)), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        theirs = int(other.stdout.readline())
        assert free_port() == 2 * first + 1 - theirs
        with pytest.raises(ProcessError, match="no free port"):
            free_port()
        other.kill()
    assert free_port() == theirs
