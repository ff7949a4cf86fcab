"""The pure core, rule by rule."""
