"""The row about the books: whether they keep up, and whether workers count what they counted."""

from app.dashboards.panels import RANGE, Panel, Query, Row, occurring, of, per_second

BOOKS = Row(
    "Books, quotas and limits",
    (
        Panel(
            "Books behind",
            "Everything that was written so long ago is counted. It should stay at a few seconds; after a "
            "start it falls from the age of the backlog. It grows: the books are down, or Kafka is away.",
            "s",
            (Query(f"max({of('penstock_books_behind_seconds')})", "behind"),),
            steps=((60, "yellow"), (600, "red")),
        ),
        Panel(
            "Books: entries per second",
            "Responses and paid calls that the books read, by what became of them. `repeated` after a "
            "restart is normal. `late` ones count in a later window: compare the clocks of workers and "
            "books. `unreadable`: somebody else writes to these topics; the log of the books says what.",
            "ops",
            (Query(per_second("penstock_books_entries_total", by="outcome"), "{{outcome}}"),),
            kind="stacked",
        ),
        Panel(
            "Windows published per second",
            "Windows per tenant and agent that the books wrote to agent.metrics. None while there are "
            "entries: publishing hangs, see the log of the books.",
            "ops",
            (Query(per_second("penstock_books_windows_published_total"), "windows"),),
        ),
        Panel(
            "Books kept",
            "Partitions whose books are kept, tenants that are in them, and those of them whose month is "
            "counted. Fewer partitions than there are: one of the books died; its partitions are taken "
            "over within the session timeout.",
            "short",
            (
                Query(f"sum({of('penstock_books_partitions')})", "partitions"),
                Query(f"sum({of('penstock_books_tenants')})", "tenants"),
                Query(f"sum({of('penstock_books_months')})", "months"),
            ),
        ),
        Panel(
            "Quota alerts in the last hour",
            "Times that a tenant's quota was told to be used by half, by four fifths and wholly, by what it "
            "bounds. The audit topic names the tenants: raise their quotas, or talk to them.",
            "short",
            (
                Query(
                    occurring(
                        f"sum by (measure, percent) (increase({of('penstock_quota_alerts_total')}[1h]))"
                    ),
                    "{{measure}} {{percent}} %",
                ),
            ),
            kind="stacked",
        ),
        Panel(
            "Windows lost with Redis",
            "Partitions whose windows were lost when Redis was emptied and not told again yet, and those "
            "told in the last hour. Until then tenants with limits wait or are refused. It stays: see Books "
            "behind; nothing is told before all is counted.",
            "short",
            (
                Query(f"sum({of('penstock_window_gaps')})", "not told"),
                Query(f"sum(increase({of('penstock_window_gaps_filled_total')}[1h]))", "told"),
            ),
            steps=((1, "yellow"),),
        ),
        Panel(
            "Tenants that drift",
            "Tenants of whom workers count more or less than the books, for longer than runs take. The log "
            "of the books names them. `penstock usage --rebuild --compare` shows a month's quota, `--apply` "
            "raises what is missing.",
            "short",
            (Query(f"sum({of('penstock_drift_tenants')})", "tenants"),),
            steps=((1, "red"),),
        ),
        Panel(
            "Largest drift in tokens",
            "The most tokens by which workers differ from the books on one tenant. What runs under way hold "
            "is no drift. Small: calls whose worker died. Large: Redis was restored from an old copy.",
            "short",
            (Query(f"max({of('penstock_drift_tokens')})", "tokens"),),
            steps=((1, "yellow"), (100000, "red")),
        ),
        Panel(
            "Tenants compared per second",
            "Tenants with a quota or a limit of a day that were compared with what workers count; each in "
            "turn, every quarter of an hour. None although there are such tenants: the books are behind, or "
            "Redis is away.",
            "ops",
            (Query(f"sum(rate({of('penstock_drift_compared_total')}[{RANGE}]))", "tenants"),),
        ),
    ),
)
