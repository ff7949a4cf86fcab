"""Floor 0: vocabulary and rules. Pure: no I/O, no clock, no randomness."""
