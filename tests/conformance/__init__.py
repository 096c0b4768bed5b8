"""The conformance suite: what every venue adapter must do, whatever venue it speaks to.

Numbered cases (`C-01` ...) run against every adapter × dialect named in `adapters.ADAPTERS`. An adapter under test is a
factory of the three clients of `keeper.venues.base` and a handle on a venue's server; the suite puts a proxy between
the two, which loses, delays, repeats and bends messages on command, so that faults need no help from the venue.

    ./dev run pytest tests/conformance          the cases as tests, with the matrix at the end
    ./dev run python -m tests.conformance       the matrix alone; exit code 1 when a case fails

To put an adapter under test, write an entry as `hyperliquid.py` does and name it in `adapters.py`;
`docs/add-a-venue.md` walks through it.
"""
