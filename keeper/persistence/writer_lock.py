"""One writer per database file. The lock belongs to the process: a kill of any kind releases it."""

import fcntl
import os
from pathlib import Path

from keeper.errors import ConfigError


class WriterLock:
    """Held from construction to `close`. ConfigError when another process (or another log here) holds it."""

    def __init__(self, database: Path) -> None:
        path = database.with_name(database.name + ".lock")
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._descriptor)
            raise ConfigError(
                f"database: {database} is being written by another process; stop that one, or name another file"
            ) from error

    def close(self) -> None:
        os.close(self._descriptor)
