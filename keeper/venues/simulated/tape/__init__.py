"""The market a simulated venue replays: recorded where it was recorded, synthetic in between and marked so."""
