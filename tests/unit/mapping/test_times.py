from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mapping import times
from gateway.mapping.times import Unfit

NO_ZONE = times.local("")
BERLIN = times.local("Europe/Berlin")
CHICAGO = times.local("America/Chicago")
LORD_HOWE = times.local("Australia/Lord_Howe")
CET = timezone(timedelta(hours=1))
CEST = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026030210+0100", datetime(2026, 3, 2, 10, tzinfo=CET)),
        ("202603021015+0100", datetime(2026, 3, 2, 10, 15, tzinfo=CET)),
        ("20260302101530+0000", datetime(2026, 3, 2, 10, 15, 30, tzinfo=UTC)),
        ("20260302101530-0000", datetime(2026, 3, 2, 10, 15, 30, tzinfo=UTC)),
        ("20260302101530.5+0200", datetime(2026, 3, 2, 10, 15, 30, 500000, CEST)),
        (
            "20260302101530.1234-0330",
            datetime(
                2026,
                3,
                2,
                10,
                15,
                30,
                123400,
                timezone(timedelta(hours=-3, minutes=-30)),
            ),
        ),
    ],
)
def test_a_time_keeps_the_offset_it_was_sent_with(text: str, moment: datetime) -> None:
    read = times.hl7_instant(text, NO_ZONE)

    assert (read, read.utcoffset()) == (moment, moment.utcoffset())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026",
        "202603",
        "20260302",  # a date
        "2026030224+0000",
        "202603021060+0000",
        "20260302101560+0000",
        "20260230101500+0000",
        "20260302101500+1500",
        "20260302101500+0160",
        "20260302101500+01",
        "20260302101500Z",
        "20260302T101500+0100",
        "2026-03-02T10:15+01:00",
        "20260302101.5+0000",
        "２０２６０３０２１０１５+0000",  # noqa: RUF001 - digits of another script
        " 202603021015+0000",
        "0000010101+0000",
        "20260302+0100",
    ],
)
def test_what_is_no_time_is_not_one(text: str) -> None:
    with pytest.raises(Unfit) as raised:
        times.hl7_instant(text, BERLIN)

    assert raised.value.code == "field.not_a_time"


def test_without_offset_and_zone_no_time_is_known() -> None:
    with pytest.raises(Unfit) as raised:
        times.hl7_instant("20260302101500", NO_ZONE)

    assert (raised.value.code, raised.value.consequence) == (
        "field.not_a_time",
        "reject",
    )


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("20260302101500", 1),
        ("20260702101500", 2),
        ("20260329015959", 1),
        ("20260329030000", 2),
        ("20261025015959", 2),
        ("20261025030000", 1),
    ],
)
def test_without_offset_a_time_is_read_in_the_zone(text: str, offset: int) -> None:
    read = times.hl7_instant(text, BERLIN)

    assert read.utcoffset() == timedelta(hours=offset)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("20261025020000", BERLIN),
        ("20261025025959", BERLIN),
        ("20261101013000", CHICAGO),
        ("20260405014500", LORD_HOWE),  # half an hour is put back
    ],
)
def test_an_hour_that_comes_twice_waits_for_a_person(
    text: str, place: times.Local
) -> None:
    with pytest.raises(Unfit) as raised:
        times.hl7_instant(text, place)

    assert raised.value.code == "time.ambiguous"
    assert raised.value.consequence == "hold"
    assert isinstance(raised.value.value, datetime)


def test_the_first_of_two_equal_hours_is_offered() -> None:
    with pytest.raises(Unfit) as raised:
        times.hl7_instant("20261025023000", BERLIN)

    assert raised.value.value == datetime(2026, 10, 25, 2, 30, tzinfo=CEST)


@pytest.mark.parametrize(
    ("text", "place"), [("20260329023000", BERLIN), ("20260308023000", CHICAGO)]
)
def test_an_hour_that_does_not_exist_waits_for_a_person(
    text: str, place: times.Local
) -> None:
    with pytest.raises(Unfit) as raised:
        times.hl7_instant(text, place)

    assert (raised.value.code, raised.value.consequence) == (
        "time.nonexistent",
        "hold",
    )
    assert raised.value.value is None


@given(
    st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001 - local
    st.sampled_from(["Europe/Berlin", "America/Chicago", "Australia/Lord_Howe"]),
)
def test_a_zone_reads_every_hour_as_the_zone_database_does(
    naive: datetime, zone: str
) -> None:
    naive = naive.replace(microsecond=0)
    both = {naive.replace(tzinfo=ZoneInfo(zone), fold=f).utcoffset() for f in (0, 1)}
    text = f"{naive:%Y%m%d%H%M%S}"

    if len(both) == 1:
        assert times.hl7_instant(text, times.local(zone)).utcoffset() in both
    else:
        with pytest.raises(Unfit):
            times.hl7_instant(text, times.local(zone))


def test_either_a_time_or_a_date() -> None:
    assert times.hl7_when("20260302", BERLIN) == date(2026, 3, 2)
    assert times.hl7_when("202603021015", BERLIN) == datetime(
        2026, 3, 2, 10, 15, tzinfo=CET
    )


@pytest.mark.parametrize("text", ["2026", "202603", "20260230", "1 Mar 26", ""])
def test_less_than_a_day_is_neither(text: str) -> None:
    with pytest.raises(Unfit):
        times.hl7_when(text, BERLIN)


@pytest.mark.parametrize(
    "text", ["19710409", "1971040910", "19710409103000", "19710409103000.1+0100"]
)
def test_a_date_may_have_a_time_after_it(text: str) -> None:
    assert times.hl7_date(text) == date(1971, 4, 9)


@pytest.mark.parametrize(
    "text",
    ["", "1971", "197104", "19710431", "1971-4-9", "09041971x", "1971W011", "١٩٧١٠٤٠٩"],
)
def test_what_is_no_date_is_not_one(text: str) -> None:
    with pytest.raises(Unfit) as raised:
        times.hl7_date(text)

    assert raised.value.code == "field.not_a_date"


@given(st.dates())
def test_a_date_comes_back_as_it_was_written(day: date) -> None:
    text = f"{day.year:04}{day.month:02}{day.day:02}"

    assert times.hl7_date(text) == day


@given(
    st.datetimes(
        datetime(1000, 1, 1),  # noqa: DTZ001 - the offset is drawn beside it
        datetime(9998, 1, 1),  # noqa: DTZ001 - as above
        timezones=st.builds(
            timezone, st.integers(-14 * 60, 14 * 60).map(lambda m: timedelta(minutes=m))
        ),
    )
)
def test_a_time_comes_back_as_it_was_written(moment: datetime) -> None:
    whole = moment.replace(microsecond=0)

    read = times.hl7_instant(times.hl7_ts("")(whole), NO_ZONE)

    assert (read, read.utcoffset()) == (whole, whole.utcoffset())


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-02T10:15:30+01:00", datetime(2026, 3, 2, 10, 15, 30, tzinfo=CET)),
        ("2026-03-02T10:15:30Z", datetime(2026, 3, 2, 10, 15, 30, tzinfo=UTC)),
        ("2026-03-02T10:15", datetime(2026, 3, 2, 10, 15, tzinfo=CET)),
    ],
)
def test_an_iso_time(text: str, moment: datetime) -> None:
    assert times.iso_instant(text, BERLIN) == moment


@pytest.mark.parametrize("text", ["", "2026-03-02", "yesterday", "2026-03-02T25:00Z"])
def test_what_is_no_iso_time_is_not_one(text: str) -> None:
    with pytest.raises(Unfit):
        times.iso_instant(text, BERLIN)


def test_an_iso_date() -> None:
    assert times.iso_date("2026-03-02") == date(2026, 3, 2)
    assert times.iso_when("2026-03-02", NO_ZONE) == date(2026, 3, 2)


@pytest.mark.parametrize("text", ["", "20260302", "2026-02-30", "2026-W10-1"])
def test_what_is_no_iso_date_is_not_one(text: str) -> None:
    with pytest.raises(Unfit):
        times.iso_date(text)


@pytest.mark.parametrize(
    ("write", "text"),
    [
        (times.hl7_ts(""), "20260302101530+0100"),
        (times.hl7_ts("America/Chicago"), "20260302031530-0600"),
        (times.hl7_date_out, "20260302"),
        (times.iso_out, "2026-03-02T10:15:30+01:00"),
    ],
)
def test_a_time_is_written(write: object, text: str) -> None:
    assert callable(write)
    assert write(datetime(2026, 3, 2, 10, 15, 30, tzinfo=CET)) == text


def test_a_date_is_written() -> None:
    day = date(2026, 3, 2)

    assert times.hl7_ts("Europe/Berlin")(day) == times.hl7_date_out(day) == "20260302"
    assert times.iso_out(day) == "2026-03-02"


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "../etc/passwd", "\0"])
def test_there_is_no_such_zone(zone: str) -> None:
    with pytest.raises(ValueError, match="IANA"):
        times.local(zone)
    with pytest.raises(ValueError, match="IANA"):
        times.hl7_ts(zone)
