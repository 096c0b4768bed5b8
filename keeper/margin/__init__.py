"""Margin at the venues: how much each seat needs, and moving idle cash there."""
