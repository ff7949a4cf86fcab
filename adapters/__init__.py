"""One folder per dialect; an adapter is found by its folder, not registered."""
