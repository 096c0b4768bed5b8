"""Measurements: each module here with a `run() -> list[Figure]` measures one thing, peers in the same run."""
