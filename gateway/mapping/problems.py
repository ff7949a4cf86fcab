"""What can be wrong with a mappings folder, and what its author does about it.

These codes are for people who write mappings; ``core.problems`` has those that
senders of messages hear. ``baton check`` prints ``explain`` for each finding.
"""

from dataclasses import dataclass
from typing import Final

from gateway.core.errors import Problem


@dataclass(frozen=True, slots=True)
class Advice:
    """One code's explanation: what is wrong, and what to do next."""

    says: str
    then: str


@dataclass(frozen=True, slots=True)
class Finding(Problem):
    """A problem in a file of the mappings folder; ``where`` is ``file:line``.

    Attributes:
        detail: The words of the file it is about. Mappings hold no patient data.
    """

    detail: str = ""


CATALOGUE: Final[dict[str, Advice]] = {}


def _codes(**entries: str) -> None:
    for name, text in entries.items():
        says, then = text.split(" | ")
        CATALOGUE[f"mapping.{name}"] = Advice(says, then)


_codes(
    # the file
    unreadable="The file is there but cannot be read. | "
    "Correct its owner and rights, its name, or where its link leads.",
    not_utf8="The file is not UTF-8. | Save it as UTF-8.",
    not_yaml="The file is not YAML. | Correct the syntax at this line.",
    too_large="The file is over 1 MiB. | Move code lists into CSV tables.",
    too_deep="The file is nested more than 32 levels deep. | Flatten it.",
    duplicate_key="A key stands twice in one map. | Keep one of the two.",
    anchor="Anchors and aliases (& and *) are not used here. | Write it out.",
    tag="Tags (!) are not used here; every value is text. | Remove the tag.",
    file_missing="A file that is named does not exist. | "
    "Create it, or correct its name.",
    # its shape
    not_a_map="Keys and values belong here. | Write key: value lines.",
    not_a_list="A list belongs here. | Write - items, or [a, b].",
    not_a_text="A single value belongs here. | Write one value.",
    unknown_key="The key is not known here. | Correct its spelling, or remove it.",
    missing_key="A key that is needed here is missing. | Add it.",
    bad_value="The value cannot be used here. | Use one the message names.",
    # leaves
    unknown_format="No adapter reads or writes this format. | Correct its name.",
    bad_place="The text names no place of this format. | Correct the place.",
    unknown_transform="No transform has this name. | Use one listed in the README.",
    wrong_kind="The field, or the transform, takes another kind of value. | "
    "Name the transform (via:) that turns one into the other.",
    unreachable="Nothing after this line is ever reached. | Remove it, or move it up.",
    unknown_table="No code table has this name. | "
    "Create codes/NAME.csv in this folder or in mappings/codes.",
    unknown_problem="No problem has this code. | Use a code of docs/problems.md.",
    # code tables
    table_source="The table does not say where its codes come from. | "
    "Begin the file with a line: # source: ...",
    table_header="The first row is not from,to,display. | Write that header.",
    table_row="The row is not from,to,display with text in the first two. | "
    "Complete it; quote texts that hold commas.",
    table_twice="A code stands twice in one table. | Keep one of the two rows.",
    # the canonical side
    unknown_field="The canonical model has no such field. | "
    "Use a field of docs/order.schema.json, or extensions.",
    not_covered="The canonical model needs a field that no line gives. | Add a line.",
    wrong_shape="The canonical model has another shape here. | "
    "Write a map, a list or a single value as it does.",
    template="The template is not what this format can write. | Correct its shape.",
    # sites and manufacturers
    wrong_message="The mapping reads another message type. | "
    "Name a file whose reads: lists this type.",
    wrong_direction="The mapping reads or writes another format. | Name another file.",
    waits_outlive_key="We would still be trying when the portal has forgotten the "
    "key, and a repeat could be a second order. | "
    "Shorten waits: and deadline:, or correct honoured_for:.",
    route_twice="Two routes lead from one product and country. | Keep one of them.",
    sender_twice="Two sites claim the same sender. | Let one of them go.",
    # examples
    no_example="The mapping has no example. | "
    "Put a message and its expected result into examples/.",
    example_alone="The example has no expected result, or belongs to no mapping. | "
    "Name the files as the README says.",
    example_unreadable="The example cannot be read. | Correct it.",
    example_differs="The result is not the expected one. | "
    "Correct the mapping, or the expectation after checking it.",
)


def explain(problem: Problem) -> str:
    """Return ``file:line: code: what is wrong. What to do.`` as a compiler would."""
    advice = CATALOGUE.get(problem.code, Advice("It is not right.", "Correct it."))
    detail = problem.detail if isinstance(problem, Finding) else ""
    says = f"{advice.says} ({detail})" if detail else advice.says
    return f"{problem.where}: {problem.code}: {says} {advice.then}"
