"""HTTP: what monitors, vendors and people's phones call."""
