"""Breadth through ccxt: one adapter for many venues, a record of quirks for each, a subclass only where one is forced.

ccxt takes two seconds to import, so it is imported when an exchange is opened, not before.
"""
