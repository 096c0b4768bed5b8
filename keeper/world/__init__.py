"""The local world: its processes, its node, and the passing of its time."""
