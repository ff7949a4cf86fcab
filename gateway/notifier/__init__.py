"""Floor 4: hints that there may be work. Losing one costs time, never work."""
