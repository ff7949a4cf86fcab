from datetime import UTC, date, datetime
from typing import Any

import pytest

from gateway.core.decide.book import Event
from gateway.core.errors import Unmappable, Unreadable
from gateway.core.order import Status, TherapyOrder
from gateway.mapping.canonical import ROOTS, CanonicalFormat, Occasion, Told
from gateway.mapping.json_format import JsonFormat, read_json
from gateway.mapping.places import NotAPlace
from gateway.mapping.shapes import members
from gateway.mapping.site import Facility, Site

TREE: dict[str, Any] = {
    "data": {"status": "ok", "n": 7, "yes": True, "half": 0.5, "none": None, "": "x"},
    "items": [{"type": "A", "value": "1"}, {"type": "COI", "value": "2"}],
    "empty": "",
    "odd.name": "dots",
}
ORDER = TherapyOrder.model_validate(
    {
        "id": "M1-o1",
        "site": "st_elm",
        "status": "accepted",
        "facility": "STELM",
        "placer_number": {"value": "P-1", "namespace": "EHR"},
        "patient": {
            "mrn": {"value": "0042", "authority": "STELM"},
            "name": {"family": "Beispiel"},
            "birth_date": date(1971, 4, 9),
            "sex": "female",
        },
        "product": {"code": "HELIX-CART-19"},
        "observations": [
            {"code": "hiv_1_2", "result": "negative"},
            {"code": "weight", "value": {"value": "71.4", "unit": "kg"}},
        ],
        "diagnoses": [{"code": "C83.30"}],
        "extensions": {"st_elm:board": "yes"},
    }
)
NOW = datetime(2026, 3, 3, 9, tzinfo=UTC)
OCCASION = Occasion(ORDER, NOW, event=Told("k", Status.ACCEPTED, NOW))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("data.status", "ok"),
        ("data.n", "7"),
        ("data.yes", "true"),
        ("data.half", "0.5"),
        ("data.none", None),
        ("data.absent.deeper", None),
        ("empty", None),
        ("items[2].value", "2"),
        ("items[3].value", None),
        ("items[type=COI].value", "2"),
        ("items[type=LOT].value", None),
        ("data[1]", None),
        ("[odd.name]", "dots"),
        (".data.status", "ok"),
    ],
)
def test_a_json_place_yields_text_or_nothing(place: str, value: str | None) -> None:
    assert JsonFormat().place(place)(TREE) == value


@pytest.mark.parametrize("source", [None, [], "text", 5, {"data": []}])
def test_a_json_place_takes_any_source(source: object) -> None:
    assert JsonFormat().place("data.status")(source) is None
    assert list(JsonFormat().group("data.items")(source)) == []


def test_a_single_object_counts_as_a_list_of_one() -> None:
    walk = JsonFormat().group("data")

    assert list(walk(TREE)) == [TREE["data"]]


@pytest.mark.parametrize(
    "text",
    ["", "..", "a..b", "a.", "a[", "a[]", "a]b", "a b", "[1]x", "a[0]", "a.[1]"],
)
def test_what_is_no_place_with_dots_is_said(text: str) -> None:
    with pytest.raises(NotAPlace):
        JsonFormat().place(text)


def test_json_is_read_and_written() -> None:
    body = JsonFormat().encode({"a": ["Å", 1, True]}, {})

    assert body == '{"a":["Å",1,true]}'.encode()
    assert read_json(body) == {"a": ["Å", 1, True]}


def test_what_is_no_json_is_unreadable() -> None:
    with pytest.raises(Unreadable, match=r"body\.not_json"):
        read_json(b'{"secret": ')


@pytest.mark.parametrize("inmost", [b"", b"1"])
def test_a_body_may_be_nested_64_levels_deep_and_no_deeper(inmost: bytes) -> None:
    deepest = 64 * b"[" + inmost + 64 * b"]"
    read_json(deepest)

    with pytest.raises(Unreadable, match=r"body\.too_deep"):
        read_json(b'{"a": %b}' % deepest)


def test_a_lone_surrogate_is_not_written() -> None:
    with pytest.raises(Unmappable, match=r"render\.unrepresentable"):
        JsonFormat().encode({"a": "\ud800"}, {})


@pytest.mark.parametrize(
    ("place", "value", "kind"),
    [
        ("order.patient.mrn.value", "0042", "text"),
        ("order.patient.birth_date", date(1971, 4, 9), "date"),
        ("order.observations[code=weight].value.unit", "kg", "text"),
        ("order.observations[code=height].value.unit", None, "text"),
        ("order.observations[2].value.unit", "kg", "text"),
        ("order.diagnoses[2].code", None, "text"),
        ("order.extensions[st_elm:board]", "yes", "text"),
        ("order.extensions[st_elm:other]", None, "text"),
        ("order.coi.value", None, "text"),
        ("order.manufacturer", None, "text"),
        ("order.weight_at", None, "when"),
        ("event.status", Status.ACCEPTED, "text"),
        ("event.reported", False, "boolean"),
        ("event.code", None, "text"),
        ("delivery.key", None, "text"),
        ("now", NOW, "instant"),
    ],
)
def test_a_canonical_place_has_a_value_and_a_kind(
    place: str, value: object, kind: str
) -> None:
    canonical = CanonicalFormat()

    assert canonical.place(place)(OCCASION) == value
    assert canonical.kind(place) == kind


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("ordr.id", "begins with one of order, event"),
        ("order.patient.mnr", "no mnr here, only mrn"),
        ("order.patient", "name one value"),
        ("order.observations", "is a list"),
        ("order.observations[cod=x].result", "no cod here"),
        ("order.patient[1].name", "there is none here"),
        ("order.id.value", "only one value"),
        (".code", "only inside each"),
        (".", "only inside each"),
    ],
)
def test_a_misspelt_canonical_place_is_found_before_it_is_used(
    place: str, says: str
) -> None:
    with pytest.raises(NotAPlace, match=says):
        CanonicalFormat().place(place)


def test_inside_a_list_a_dot_begins_at_the_item() -> None:
    inside = CanonicalFormat().inside("order.observations")

    items = CanonicalFormat().group("order.observations")(OCCASION)

    assert [inside.place(".code")(item) for item in items] == ["hiv_1_2", "weight"]
    with pytest.raises(NotAPlace, match="no cod here"):
        inside.place(".cod")


def test_only_a_list_is_a_group() -> None:
    with pytest.raises(NotAPlace, match="is no list"):
        CanonicalFormat().group("order.patient")


def test_the_canonical_order_is_not_written_by_a_template() -> None:
    with pytest.raises(Unmappable):
        CanonicalFormat().encode({}, {})


@pytest.mark.parametrize(
    ("root", "real"), [("event", Event), ("site", Site), ("facility", Facility)]
)
def test_what_templates_may_name_is_there_when_they_run(root: str, real: type) -> None:
    model = ROOTS[root].model

    assert model is not None
    assert members(model).keys() <= members(real).keys()
