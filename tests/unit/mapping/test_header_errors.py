"""What can be wrong around a mapping's tree, each at its line."""

import pytest

from gateway.mapping.compiler import Compiler
from tests.unit.mapping.builders import FORMATS, found, outcome

HEADER = """\
mapping: 1
reads: { format: hl7v2, message: OMG^O19 }
writes: command
"""
CANCEL = """\
tree:
  command: { const: cancel }
  placer_number: { value: ORC-2.1, namespace: ORC-2.2 }
  patient:
    identifiers: { each: PID-3, item: { value: .1, authority: .4.1 } }
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(HEADER + CANCEL, [], id="right"),
        pytest.param(
            HEADER.replace("1", "2", 1) + CANCEL, ["1: bad_value"], id="version"
        ),
        pytest.param(
            HEADER.replace("hl7v2", "hl7v3") + CANCEL,
            ["2: unknown_format"],
            id="format",
        ),
        pytest.param(
            HEADER.replace("message", "massage") + CANCEL, ["2: unknown_key"], id="key"
        ),
        pytest.param(
            HEADER.replace("command", "csv") + CANCEL, ["3: bad_value"], id="writes"
        ),
        pytest.param(HEADER, ["1: missing_key"], id="no tree"),
        pytest.param(HEADER + "eech: ORC...\n" + CANCEL, ["4: unknown_key"], id="eech"),
        pytest.param(HEADER + "each: ORC..\n" + CANCEL, ["4: bad_place"], id="group"),
        pytest.param(
            HEADER + "same: [{ places: [ORC-2] }]\n" + CANCEL,
            ["4: bad_value"],
            id="same",
        ),
        pytest.param(
            HEADER + "same: [{ places: [ORC-2, OBR2] }]\n" + CANCEL,
            ["4: bad_place"],
            id="places",
        ),
        pytest.param(
            HEADER + "hold_when: [{ place: ORC-1, is: X, code: no.code }]\n" + CANCEL,
            ["4: unknown_problem"],
            id="hold",
        ),
        pytest.param(
            HEADER + "refuse_when: [{ place: ORC-1, is: X }]\n" + CANCEL,
            ["4: missing_key"],
            id="refuse",
        ),
        pytest.param(
            HEADER + "refuse_when: { place: ORC-1 }\n" + CANCEL,
            ["4: not_a_list"],
            id="no list",
        ),
        pytest.param(
            HEADER + "otherwise: { place: ORC-1, code: command.unlisted }\n" + CANCEL,
            ["4: unreachable"],
            id="otherwise of a single tree",
        ),
        pytest.param(
            HEADER + CANCEL.replace("cancel", "cancle"), ["5: bad_value"], id="command"
        ),
        pytest.param(
            HEADER + CANCEL.replace("{ const: cancel }", "ORC-1"),
            ["5: not_covered"],
            id="command from a bare place",
        ),
        pytest.param(
            HEADER + CANCEL.replace("  command: { const: cancel }\n", ""),
            ["5: not_covered"],
            id="no command",
        ),
        pytest.param(
            HEADER + CANCEL.replace(", namespace: ORC-2.2", ""),
            ["6: not_covered"],
            id="half a placer number",
        ),
        pytest.param(
            HEADER + "tree: [{ when: { place: ORC-1, is: X }, tree: a }]\n",
            ["1: missing_key", "4: not_covered"],
            id="alternatives without otherwise",
        ),
        pytest.param(HEADER + "tree: nothing\n", ["4: bad_place"], id="a text"),
        pytest.param(
            HEADER + "tree: { each: PID-3, item: { command: .1 } }\n",
            ["4: not_covered"],
            id="a list",
        ),
        pytest.param(
            HEADER + "otherwise: { place: ORC-1, code: command.unlisted }\n"
            "tree: [{ when: { place: ORC-1, is: X } }]\n",
            ["5: missing_key"],
            id="an alternative without tree",
        ),
        pytest.param(
            HEADER.replace("command", "json"), ["1: missing_key"], id="no template"
        ),
        pytest.param(
            HEADER + CANCEL + "    weight: { const: a }\n",
            ["9: unknown_field"],
            id="weight",
        ),
    ],
)
def test_around_a_tree(text: str, expected: list[str]) -> None:
    lines = found(outcome(text).findings)

    assert set(expected) <= set(lines)
    assert bool(lines) is bool(expected)


def test_a_mapping_may_only_write_what_an_adapter_writes() -> None:
    template = HEADER.replace("command", "hl7v2").replace("hl7v2", "json", 1)
    text = template + "tree: [{ PID: { '3': a } }]\n"
    formats = {"json": FORMATS["json"]}

    made = Compiler({"m.yaml": text.encode()}.get, formats).compile("m.yaml")

    assert found(made.findings) == ["3: unknown_format"]
