"""The examples beside the packaged mappings, and what the runner says of others."""

from pathlib import Path
from shutil import copytree

import pytest

from adapters.hl7v2.reader import Hl7v2Reader
from gateway.core.agreements import Conventions
from gateway.mapping.catalog import Catalog
from gateway.mapping.examples import find_examples, run_examples
from gateway.mapping.problems import explain
from gateway.mapping.site import Site
from tests.unit.mapping.builders import FORMATS

PACKAGED = Path(__file__).parents[3] / "mappings"
STATUSES = sorted(PACKAGED.glob("sites/*/examples/status-*.out.hl7"))


def read(body: bytes, site: Site | None) -> object:
    """Read an example as the gateway reads a message, but with any line ends."""
    spoken = site.interface if site else None
    conventions = Conventions(
        charset=spoken.charset if spoken else "",
        line_ends="any",
        zone=spoken.zone if spoken else "UTC",
    )
    reader = Hl7v2Reader()
    header, verdict = reader.peek(body)
    assert verdict is None
    return reader.read(header, body, conventions)


@pytest.fixture(scope="module")
def packaged() -> Catalog:
    return Catalog.load(PACKAGED, {"hl7v2": FORMATS["hl7v2"]})


def check(folder: Path) -> list[str]:
    """Run a folder's examples and write what is wrong as ``file: code``."""
    catalog = Catalog.load(folder, {"hl7v2": FORMATS["hl7v2"]})
    assert catalog.problems == ()
    return [
        f"{p.where.removesuffix(':1').removeprefix(f'{folder}/')}: "
        f"{p.code.removeprefix('mapping.')}"
        for p in run_examples(folder, catalog, {"hl7v2": read})
    ]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return copytree(PACKAGED, tmp_path / "mappings")


def test_every_packaged_mapping_compiles(packaged: Catalog) -> None:
    assert [explain(problem) for problem in packaged.problems] == []
    assert set(packaged.sites) == {"anyone", "rheintal", "st_elm"}
    assert set(packaged.portals) == {"helix"}


def test_every_packaged_example_is_right(packaged: Catalog) -> None:
    problems = run_examples(PACKAGED, packaged, {"hl7v2": read})

    assert [explain(problem) for problem in problems] == []
    assert len(list(find_examples(PACKAGED, packaged))) > 30


def test_the_open_test_site_sends_nothing_anywhere(packaged: Catalog) -> None:
    anyone = packaged.sites["anyone"]

    assert anyone.catch_all
    assert not anyone.routed
    assert anyone.status_back is None
    assert "P" not in anyone.processing_ids
    assert all(network.is_loopback for network in anyone.networks.ranges)


@pytest.mark.parametrize("event", range(1, 51))
def test_no_identity_event_is_ignored(packaged: Catalog, event: int) -> None:
    """Merges, moves, links and renumberings are read wherever they are not refused."""
    family = {18, 24, 30, 34, 35, 36, *range(37, 38), *range(39, 51)}
    type_ = f"ADT^A{event:02}"

    for site in packaged.sites.values():
        assert event not in family or type_ not in site.ignore
    assert (type_ in packaged.sites["st_elm"].messages) is (event in family | {8, 31})


def test_packaged_profiles_hold_no_address_and_no_secret() -> None:
    for file in PACKAGED.glob("**/*.yaml"):
        assert "://" not in file.read_text(encoding="utf-8"), file


@pytest.mark.parametrize(
    "file", STATUSES, ids=lambda file: f"{file.parts[-3]}/{file.name}"
)
def test_a_status_names_one_filler_number_from_first_to_last(file: Path) -> None:
    """The order's own: the manufacturer's is not there when the first is sent."""
    segments = {line[:3]: line.split("|") for line in file.read_text().splitlines()}

    numbers = {segments[name][3].split("^")[0] for name in ("ORC", "OBR")}

    assert numbers == {"01K4Z8M2Q7XWABCD-o1"}


@pytest.mark.slow
def test_an_example_whose_result_differs_is_named(copy: Path) -> None:
    file = copy / "sites/st_elm/examples/order-new.json"
    file.write_text(file.read_text().replace('"female"', '"male"'))
    segments = copy / "sites/st_elm/examples/status-accepted.out.hl7"
    segments.write_text(segments.read_text().replace("ORC|OK", "ORC|SC"))

    assert check(copy) == [
        "sites/st_elm/examples/order-new.json: example_differs",
        "sites/st_elm/examples/status-accepted.out.hl7: example_differs",
    ]


@pytest.mark.slow
def test_an_example_without_expectation_stands_alone(copy: Path) -> None:
    (copy / "sites/st_elm/examples/order-new.json").unlink()

    assert check(copy) == ["sites/st_elm/examples/order-new.json: example_alone"]


@pytest.mark.slow
def test_an_example_without_mapping_stands_alone(copy: Path) -> None:
    (copy / "sites/st_elm/examples/ordr-new.hl7").write_text("MSH|")

    assert check(copy) == ["sites/st_elm/examples/ordr-new.hl7: example_alone"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("webhook-accepted.in.json", "{"),
        ("webhook-accepted.out.json", "{"),
        ("submit-full.in.json", "{}"),
        ("submit-full.in.json", '{"order": "_none.json"}'),
    ],
)
def test_an_example_that_cannot_be_read_is_named(
    copy: Path, file: str, text: str
) -> None:
    (copy / "manufacturers/helix/examples" / file).write_text(text)

    [problem] = check(copy)

    expected = file.replace(".in.", ".out.")
    assert problem == f"manufacturers/helix/examples/{expected}: example_unreadable"


@pytest.mark.slow
def test_a_mapping_without_examples_is_named(copy: Path) -> None:
    for file in (copy / "manufacturers/helix/examples").glob("cancel*"):
        file.unlink()

    assert check(copy) == ["manufacturers/helix/cancel.yaml: no_example"]
