"""Usage and quotas in words, CSV and JSON."""

import csv
import json
from decimal import Decimal
from io import StringIO

import pytest
from rich.console import Console
from rich.table import Table

from app.operators import quota_text, usage_text
from app.operators.time_span import LocalDay, Span
from app.operators.usage_report import NAMED, NO_USER, NOT_KNOWN, By, Question
from app.operators.usage_sums import Figures, Sums
from app.operators.usage_text import Dearest, Row
from schemas.usage import UsageState
from tests.doubles.used import AT, plans, raw, rebuild, response, usage

CHEAP = Sums(Figures(1, 10, 4, 2, 1, Decimal("0.01")))
DEAR = Sums(Figures(2, 2000, 0, 30, 0, Decimal("1.5")), Figures(1, 7, 0, 1, 0, Decimal("0.1")))


def lines(table: Table) -> list[list[str]]:
    console = Console(width=200, file=StringIO(), highlight=False)
    console.print(table)
    shown = console.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO of above
    return [line.split() for line in shown.splitlines()]


def test_a_table_has_a_total_and_shows_unknown_calls_only_where_there_are_any() -> None:
    plain = lines(usage_text.table([Row("acme", "small", CHEAP)], CHEAP, By.MODEL))
    both = lines(usage_text.table([Row("acme", "large", DEAR)], DEAR, By.MODEL))

    assert plain[0][:4] == ["tenant", "model", "calls", "input"]
    assert "unknown" not in plain[0]
    assert plain[1] == ["acme", "small", "1", "10", "4", "2", "1", "12", "0.01"]
    assert plain[-1] == ["total", "1", "10", "4", "2", "1", "12", "0.01"]
    assert both[1] == ["acme", "large", "2", "2,000", "0", "30", "0", "2,030", "1.5", "1", "8", "0.1"]


def test_a_table_shows_the_dearest_rows_and_days_in_their_order() -> None:
    rows = [Row("acme", f"2026-11-0{n}", Sums(Figures(cost_usd=Decimal(cost)))) for n, cost in
            enumerate((3, 1, 5, 4, 2), 1)]  # fmt: skip
    dearest = Dearest(3)
    for row in rows:
        dearest.add(row)

    assert [row.name[-2:] for row in dearest.rows(By.DAY)] == ["01", "03", "04"]
    assert [row.name[-2:] for row in dearest.rows(By.MODEL)] == ["03", "04", "01"]
    assert dearest.left_out == 2


def test_csv_has_a_line_for_each_row_and_no_total() -> None:
    rows = [Row("acme", f'{NAMED}ann, "the boss"', CHEAP), Row("acme", NOT_KNOWN, DEAR)]

    text = "\n".join(usage_text.csv_lines(rows, By.USER))

    first, second = csv.DictReader(StringIO(text))
    assert (first["tenant_id"], first["user"], first["tokens"]) == ("acme", 'ann, "the boss"', "12")
    assert (second["user"], second["cost_usd"], second["unknown_tokens"]) == ("(not known)", "1.5", "8")


def test_a_users_name_cannot_steer_the_terminal() -> None:
    rows = [Row("acme", f"{NAMED}\x1b[2Jann", CHEAP)]

    text = "\n".join(usage_text.csv_lines(rows, By.USER))

    assert "\x1b" not in text
    assert "\x1b" not in str(lines(usage_text.table(rows, CHEAP, By.USER)))
    assert "\x1b" not in "".join(usage_text.json_lines(rows, CHEAP, Question(By.USER), {}))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_json_is_one_document_however_many_rows(count: int) -> None:
    rows = [Row("acme", f"m{n}", CHEAP) for n in range(count)]
    span = Span(AT, LocalDay(AT.date()))
    question = Question(By.MODEL, frozenset({"acme"}), span)

    found = json.loads("\n".join(usage_text.json_lines(rows, DEAR, question, {"skipped": 1, "repeated": 2})))

    assert (found["by"], found["tenants"]) == ("model", ["acme"])
    assert (found["since"], found["until"]) == ("2026-11-21T07:00:00.000Z", "2026-11-21")
    assert [row["model"] for row in found["rows"]] == [f"m{n}" for n in range(count)]
    assert found["total"]["cost_usd"] == "1.5"
    assert found["total"]["unknown"]["tokens"] == 8
    assert (found["skipped"], found["repeated"]) == (1, 2)


def test_json_says_of_a_user_whether_there_is_none_or_nobody_knows() -> None:
    rows = [Row("acme", name, CHEAP) for name in (f"{NAMED}ann", NO_USER, NOT_KNOWN)]

    found = json.loads("".join(usage_text.json_lines(rows, CHEAP, Question(By.USER), {"skipped": 0})))

    assert [(row["user"], row["user_known"]) for row in found["rows"]] == [
        ("ann", True),
        (None, True),
        (None, False),
    ]


def test_figures_beyond_64_bits_are_written_in_full() -> None:
    huge = Sums(Figures(input_tokens=2**64))

    found = json.loads("".join(usage_text.json_lines([], huge, Question(), {"skipped": 0})))

    assert found["total"]["input_tokens"] == 2**64


@pytest.mark.parametrize(
    ("used", "limit", "percent"),
    [
        (0, 1000, "0.0"),
        (999, 1000, "99.9"),
        (9999, 10000, "99.9"),
        (1000, 1000, "100.0"),
        (1234, 1000, "123.4"),
        (Decimal("1"), Decimal("3"), "33.3"),
        (5, 0, None),
        (5, None, None),
    ],
)
def test_a_percentage_is_rounded_down(used: int, limit: int | None, percent: str | None) -> None:
    found = quota_text.percent_of(used, limit)

    assert (None if found is None else str(found)) == percent


def test_quotas_are_shown_beside_what_is_used() -> None:
    known = plans(acme={"runs": 2, "tokens": 20, "overdraft": 0.1, "time_zone": "Europe/Berlin"})
    found = rebuild(known)
    found.add_responses([raw(response("r-1"))])
    found.add_usage([raw(usage("r-1/m0")), raw(usage("r-1/m1", state=UsageState.UNKNOWN))])

    (row,) = lines(quota_text.table(found.standings()))[1:]
    (document,) = map(json.loads, quota_text.json_lines(found.standings()))
    (line,) = csv.DictReader(StringIO("\n".join(quota_text.csv_lines(found.standings()))))

    told = " ".join(row)
    assert told == "acme 2026-11 Europe/Berlin 1 of 2 (50.0 %) 24 of 20 (120.0 %) 0.02 12 0.01"
    assert document["tokens"] == {
        "used": 24,
        "limit": 20,
        "with_overdraft": 22,
        "percent": 120.0,
        "alerts": [50, 80, 100],
    }
    assert document["cost_usd"]["used"] == "0.02"
    assert document["unknown"] == {"tokens": 12, "cost_usd": "0.01"}
    assert (line["tokens_used"], line["tokens_limit"], line["cost_usd_limit"]) == ("24", "20", "")
