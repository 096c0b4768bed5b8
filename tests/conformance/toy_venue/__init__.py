"""A venue that exists only here, added by following docs/add-a-venue.md: its server, its adapter, its entry."""

from tests.conformance.toy_venue.under_test import ADAPTER

__all__ = ["ADAPTER"]
