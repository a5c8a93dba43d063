"""The rows about requests: how they go, how runs go, what models cost."""

from app.dashboards.panels import Panel, Query, Row, occurring, of, per_second, quantile, quantiles, share

AT_A_GLANCE = Row(
    "At a glance",
    (
        Panel(
            "Workers",
            "Workers that Prometheus reaches. Fewer than were deployed: look at the missing one's logs, "
            "and at its /readyz.",
            "short",
            (Query(f"count({of('penstock_build_info')})", "workers"),),
            kind="stat",
            below="red",
            steps=((1, "green"),),
        ),
        Panel(
            "Answered per second",
            "Requests whose outcome is durable, of any status. Zero while the lag grows: see the row Stream.",
            "reqps",
            (Query(per_second("penstock_requests_total"), "answered"),),
            kind="stat",
            decimals=1,
        ),
        Panel(
            "Failed",
            "Share of outcomes that are `failed`, hence dead-lettered. Above 1 %: Errors by type says "
            "which code, its row in the failure table says what to do; replay the dead letters afterwards.",
            "percentunit",
            (
                Query(
                    share(
                        per_second("penstock_requests_total", 'status="failed"'),
                        per_second("penstock_requests_total"),
                    ),
                    "failed",
                ),
            ),
            kind="stat",
            steps=((0.01, "yellow"), (0.05, "red")),
            decimals=2,
        ),
        Panel(
            "Lag",
            "Records on Kafka whose offset is not released, over all partitions; it includes those under "
            "way. Growing: if Runs of cap is near 100 %, add workers or raise PENSTOCK_MAX_IN_FLIGHT; "
            "otherwise see Redis and Oldest unreleased.",
            "short",
            (Query(f"sum(max by (partition) ({of('penstock_consumer_lag')}))", "records"),),
            kind="stat",
            steps=((1000, "yellow"), (10000, "red")),
        ),
        Panel(
            "Oldest unreleased",
            "Age of the oldest record that a worker holds. As old as the slowest run is normal. Older: "
            "that run hangs (Slow calls and runs), or Redis or Kafka is away.",
            "s",
            (Query(f"max({of('penstock_oldest_unreleased_seconds')})", "age"),),
            kind="stat",
            steps=((120, "yellow"), (300, "red")),
            decimals=1,
        ),
        Panel(
            "Runs of cap",
            "Runs under way as a share of what the workers may have. Above 95 % requests wait for a slot: "
            "add workers, or raise PENSTOCK_MAX_IN_FLIGHT if memory and the provider's limits allow.",
            "percentunit",
            (Query(f"sum({of('agent_active_runs')}) / sum({of('penstock_runs_limit')})", "of cap"),),
            kind="stat",
            steps=((0.8, "yellow"), (0.95, "red")),
            most=1,
            decimals=1,
        ),
        Panel(
            "Redis",
            "Whether admission waits for Redis on any worker. Nothing is lost meanwhile and nothing is "
            "admitted: bring Redis back.",
            "short",
            (Query(f"max({of('penstock_store_away')})", "away"),),
            kind="stat",
            steps=((1, "red"),),
            texts=(("0", "answers", "green"), ("1", "away", "red")),
        ),
        Panel(
            "Partitions not open",
            "Partitions that are assigned, but whose answered ids are still being read. For seconds after "
            "a rebalance that is normal. Longer: see Opening partitions, and whether Kafka and Redis "
            "answer.",
            "short",
            (
                Query(
                    f"sum({of('penstock_partitions_owned')}) - sum({of('penstock_partitions_open')})",
                    "not open",
                ),
            ),
            kind="stat",
            steps=((1, "yellow"),),
        ),
    ),
)

REQUESTS = Row(
    "Requests",
    (
        Panel(
            "Throughput by status",
            "Outcomes per second. `refused` is answered without a run (see Refused by code), `failed` is "
            "dead-lettered, `expired` passed its deadline.",
            "reqps",
            (Query(per_second("penstock_requests_total", by="status"), "{{status}}"),),
            kind="stacked",
        ),
        Panel(
            "Throughput by agent",
            "Outcomes per second by agent. `unknown` are requests that name no registered agent or are "
            "invalid: tell their producer.",
            "reqps",
            (Query(per_second("penstock_requests_total", by="agent_name"), "{{agent_name}}"),),
            kind="stacked",
        ),
        Panel(
            "Failed share by agent",
            "Share of each agent's outcomes that failed. One agent only: its tools or its instructions. "
            "All at once: the model's provider, or Penstock itself (Faults).",
            "percentunit",
            (
                Query(
                    share(
                        per_second("penstock_requests_total", 'status="failed"', by="agent_name"),
                        per_second("penstock_requests_total", by="agent_name"),
                    ),
                    "{{agent_name}}",
                ),
            ),
            steps=((0.01, "yellow"), (0.05, "red")),
        ),
        Panel(
            "Errors by type",
            "Requests that were admitted and did not complete, by code. The failure table says who is at "
            "fault and what to do for each code.",
            "reqps",
            (Query(occurring(per_second("agent_errors_total", by="error_type")), "{{error_type}}"),),
            steps=((0.1, "red"),),
        ),
        Panel(
            "Dead letters by code",
            "Records on the dead letter topic. `undecodable`, `key_mismatch`, `wrong_partition`, "
            "`oversize`: a producer is wrong, the message says how. Others: mend the cause, then `penstock "
            "replay`.",
            "reqps",
            (Query(occurring(per_second("penstock_dead_letters_total", by="code")), "{{code}}"),),
            steps=((0.1, "red"),),
        ),
        Panel(
            "Limits refused by code",
            "Requests that a tenant's window or quota refused; those that wait for room (`over_limit: wait`) "
            "are under Parked by reason. Expected for one that floods; which tenant it is stands in the "
            "logs. If it should have more, change its plan: it holds at once.",
            "reqps",
            (Query(occurring(per_second("penstock_limits_refused_total", by="code")), "{{code}}"),),
        ),
        Panel(
            "Refused by code",
            "All refusals: limits, and requests that cannot be accepted. `invalid_field` or "
            "`unknown_agent`: a producer is out of step with this deployment.",
            "reqps",
            (Query(occurring(per_second("penstock_refused_total", by="code")), "{{code}}"),),
        ),
        Panel(
            "Guardrail trips by side",
            "What guardrails stopped: `input`, `output`, or a tool's `tool_arguments` and `tool_result`. "
            "Which one it was, and why, stands in the logs (`a guardrail tripped`). A step after a release: "
            "a guardrail that takes harmless texts for attacks; judge it with `penstock guardrails eval`.",
            "reqps",
            (Query(occurring(per_second("penstock_guardrail_trips_total", by="side")), "{{side}}"),),
        ),
        Panel(
            "Duplicates and conflicts",
            "Request ids that came again. `same`: answered once, nothing ran twice; a steady rate means "
            "that a producer retries too eagerly. `conflict`: the id came with another body and was "
            "dead-lettered.",
            "reqps",
            (Query(per_second("penstock_duplicates_total", by="kind"), "{{kind}}"),),
        ),
    ),
)

RUNS = Row(
    "Runs",
    (
        Panel(
            "Run duration",
            "How long runs take, without their time in the queue. Mostly the models' time: compare with "
            "Model call duration.",
            "s",
            quantiles("agent_run_duration_seconds"),
        ),
        Panel(
            "Run duration p95 by agent",
            "Which agent is slow. More turns than needed, or a slow tool, show here and not in Model call "
            "duration.",
            "s",
            (Query(quantile(0.95, "agent_run_duration_seconds", by="agent_name"), "{{agent_name}}"),),
        ),
        Panel(
            "Queue time",
            "From a request's arrival in the worker until its run starts: admission, its session's order, "
            "a free slot. Above a second while Runs of cap is high: add workers. While it is low: long "
            "sessions.",
            "s",
            quantiles("penstock_queue_seconds"),
            steps=((1, "yellow"), (10, "red")),
        ),
        Panel(
            "Active runs and cap",
            "Runs under way and how many there may be. At the cap, requests wait and intake stops reading: "
            "that is back-pressure, not an error.",
            "short",
            (
                Query(f"sum({of('agent_active_runs')})", "active"),
                Query(f"sum({of('penstock_runs_limit')})", "cap"),
            ),
        ),
        Panel(
            "Runs ended by status",
            "Runs that ended per second. More than outcomes of the same status: runs were repeated after a "
            "hand-over or a crash.",
            "ops",
            (Query(per_second("agent_runs_total", by="status"), "{{status}}"),),
            kind="stacked",
        ),
        Panel(
            "Slow calls and runs",
            "Model calls and runs past their agent's warning threshold. The logs name them (`a model call "
            "is slow`); the provider's status page is the next place to look.",
            "ops",
            (Query(per_second("penstock_slow_total", by="what"), "{{what}}"),),
            steps=((0.1, "yellow"),),
        ),
    ),
)

MODELS = Row(
    "Models",
    (
        Panel(
            "Tokens per second by model",
            "Input and output tokens of paid calls; cached and reasoning tokens are part of them. A jump "
            "without more requests: longer inputs or sessions, or an agent that loops.",
            "short",
            (
                Query(
                    per_second(
                        "openai_tokens_used_total", 'token_type=~"input|output"', by="model, token_type"
                    ),
                    "{{model}} {{token_type}}",
                ),
            ),
            kind="stacked",
        ),
        Panel(
            "Cached and reasoning share",
            "Cached tokens as a share of input, reasoning tokens as a share of output. A falling cached "
            "share costs money: the beginning of the prompts changes from call to call.",
            "percentunit",
            tuple(
                Query(
                    share(
                        per_second("openai_tokens_used_total", f'token_type="{part}"'),
                        per_second("openai_tokens_used_total", f'token_type="{whole}"'),
                    ),
                    f"{part} of {whole}",
                )
                for part, whole in (("cached", "input"), ("reasoning", "output"))
            ),
            most=1,
        ),
        Panel(
            "Cost per hour by model",
            "What paid calls cost at this pace, in USD. The books per tenant are on agent.usage. Too much: "
            "plans limit cost per tenant, `max_cost_usd` per run.",
            "currencyUSD",
            (
                Query(
                    f"sum by (model) (rate({of('penstock_model_cost_usd_total')}[$__rate_interval])) * 3600",
                    "{{model}}",
                ),
            ),
            kind="stacked",
        ),
        Panel(
            "Model calls per second",
            "Paid calls by model. Calls per run rise when agents take more turns.",
            "reqps",
            (Query(per_second("penstock_model_calls_total", by="model"), "{{model}}"),),
            kind="stacked",
        ),
        Panel(
            "Model call duration p95",
            "How long the provider takes. Slower than usual: its status page, or another model for the "
            "tier (PENSTOCK_MODEL_SMALL and its siblings).",
            "s",
            (Query(quantile(0.95, "penstock_model_call_seconds", by="model"), "{{model}}"),),
        ),
        Panel(
            "Model calls of their cap",
            "Calls in flight and calls that wait, of models in PENSTOCK_MODEL_CONCURRENCY. If many wait for "
            "long: raise the cap if the provider allows it, or add workers, of which each has its own.",
            "short",
            (
                Query(f"sum by (model) ({of('penstock_model_calls_in_flight')})", "{{model}} in flight"),
                Query(f"sum by (model) ({of('penstock_model_calls_waiting')})", "{{model}} waiting"),
                Query(f"sum by (model) ({of('penstock_model_calls_limit')})", "{{model}} cap"),
            ),
        ),
        Panel(
            "Calls without a known price",
            "Paid calls that the cost above lacks, and limits of cost too. Name the model's price, or use "
            "one whose price is known.",
            "reqps",
            (Query(occurring(per_second("penstock_model_calls_unpriced_total", by="model")), "{{model}}"),),
            steps=((0.001, "yellow"),),
        ),
        Panel(
            "MCP servers reached",
            "By how many workers each is reached. Fewer than there are: its tools fail on the others; "
            "`MCP server away` in their logs says why.",
            "short",
            (Query(f"sum by (server) ({of('penstock_mcp_server_up')})", "{{server}}"),),
        ),
    ),
)
