"""The functions a mapping consists of when it runs; made once, by ``building``."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from gateway.core.errors import Problem
from gateway.mapping.places import ALONE, NULL, Getter, Walker
from gateway.mapping.run import Build, Run
from gateway.mapping.spec import Condition, Leaf, Source
from gateway.mapping.transforms import Convert, Unfit

# A node, and the value of a place, may be of any type a format has.
# ruff: noqa: ANN401

Child = tuple[str, Getter | None, Build | None]
"""A key with what gives its value: a bare place, or a closure."""


def leaf(spec: Leaf, missing: Problem | None = None) -> Build:
    """Read a place, look it up, convert it; absent, it is ``missing`` if given."""
    build = _leaf(spec, missing)
    return undivided(build, spec.sources, spec.whole) if spec.whole else build


def undivided(read: Build, sources: Sequence[Source], others: str) -> Build:
    """Refuse a place that holds more than is read of it; ``others``: if others fit.

    Once a place: what a guard has said of it is enough.
    """
    build = read
    for source in sources:
        if source.beside != ALONE:
            build = _doubted(build, source, others)
    return build


def _doubted(read: Build, source: Source, others: str) -> Build:
    beside, from_root = source.beside, source.from_root
    perhaps = beside.perhaps or _always
    asked = (("field.more_than_one", beside.parts), (others, beside.others))
    doubts = [(doubt, Problem(code, source.place)) for code, doubt in asked if doubt]

    def build(node: Any, run: Run) -> Any:
        at = run.root if from_root else node
        if perhaps(at):
            for doubt, problem in doubts:
                if doubt(at):
                    run.blame(problem)
        return read(node, run)

    return build


def _always(_: Any) -> bool:
    return True


def _leaf(spec: Leaf, missing: Problem | None) -> Build:
    source = spec.sources[0]
    if len(spec.sources) > 1 and spec.convert:
        build = _several(spec.sources, spec.convert)
    elif source.from_root or (spec.convert and spec.table):
        build = _stepwise(spec)
    elif spec.convert:
        return _converted(source, spec.convert, missing)
    elif spec.table:
        return _coded(spec, missing)
    else:
        return _plain(source, missing)
    return needed(build, missing) if missing else build


def _plain(source: Source, missing: Problem | None) -> Build:
    get = source.get

    def build(node: Any, run: Run) -> Any:
        value = get(node)
        if (value is None or value is NULL) and missing is not None:
            run.faults.append(missing)
        return value

    return build


def _converted(source: Source, convert: Convert, missing: Problem | None) -> Build:
    get = source.get
    takes = str if source.kind == "text" else object

    def build(node: Any, run: Run) -> Any:
        value = get(node)
        if value is None or value is NULL:
            if missing is not None:
                run.faults.append(missing)
            return value
        if not isinstance(value, takes):
            run.faults.append(Problem("field.malformed", source.place))
            return None
        try:
            return convert(value)
        except Unfit as fault:
            return _unfit(fault, (source,), run)

    return build


def _coded(spec: Leaf, missing: Problem | None) -> Build:
    get = spec.sources[0].get
    look_up = _look_up(spec)

    def build(node: Any, run: Run) -> Any:
        value = get(node)
        if value is None or value is NULL:
            if missing is not None:
                run.faults.append(missing)
            return value
        return look_up(value, run)

    return build


def _look_up(spec: Leaf) -> Build:
    entries = dict(spec.table.entries) if spec.table else {}
    unknown = Problem(spec.unknown, spec.sources[0].place, spec.on_unknown)

    def look_up(value: Any, run: Run) -> Any:
        found = entries.get(value) if isinstance(value, str) else None
        if found is None:
            run.faults.append(unknown)
        return found

    return look_up


def _stepwise(spec: Leaf) -> Build:
    """Do what ``leaf`` does for the rarer cases, one step after the other."""
    source = spec.sources[0]
    inner = replace(source, get=lambda value: value, from_root=False)
    steps: list[Build] = []
    if spec.table:
        steps.append(_look_up(spec))
    if spec.convert:
        steps.append(_converted(inner, spec.convert, None))

    def build(node: Any, run: Run) -> Any:
        value = source.get(run.root if source.from_root else node)
        for step in steps:
            if value is None or value is NULL:
                break
            value = step(value, run)
        return value

    return build


def _several(sources: tuple[Source, ...], convert: Convert) -> Build:
    reads = tuple((source.get, source.from_root) for source in sources)

    def build(node: Any, run: Run) -> Any:
        values = [get(run.root if rooted else node) for get, rooted in reads]
        if values[0] is None or values[0] is NULL:
            return values[0]
        texts = [value if isinstance(value, str) else None for value in values]
        try:
            return convert(*texts)
        except Unfit as fault:
            return _unfit(fault, sources, run)

    return build


def _unfit(fault: Unfit, sources: tuple[Source, ...], run: Run) -> object:
    problem = Problem(fault.code, sources[fault.place].place, fault.consequence)
    (run.faults if fault.value is None else run.remarks).append(problem)
    return fault.value


def needed(read: Build, missing: Problem) -> Build:
    """Report what is absent or deleted, unless a problem already explains it."""

    def build(node: Any, run: Run) -> Any:
        before = len(run.faults)
        value = read(node, run)
        if (value is None or value is NULL) and len(run.faults) == before:
            run.faults.append(missing)
        return value

    return build


def first(options: Sequence[Build]) -> Build:
    """Take the first option that gives a value."""

    def build(node: Any, run: Run) -> Any:
        for option in options:
            value = option(node, run)
            if value is not None:
                return value
        return None

    return build


def all_hold(conditions: Sequence[Condition]) -> Callable[[Any, Any], bool]:
    """Return the test that every condition holds, for a node and its root."""
    tests = [(c.passes, c.source.get, c.source.from_root) for c in conditions]
    if len(tests) == 1 and not tests[0][2]:
        passes, get, _ = tests[0]
        return lambda node, _: passes(get(node))

    def test(node: Any, root: Any) -> bool:
        return all(
            passes(get(root if from_root else node)) for passes, get, from_root in tests
        )

    return test


def when(conditions: Sequence[Condition], then: Build) -> Build:
    """Give a value only if every condition holds."""
    test = all_hold(conditions)
    return lambda node, run: then(node, run) if test(node, run.root) else None


def group(
    children: Sequence[Child], constants: Sequence[tuple[str, Any]], *, needed: bool
) -> Build:
    """Give a map of what is present; its constants alone do not make it present.

    A group of which everything present is deleted is deleted as a whole.
    """

    def build(node: Any, run: Run) -> Any:
        before = len(run.faults)
        out = {}
        for key, get, make in children:
            value = get(node) if make is None else make(node, run)  # type: ignore[misc]  # one of the two is there
            if value is not None:
                if value is NULL:
                    run.nulls = True
                out[key] = value
        deleted = run.nulls and out and all(v is NULL for v in out.values())
        if not out or deleted:
            if not needed:
                run.forgive(before)
            return NULL if deleted else None
        for key, value in constants:
            if key not in out:
                out[key] = value
        return out

    return build


def always(
    build: Build,
    constants: Sequence[tuple[str, Any]],
    instead: dict[str, Any] | None = None,
) -> Build:
    """Give a group whose constants are enough, because nothing may do without it."""

    def kept(node: Any, run: Run) -> Any:
        out = build(node, run)
        if out is None or (out is NULL and instead is not None):
            return dict(constants) or instead
        return out

    return kept


def free_map(build: Build) -> Build:
    """Give a map with free keys, in which deleting a value drops its key."""

    def kept(node: Any, run: Run) -> Any:
        out = build(node, run)
        if not run.nulls or out is None:
            return out
        return {} if out is NULL else {k: v for k, v in out.items() if v is not NULL}

    return kept


def items(parts: Sequence[tuple[Build, bool]]) -> Build:
    """Give a list written out; a part marked so adds all of its own items."""

    def build(node: Any, run: Run) -> Any:
        out: list[Any] = []
        deleted = False
        for make, spliced in parts:
            value = make(node, run)
            if value is None:
                continue
            if value is NULL:
                deleted = True
            elif spliced:
                out.extend(value)
                deleted = deleted or not value
            else:
                out.append(value)
        return out if out or deleted else None

    return build


def each(
    walk: Walker,
    make: Build,
    *,
    name: str,
    where: Sequence[Condition],
    gone: Sequence[Condition],
    from_root: bool,
    flat: bool,
) -> Build:
    """Give a list with one item for each node; an empty one if all are deleted."""
    test = all_hold(where) if where else None
    is_gone = all_hold(gone) if gone else None

    def build(node: Any, run: Run) -> Any:
        out: list[Any] = []
        deleted = False
        faults, remarks = run.faults, run.remarks
        for n, item in enumerate(walk(run.root if from_root else node), 1):
            if test is not None and not test(item, run.root):
                continue
            if is_gone is not None and is_gone(item, run.root):
                deleted = True
                continue
            wrong, doubtful = len(faults), len(remarks)
            value = make(item, run)
            if len(faults) != wrong or len(remarks) != doubtful:
                run.locate(wrong, doubtful, name, n)
            if value is None:
                continue
            if value is NULL:
                deleted = True
            elif flat:
                out.extend(value)
            else:
                out.append(value)
        return out if out or deleted else None

    return build
