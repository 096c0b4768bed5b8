"""The domain: immutable values and pure functions. No I/O, no clock, no float; imports nothing else of ours."""
