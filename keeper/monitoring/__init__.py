"""Logs, metrics and health: what an operator looks at."""
