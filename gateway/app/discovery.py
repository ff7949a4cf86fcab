"""Finds adapters: every folder under ``adapters`` with an ``adapter`` constant."""

import importlib
import pkgutil
from typing import Any

import adapters


def discover() -> dict[str, Any]:
    """Return every adapter by its name; adding a folder is all it takes."""
    found = {}
    for module in pkgutil.iter_modules(adapters.__path__):
        package = importlib.import_module(f"adapters.{module.name}")
        adapter = getattr(package, "adapter", None)
        if adapter is not None:
            found[adapter.name] = adapter
    return found
