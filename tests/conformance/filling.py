"""A disk that can be filled and emptied beneath SQLite.

SQLite asks its VFS to write; a full disk fails that very call, whether the bytes
are for the log, for the database or for a page that a statement spills.
"""

import apsw


class FillingDisk(apsw.VFS):
    """The system's own disk until it is ``full``: then every write fails.

    While it is ``unsure`` it takes what is written, and does not say whether it
    kept it: every flush fails.

    While it is registered, all databases of this process lie on it. ``refused``
    counts the writes that failed.
    """

    def __init__(self) -> None:
        super().__init__("filling", "unix", makedefault=True)
        self.full = self.unsure = False
        self.refused = 0

    def xOpen(  # noqa: N802 - SQLite's name
        self, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> apsw.VFSFile:
        """Open a file of this disk."""
        return _File(self, name, flags)


class _File(apsw.VFSFile):
    def __init__(
        self,
        disk: FillingDisk,
        name: str | apsw.URIFilename | None,
        flags: list[int],
    ) -> None:
        super().__init__("unix", name, flags)
        self._disk = disk

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
        if self._disk.full:
            self._disk.refused += 1
            raise apsw.FullError
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
        if self._disk.unsure:
            raise apsw.IOError
        super().xSync(flags)
