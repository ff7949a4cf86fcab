"""Floor 1: YAML becomes checked functions, in four directions."""
