"""Venues: one package per venue, and the simulated venues that speak their dialects."""
