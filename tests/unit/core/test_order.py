"""The canonical order: closed, frozen, and read back as it was written."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from gateway.core.commands import (
    CancelOrder,
    ChangeOrder,
    Command,
    CorrectIdentity,
    PatientFacts,
    PlaceOrder,
    ReportStatus,
    UpdatePatient,
)
from gateway.core.order import (
    Model,
    Observation,
    OrderContent,
    Quantity,
    Status,
    TherapyOrder,
)
from tests.unit.core.builders import (
    again,
    cancel,
    change,
    coi,
    content,
    merge,
    mrn,
    place,
    report,
    update,
)

MARKED = "Zzyzx-marked"
LOCAL = timezone(timedelta(hours=-6))


def order(**said: object) -> TherapyOrder:
    """Return an order with a standing."""
    known: dict[str, object] = {"id": "M-o1", "site": "elmwood", "status": "ready"}
    return TherapyOrder.model_validate(content().model_dump() | known | said)


@pytest.mark.parametrize(
    "at",
    [
        pytest.param(date(2026, 3, 9), id="a day"),
        pytest.param(datetime(2026, 3, 9, tzinfo=UTC), id="midnight is no day"),
        pytest.param(datetime(2026, 3, 9, 8, 30, tzinfo=LOCAL), id="an offset"),
        pytest.param(datetime(2026, 3, 9, 8, 30, 1, 5, tzinfo=UTC), id="microseconds"),
    ],
)
def test_days_and_times_read_back_as_they_were_written(at: date | datetime) -> None:
    written = order(collection_at=at)

    read = again(written).collection_at

    assert (type(read), read) == (type(at), at)
    if isinstance(at, datetime) and isinstance(read, datetime):
        assert read.utcoffset() == at.utcoffset()


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_amounts_keep_every_digit(amount: Decimal) -> None:
    """7.50 is not 7.5: the instrument's precision is information."""
    excess = Quantity(value=amount, unit="mmol/L")
    written = order(observations=(Observation(code="11555-0", value=excess),))

    [read] = again(written).observations

    assert read.value is not None
    assert read.value.value.as_tuple() == amount.as_tuple()


@given(st.text(min_size=1, max_size=50))
def test_text_reads_back_code_point_by_code_point(text: str) -> None:
    written = order(facility=text)

    assert again(written).facility == text


@pytest.mark.parametrize("model", [order(), order(coi=coi()), content(), place()])
def test_a_value_once_made_does_not_change(model: Model) -> None:
    name = next(iter(type(model).model_fields))

    with pytest.raises(ValidationError, match="frozen"):
        setattr(model, name, None)


def test_what_the_contract_lacks_is_refused() -> None:
    """It travels in ``extensions``, where it cannot be taken for something else."""
    with pytest.raises(ValidationError, match="extra"):
        OrderContent.model_validate(content().model_dump() | {"colour": "red"})


@pytest.mark.parametrize("key", ["st_elm:tumour_board", "a:b.c"])
def test_an_extension_is_named_after_who_defined_it(key: str) -> None:
    assert content(extensions={key: "x"}).extensions == {key: "x"}


@pytest.mark.parametrize("key", ["tumour_board", ":b", "a:", "A:b", "a:b c", "a:b\n"])
def test_an_extension_without_a_namespace_is_refused(key: str) -> None:
    with pytest.raises(ValidationError):
        content(extensions={key: "x"})


@pytest.mark.parametrize(
    "said",
    [
        pytest.param({"facility": ""}, id="empty text"),
        pytest.param({"facility": "x" * 251}, id="long text"),
        pytest.param({"ordered_at": datetime(2026, 3, 9, 8)}, id="no offset"),  # noqa: DTZ001 - the point of the test
        pytest.param({"weight": {"value": "70"}}, id="no unit"),
        pytest.param({"weight": {"value": "NaN", "unit": "kg"}}, id="no number"),
        pytest.param({"weight": {"value": "Infinity", "unit": "kg"}}, id="endless"),
        pytest.param({"priority": "soon"}, id="no such priority"),
    ],
)
def test_what_is_not_a_fact_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        OrderContent.model_validate(content().model_dump() | said)


@pytest.mark.parametrize(
    "said",
    [
        {"facility": [MARKED]},
        {"patient": {"mrn": MARKED}},
        {"weight": {"value": MARKED, "unit": "kg"}},
        {"priority": MARKED},
        {"extensions": {"st:a": {MARKED: MARKED}}},
        {"ordered_at": MARKED},
    ],
)
def test_an_error_does_not_say_what_was_sent(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        OrderContent.model_validate(content().model_dump() | said)

    assert "marked" not in str(caught.value)


def test_absent_facts_are_not_written() -> None:
    """Absent means not said; a null would say something."""
    sparse = order(observations=(Observation(code="8302-2"),))
    assert "null" not in sparse.model_dump_json(exclude_none=True)


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (place(), PlaceOrder),
        (change(), ChangeOrder),
        (cancel(), CancelOrder),
        (update(), UpdatePatient),
        (merge((mrn(),)), CorrectIdentity),
        (report("M-o1", Status.ACCEPTED), ReportStatus),
    ],
)
def test_a_command_is_known_by_its_name(command: Model, kind: type[Model]) -> None:
    adapter: TypeAdapter[Command] = TypeAdapter(Command)

    read = adapter.validate_json(command.model_dump_json())

    assert (type(read), read) == (kind, command)


def test_a_patient_without_a_number_is_nobody() -> None:
    with pytest.raises(ValidationError):
        PatientFacts(identifiers=())


def test_a_merge_is_about_a_patient() -> None:
    with pytest.raises(ValidationError):
        CorrectIdentity(command="correct_identity", event="A40", prior=(mrn(),))  # type: ignore[call-arg]  # the point of the test


@pytest.mark.parametrize(
    ("field", "amount", "unit"),
    [
        *(("weight", amount, "kg") for amount in ("0.299", "700.01", "7000", "0.07")),
        *(("height", amount, "cm") for amount in ("19.9", "281", "1.68", "1680")),
        ("weight", "70", "g"),
        ("weight", "70", "[lb_av]"),
        ("height", "168", "m"),
    ],
)
def test_what_no_body_measures_is_refused(field: str, amount: str, unit: str) -> None:
    with pytest.raises(ValidationError) as caught:
        OrderContent.model_validate(
            {**dict(content()), field: {"value": amount, "unit": unit}}
        )

    assert amount not in str(caught.value)


@pytest.mark.parametrize(
    ("field", "amount", "unit"),
    [
        *(("weight", amount, "kg") for amount in ("0.3", "3.2", "700")),
        *(("height", amount, "cm") for amount in ("20", "168", "280")),
    ],
)
def test_what_a_body_measures_is_kept(field: str, amount: str, unit: str) -> None:
    said = {**dict(content()), field: {"value": amount, "unit": unit}}

    assert str(getattr(OrderContent.model_validate(said), field).value) == amount


@pytest.mark.parametrize("field", ["weight", "height"])
@pytest.mark.parametrize("amount", ["0", "-5", "-0.0"])
def test_a_body_weighs_and_measures_more_than_nothing(field: str, amount: str) -> None:
    with pytest.raises(ValidationError):
        OrderContent.model_validate(
            {**dict(content()), field: {"value": amount, "unit": "kg"}}
        )
