"""Reads a leaf: a place or a constant, and what is done to its value."""

from dataclasses import dataclass, replace
from typing import Any

from gateway.core.problems import CATALOGUE
from gateway.mapping.codes import FindTable
from gateway.mapping.document import Findings
from gateway.mapping.fields import Fields
from gateway.mapping.places import NULL
from gateway.mapping.scope import Scope
from gateway.mapping.spec import Const, Leaf, Source
from gateway.mapping.transforms import TRANSFORMS, Convert, Transform


@dataclass(frozen=True, slots=True)
class Leaves:
    """Reads the leaves of one document.

    Attributes:
        zone: The zone of times without offset, unless a leaf names its own.
        timing: The transform for the time a quantity was measured.
    """

    findings: Findings
    table: FindTable
    zone: str
    timing: str

    def const(self, fields: Fields) -> Const:
        """Read ``const:``, and apply its transform now."""
        text, line = fields.text("const"), fields.line_of("const")
        transform, convert = self._via(fields)
        if transform is None or convert is None:
            return Const(line, text)
        if transform.places > 1 or "text" not in transform.takes:
            self.findings.add("wrong_kind", line, "a constant is one text")
            return Const(line, text, transform.gives)
        return Const(line, fields.attempt(line, text, convert), transform.gives)

    def place(self, fields: Fields, scope: Scope) -> Leaf:
        """Read ``from:`` with its transform and code table."""
        line = fields.line_of("from")
        transform, convert = self._via(fields)
        texts = fields.texts("from", needed=True) or ("",)
        sources = [scope.source(text, line, self.findings) for text in texts]
        measured = self._measured(sources, transform, line)
        kind = self._kind(sources, transform, line)
        table = fields.text("codes", "")
        unknown, on_unknown = self._unknown(fields) if table else ("", "reject")
        if table and (len(sources) > 1 or sources[0].kind != "text"):
            self.findings.add("wrong_kind", line, "codes: takes one text")
        return Leaf(
            line,
            tuple(sources),
            kind,
            convert,
            self.table(table, fields.line_of("codes")) if table else None,
            required=fields.flag("required"),
            unknown=unknown,
            on_unknown=on_unknown,
            measured=measured,
        )

    def _unknown(self, fields: Fields) -> tuple[str, str]:
        code = fields.text("unknown", "code.unknown")
        if code not in CATALOGUE:
            self.findings.add("unknown_problem", fields.line_of("unknown"), code)
        return code, fields.word("on_unknown", ("reject", "hold"), "reject")

    def _via(self, fields: Fields) -> tuple[Transform | None, Convert | None]:
        name, line = fields.text("via", ""), fields.line_of("via")
        if not name:
            return None, None
        transform = TRANSFORMS.get(name)
        if not transform:
            self.findings.add("unknown_transform", line, name)
            return None, None
        arguments = {key: fields.text(key, "") for key in sorted(transform.arguments)}
        if "zone" in arguments:
            arguments["zone"] = arguments["zone"] or self.zone
        try:
            return transform, transform.make(arguments)
        except ValueError as error:
            self.findings.add("bad_value", line, f"{name}: {error}")
            return transform, None

    def _measured(
        self, sources: list[Source], transform: Transform | None, line: int
    ) -> Leaf | None:
        places = transform.places if transform else 1
        timed = transform is not None and transform.gives == "quantity"
        if timed and len(sources) == places + 1:
            convert = TRANSFORMS[self.timing].make({"zone": self.zone})
            return Leaf(line, (_timed(sources.pop(), sources[0]),), "when", convert)
        if len(sources) != places:
            self.findings.add("bad_value", line, f"from: {places} of them here")
        return None

    def _kind(
        self, sources: list[Source], transform: Transform | None, line: int
    ) -> str:
        if not transform:
            return sources[0].kind
        for source in sources:
            if source.kind not in transform.takes:
                takes = " or ".join(sorted(transform.takes))
                detail = f"{source.place} is {source.kind}; the transform takes {takes}"
                self.findings.add("wrong_kind", line, detail)
        return transform.gives


def _timed(time: Source, value: Source) -> Source:
    """Return the time of a value: absent or deleted where the value is."""
    if time.from_root != value.from_root:
        return time

    def get(node: Any) -> Any:  # noqa: ANN401 - a source of any format
        said = value.get(node)
        return said if said is None or said is NULL else time.get(node)

    return replace(time, get=get)
