"""Keeping the log equal to the venues' own records."""
