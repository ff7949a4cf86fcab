"""Simulators, suites and the demo: the gateway seen from outside."""
