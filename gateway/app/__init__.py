"""Floor 5: settings, wiring, the HTTP API and the command line."""
