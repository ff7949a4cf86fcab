import pytest

from gateway.mapping.codes import read_table
from gateway.mapping.document import Findings


def read(text: str) -> tuple[dict[str, str], list[str]]:
    findings = Findings("t.csv")
    table = read_table(text, findings)
    return dict(table.entries), [
        f"{f.where}: {f.code.removeprefix('mapping.')}" for f in findings.found
    ]


def test_a_table_maps_codes() -> None:
    text = '# source: HL7 table 0001\n# more\nfrom,to,display\nF,female,"a, b"\n\n'

    assert read(text) == ({"F": "female"}, [])


def test_line_ends_of_any_system_are_read() -> None:
    text = "# source: x\r\nfrom,to,display\r\nF,female,\r\n"

    assert read(text) == ({"F": "female"}, [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("from,to,display\nF,female,\n", "t.csv:1: table_source"),
        ("# source:\nfrom,to,display\n", "t.csv:1: table_source"),
        ("# from a book\nfrom,to,display\n", "t.csv:1: table_source"),
        ("# source: x\nfrom,to\nF,f\n", "t.csv:2: table_header"),
        ("# source: x\n", "t.csv:2: table_header"),
        ("", "t.csv:1: table_source"),
        ("# source: x\nfrom,to,display\nF,female\n", "t.csv:3: table_row"),
        ("# source: x\nfrom,to,display\nF,,Female\n", "t.csv:3: table_row"),
        ("# source: x\nfrom,to,display\n,f,Female\n", "t.csv:3: table_row"),
        ("# source: x\nfrom,to,display\nF , f,Female\n", "t.csv:3: table_row"),
        ("# source: x\nfrom,to,display\nF,a,\nM,b,\nF,c,\n", "t.csv:5: table_twice"),
        ('# source: x\nfrom,to,display\n"F"x,a,\n', "t.csv:3: table_row"),
    ],
)
def test_what_is_wrong_with_a_table_is_said_with_its_line(
    text: str, problem: str
) -> None:
    assert problem in read(text)[1]
