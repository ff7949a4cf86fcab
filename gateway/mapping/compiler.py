"""A mapping file becomes a function, checked once and completely.

What it needs besides its own text is given: files by path, formats by name, the
site's zone. The same texts make the same function again years later.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from gateway.mapping.codes import CodeTable, read_table
from gateway.mapping.compiled import Compiled, Directive
from gateway.mapping.document import (
    Findings,
    MapNode,
    Unread,
    read_document,
    read_text,
)
from gateway.mapping.fields import Fields
from gateway.mapping.grammar import Grammar
from gateway.mapping.places import Format
from gateway.mapping.problems import Finding
from gateway.mapping.reading import read_commands, read_template
from gateway.mapping.running import Runner

Files = Callable[[str], bytes | Unread | None]
"""Returns a file of the mappings folder by its path there, ``None`` if absent."""

WRITES: Final[tuple[Directive, ...]] = ("command", "json", "hl7v2")


@dataclass(slots=True)
class Outcome:
    """What became of one file.

    Attributes:
        compiled: ``None`` if anything is wrong.
        messages: The message types it reads, if it names any.
        reads: The format it reads; ``writes`` likewise, ``""`` if unknown.
    """

    compiled: Compiled | None = None
    messages: tuple[str, ...] = ()
    reads: str = ""
    writes: str = ""
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Compiler:
    """Compiles the files of one mappings folder.

    Attributes:
        shown: What is put before a path in findings: the folder and ``/``.
    """

    files: Files
    formats: Mapping[str, Format]
    shown: str = ""

    def compile(self, path: str, *, home: str = "", zone: str = "") -> Outcome:
        """Compile one mapping.

        Args:
            path: The file, from the mappings folder.
            home: The folder whose ``codes/`` come before the common ones.
            zone: The zone of times without offset.
        """
        return _Compilation(self, path, home, zone).outcome()


class _Compilation:
    """One file on its way to a function."""

    def __init__(self, compiler: Compiler, path: str, home: str, zone: str) -> None:
        self._compiler = compiler
        self._path = path
        self._home = home
        self._zone = zone
        self._texts: dict[str, str] = {}
        self._tables: dict[str, CodeTable | None] = {}
        self._findings = Findings(f"{compiler.shown}{path}")
        self._of_tables: list[Finding] = []

    def outcome(self) -> Outcome:
        text = self._read(self._path, self._findings)
        document = None if text is None else read_document(text, self._findings)
        outcome = self._compile(document) if document else Outcome()
        outcome.findings = [*self._findings.found, *self._of_tables]
        if outcome.findings:
            outcome.compiled = None
        return outcome

    def _compile(self, document: MapNode) -> Outcome:
        fields = Fields(document, self._findings)
        fields.word("mapping", ("1",))
        reads = fields.mapping("reads", needed=True)
        source = self._format(reads, "format")
        messages = reads.texts("message")
        reads.done()
        writes = fields.word("writes", WRITES)
        run = self._runner(fields, source, writes) if source else None
        if run:
            fields.done()
        name = source.name if source else ""
        compiled = self._compiled(name, writes, run) if run else None
        return Outcome(compiled, messages, name, writes)

    def _format(self, fields: Fields, key: str) -> Format | None:
        name = fields.text(key)
        if name and name not in self._compiler.formats:
            self._findings.add("unknown_format", fields.line_of(key), name)
        return self._compiler.formats.get(name)

    def _runner(self, fields: Fields, source: Format, writes: str) -> Runner | None:
        timing = "hl7_when" if source.name == "hl7v2" else "iso_when"
        grammar = Grammar(self._findings, self._table, zone=self._zone, timing=timing)
        if writes == "command":
            return read_commands(fields, source, grammar)
        target = self._compiler.formats.get(writes)
        if target is None:
            self._findings.add("unknown_format", fields.line_of("writes"), writes)
            return None
        return read_template(fields, source, target, grammar)

    def _table(self, name: str, line: int) -> CodeTable | None:
        if name not in self._tables:
            self._tables[name] = self._find_table(name)
        if self._tables[name] is None:
            self._findings.add("unknown_table", line, name)
        return self._tables[name]

    def _find_table(self, name: str) -> CodeTable | None:
        folders = (self._home, "") if self._home else ("",)
        for folder in folders:
            path = f"{folder}/codes/{name}.csv".removeprefix("/")
            if self._compiler.files(path) is not None:
                return self._read_table(path)
        return None

    def _read_table(self, path: str) -> CodeTable:
        findings = Findings(f"{self._compiler.shown}{path}")
        text = self._read(path, findings)
        table = CodeTable(path, {}) if text is None else read_table(text, findings)
        self._of_tables.extend(findings.found)
        return table

    def _read(self, path: str, findings: Findings) -> str | None:
        raw = self._compiler.files(path)
        if raw is None:
            findings.add("file_missing", 1)
            return None
        text = read_text(raw, findings)
        if text is not None:
            self._texts[path] = text
        return text

    def _compiled(self, reads: str, writes: Any, run: Runner) -> Compiled:  # noqa: ANN401 - one of WRITES
        kept = {
            "files": self._texts,
            "home": self._home,
            "mapping": self._path,
            "zone": self._zone,
        }
        text = orjson.dumps(kept, option=orjson.OPT_SORT_KEYS).decode()
        version = hashlib.sha256(text.encode()).hexdigest()
        return Compiled(self._path, version, text, reads, writes, run)
