"""Peers to test against: an EHR, manufacturers' portals, and their faults."""
