"""The files of one mappings folder, and the mappings compiled from them.

Floor 1 is pure but for this: the folder is read here, once, at start or check.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway.mapping.compiled import Compiled
from gateway.mapping.compiler import Compiler, Outcome
from gateway.mapping.document import (
    Findings,
    MapNode,
    Unread,
    read_document,
    read_text,
)
from gateway.mapping.places import Format
from gateway.mapping.problems import Finding


@dataclass(slots=True)
class Library:
    """Reads and compiles; every file and every mapping once.

    Attributes:
        formats: What mappings may read and write, by name.
        texts: What each mapping was compiled from, by version, for the store.
    """

    folder: Path
    formats: Mapping[str, Format]
    texts: dict[str, str] = field(default_factory=dict)
    _bytes: dict[str, bytes | Unread | None] = field(default_factory=dict)
    _outcomes: dict[tuple[str, str, str], Outcome] = field(default_factory=dict)

    def read(self, path: str) -> bytes | Unread | None:
        """Return a file by its path in the folder, ``None`` if there is none."""
        if path not in self._bytes:
            self._bytes[path] = self._load(path)
        return self._bytes[path]

    def _load(self, path: str) -> bytes | Unread | None:
        root = self.folder.resolve()
        try:
            file = (root / path).resolve(strict=True)
            found = file.is_relative_to(root) and file.is_file()
            return file.read_bytes() if found else None
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None  # ValueError: a name with a NUL, which no file has
        except (OSError, RuntimeError):
            return Unread()  # RuntimeError: links in a circle, before Python 3.13

    def folders(self, kind: str) -> list[str]:
        """Name the folders below ``kind``, in order."""
        parent = self.folder / kind
        if not parent.is_dir():
            return []
        return sorted(p.name for p in parent.iterdir() if p.is_dir())

    def findings(self, path: str) -> Findings:
        """Return an empty list of findings for the file ``path``."""
        return Findings(self.shown + path)

    @property
    def shown(self) -> str:
        """What stands before a path in findings, so that it can be opened."""
        return f"{self.folder}/"

    def document(self, findings: Findings) -> MapNode | None:
        """Read the file that ``findings`` are about."""
        raw = self.read(findings.path.removeprefix(self.shown))
        if raw is None:
            findings.add("file_missing", 1)
            return None
        text = read_text(raw, findings)
        return None if text is None else read_document(text, findings)

    def compile(self, path: str, *, home: str = "", zone: str = "") -> Outcome:
        """Compile a mapping for one home and zone."""
        key = (path, home, zone)
        if key not in self._outcomes:
            compiler = Compiler(self.read, self.formats, self.shown)
            outcome = compiler.compile(path, home=home, zone=zone)
            if outcome.compiled:
                self.texts[outcome.compiled.version] = outcome.compiled.text
            self._outcomes[key] = outcome
        return self._outcomes[key]

    @property
    def compiled(self) -> dict[str, list[Compiled]]:
        """Every mapping that compiled, by its path; a common one once per home."""
        found: dict[str, list[Compiled]] = {}
        for (path, _, _), outcome in sorted(self._outcomes.items()):
            if outcome.compiled:
                found.setdefault(path, []).append(outcome.compiled)
        return found


@dataclass(slots=True)
class Shelf:
    """The mappings one folder names: where they are found, and what is wrong.

    Attributes:
        home: The folder, from the mappings folder: ``sites/st_elm``.
        found: Findings in the mappings and tables it names.
    """

    library: Library
    home: str
    findings: Findings
    zone: str = ""
    found: list[Finding] = field(default_factory=list)

    def mapping(
        self, name: str, line: int, *, reads: str, writes: str, message: str = ""
    ) -> Compiled | None:
        """Return the mapping a line names: in this folder, or ``base/...``.

        Args:
            message: The message type it has to read, if it reads messages.
        """
        path = name if name.startswith("base/") else f"{self.home}/{name}"
        if self.library.read(path) is None:
            self.findings.add("file_missing", line, name)
            return None
        outcome = self.library.compile(path, home=self.home, zone=self.zone)
        self.found.extend(f for f in outcome.findings if f not in self.found)
        if outcome.compiled is None:
            return None
        if (outcome.reads, outcome.writes) != (reads, writes):
            said = f"it reads {outcome.reads} and writes {outcome.writes}"
            self.findings.add("wrong_direction", line, f"{name}: {said}")
            return None
        if message and message not in outcome.messages:
            detail = f"{name} reads {', '.join(outcome.messages) or 'none'}"
            self.findings.add("wrong_message", line, detail)
        return outcome.compiled
