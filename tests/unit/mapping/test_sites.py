"""Sites: what their files say, and what a broken one closes."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import cast

import pytest

from gateway.core.errors import Problem, Unmappable
from gateway.core.order import Status, TherapyOrder
from gateway.mapping.canonical import FacilityFacts, Occasion
from gateway.mapping.site import Facility
from tests.unit.mapping.builders import table
from tests.unit.mapping.folder import BACK, ORDER, SITE, Folder, changed, places


def test_a_folder_that_is_right(folder: Folder) -> None:
    catalog = folder.load()

    assert places(catalog) == []
    assert list(catalog.sites) == ["elm"]
    assert list(catalog.portals) == ["acme"]
    assert [(r.product, r.countries, r.manufacturer) for r in catalog.routes] == [
        ("CART", frozenset({"US", "DE"}), "acme")
    ]
    assert sorted(catalog.mappings) == [
        "manufacturers/acme/submit.yaml",
        "sites/elm/order.yaml",
    ]
    assert {"hl7v2", "json", "canonical"} <= catalog.formats.keys()


def test_a_site_as_its_file_says(folder: Folder) -> None:
    site = folder.load().sites["elm"]

    assert site.senders == {("EHR", "ELM")}
    assert site.networks.ranges == (ip_network("10.0.0.0/8"),)
    assert site.facilities == {"ELM": Facility("ELM", "Elm", "US")}
    assert site.processing_ids == {"P"}
    assert site.interface.zone == "Europe/Berlin"
    assert list(site.messages) == ["ORM^O01"]
    assert site.ignore == {"ADT^A01"}
    assert (site.routed, site.catch_all, site.problems) == (True, False, ())
    assert site.status_back is None


CODES = "{ zone: Europe/Berlin, codes: CODES }"


@pytest.mark.parametrize("codes", ["{ AE: AR, CE: CR }", "{ AR: AE, CR: CE, AE: AE }"])
def test_a_negative_answer_may_be_the_other_negative_one(
    folder: Folder, codes: str
) -> None:
    text = SITE.replace("{ zone: Europe/Berlin }", CODES.replace("CODES", codes))
    catalog = folder.load(**{"sites/elm/site.yaml": text})

    assert places(catalog) == []
    assert len(catalog.sites["elm"].interface.codes) == codes.count(":")


@pytest.mark.parametrize(
    ("codes", "problem"),
    [
        ("{ AE: AA }", "bad_value"),
        ("{ AR: AA }", "bad_value"),
        ("{ CE: CA }", "bad_value"),
        ("{ CR: AA }", "bad_value"),
        ("{ AE: CE }", "bad_value"),
        ("{ AA: AE }", "unknown_key"),
        ("{ CA: AA }", "unknown_key"),
    ],
)
def test_no_answer_of_a_site_becomes_a_positive_one_or_ceases_to_be(
    folder: Folder, codes: str, problem: str
) -> None:
    """A sender that hears AA of a refused message forgets the message."""
    text = SITE.replace("{ zone: Europe/Berlin }", CODES.replace("CODES", codes))
    catalog = folder.load(**{"sites/elm/site.yaml": text})

    assert places(catalog) == [f"sites/elm/site.yaml:7: {problem}"]
    assert catalog.sites["elm"].problems


def test_how_statuses_return(folder: Folder) -> None:
    back = folder.load(**{"sites/elm/site.yaml": SITE + BACK}).sites["elm"].status_back

    assert back is not None
    assert (back.destination, back.host_setting) == ("ehr:elm", "BATON_ELM_EHR")
    assert back.options == {"processing_id": "P", "version": "2.3"}
    assert back.when == {Status.RELEASED, Status.REJECTED}
    assert back.codes == {}
    assert back.repeats_safely is False
    assert back.deadline == timedelta(days=3)


NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ASKED = BACK.replace(
    "header: {", "header: { receiving_facility: { from: facility.code },"
)


def told_about(facility: str) -> Occasion:
    facts = FacilityFacts(facility, "", "US")
    return Occasion(cast("TherapyOrder", None), NOW, facility=facts)


def test_a_status_may_go_back_to_the_facility_that_ordered(folder: Folder) -> None:
    back = folder.load(**{"sites/elm/site.yaml": SITE + ASKED}).sites["elm"].status_back

    assert back is not None
    for code in ("ELM", "ELM_NORTH"):
        assert back.header(told_about(code)) == {
            "processing_id": "P",
            "version": "2.3",
            "receiving_facility": code,
        }


@pytest.mark.parametrize("code", ["A^B", "A&B", "A~B", "A\\F\\B"])
def test_a_facility_in_parts_is_written_into_no_header(
    folder: Folder, code: str
) -> None:
    back = folder.load(**{"sites/elm/site.yaml": SITE + ASKED}).sites["elm"].status_back
    assert back is not None

    with pytest.raises(Unmappable) as caught:
        back.header(told_about(code))

    assert caught.value.problems == (
        Problem("render.unrepresentable", "receiving_facility", "hold"),
    )


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("facility: { from: facility.nickname }", "bad_place"),
        ("facility: { from: now }", "wrong_kind"),
        ("facility: { from: facility.code, via: yn }", "unknown_key"),
        ("charset: { from: facility.code }", "not_a_text"),
    ],
)
def test_what_a_header_asks_of_an_order_is_checked(
    folder: Folder, header: str, problem: str
) -> None:
    text = SITE + BACK.replace("header: {", f"header: {{ {header},")

    catalog = folder.load(**{"sites/elm/site.yaml": text})

    assert places(catalog) == [f"sites/elm/site.yaml:14: {problem}"]


def test_all_statuses_can_be_wanted(folder: Folder) -> None:
    text = SITE + BACK.replace("[released, rejected]", "all")
    back = folder.load(**{"sites/elm/site.yaml": text}).sites["elm"].status_back

    assert back is not None
    assert back.when == set(Status)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("site: 1", "site: 2", "1: bad_value"),
        ("title: Elm\n", "", "1: missing_key"),
        ("title:", "titel:", "2: unknown_key"),
        ("[{ application: EHR, facilities: [ELM] }]", "EHR", "3: not_a_list"),
        ("facilities: [ELM] }", "facility: ELM }", "3: unknown_key"),
        ("facilities: [ELM] }", "facilities: [ELM, OAK] }", "3: bad_value"),
        ("10.0.0.0/8", "10.0.0.1/8", "4: bad_value"),
        ("processing_ids: [P]\n", "", "1: missing_key"),
        ("country: US", "country: USA", "6: bad_value"),
        ("Europe/Berlin", "Berlin", "7: bad_value"),
        ("zone:", "zome:", "7: unknown_key"),
        ("{ zone:", "{ charset: KLINGON, zone:", "7: bad_value"),
        ("ORM^O01:", "ORM:", "8: bad_value"),
        ("ORM^O01:", "OMG^O19:", "8: wrong_message"),
        ("order.yaml", "odrer.yaml", "8: file_missing"),
        ("order.yaml", "status.yaml", "8: wrong_direction"),
        ("order.yaml", "../elm/order.yaml", ""),
        ("order.yaml", "../../../../etc/passwd", "8: file_missing"),
        ("{ ORM^O01: order.yaml }", "[ORM^O01]", "8: not_a_map"),
        ("{ ELM: { name: Elm, country: US } }", "ELM", "6: not_a_map"),
        ("[ADT^A01]", "[ORM^O01]", "9: bad_value"),
        ("[ADT^A01]", "[ADT]", "9: bad_value"),
        ("[ADT^A01]", "[ADT^A01]\nrouted: maybe", "10: bad_value"),
        ("[ADT^A01]", "[ADT^A01]\ncontrol_id: doubtful", "10: bad_value"),
    ],
)
def test_what_is_wrong_with_a_site_closes_it(
    folder: Folder, old: str, new: str, problem: str
) -> None:
    catalog = folder.load(**changed("sites/elm/site.yaml", old, new))

    if not problem:
        assert places(catalog) == []
        return
    assert f"sites/elm/site.yaml:{problem}" in places(catalog)
    assert catalog.sites["elm"].problems


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("to: { setting: ELM_EHR }", "to: elm:2575", "11: not_a_map"),
        ("ELM_EHR", "elm-ehr", "11: bad_value"),
        ("status.yaml", "order.yaml", "13: wrong_direction"),
        (', version: "2.3"', "", "14: missing_key"),
        ("processing_id: P", "proc: P", "14: unknown_key"),
        ("{ processing_id", "{ charset: KLINGON, processing_id", "14: bad_value"),
        ("{ processing_id", "{ application: A|B, processing_id", "14: bad_value"),
        ("released", "relaesed", "15: bad_value"),
        ("  when:", "  codes: { AE: retry }\n  when:", "15: bad_value"),
        ("  when:", "  waits: [soon]\n  when:", "15: bad_value"),
    ],
)
def test_what_is_wrong_with_statuses_closes_the_site(
    folder: Folder, old: str, new: str, problem: str
) -> None:
    assert old in BACK
    text = SITE + BACK.replace(old, new, 1)

    catalog = folder.load(**{"sites/elm/site.yaml": text})

    assert f"sites/elm/site.yaml:{problem}" in places(catalog)
    assert catalog.sites["elm"].problems


def test_a_broken_mapping_closes_its_site_and_no_other(folder: Folder) -> None:
    folder.texts["sites/oak/site.yaml"] = SITE.replace("EHR", "OAK")
    folder.texts["sites/oak/order.yaml"] = ORDER

    catalog = folder.load(**changed("sites/elm/order.yaml", "ORC-1", "ORC1"))

    assert places(catalog) == ["sites/elm/order.yaml:5: bad_place"]
    assert [p.code for p in catalog.sites["elm"].problems] == ["mapping.bad_place"]
    assert catalog.sites["elm"].senders == {("EHR", "ELM")}
    assert catalog.sites["oak"].problems == ()
    assert list(catalog.sites["oak"].messages) == ["ORM^O01"]


def test_a_site_file_that_is_no_yaml_closes_the_site(folder: Folder) -> None:
    catalog = folder.load(**{"sites/elm/site.yaml": "site: [1"})

    assert places(catalog) == ["sites/elm/site.yaml:1: not_yaml"]
    assert catalog.sites["elm"].problems


def test_a_site_reads_its_own_tables_before_the_common_ones(folder: Folder) -> None:
    own = {"sites/elm/codes/control.csv": table("CA,place,")}

    catalog = folder.load(**own)

    assert "sites/elm/order.yaml:6: unknown_field" in places(catalog)


def test_a_broken_table_closes_the_sites_that_use_it(folder: Folder) -> None:
    catalog = folder.load(**{"codes/control.csv": "from,to,display\nCA,cancel,\n"})

    assert places(catalog) == ["codes/control.csv:1: table_source"]
    assert catalog.sites["elm"].problems


def test_a_file_that_cannot_be_read_closes_its_site_and_no_other(
    folder: Folder,
) -> None:
    folder.texts["sites/oak/site.yaml"] = SITE.replace("EHR", "OAK")
    folder.texts["sites/oak/order.yaml"] = ORDER
    folder.load()
    (folder.path / "sites/ash").mkdir()
    (folder.path / "sites/ash/site.yaml").symlink_to("site.yaml")

    catalog = folder.load(**changed("sites/elm/site.yaml", "order", "o" * 300))

    assert places(catalog) == [
        "sites/ash/site.yaml:1: unreadable",
        f"sites/elm/{'o' * 300}.yaml:1: unreadable",
    ]
    assert catalog.sites["oak"].problems == ()


def test_an_own_table_that_cannot_be_read_is_not_replaced_by_a_common_one(
    folder: Folder,
) -> None:
    own = folder.path / "sites/elm/codes"
    own.mkdir(parents=True)
    (own / "control.csv").symlink_to("control.csv")

    assert "sites/elm/codes/control.csv:1: unreadable" in places(folder.load())


def test_a_name_no_file_can_have_is_a_file_that_is_missing(folder: Folder) -> None:
    text = ORDER.replace("control", '"con\\0trol"')

    catalog = folder.load(**{"sites/elm/order.yaml": text})

    assert "sites/elm/order.yaml:5: unknown_table" in places(catalog)


def test_a_common_mapping_is_compiled_for_each_site(folder: Folder) -> None:
    folder.texts["base/order.yaml"] = ORDER
    folder.texts["sites/oak/site.yaml"] = SITE.replace("EHR", "OAK").replace(
        "order.yaml", "base/order.yaml"
    )

    catalog = folder.load(
        **changed("sites/elm/site.yaml", "order.yaml", "base/order.yaml")
    )

    assert places(catalog) == []
    made = catalog.mappings["base/order.yaml"]
    assert len(made) == len({m.version for m in made}) == 3
    assert {m.version for m in made} <= catalog.texts.keys()


def test_a_common_mapping_is_checked_even_if_nobody_uses_it(folder: Folder) -> None:
    catalog = folder.load(**{"base/order.yaml": ORDER.replace("ORC-2.1", "ORC2")})

    assert places(catalog) == ["base/order.yaml:6: bad_place"]


def test_two_sites_cannot_claim_one_sender(folder: Folder) -> None:
    folder.texts["sites/oak/order.yaml"] = ORDER
    far = SITE.replace("10.0.0.0/8", "192.168.0.0/16")

    assert places(folder.load(**{"sites/oak/site.yaml": far})) == []
    assert places(folder.load(**{"sites/oak/site.yaml": SITE})) == [
        "sites/oak/site.yaml:1: sender_twice"
    ]
