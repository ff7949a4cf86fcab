"""From a tree to a command: the canonical model has the last word, without values."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, get_args

from pydantic import ValidationError

from gateway.core.commands import Command
from gateway.core.errors import Problem
from gateway.core.order import Model
from gateway.mapping.run import MISSING
from gateway.mapping.spec import ITEM, Origin, Path

MODELS: Final[dict[str, type[Model]]] = {
    get_args(model.model_fields["command"].annotation)[0]: model
    for model in get_args(get_args(Command)[0])
}
"""Each command's model by its name."""

_CODES: Final = {
    "missing": MISSING,
    "too_short": MISSING,
    "string_too_long": "field.too_long",
    "too_long": "field.too_long",
    "greater_than": "field.implausible",  # of order.Measure
    "value_error": "field.implausible",  # of order.Weight and Height
}


def judge(
    tree: dict[str, Any], origins: Mapping[Path, str]
) -> tuple[Command | None, list[Problem]]:
    """Validate one tree; problems are placed where the values came from."""
    try:
        command = MODELS[tree["command"]].__pydantic_validator__.validate_python(tree)
    except ValidationError as error:
        found = error.errors(
            include_url=False, include_context=False, include_input=False
        )
        problems = [
            Problem(_CODES.get(e["type"], "field.not_valid"), where(e["loc"], origins))
            for e in found
        ]
        return None, list(dict.fromkeys(problems))
    return command, []


def where(loc: tuple[int | str, ...], origins: Mapping[Path, str]) -> str:
    """Name the place a canonical field was read from, else the field itself."""
    path = tuple(ITEM if isinstance(step, int) else step for step in loc)
    for end in range(len(path), 0, -1):
        if path[:end] in origins:
            return origins[path[:end]]
    inside = (place for at, place in origins.items() if at[: len(path)] == path)
    return next(inside, ".".join(map(str, loc)))


def origin_of(found: Iterable[Origin]) -> dict[Path, str]:
    """Return the first place named for each path, in the order of the tree."""
    origins: dict[Path, str] = {}
    for path, place in found:
        origins.setdefault(path, place)
    return origins


def models_named(names: frozenset[str]) -> list[type[Model]]:
    """Return the models of the commands that ``names`` has."""
    return [MODELS[name] for name in sorted(names & MODELS.keys())]
