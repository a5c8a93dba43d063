"""The rows about what waits, and about the tenants' plans, one of whose fields makes it wait."""

from app.dashboards.panels import Panel, Query, Row, occurring, of, per_second

WAITING = Row(
    "Waiting",
    (
        Panel(
            "Parked by reason",
            "Requests per second that left their partition to wait, by what they wait for; nothing behind "
            "them is held up. `approval`: people decide (`penstock approvals list`). `window`: a limit is "
            "full, raise it or wait. `retry`: a provider fails. `running`: runs outlast "
            "PENSTOCK_PARK_AFTER_S. What waits now: `penstock parked list`.",
            "reqps",
            (Query(occurring(per_second("penstock_requests_parked_total", by="reason")), "{{reason}}"),),
            kind="stacked",
        ),
        Panel(
            "Parked and not readable",
            "Parked requests that a worker could not read when it took over their partition, in the last "
            "hour. They wait on. A newer version wrote them, most likely: run it again. `penstock parked "
            "list` says where the first one stands. `no key`: how often outcomes could not be opened; the "
            "log names their requests, `/readyz` the key.",
            "short",
            (
                Query(f"sum(increase({of('penstock_parked_unreadable_total')}[1h]))", "not readable"),
                Query(f"sum(increase({of('penstock_outcomes_sealed_total')}[1h]))", "no key"),
            ),
            steps=((1, "red"),),
        ),
        Panel(
            "Tenants paused",
            "Tenants for whom nothing is run; their requests wait. `penstock tenants list --paused` names "
            "them, `penstock tenants resume` lets them go on.",
            "short",
            (Query(f"max({of('penstock_plans_paused')})", "paused"),),
            steps=((1, "yellow"),),
        ),
    ),
)

PLANS = Row(
    "Tenants' plans",
    (
        Panel(
            "Plans in force",
            "Plans that each worker knows: every worker reads all of them, so the lines lie on each other. "
            "One that stays apart does not follow the tenants topic: see Plans not readable, and its logs.",
            "short",
            (Query(of("penstock_plans"), "{{instance}}"),),
        ),
        Panel(
            "Plans passed over by code",
            "Records of the tenants topic that are no plan: the tenant's former one stays in force, so a "
            "change that somebody wrote does not hold. The log names the tenant and what is wrong: write "
            "the plan anew.",
            "ops",
            (Query(occurring(per_second("penstock_plans_passed_over_total", by="code")), "{{code}}"),),
            steps=((0.001, "yellow"),),
        ),
        Panel(
            "Plans not readable",
            "Times that the tenants topic could not be read. The plans known so far hold, changes do not "
            "arrive. Now and then: a broker restarted. Steadily: Kafka is away, or the topic is gone "
            "(`penstock doctor`).",
            "ops",
            (Query(per_second("penstock_plans_read_failures_total"), "failures"),),
            steps=((0.1, "red"),),
        ),
        Panel(
            "Reading the plans at the start",
            "How long each worker took to read all plans before it was ready. Above some seconds: the "
            "topic is not compacted (`penstock doctor`), or Kafka is slow.",
            "s",
            (Query(of("penstock_plans_read_seconds"), "{{instance}}"),),
            steps=((10, "yellow"), (60, "red")),
        ),
    ),
)
