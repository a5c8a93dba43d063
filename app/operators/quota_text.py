"""The quotas of a month, as a table, as CSV and as JSON. No I/O."""

import csv
import json
from collections.abc import Iterable, Iterator
from decimal import ROUND_FLOOR, Decimal
from io import StringIO
from typing import Any

from rich.table import Table
from rich.text import Text

from app.operators.quota_rebuild import Standing
from app.terminal.screen import one_line
from schemas.money import format_usd
from streams.policy.quotas import EXACT, Amount, Measure, with_overdraft

Rows = Iterable[tuple[str, Standing]]
TENTH = Decimal("0.1")


def percent_of(used: Amount, limit: Amount | None) -> Decimal | None:
    """Rounded down, so that 100 means all of it; None where there is no such quota, or one of nothing."""
    if not limit:
        return None
    share = EXACT.divide(EXACT.multiply(Decimal(used), Decimal(100)), Decimal(limit))
    return share.quantize(TENTH, ROUND_FLOOR, EXACT)


def table(rows: Rows) -> Table:
    """One row for each tenant."""
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("tenant", "month", "time zone"):
        shown.add_column(heading, overflow="fold")
    for heading in ("runs", "tokens", "cost USD", "of it unknown: tokens", "cost USD"):
        shown.add_column(heading, justify="right")
    for tenant, standing in rows:
        period = standing.account.period
        estimated = standing.estimated
        cells = (
            one_line(tenant, 256),
            str(period.month),
            period.time_zone,
            *(_cell(standing, measure) for measure in Measure),
            _shown(estimated.tokens),
            _shown(estimated.cost_usd),
        )
        shown.add_row(*map(Text, cells))
    return shown


def _cell(standing: Standing, measure: Measure) -> str:
    """900 of 1,000 (90.0 %)."""
    used = standing.account.used.of(measure)
    limit: Amount | None = getattr(standing.quota, measure.value)
    if limit is None:
        return _shown(used)
    percent = percent_of(used, limit)
    return f"{_shown(used)} of {_shown(limit)}" + ("" if percent is None else f" ({percent} %)")


def _shown(amount: Amount) -> str:
    return format_usd(amount) if isinstance(amount, Decimal) else f"{amount:,}"


def csv_lines(rows: Rows) -> Iterator[str]:
    """A heading, and a line for each tenant."""
    figures = [f"{measure.value}_{what}" for measure in Measure for what in ("used", "limit", "percent")]
    yield _csv_line(["tenant_id", "month", "time_zone", *figures, "unknown_tokens", "unknown_cost_usd"])
    for tenant, standing in rows:
        document = document_of(tenant, standing)
        cells = [
            document[measure.value][what] for measure in Measure for what in ("used", "limit", "percent")
        ]
        unknown = document["unknown"]
        yield _csv_line(
            [tenant, document["month"], document["time_zone"], *cells, unknown["tokens"], unknown["cost_usd"]]
        )


def _csv_line(cells: Iterable[Any]) -> str:
    line = StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


def json_lines(rows: Rows) -> Iterator[str]:
    """One object for each tenant."""
    for tenant, standing in rows:
        yield _json(document_of(tenant, standing))


def document_of(tenant: str, standing: Standing) -> dict[str, Any]:
    """For programs."""
    period, estimated = standing.account.period, standing.estimated
    return {
        "tenant_id": tenant,
        "month": str(period.month),
        "time_zone": period.time_zone,
        **{measure.value: _measure(standing, measure) for measure in Measure},
        "unknown": {"tokens": estimated.tokens, "cost_usd": format_usd(estimated.cost_usd)},
    }


def _measure(standing: Standing, measure: Measure) -> dict[str, Any]:
    quota = standing.quota
    used = standing.account.used.of(measure)
    limit: Amount | None = getattr(quota, measure.value)
    percent = percent_of(used, limit)
    alerts = sorted(share for told, share in standing.account.alerted if told is measure)
    return {
        "used": _written(used),
        "limit": None if limit is None else _written(limit),
        "with_overdraft": None if limit is None else _written(with_overdraft(limit, quota.overdraft)),
        "percent": None if percent is None else float(percent),
        "alerts": alerts,
    }


def _written(amount: Amount) -> int | str:
    return format_usd(amount) if isinstance(amount, Decimal) else amount


def _json(document: dict[str, Any]) -> str:
    """Sums may be larger than the 64 bits that faster writers take."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
