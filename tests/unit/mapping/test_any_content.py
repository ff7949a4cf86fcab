"""Whatever a message holds, a mapping answers; and it never repeats what it holds."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from adapters.hl7v2.reader import Hl7v2Reader
from gateway.core.agreements import Conventions
from gateway.core.errors import Problem
from gateway.mapping.catalog import Catalog
from gateway.mapping.compiled import Compiled
from tests.unit.mapping.builders import FORMATS
from tests.unit.mapping.test_examples import PACKAGED

CATALOG = Catalog.load(PACKAGED, {"hl7v2": FORMATS["hl7v2"]})
ORDER = CATALOG.sites["st_elm"].messages["OMG^O19"]
CANARY = "CANARY"
LINES = (
    (PACKAGED / "sites/st_elm/examples/order-new.hl7").read_text().rstrip().split("\n")
)

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.just(CANARY),
    st.sampled_from(["order.accepted", "2026-03-02T10:00:00Z", "", "x" * 5000]),
)
KEYS = st.sampled_from(
    ["type", "data", "clientReference", "reference", "occurredAt", "coi", "lot"]
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner),
    max_leaves=12,
)
FIELDS = st.one_of(
    st.just(CANARY),
    st.just('""'),
    st.just(""),
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=9),
    st.sampled_from(["Y", "20260329023000", "1~2^^^X&Y", "-1", "\\F\\", "NEG", "kg"]),
)


def answers(
    mapping: Compiled,
    source: Any,  # noqa: ANN401 - of any format
    *,
    may_say_nothing: bool = False,
) -> None:
    """Run a mapping and check that its answer is one and says nothing it should not."""
    commands, problems = mapping.run(source)

    assert commands or problems or may_say_nothing
    assert not (commands and any(p.consequence == "reject" for p in problems))
    assert all(type(p) is Problem and CANARY not in str(p) for p in problems)


@given(TREES)
def test_any_json_is_answered(tree: object) -> None:
    portal = CATALOG.portals["helix"]
    assert portal.webhook is not None
    assert portal.answer is not None

    answers(portal.webhook.mapping, tree)
    answers(portal.answer, tree, may_say_nothing=True)


@given(
    st.lists(
        st.tuples(st.integers(1, len(LINES) - 1), st.integers(1, 20), FIELDS),
        max_size=6,
    ),
    st.sets(st.integers(1, len(LINES) - 1), max_size=3),
)
def test_any_message_is_answered(
    changes: list[tuple[int, int, str]], dropped: set[int]
) -> None:
    lines = [line.split("|") for line in LINES]
    for line, field, text in changes:
        fields = lines[line]
        fields.extend([""] * (field + 1 - len(fields)))
        fields[field] = text.replace("|", "")
    kept = ["|".join(fields) for n, fields in enumerate(lines) if n not in dropped]
    body = "\r".join([*kept, ""]).encode()
    reader = Hl7v2Reader()
    header, _ = reader.peek(body)

    answers(ORDER, reader.read(header, body, Conventions(zone="America/Chicago")))
