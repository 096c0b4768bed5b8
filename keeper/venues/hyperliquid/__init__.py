"""Hyperliquid: typed records, a read client that needs no key, signing by the venue's own SDK, an own transport."""
