"""Perp Prime: a vault-based prime broker for perpetual futures."""
