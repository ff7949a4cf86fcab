"""``python -m gateway.app.cli``: the same as ``baton``."""

from gateway.app.cli import main

main()
