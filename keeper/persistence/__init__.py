"""The event log: append-only, hash-chained, one writer; everything else can be rebuilt from it."""

from keeper.persistence.database import Database
from keeper.persistence.event_log import EventLog, replay, verify, walk
from keeper.persistence.lease import Lease

__all__ = ["Database", "EventLog", "Lease", "replay", "verify", "walk"]
