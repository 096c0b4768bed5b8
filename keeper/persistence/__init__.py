"""The event log: append-only, hash-chained, one writer; everything else can be rebuilt from it."""

from keeper.persistence.event_log import EventLog

__all__ = ["EventLog"]
