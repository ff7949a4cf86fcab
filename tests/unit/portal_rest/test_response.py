"""What a whole answer shows: the table of architecture §5, line by line."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.portal_rest.response import (
    LONGEST_WAIT,
    Answer,
    classify,
    read_retry_after,
    text_at,
    token_refused,
)
from gateway.delivery.outcome import (
    Delivered,
    DestinationFault,
    Evidence,
    NotTaken,
    Outcome,
    Rejected,
    Unknown,
)
from gateway.mapping.profile import ResponseRules, Verdictword
from tests.unit.portal_rest.examples import NOON

PLAIN = ResponseRules(reference="reference")
CONFLICTS_REJECT = ResponseRules(dict.fromkeys((404, 409), "rejected"))
TAKEN = b'{"reference":"HX-1","status":"received"}'


def shown(
    status: int,
    body: bytes = TAKEN,
    *,
    rules: ResponseRules = PLAIN,
    keyed: bool = True,
    repeated: bool = False,
    retry_after: str = "",
) -> Outcome:
    answer = Answer(status, {"retry-after": retry_after}, body)
    return classify(answer, rules, keyed=keyed, repeated=repeated, now=NOON)


KINDS: dict[type[Outcome], tuple[int, ...]] = {
    Delivered: (200, 201, 202, 204, 299),
    DestinationFault: (300, 301, 302, 303, 304, 307, 308, 399, 401, 403),
    Rejected: (
        400,
        402,
        404,
        405,
        406,
        407,
        409,
        410,
        411,
        412,
        413,
        414,
        415,
        418,
        422,
        451,
    ),
    NotTaken: (429, 503),
    Unknown: (408, 425, 500, 501, 502, 504, 507, 520, 599, 600, 999, 101),
}


@pytest.mark.parametrize(
    ("status", "kind"),
    [(status, kind) for kind, statuses in KINDS.items() for status in statuses],
)
def test_a_status_without_a_rule(status: int, kind: type[Outcome]) -> None:
    assert isinstance(shown(status), kind)


@pytest.mark.parametrize("status", [402, 404, 405, 409, 410, 412])
@pytest.mark.parametrize("rules", [PLAIN, CONFLICTS_REJECT])
def test_a_refused_repeat_says_nothing_about_the_request_before(
    status: int, rules: ResponseRules
) -> None:
    """It may conflict with that very request, or come from somebody on the way."""
    assert isinstance(shown(status, repeated=True, rules=rules), Unknown)


@pytest.mark.parametrize("status", [400, 415, 422])
def test_a_portal_with_keys_refuses_content_the_second_time_as_the_first(
    status: int,
) -> None:
    assert isinstance(shown(status, repeated=True), Rejected)
    assert isinstance(shown(status, repeated=True, keyed=False), Unknown)


def test_a_body_code_the_profile_names_is_believed_of_a_repeat_too() -> None:
    rules = ResponseRules({}, "code", {(409, "order.closed"): "rejected"})

    found = shown(409, b'{"code":"order.closed"}', repeated=True, rules=rules)

    assert isinstance(found, Rejected)


@pytest.mark.parametrize(
    ("status", "reached"), [(401, False), (403, False), (302, True), (303, True)]
)
def test_only_a_login_refused_shows_that_nothing_was_done(
    status: int, *, reached: bool
) -> None:
    outcome = shown(status)

    assert isinstance(outcome, DestinationFault)
    assert outcome.reached is reached


@pytest.mark.parametrize("status", [429, 503])
def test_a_throttled_request_has_reached_somebody(status: int) -> None:
    outcome = shown(status)

    assert isinstance(outcome, NotTaken)
    assert outcome.reached


@pytest.mark.parametrize("status", [429, 503])
def test_throttling_proves_nothing_to_a_portal_without_keys(status: int) -> None:
    outcome = shown(status, keyed=False, retry_after="9")

    assert outcome == Unknown(
        Evidence(f"http.{status}", str(status), TAKEN), timedelta(seconds=9)
    )


@pytest.mark.parametrize("status", [429, 503])
def test_unless_its_profile_says_that_throttling_is_safe(status: int) -> None:
    rules = ResponseRules(statuses={429: "not_taken", 503: "not_taken"})

    assert isinstance(shown(status, rules=rules, keyed=False), NotTaken)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "http.unreadable"),
        (b"<html>", "http.unreadable"),
        (b'{"reference":"HX-1"', "http.unreadable"),
        (b"\x1f\x8b\x08", "http.unreadable"),
        (b"{}", "http.no_reference"),
        (b"[]", "http.no_reference"),
        (b"null", "http.no_reference"),
        (b'{"reference":""}', "http.no_reference"),
        (b'{"reference":null}', "http.no_reference"),
        (b'{"reference":true}', "http.no_reference"),
        (b'{"reference":{"id":1}}', "http.no_reference"),
        (b'{"reference":1.5}', "http.no_reference"),
        (b'{"reference":123456789012345678901234567890}', "http.no_reference"),
    ],
)
def test_a_positive_answer_without_its_reference(body: bytes, code: str) -> None:
    """Positive, matched and parsed is delivered; anything less may be."""
    assert shown(201, body) == Unknown(Evidence(code, "201", body))


@pytest.mark.parametrize("body", [b'{"order":{"id":"HX-1"}}', b'{"order":{"id":77}}'])
def test_a_reference_may_lie_deeper(body: bytes) -> None:
    rules = ResponseRules(reference="order.id")

    assert isinstance(shown(200, body, rules=rules), Delivered)


@pytest.mark.parametrize(
    ("body", "kind"), [(b"", Delivered), (b"{}", Delivered), (b"<html>", Unknown)]
)
def test_a_portal_that_promises_no_reference(body: bytes, kind: type[Outcome]) -> None:
    assert isinstance(shown(204, body, rules=ResponseRules()), kind)


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("delivered", Delivered),
        ("rejected", Rejected),
        ("not_taken", NotTaken),
        ("unknown", Unknown),
        ("fault", DestinationFault),
    ],
)
@pytest.mark.parametrize("status", [200, 302, 401, 409, 422, 500, 503])
def test_a_profiles_rule_comes_first(
    status: int, word: Verdictword, kind: type[Outcome]
) -> None:
    assert isinstance(shown(status, rules=ResponseRules({status: word})), kind)


def test_a_body_code_comes_before_a_status() -> None:
    rules = ResponseRules(
        statuses={409: "rejected"},
        body_code="error.code",
        body_codes={(409, "in_progress"): "not_taken"},
    )

    assert isinstance(
        shown(409, b'{"error":{"code":"in_progress"}}', rules=rules), NotTaken
    )
    assert isinstance(shown(409, b'{"error":{"code":"other"}}', rules=rules), Rejected)
    assert isinstance(shown(409, b"garbage", rules=rules), Rejected)
    assert isinstance(
        shown(422, b'{"error":{"code":"in_progress"}}', rules=rules), Rejected
    )


def test_a_rule_cannot_deliver_without_the_reference() -> None:
    rules = ResponseRules({409: "delivered"}, reference="reference")

    assert isinstance(shown(409, TAKEN, rules=rules), Delivered)
    assert isinstance(shown(409, b"{}", rules=rules), Unknown)


def test_a_redirect_has_one_name() -> None:
    outcome = shown(307)

    assert isinstance(outcome, DestinationFault)
    assert outcome.evidence.code == "http.redirect"


def test_reasons_are_kept_and_stay_out_of_reprs() -> None:
    outcome = shown(422, b'{"errors":["CANARY"]}')

    assert outcome.evidence.body == b'{"errors":["CANARY"]}'
    assert "CANARY" not in repr(outcome)


@pytest.mark.parametrize(
    ("status", "asks"), [(401, True), (403, True), (302, False), (422, False)]
)
def test_a_new_token_is_worth_trying(status: int, *, asks: bool) -> None:
    assert token_refused(shown(status)) is asks


# ---------------------------------------------------------------- Retry-After


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("0", timedelta()),
        ("120", timedelta(minutes=2)),
        (" 7 ", timedelta(seconds=7)),
        ("9" * 400, LONGEST_WAIT),
        ("Mon, 02 Mar 2026 12:01:00 GMT", timedelta(minutes=1)),
        ("Monday, 02-Mar-26 12:01:00 GMT", timedelta(minutes=1)),
        ("Mon Mar  2 12:01:00 2026", timedelta(minutes=1)),
        ("Thu, 05 Mar 2026 12:00:00 GMT", timedelta(days=3)),
        ("Mon, 02 Mar 2026 11:00:00 GMT", timedelta()),
        ("Thu, 01 Jan 1970 00:00:00 GMT", timedelta()),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_WAIT),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("1e3", None),
        ("²", None),
        ("٣", None),
        ("Mon, 32 Mar 2026 12:00:00 GMT", None),
        ("2026-03-02T12:01:00Z", None),
    ],
)
def test_both_forms_of_a_wish_and_neither(text: str, wait: timedelta | None) -> None:
    assert read_retry_after(text, NOON) == wait


@given(st.text())
def test_any_text_is_read_or_ignored(text: str) -> None:
    wait = read_retry_after(text, NOON)

    assert wait is None or timedelta() <= wait <= LONGEST_WAIT


@given(st.integers(0, 10**12))
def test_seconds_are_taken_as_told(seconds: int) -> None:
    assert read_retry_after(str(seconds), NOON) == min(
        timedelta(seconds=seconds), LONGEST_WAIT
    )


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis wants them so
def test_dates_are_taken_as_told(moment: datetime) -> None:
    whole = moment.replace(microsecond=0)

    wait = read_retry_after(format_datetime(whole, usegmt=True), NOON)

    assert wait == min(max(whole - NOON, timedelta()), LONGEST_WAIT)


LEAF = st.none() | st.booleans() | st.integers() | st.text() | st.floats()
TREE = st.recursive(
    LEAF, lambda inner: st.dictionaries(st.sampled_from("ab"), inner), max_leaves=4
)


@settings(max_examples=50)
@given(st.lists(TREE) | TREE, st.sampled_from(["", ".", "a", "a.b", "a.b.a"]))
def test_any_place_in_any_tree_is_text_or_nothing(tree: object, place: str) -> None:
    assert isinstance(text_at(tree, place), str)
