"""A small mappings folder that is right until a test changes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway.mapping.catalog import Catalog
from tests.unit.mapping.builders import FORMATS, table

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
  patient: { identifiers: [{ value: PID-3.1, authority: { const: ELM } }] }
"""
BACK = """\
status_back:
  to: { setting: ELM_EHR }
  message: ORU^R01
  mapping: status.yaml
  header: { processing_id: P, version: "2.3" }
  when: [released, rejected]
"""
STATUS = """\
mapping: 1
reads: { format: canonical }
writes: hl7v2
tree: [{ ORC: { "2": order.placer_number.value } }]
"""
PORTAL = """\
portal: 1
title: Acme
speaks: portal_rest
url: { setting: ACME_URL }
auth: { kind: none }
operations: { submit: { method: POST, path: /orders, body: submit.yaml } }
"""
SUBMIT = """\
mapping: 1
reads: { format: canonical }
writes: json
tree: { id: order.id }
"""
ROUTES = """\
routes: 1
version: "1"
products: { CART: { title: Cart, countries: [US, DE] } }
"""
TEXTS = {
    "codes/control.csv": table("CA,cancel,"),
    "sites/elm/site.yaml": SITE,
    "sites/elm/order.yaml": ORDER,
    "sites/elm/status.yaml": STATUS,
    "manufacturers/acme/portal.yaml": PORTAL,
    "manufacturers/acme/submit.yaml": SUBMIT,
    "manufacturers/acme/routes.yaml": ROUTES,
}


@dataclass
class Folder:
    """A mappings folder that is right until a test changes it."""

    path: Path
    texts: dict[str, str] = field(default_factory=lambda: dict(TEXTS))

    def load(self, **changes: str | None) -> Catalog:
        """Write the folder with some files changed, and load it."""
        for key, text in changes.items():
            self.texts[key] = text or ""
        for name, text in self.texts.items():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return Catalog.load(self.path, {"hl7v2": FORMATS["hl7v2"]})


def places(catalog: Catalog) -> list[str]:
    """Write the problems as ``file:line: code``, without their common parts."""
    return [
        f"{p.where.rpartition('mappings/')[2]}: {p.code.removeprefix('mapping.')}"
        for p in catalog.problems
    ]


def changed(name: str, old: str, new: str) -> Mapping[str, str]:
    assert old in TEXTS[name]
    return {name: TEXTS[name].replace(old, new, 1)}
