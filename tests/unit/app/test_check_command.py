"""``baton check``: what a person reads when a mapping is wrong, and the exit status.

Every kind of finding has its test beside the compiler; here it is the command.
"""

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from gateway.app.settings import packaged_mappings
from tests.unit.app.commands import baton

SITE = """\
site: 1
title: Elm
senders: [{ application: EHR, facilities: [ELM] }]
networks: [10.0.0.0/8]
processing_ids: [P]
facilities: { ELM: { name: Elm, country: US } }
interface: { zone: Europe/Berlin }
messages: { ORM^O01: order.yaml }
ignore: [ADT^A01]
"""
ORDER = """\
mapping: 1
reads: { format: hl7v2, message: ORM^O01 }
writes: command
tree:
  command: { from: ORC-1, codes: control }
  placer_number: { value: ORC-2.1, namespace: { const: EHR } }
  patient:
    identifiers: [{ value: PID-3.1, authority: { const: ELM } }]
    birth_date: { from: PID-7, via: hl7_date }
  reason: ORC-16.2
"""
CODES = """\
# source: HL7 v2.5.1 table 0119
from,to,display
CA,cancel,Cancel order
"""
MESSAGE = """\
MSH|^~\\&|EHR|ELM|BATON|BATON|20260301||ORM^O01|1|P|2.5.1
PID|1||4711||||19710409
ORC|CA|X1||||||||||||||no^Too ill
"""
MEANT = b"""\
{"commands": [{"command": "cancel",
  "placer_number": {"value": "X1", "namespace": "EHR"},
  "patient": {"identifiers": [{"value": "4711", "authority": "ELM"}],
    "birth_date": "1971-04-09"},
  "reason": "Too ill"}]}
"""
SITE_FILE, ORDER_FILE = "sites/elm/site.yaml", "sites/elm/order.yaml"
CODES_FILE, EXAMPLE = "codes/control.csv", "sites/elm/examples/order-cancel"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A mappings folder with nothing wrong in it."""
    mappings = tmp_path / "mappings"
    files = {
        SITE_FILE: SITE.encode(),
        ORDER_FILE: ORDER.encode(),
        CODES_FILE: CODES.encode(),
        EXAMPLE + ".hl7": MESSAGE.encode(),
        EXAMPLE + ".json": MEANT,
    }
    for name, content in files.items():
        (mappings / name).parent.mkdir(parents=True, exist_ok=True)
        (mappings / name).write_bytes(content)
    return mappings


def edit(folder: Path, name: str, old: str, new: str) -> None:
    data = (folder / name).read_bytes()
    assert old.encode() in data
    data = data.replace(old.encode(), new.encode("latin-1"), 1)
    (folder / name).write_bytes(data)


def check(folder: Path) -> tuple[int, list[str]]:
    said = baton("check", "--mappings", str(folder))
    return said.status, said.out.splitlines()


def test_a_sound_folder_says_nothing_and_exits_0(folder: Path) -> None:
    said = baton("check", "--mappings", str(folder))

    assert (said.status, said.out) == (0, "")
    assert said.err == "1 sites, 0 portals, 1 mappings: 0 problem(s)\n"


def test_the_packaged_samples_are_sound() -> None:
    assert check(packaged_mappings()) == (0, [])


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        pytest.param(
            SITE_FILE,
            "title: Elm",
            "title: [Elm",
            "sites/elm/site.yaml:3: mapping.not_yaml: The file is not YAML. (column 8: "
            "while parsing a flow sequence, did not find expected ',' or ']') "
            "Correct the syntax at this line.",
            id="a bracket is missing",
        ),
        pytest.param(
            ORDER_FILE,
            "reason: ORC-16.2",
            "reason: ORC-16.2\n  reason: ORC-16.1",
            "sites/elm/order.yaml:11: mapping.duplicate_key: A key stands twice"
            " in one map. (reason) Keep one of the two.",
            id="a key stands twice",
        ),
        pytest.param(
            SITE_FILE,
            "networks:",
            "network:",
            "sites/elm/site.yaml:1: mapping.missing_key: A key that is needed "
            "here is missing. (networks) Add it.\n"
            "sites/elm/site.yaml:4: mapping.unknown_key: The key is not known "
            "here. (network) Correct its spelling, or remove it.",
            id="a misspelt key of a site",
        ),
        pytest.param(
            SITE_FILE,
            "order.yaml",
            "orders.yaml",
            "sites/elm/site.yaml:8: mapping.file_missing: A file that is named "
            "does not exist. (orders.yaml) Create it, or correct its name.",
            id="a file that is not there",
        ),
        pytest.param(
            ORDER_FILE,
            "ORC-16.2",
            "ORC-16.b",
            "sites/elm/order.yaml:10: mapping.bad_place: The text names no "
            "place of this format. (ORC-16.b: 'ORC-16.b' is no place; write "
            "PID-5, PID-5.1, PID-3[5=MR].1, OBX[3.1=x]-5 or, in an each:, .1) "
            "Correct the place.",
            id="no place",
        ),
        pytest.param(
            ORDER_FILE,
            "via: hl7_date",
            "via: hl7_dat",
            "sites/elm/order.yaml:9: mapping.unknown_transform: No transform "
            "has this name. (hl7_dat) Use one listed in the README.\n"
            "sites/elm/order.yaml:9: mapping.wrong_kind: The field, or the "
            "transform, takes another kind of value. (patient.birth_date takes "
            "date, not text) Name the transform (via:) that turns one into the "
            "other.",
            id="no transform",
        ),
        pytest.param(
            ORDER_FILE,
            ", via: hl7_date",
            "",
            "sites/elm/order.yaml:9: mapping.wrong_kind: The field, or the "
            "transform, takes another kind of value. (patient.birth_date takes "
            "date, not text) Name the transform (via:) that turns one into the "
            "other.",
            id="a text where a date belongs",
        ),
        pytest.param(
            ORDER_FILE,
            "codes: control",
            "codes: controls",
            "sites/elm/order.yaml:5: mapping.unknown_table: No code table has "
            "this name. (controls) Create codes/NAME.csv in this folder or in "
            "mappings/codes.\n"
            "sites/elm/order.yaml:5: mapping.not_covered: The canonical model "
            "needs a field that no line gives. (command: {const: ...}, or with "
            "codes:) Add a line.",
            id="no code table",
        ),
        pytest.param(
            ORDER_FILE,
            "reason:",
            "raeson:",
            "sites/elm/order.yaml:10: mapping.unknown_field: The canonical "
            "model has no such field. (raeson) Use a field of "
            "docs/order.schema.json, or extensions.",
            id="no such field",
        ),
        pytest.param(
            ORDER_FILE,
            "message: ORM^O01",
            "message: OMG^O19",
            "sites/elm/site.yaml:8: mapping.wrong_message: The mapping reads "
            "another message type. (order.yaml reads OMG^O19) Name a file whose"
            " reads: lists this type.",
            id="another message type",
        ),
        pytest.param(
            CODES_FILE,
            "CA,cancel,Cancel order",
            "CA,cancel,Cancel order\nCA,place,",
            "codes/control.csv:4: mapping.table_twice: A code stands twice in "
            "one table. (CA) Keep one of the two rows.",
            id="a code stands twice",
        ),
        pytest.param(
            SITE_FILE,
            "title: Elm",
            "title: Gr\xfcn",
            "sites/elm/site.yaml:2: mapping.not_utf8: The file is not UTF-8. "
            "Save it as UTF-8.",
            id="a file in Latin-1",
        ),
        pytest.param(
            SITE_FILE,
            "{ zone:",
            "{ charset: KLINGON, zone:",
            "sites/elm/site.yaml:7: mapping.bad_value: The value cannot be used "
            "here. (KLINGON: MSH-18 names a character set we do not know.) Use one the "
            "message names.",
            id="no character set",
        ),
        pytest.param(
            CODES_FILE,
            "Cancel order",
            "Auftrag zur\xfcck",
            "codes/control.csv:3: mapping.not_utf8: The file is not UTF-8. "
            "Save it as UTF-8.\n"
            "sites/elm/order.yaml:5: mapping.bad_value: The value cannot be used "
            "here. (no command: one of place, change, cancel, update_patient, "
            "correct_identity, report_status) Use one the message names.",
            id="a code table in Latin-1",
        ),
        pytest.param(
            EXAMPLE + ".json",
            "Too ill",
            "Too well",
            "sites/elm/examples/order-cancel.json:1: mapping.example_differs: "
            "The result is not the expected one. (commands[1].reason: expected "
            '"Too well", got "Too ill") Correct the mapping, or the expectation after '
            "checking it.",
            id="another result",
        ),
    ],
)
def test_a_fault_is_told_as_a_compiler_would(
    folder: Path, file: str, old: str, new: str, expected: str
) -> None:
    edit(folder, file, old, new)

    status, lines = check(folder)

    assert status == 2
    assert lines == [f"{folder}/{line}" for line in expected.split("\n")]


def test_every_fault_of_a_file_is_told_at_once(folder: Path) -> None:
    edit(folder, ORDER_FILE, "ORC-16.2", "ORC-16.b")
    edit(folder, ORDER_FILE, ", via: hl7_date", "")

    _, lines = check(folder)

    assert [line.split(": ")[0] for line in lines] == [
        f"{folder}/sites/elm/order.yaml:9",
        f"{folder}/sites/elm/order.yaml:10",
    ]


def test_json_is_one_finding_a_line(folder: Path) -> None:
    edit(folder, ORDER_FILE, "ORC-16.2", "ORC-16.b")

    said = baton("check", "--json", "--mappings", str(folder))

    assert said.status == 2
    assert [orjson.loads(line) for line in said.out.splitlines()] == [
        {
            "where": f"{folder}/sites/elm/order.yaml:10",
            "code": "mapping.bad_place",
            "detail": "ORC-16.b: 'ORC-16.b' is no place; write PID-5, PID-5.1, "
            "PID-3[5=MR].1, OBX[3.1=x]-5 or, in an each:, .1",
        }
    ]


@pytest.mark.parametrize("here", [".", ".."], ids=["inside", "beside"])
def test_a_fault_can_be_opened_from_where_it_was_asked_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch, here: str
) -> None:
    edit(folder, ORDER_FILE, "ORC-16.2", "ORC-16.b")
    monkeypatch.chdir(folder / here)

    said = baton("check", mappings=str(folder.relative_to(Path.cwd())))

    assert Path(said.out.split(":")[0]).samefile(folder / ORDER_FILE)


@pytest.mark.slow
def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    """By the whole program: whoever misspells a path must not hear that all is well."""
    command = [sys.executable, "-m", "gateway.app.cli", "check", "--mappings"]

    ended = subprocess.run(
        [*command, str(tmp_path / "nowhere")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 2
    assert ended.stderr == (
        f"{tmp_path / 'nowhere'}: settings.no_mappings: The mappings folder is not "
        "there. Correct BATON_MAPPINGS or --mappings.\n"
    )


def test_the_cause_is_told_and_not_what_follows_from_it(folder: Path) -> None:
    """With a wrong zone every time in every example would be another one."""
    edit(folder, EXAMPLE + ".json", "Too ill", "Too well")
    edit(folder, SITE_FILE, "Europe/Berlin", "Europe/Berlim")

    status, [line] = check(folder)

    assert status == 2
    assert line.startswith(f"{folder}/{SITE_FILE}:7: mapping.bad_value: ")


def test_a_mapping_that_is_gone_is_told_once(folder: Path) -> None:
    (folder / ORDER_FILE).unlink()

    assert [line.split(": ")[:2] for line in check(folder)[1]] == [
        [f"{folder}/{SITE_FILE}:8", "mapping.file_missing"]
    ]


def test_what_does_not_compile_is_told_before_examples(folder: Path) -> None:
    """An example of another site is run all the same."""
    edit(folder, EXAMPLE + ".json", "Too ill", "Too well")
    (folder / "sites/oak").mkdir()
    (folder / "sites/oak/site.yaml").write_text("site: 1\n")

    lines = [line.removeprefix(f"{folder}/") for line in check(folder)[1]]

    assert lines[0].startswith("sites/oak/site.yaml:1: mapping.missing_key")
    assert lines[-1].startswith(f"{EXAMPLE}.json:1: mapping.example_differs")
