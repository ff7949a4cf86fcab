"""Manufacturers: what their files say, and what a broken one closes."""

from datetime import timedelta
from pathlib import Path

import pytest

from gateway.mapping.catalog import Catalog
from tests.unit.mapping.folder import PORTAL, ROUTES, TEXTS, Folder, changed, places


def test_a_portal_as_its_file_says(folder: Folder) -> None:
    text = PORTAL.replace(
        "auth: { kind: none }",
        "auth: { kind: client_credentials, token_path: /t, "
        "client_id: { setting: ID }, client_secret: { setting: SECRET }, scope: s }\n"
        "idempotency: { header: Key, quoted: true, honoured_for: 24h }\n"
        "retry: { waits: [1s, 2m], deadline: 3h, fault_wait: 9s }\n"
        "timeouts: { connect: 1s, read: 2s }\n"
        "concurrency: 7\n"
        "simulator: true\n"
        "responses:\n"
        '  statuses: { "201": delivered }\n'
        "  body_code: error.code\n"
        '  body_codes: [{ status: "409", code: X, means: rejected }]\n'
        "  reference: data.id",
    )

    portal = folder.load(**{"manufacturers/acme/portal.yaml": text}).portals["acme"]

    assert portal.destination == "portal:acme"
    assert (portal.auth.client_id_setting, portal.auth.client_secret_setting) == (
        "BATON_ID",
        "BATON_SECRET",
    )
    assert (portal.idempotency.header, portal.idempotency.quoted) == ("Key", True)
    assert portal.patience.waits == (timedelta(seconds=1), timedelta(minutes=2))
    assert portal.patience.repeats_safely == "key"
    assert portal.patience.fault_wait == timedelta(seconds=9)
    assert (portal.deadline, portal.concurrency) == (timedelta(hours=3), 7)
    assert portal.responses.statuses == {201: "delivered"}
    assert portal.responses.body_codes == {(409, "X"): "rejected"}
    assert portal.responses.reference == "data.id"
    assert portal.operations["submit"].path == "/orders"
    assert (portal.simulator, portal.webhook, portal.answer) == (True, None, None)


def test_a_portal_without_keys_is_never_repeated(folder: Folder) -> None:
    portal = folder.load().portals["acme"]

    assert portal.patience.repeats_safely == "no"


MORE = "auth: { kind: none }\n"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("portal: 1", "portal: one", "1: bad_value"),
        ("speaks: portal_rest\n", "", "1: missing_key"),
        ("url: { setting: ACME_URL }", "url: https://acme.example", "4: not_a_map"),
        ("kind: none", "kind: basic", "5: bad_value"),
        ("kind: none", "kind: none, scope: s", "5: unknown_key"),
        ("kind: none", "kind: client_credentials", "5: missing_key"),
        ("method: POST", "method: SEND", "6: bad_value"),
        ("path: /orders", "path: orders", "6: bad_value"),
        ("path: /orders", "path: '/orders/{mrn}'", "6: bad_value"),
        ("path: /orders", "path: '/orders?x=1'", "6: bad_value"),
        ("submit.yaml", "sumbit.yaml", "6: file_missing"),
        ("submit: {", "sumbit: {", "6: missing_key"),
        (MORE, MORE + "concurrency: 0\n", "6: bad_value"),
        (MORE, MORE + "concurrency: many\n", "6: bad_value"),
        (MORE, MORE + "retry: { waits: [] }\n", "6: bad_value"),
        (MORE, MORE + "responses: { statuses: { 20x: delivered } }\n", "6: bad_value"),
        (MORE, MORE + 'responses: { statuses: { "200": fine } }\n', "6: bad_value"),
        (MORE, MORE + "responses: { reference: 'a[1]' }\n", "6: bad_value"),
        (MORE, MORE + "responses: { reference: a..b }\n", "6: bad_value"),
        (
            MORE,
            MORE + "responses: { body_codes: "
            "[{ status: '409', code: X, means: rejected }] }\n",
            "6: missing_key",
        ),
        (MORE, MORE + "answer: submit.yaml\n", "6: wrong_direction"),
        (
            MORE,
            MORE + "webhook: { secret: { setting: S }, mapping: submit.yaml }\n",
            "6: wrong_direction",
        ),
        (
            MORE,
            MORE + "idempotency: { header: K, honoured_for: 1h }\n"
            "retry: { waits: [1m], deadline: 2h }\n",
            "7: waits_outlive_key",
        ),
        (
            MORE,
            MORE + "idempotency: { header: K, honoured_for: 1h }\n"
            "retry: { waits: [20m, 40m], deadline: 30m }\n",
            "7: waits_outlive_key",
        ),
        (MORE, MORE + "idempotency: { honoured_for: 1h }\n", "6: unknown_key"),
    ],
)
def test_what_is_wrong_with_a_portal_closes_its_manufacturer(
    folder: Folder, old: str, new: str, problem: str
) -> None:
    catalog = folder.load(**changed("manufacturers/acme/portal.yaml", old, new))

    assert f"manufacturers/acme/portal.yaml:{problem}" in places(catalog)
    assert (dict(catalog.portals), catalog.closed) == ({}, frozenset({"acme"}))
    assert [route.manufacturer for route in catalog.routes] == ["acme"]
    assert catalog.sites["elm"].problems == ()


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('version: "1"\n', "", "1: missing_key"),
        ("countries: [US, DE]", "countries: [USA]", "3: bad_value"),
        ("countries:", "contries:", "3: unknown_key"),
        ("products:", "product:", "3: unknown_key"),
    ],
)
def test_what_is_wrong_with_routes(
    folder: Folder, old: str, new: str, problem: str
) -> None:
    catalog = folder.load(**changed("manufacturers/acme/routes.yaml", old, new))

    assert f"manufacturers/acme/routes.yaml:{problem}" in places(catalog)
    assert (dict(catalog.portals), catalog.closed) == ({}, frozenset({"acme"}))


@pytest.mark.parametrize("name", ["portal", "routes"])
def test_a_manufacturer_needs_both_of_its_files(folder: Folder, name: str) -> None:
    file = f"manufacturers/acme/{name}.yaml"
    del folder.texts[file]

    catalog = folder.load()

    assert places(catalog) == [f"{file}:1: file_missing"]
    assert (dict(catalog.portals), catalog.closed) == ({}, frozenset({"acme"}))


def test_one_product_in_one_country_has_one_maker(folder: Folder) -> None:
    for name in ("portal", "submit"):
        folder.texts[f"manufacturers/brisk/{name}.yaml"] = TEXTS[
            f"manufacturers/acme/{name}.yaml"
        ]
    catalog = folder.load(
        **{"manufacturers/brisk/routes.yaml": ROUTES.replace("[US, DE]", "[FR, DE]")}
    )

    assert places(catalog) == ["manufacturers/brisk/routes.yaml:1: route_twice"]
    assert (list(catalog.portals), catalog.closed) == (["acme"], frozenset({"brisk"}))


def test_an_empty_folder_is_an_empty_catalog(tmp_path: Path) -> None:
    catalog = Catalog.load(tmp_path / "none", {})

    assert (dict(catalog.sites), dict(catalog.portals)) == ({}, {})
    assert (catalog.routes, catalog.problems) == ((), ())
