"""What stands in OBX-5 counts only if its status says that it is a result."""

import pytest

from adapters.hl7v2.format import Hl7v2Format
from gateway.core.errors import Problem, Unmappable
from gateway.mapping.places import NULL
from tests.unit.hl7v2.samples import body, message, value

PLACES = ("OBX-5", "OBX-5.1", "OBX[1]-5", "OBX[3.1=W]-5", "OBX[3.1=W][2=NM]-5.1")


def obx(status: str, said: str = "70", *, kind: str = "NM") -> str:
    return f"OBX|1|{kind}|W^Weight||{said}|kg|||||{status}|||20260301"


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("status", ["", '""', *"ABCFPRSUV"])
def test_a_result_is_read(place: str, status: str) -> None:
    assert value(place, body(obx(status))) == "70"


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("status", ["D", "W"])
def test_what_was_withdrawn_is_deleted(place: str, status: str) -> None:
    assert value(place, body(obx(status))) is NULL


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("status", ["I", "N", "O", "X"])
def test_what_is_no_result_is_absent(place: str, status: str) -> None:
    assert value(place, body(obx(status))) is None


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("status", ["f", "Z", "F~W", "F^W", "FW"])
def test_a_status_nobody_knows_is_refused(place: str, status: str) -> None:
    with pytest.raises(Unmappable) as caught:
        value(place, body(obx(status)))

    assert caught.value.problems == (Problem("code.unknown", "OBX-11"),)


def test_free_text_has_a_status_too() -> None:
    assert value("OBX-5", body(obx("W", "a & b", kind="ST"))) is NULL


@pytest.mark.parametrize("place", ["OBX[3.1=W]", "OBX[3.1=W][2=NM]"])
@pytest.mark.parametrize("none", ["D", "W", "X"])
def test_a_result_is_found_before_what_is_none(place: str, none: str) -> None:
    for segments in ([obx(none), obx("C", "80")], [obx("C", "80"), obx(none)]):
        assert value(f"{place}-5", body(*segments)) == "80"
        assert value(f"{place}-11", body(*segments)) == "C"


def test_what_is_no_result_does_not_differ_from_one() -> None:
    source = message(body(obx("W"), obx("F", "80"), obx("X", "90")))
    doubt = Hl7v2Format().beside("OBX[3.1=W]-5").others

    assert doubt is not None
    assert not doubt(source)


def test_an_each_stands_at_every_observation_and_reads_their_status() -> None:
    source = message(body(obx("W"), obx("F", "80")))
    nodes = Hl7v2Format().group("OBX")(source)

    assert [Hl7v2Format().place("OBX-5")(node) for node in nodes] == [NULL, "80"]


@pytest.mark.parametrize("status", ["N~F", "N&F", "F^x", "D~F"])
def test_a_status_is_read_as_a_whole(status: str) -> None:
    """What would be cut away may be what counts."""
    assert value("OBX-11", body(obx(status, "70"))) == status
    assert value("OBX-11.1", body(obx(status, "70"))) == status


def test_blanks_around_a_status_are_none_of_it() -> None:
    assert value("OBX-11", body(obx("F ", "70"))) == "F"
    assert value("OBX-5", body(obx("F ", "70"))) == "70"
    assert value("OBX-5", body(obx("W ", "70"))) is NULL
