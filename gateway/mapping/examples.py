"""Runs the examples beside every mapping: a message, and what must become of it.

    order-new.hl7           a message, and
    order-new.json          {"commands": [...]} or {"problems": [...]} of order.yaml
    webhook-accepted.in.json, webhook-accepted.out.json     the same for JSON
    status-sent.in.json     what a template speaks about, and
    status-sent.out.hl7     the segments it writes (MSH, which is made when sent,
                            is left out), or status-sent.out.json

A file belongs to the mapping whose name it begins with. A name that begins with
``_`` is a part that other examples name, such as ``"order": "_order.json"``.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
from pydantic import TypeAdapter, ValidationError

from gateway.core.errors import BatonError, Problem
from gateway.core.order import Model
from gateway.mapping.canonical import Occasion
from gateway.mapping.catalog import Catalog
from gateway.mapping.compiled import Compiled
from gateway.mapping.differences import difference, in_segments
from gateway.mapping.json_format import read_json
from gateway.mapping.problems import Finding
from gateway.mapping.site import Site

Read = Callable[[bytes, Site | None], Any]
"""Reads an example's bytes as a source; ``None`` for the common mappings."""

HEADER: Final = {
    "application": "BATON",
    "type": "ORU^R01^ORU_R01",
    "control_id": "EXAMPLE",
    "sent_at": "20260101000000+0000",
    "processing_id": "T",
    "version": "2.5.1",
    "charset": "UNICODE UTF-8",
}
_OCCASION: Final = TypeAdapter(Occasion)


@dataclass(frozen=True, slots=True)
class Example:
    """One example: its mapping and its two files."""

    mapping: Compiled
    given: Path
    expected: Path
    site: Site | None


def run_examples(
    folder: Path, catalog: Catalog, readers: Mapping[str, Read]
) -> list[Problem]:
    """Run every example of a mappings folder.

    Args:
        readers: By the name of a format; JSON needs none.

    Returns:
        One problem for each example that differs, cannot be read or stands
        alone, and for each mapping without any; nothing of a folder in which
        something else is wrong, because that is to be mended first.
    """
    every = {"json": _read_json, **readers}
    problems: list[Problem] = []
    covered: set[str] = set()
    for example in find_examples(folder, catalog):
        covered.add(example.mapping.path)
        if _is_broken(example.mapping.path, catalog):
            continue
        found = _run(example, catalog, every)
        if found:
            problems.append(_finding(example.expected, *found))
    bare = sorted(catalog.mappings.keys() - covered)
    missing = [
        _finding(folder / path, "no_example")
        for path in bare
        if not _is_broken(path, catalog)
    ]
    return [*problems, *missing, *_alone(folder, catalog)]


def find_examples(folder: Path, catalog: Catalog) -> Iterator[Example]:
    """Yield every example that has a mapping, in order."""
    for given in sorted(folder.glob("**/examples/*")):
        mapping = _mapping_of(folder, given, catalog)
        if mapping is None or not _is_given(given):
            continue
        kind, name = mapping.path.split("/")[:2]
        site = catalog.sites.get(name) if kind == "sites" else None
        yield Example(mapping, given, expected_of(given, mapping), site)


def expected_of(given: Path, mapping: Compiled) -> Path:
    """Return where an example's expected result stands."""
    if given.name.endswith(".in.json"):
        ending = "hl7" if mapping.writes == "hl7v2" else "json"
        return given.with_name(f"{given.name.removesuffix('.in.json')}.out.{ending}")
    return given.with_suffix(".json")


def result_of(example: Example, catalog: Catalog, readers: Mapping[str, Read]) -> bytes:
    """Return what becomes of an example, as its expected file would hold it.

    Raises:
        BatonError: The example cannot be read.
        ValueError: It is no example of what the mapping reads.
    """
    mapping = example.mapping
    if mapping.reads == "canonical":
        source: Any = _occasion(example.given)
    else:
        source = readers[mapping.reads](example.given.read_bytes(), example.site)
    trees, problems = mapping.run(source)
    if mapping.writes == "hl7v2" and not problems:
        return _segments(trees[0], source, example.site, catalog)
    if mapping.writes == "json" and not problems:
        return _pretty(trees[0])
    return summary(trees, problems)


def _run(
    example: Example, catalog: Catalog, readers: Mapping[str, Read]
) -> tuple[str, str] | None:
    if not example.expected.is_file():
        return "example_alone", example.given.name
    try:
        actual = result_of(example, catalog, readers)
        expected = example.expected.read_bytes()
        if example.expected.suffix == ".hl7":
            differs = in_segments(expected.decode().strip(), actual.decode().strip())
        else:
            differs = difference(orjson.loads(expected), orjson.loads(actual))
    except (BatonError, ValueError, LookupError, OSError) as error:
        return "example_unreadable", type(error).__name__
    return ("example_differs", differs) if differs else None


def summary(results: Sequence[Any], problems: Sequence[Problem]) -> bytes:
    """Return what a message asks for, and what is wrong with it, as it is expected."""
    found: dict[str, Any] = {}
    if results or not problems:
        found["commands"] = [
            result.model_dump(mode="json", exclude_unset=True)
            if isinstance(result, Model)
            else result
            for result in results
        ]
    if problems:
        found["problems"] = [f"{p.consequence}: {p}" for p in problems]
    return _pretty(found)


def _pretty(tree: Any) -> bytes:  # noqa: ANN401 - JSON
    return orjson.dumps(tree, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _segments(
    tree: Any,  # noqa: ANN401 - a template's tree
    occasion: Occasion,
    site: Site | None,
    catalog: Catalog,
) -> bytes:
    back = site.status_back if site else None
    options = {**HEADER, **(back.header(occasion) if back else {})}
    codec = "utf-8"
    options["charset"] = HEADER["charset"]  # examples are kept in UTF-8
    message = catalog.formats["hl7v2"].encode(tree, options).decode(codec)
    return "\n".join(message.rstrip("\r").split("\r")[1:]).encode() + b"\n"


def _occasion(path: Path) -> Occasion:
    tree = orjson.loads(path.read_bytes())
    for key, value in tree.items():
        if isinstance(value, str) and value.startswith("_"):
            tree[key] = orjson.loads(path.with_name(value).read_bytes())
    try:
        return _OCCASION.validate_python(tree)
    except ValidationError as error:
        places = [".".join(map(str, e["loc"])) for e in error.errors()]
        raise ValueError(", ".join(places)) from None


def _read_json(body: bytes, site: Site | None) -> Any:  # noqa: ANN401, ARG001 - as any reader
    return read_json(body)


def _is_broken(path: str, catalog: Catalog) -> bool:
    """Tell whether something is wrong with the site or manufacturer of a file.

    The common mappings are everybody's.
    """
    kind, name = path.split("/")[:2]
    if kind == "sites":
        return name in catalog.sites and bool(catalog.sites[name].problems)
    if kind == "manufacturers":
        return name in catalog.closed
    return bool(catalog.problems)


def _fits(name: str, stem: str) -> bool:
    return name == stem or name.startswith(f"{stem}-")


def _mapping_of(folder: Path, file: Path, catalog: Catalog) -> Compiled | None:
    home = file.parent.parent.relative_to(folder).as_posix()
    stems = {
        Path(path).stem: found[0]
        for path, found in catalog.mappings.items()
        if Path(path).parent.as_posix() == home
    }
    name = file.name.split(".", 1)[0]
    fitting = [stem for stem in stems if _fits(name, stem)]
    return stems[max(fitting, key=len)] if fitting else None


def _alone(folder: Path, catalog: Catalog) -> Iterator[Problem]:
    wanted = {e.expected for e in find_examples(folder, catalog)}
    for file in sorted(folder.glob("**/examples/*")):
        if file.name.startswith("_") or file in wanted:
            continue
        if _is_given(file) and _mapping_of(folder, file, catalog):
            continue
        if _is_broken(file.relative_to(folder).as_posix(), catalog):
            continue  # what is wrong is told where it is wrong
        yield _finding(file, "example_alone")


def _is_given(file: Path) -> bool:
    name = file.name
    if name.startswith("_") or name.endswith(".out.hl7"):
        return False
    return name.endswith((".hl7", ".in.json"))


def _finding(file: Path, code: str, detail: str = "") -> Finding:
    return Finding(f"mapping.{code}", f"{file}:1", detail=detail)
