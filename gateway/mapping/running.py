"""What a compiled mapping does with one source."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gateway.core.commands import Command
from gateway.core.errors import Problem, Unmappable
from gateway.mapping.closures import undivided
from gateway.mapping.judging import judge
from gateway.mapping.places import NULL, Getter, Walker
from gateway.mapping.run import MISSING, Build, Run, settle_nulls
from gateway.mapping.spec import Path, Source

# A node may be of any type a format has.
# ruff: noqa: ANN401

Test = Callable[[Any, Any], bool]
"""A condition, for a node and the whole source."""

Runner = Callable[[Any], tuple[list[Any], list[Problem]]]

MOST_WINDOWS = 99
"""Commands of one message, as many as it may cause deliveries (ADR 0009)."""

Guard = Callable[[Any, Run], None]
"""Looks at a node before its tree is built, and records what it finds."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """One shape a message may have; ``test`` is ``None`` if it is the only one."""

    test: Test | None
    build: Build
    origins: Mapping[Path, str]


@dataclass(frozen=True, slots=True)
class Otherwise:
    """What a message without a fitting alternative is told."""

    get: Getter
    place: str
    code: str


@dataclass(frozen=True, slots=True)
class Windows:
    """What the mapping walks at its top: one command for each."""

    walk: Walker
    name: str


def refuse(test: Test, problem: Problem) -> Guard:
    """Record ``problem`` if the test holds: as a fault, or as one to confirm."""

    def guard(node: Any, run: Run) -> None:
        if test(node, run.root):
            held = problem.consequence == "hold"
            (run.remarks if held else run.faults).append(problem)

    return guard


def agree(sources: Sequence[Source], differ: Problem) -> Guard:
    """Record ``differ`` unless all that is there, at every place, is the same."""
    look = undivided(_nothing, sources, differ.code)
    getters = [source.get for source in sources]

    def guard(node: Any, run: Run) -> None:
        look(node, run)
        found = [get(node) for get in getters]
        given = (value for value in found if value is not None and value is not NULL)
        said = [v.strip() if isinstance(v, str) else v for v in given]
        if any(value != said[0] for value in said):
            run.faults.append(differ)

    return guard


def _nothing(node: Any, run: Run) -> None:
    """Read nothing."""


def template(build: Build) -> Runner:
    """Return what renders one tree; with a fault there is none."""

    def render(source: Any) -> tuple[list[Any], list[Problem]]:
        run = Run(source)
        tree = build(source, run)
        return ([] if run.faults else [tree]), [*run.faults, *run.remarks]

    return render


class Commands:
    """Turns one source into commands, all of them or none."""

    def __init__(
        self,
        alternatives: Sequence[Alternative],
        guards: Sequence[Guard] = (),
        otherwise: Otherwise | None = None,
        windows: Windows | None = None,
    ) -> None:
        self._alternatives = tuple(alternatives)
        self._guards = tuple(guards)
        self._otherwise = otherwise
        self._windows = windows

    def __call__(self, source: Any) -> tuple[list[Command], list[Problem]]:
        """Return every command, or none and why; held ones come with both."""
        try:
            return self._all(source)
        except Unmappable as error:  # a place that could mean several
            return [], list(error.problems)

    def _all(self, source: Any) -> tuple[list[Command], list[Problem]]:
        if self._windows is None:
            command, run = self._one(source, source)
            return _together([command], [*run.faults], run.remarks)
        name = self._windows.name
        nodes = self._windows.walk(source)
        if not nodes:
            return [], [Problem("segment.missing", name)]
        if len(nodes) > MOST_WINDOWS:
            return [], [Problem("message.too_many_orders", name)]
        done = [self._one(node, source) for node in nodes]
        commands = [command for command, _ in done]
        faults = _located([run.faults for _, run in done], name)
        return _together(commands, faults, _located([r.remarks for _, r in done], name))

    def _one(self, node: Any, source: Any) -> tuple[Command | None, Run]:
        run = Run(source)
        for guard in self._guards:
            guard(node, run)
        for alternative in self._alternatives:
            if alternative.test is None or alternative.test(node, source):
                return _command(alternative, node, run), run
        if self._otherwise:
            said = self._otherwise.get(node)
            code = self._otherwise.code if said is not None else MISSING
            run.faults.append(Problem(code, self._otherwise.place))
        return None, run


def _command(alternative: Alternative, node: Any, run: Run) -> Command | None:
    tree = alternative.build(node, run)
    if run.faults:
        return None
    if run.nulls:
        tree = settle_nulls(tree, explicit=tree.get("command") == "change")
    command, problems = judge(tree, alternative.origins)
    run.faults.extend(problems)
    return command


def _together(
    commands: Sequence[Command | None], faults: list[Problem], remarks: list[Problem]
) -> tuple[list[Command], list[Problem]]:
    if faults:
        return [], [*faults, *remarks]
    return [command for command in commands if command is not None], remarks


def _located(found: Sequence[list[Problem]], name: str) -> list[Problem]:
    """Say in which window a problem is; what all windows share is said once."""
    shared = [p for p in found[0] if all(p in problems for problems in found)]
    rest = [
        replace(problem, where=f"{problem.where} in {name}[{n}]")
        for n, problems in enumerate(found, 1)
        for problem in problems
        if problem not in shared
    ]
    return [*shared, *rest]
