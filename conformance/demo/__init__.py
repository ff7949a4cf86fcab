"""The demonstration: orders leave two hospitals and reach a portal exactly once."""
