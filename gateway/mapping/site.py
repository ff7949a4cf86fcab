"""What a site folder says, checked and compiled; written as mappings/README says."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, Final, Literal

from gateway.core.agreements import Conventions
from gateway.core.errors import Problem, Unmappable
from gateway.core.order import Status
from gateway.mapping.compiled import Compiled
from gateway.mapping.places import Getter

_DELIMITERS: Final = re.compile(r"[\^~\\&]")
"""A header is written as it is given; what an order says in it has no parts."""


@dataclass(frozen=True, slots=True)
class Facility:
    """One facility of a site: the code it sends (MSH-4), its name and country."""

    code: str
    name: str
    country: str


@dataclass(frozen=True, slots=True, eq=False)
class Networks:
    """Where connections may come from; ``address in networks`` is asked often."""

    ranges: tuple[IPv4Network | IPv6Network, ...]

    def __contains__(self, address: str) -> bool:
        """Tell whether an IP address lies in one of the ranges."""
        return _reaches(self, address)


@lru_cache(maxsize=4096)  # peers by sites: few, and asked about with every message
def _reaches(networks: Networks, address: str) -> bool:
    found = ip_address(address)
    return any(found in network for network in networks.ranges)


@dataclass(frozen=True, slots=True)
class StatusBack:
    """How statuses return to the site.

    Attributes:
        destination: ``ehr:<site>``.
        host_setting: Name of the setting with ``host:port`` of the EHR's listener.
        message: MSH-9 of what is sent, e.g. ``ORU^R01^ORU_R01``.
        options: For the encoder: application, facility, version, charset …
        asked: The same, as far as the order says it: the facility that ordered.
        when: Statuses worth a message; holds and refusals are always told.
        codes: What each acknowledgement code of the EHR means for a delivery:
            ``delivered``, ``rejected``, ``not_taken`` or ``unknown``.
        repeats_safely: Whether the EHR ignores a second copy (same MSH-10).
    """

    destination: str
    host_setting: str
    message: str
    mapping: Compiled
    options: Mapping[str, str]
    when: frozenset[Status]
    codes: Mapping[str, str]
    waits: tuple[timedelta, ...]
    answer_timeout: timedelta
    deadline: timedelta
    repeats_safely: bool
    asked: Mapping[str, Getter] = field(default_factory=dict)

    def header(self, occasion: Any) -> dict[str, str]:  # noqa: ANN401 - as canonical.Occasion says
        """Return the options for one status.

        Raises:
            Unmappable: What the order says would be more than one value there.
        """
        said = {key: get(occasion) for key, get in self.asked.items()}
        for key, text in said.items():
            if text is not None and _DELIMITERS.search(text):
                raise Unmappable(Problem("render.unrepresentable", key, "hold"))
        return {**self.options, **{k: text for k, text in said.items() if text}}


@dataclass(frozen=True, slots=True)
class Site:
    """A hospital interface.

    Attributes:
        name: The folder's name.
        senders: (MSH-3, MSH-4) pairs this site may send; ``*`` matches any.
        networks: Where its connections may come from.
        catch_all: Whether it takes whoever no other site recognises.
        routed: Whether its orders may reach a manufacturer at all.
        remark: A text for the positive answers (MSA-3), ``""`` if none.
        processing_ids: MSH-11 values it may send.
        control_id: ``trusted``, or ``untrusted`` if ids repeat.
        messages: By type (``OMG^O19``), what reads it.
        ignore: Types that are accepted without effect.
        problems: Why the site is closed; empty if it is open.
    """

    name: str
    title: str
    senders: frozenset[tuple[str, str]]
    networks: Networks
    facilities: Mapping[str, Facility]
    processing_ids: frozenset[str]
    interface: Conventions
    messages: Mapping[str, Compiled]
    ignore: frozenset[str]
    status_back: StatusBack | None
    catch_all: bool = False
    routed: bool = True
    remark: str = ""
    control_id: Literal["trusted", "untrusted"] = "trusted"
    problems: tuple[Problem, ...] = ()
