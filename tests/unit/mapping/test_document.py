import pytest

from gateway.mapping.document import (
    MOST_BYTES,
    MOST_LEVELS,
    Findings,
    ListNode,
    MapNode,
    TextNode,
    read_document,
    read_text,
)


def read(text: str | bytes) -> tuple[MapNode | None, list[str]]:
    findings = Findings("m.yaml")
    raw = text.encode() if isinstance(text, str) else text
    decoded = read_text(raw, findings)
    node = None if decoded is None else read_document(decoded, findings)
    return node, [f"{f.where}: {f.code}" for f in findings.found]


def test_every_scalar_stays_text_with_its_line() -> None:
    node, _ = read("a: no\nb:\n  - 2026-01-02\n  - 1.10\n")

    assert node == MapNode(
        {
            "a": TextNode("no", 1),
            "b": ListNode((TextNode("2026-01-02", 3), TextNode("1.10", 4)), 3),
        },
        {"a": 1, "b": 2},
        1,
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("a: 1\na: 2\n", "m.yaml:2: mapping.duplicate_key", id="key twice"),
        pytest.param("a: &x 1\n", "m.yaml:1: mapping.anchor", id="anchor"),
        pytest.param("a: 1\nb: *a\n", "m.yaml:2: mapping.anchor", id="alias"),
        pytest.param("a: !!str 1\n", "m.yaml:1: mapping.tag", id="tag"),
        pytest.param(
            "a: !!python/name:os.system ''\n", "m.yaml:1: mapping.tag", id="object"
        ),
        pytest.param("a: [1\n", "m.yaml:2: mapping.not_yaml", id="syntax"),
        pytest.param(
            "a: 1\n--- {}\n", "m.yaml:2: mapping.not_yaml", id="two documents"
        ),
        pytest.param("a: \x01\n", "m.yaml:1: mapping.not_yaml", id="control character"),
        pytest.param("[a]: 1\n", "m.yaml:1: mapping.not_a_text", id="list as a key"),
        pytest.param("- a\n", "m.yaml:1: mapping.not_a_map", id="a list"),
        pytest.param("", "m.yaml:1: mapping.not_a_map", id="nothing"),
        pytest.param(b"a: 1\nb: \xff\n", "m.yaml:2: mapping.not_utf8", id="not UTF-8"),
        pytest.param("#" * (MOST_BYTES + 1), "m.yaml:1: mapping.too_large", id="large"),
    ],
)
def test_what_could_mean_something_else_is_refused(
    text: str | bytes, problem: str
) -> None:
    node, problems = read(text)

    assert problem in problems
    assert node is None


def test_a_list_may_be_as_deep_as_the_limit_and_no_deeper() -> None:
    def nested(levels: int) -> str:
        return "a: " + "[" * (levels - 1) + "]" * (levels - 1)

    assert read(nested(MOST_LEVELS))[1] == []
    assert read(nested(MOST_LEVELS + 1))[1] == ["m.yaml:1: mapping.too_deep"]


def test_a_byte_order_mark_is_no_part_of_the_first_key() -> None:
    node, _ = read(b"\xef\xbb\xbfa: 1\n")

    assert node is not None
    assert list(node.entries) == ["a"]


def test_all_problems_of_a_file_are_found_at_once() -> None:
    _, problems = read("a: &x 1\nb: !t 2\n")

    assert problems == ["m.yaml:1: mapping.anchor", "m.yaml:2: mapping.tag"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [1\n", "column 1: while parsing a flow sequence, did not find expected"),
        ("a: b: c\n", "column 5: mapping values are not allowed in this context"),
        ("a: \x01\n", "control characters are not allowed"),
        ("a: '1\n", "column 1: while scanning a quoted scalar, found unexpected end"),
    ],
)
def test_what_the_parser_found_is_said_on_one_line(text: str, reason: str) -> None:
    findings = Findings("m.yaml")

    assert read_document(text, findings) is None

    [finding] = findings.found
    assert finding.detail.startswith(reason)
    assert "\n" not in finding.detail
