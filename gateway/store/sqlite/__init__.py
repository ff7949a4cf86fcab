"""The embedded store: SQLite by apsw, one writer thread, group commit."""
