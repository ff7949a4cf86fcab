"""The command line."""

from gateway.app.cli.root import main

__all__ = ["main"]
