"""Months of time zones: DST, odd offsets, year's end, and zones that change."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest

from streams.policy.months import Month, Period, month_of, period_after, period_of, start_of


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "month", "start"),
    [
        ("UTC", Month(2026, 11), utc(2026, 11, 1)),
        ("Europe/Berlin", Month(2026, 4), utc(2026, 3, 31, 22)),  # summer time since three days
        ("Europe/Berlin", Month(2026, 11), utc(2026, 10, 31, 23)),
        ("Asia/Kathmandu", Month(2027, 1), utc(2026, 12, 31, 18, 15)),  # +05:45
        ("Pacific/Kiritimati", Month(2027, 1), utc(2026, 12, 31, 10)),  # +14
        ("Etc/GMT+12", Month(2027, 1), utc(2027, 1, 1, 12)),  # -12
        ("Pacific/Chatham", Month(2026, 4), utc(2026, 3, 31, 10, 15)),  # +13:45 in summer
        ("America/Havana", Month(2026, 11), utc(2026, 11, 1, 4)),  # midnight comes twice that day
        ("America/St_Johns", Month(2009, 11), utc(2009, 11, 1, 2, 30)),  # so does 23:01 of the day before
        ("America/Asuncion", Month(2017, 10), utc(2017, 10, 1, 4)),  # that day has no midnight
    ],
)
def test_a_month_begins_at_the_first_midnight_of_its_zone(zone: str, month: Month, start: datetime) -> None:
    found = start_of(month, zone)

    assert found == start
    assert month_of(start, zone) == month
    assert month_of(start - timedelta(milliseconds=1), zone) == month.previous


def test_a_clock_that_goes_back_over_midnight_does_not_bring_the_month_back() -> None:
    shown_again = utc(2009, 11, 1, 2, 31)  # 23:01 of 31 October once more

    local = shown_again.astimezone(ZoneInfo("America/St_Johns"))

    assert (local.month, local.day) == (10, 31)
    assert month_of(shown_again, "America/St_Johns") == Month(2009, 11)


@pytest.mark.parametrize("zone", sorted(available_timezones()))
def test_months_of_every_zone_follow_each_other_without_gap_or_overlap(zone: str) -> None:
    months = [Month(2025, 11)]
    while months[-1] < Month(2028, 3):
        months.append(months[-1].following)

    periods = [period_of(month, zone) for month in months]

    assert all(one.end == other.start for one, other in pairwise(periods))
    for period in periods:
        assert month_of(period.start, zone) == period.month
        assert month_of(period.end - timedelta(microseconds=1), zone) == period.month


def test_the_year_ends_with_december() -> None:
    december = Month(2026, 12)

    assert december.following == Month(2027, 1)
    assert december.following.previous == december
    assert str(december) == "2026-12"


@pytest.mark.parametrize(
    ("before", "after"),
    [("Pacific/Kiritimati", "Pacific/Pago_Pago"), ("Pacific/Pago_Pago", "Pacific/Kiritimati")],
)
def test_a_changed_zone_holds_from_the_next_month_and_each_month_comes_once(before: str, after: str) -> None:
    november = period_of(Month(2026, 11), before)

    december = period_after(november, november.end, after)
    january = period_after(december, december.end, after)

    assert (december.month, january.month) == (Month(2026, 12), Month(2027, 1))
    assert (december.start, december.end) == (november.end, start_of(Month(2027, 1), after))
    assert january == period_of(Month(2027, 1), after)


def test_months_of_silence_are_passed_at_once() -> None:
    period: Period = period_of(Month(2026, 2), "Europe/Berlin")

    later = period_after(period, utc(2026, 11, 21), "Europe/Berlin")

    assert later == period_of(Month(2026, 11), "Europe/Berlin")
