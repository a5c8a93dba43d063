"""The rows about workers: the stream, publishing and stores, the processes."""

from app.dashboards.panels import (
    RANGE,
    Panel,
    Query,
    Row,
    occurring,
    of,
    per_second,
    quantile,
    quantiles,
    share,
)

STREAM = Row(
    "Stream",
    (
        Panel(
            "Lag by partition",
            "Records on each partition whose offset is not released. One partition only: a tenant on it "
            "floods, or one run holds its head (Oldest unreleased). A tenant lives on one partition.",
            "short",
            (Query(f"max by (partition) ({of('penstock_consumer_lag')})", "{{partition}}"),),
            steps=((1000, "yellow"), (10000, "red")),
        ),
        Panel(
            "Held and waiting",
            "Records in the workers, those of them that wait for a slot or for their session, and how many "
            "may be held. At the limit intake stops reading; the rest waits on Kafka.",
            "short",
            (
                Query(f"sum({of('penstock_records_held')})", "held"),
                Query(f"sum({of('penstock_lanes_waiting')})", "waiting"),
                Query(f"sum({of('penstock_records_held_limit')})", "limit"),
            ),
        ),
        Panel(
            "Unreleased offsets",
            "Records that were read and whose offset is not committed, by worker: those held, and those "
            "done behind one that is not. Far above Held: one slow head; after a crash these are read "
            "again, and answered from memory.",
            "short",
            (Query(of("penstock_offsets_unreleased"), "{{instance}}"),),
        ),
        Panel(
            "Oldest unreleased by worker",
            "Age of the oldest record that each worker holds. It should fall back to the duration of a run.",
            "s",
            (Query(of("penstock_oldest_unreleased_seconds"), "{{instance}}"),),
            steps=((120, "yellow"), (300, "red")),
        ),
        Panel(
            "Partitions by worker",
            "Partitions owned and open. Uneven: wait for the next rebalance, or fewer workers than "
            "partitions would be even. None: more workers than partitions; that one stands by.",
            "short",
            (
                Query(of("penstock_partitions_owned"), "{{instance}} owned"),
                Query(of("penstock_partitions_open"), "{{instance}} open"),
            ),
        ),
        Panel(
            "Rebalances",
            "Assignments per minute. A few when workers come and go. Steadily: a worker crashes, or its "
            "session times out (PENSTOCK_SESSION_TIMEOUT_S); PENSTOCK_WORKER_ID makes restarts free of "
            "them.",
            "short",
            (Query(f"sum(rate({of('penstock_rebalances_total')}[{RANGE}])) * 60", "per minute"),),
            steps=((3, "yellow"),),
        ),
        Panel(
            "Deliveries repaired",
            "Times that records were fetched and then not delivered, which was noticed, and they were read "
            "again. Around a rebalance that is normal: nothing is lost. Steadily without one: report it, "
            "with the worker's log.",
            "ops",
            (Query(per_second("penstock_deliveries_repaired_total"), "repaired"),),
            steps=((0.1, "yellow"),),
        ),
    ),
)

PUBLISHING = Row(
    "Publishing and stores",
    (
        Panel(
            "Publish latency",
            "How long it takes until outcomes are durable on Kafka. Milliseconds are normal. Above 100 ms: "
            "the brokers' disks or replicas are slow.",
            "s",
            quantiles("penstock_publish_seconds"),
            steps=((0.1, "yellow"), (1, "red")),
        ),
        Panel(
            "Outcomes per transaction",
            "How many outcomes share one transaction. It rises with load; that is what keeps publishing "
            "cheap.",
            "short",
            (
                Query(
                    share(
                        per_second("penstock_publish_batch_parcels_sum"),
                        per_second("penstock_publish_batch_parcels_count"),
                    ),
                    "outcomes",
                ),
            ),
            decimals=1,
        ),
        Panel(
            "Records published per second",
            "Responses, usage records, dead letters and last deltas, what is parked (once into the lot, "
            "once out of it) and audited. Zero while runs end: see Publish retries.",
            "short",
            (Query(per_second("penstock_published_records_total"), "records"),),
        ),
        Panel(
            "Publish retries",
            "Times that publishing failed and is tried again. Now and then during a rebalance. Steadily: "
            "Kafka is away or refuses; the logs give the reason.",
            "ops",
            (Query(per_second("penstock_publish_retries_total"), "retries"),),
            steps=((0.1, "red"),),
        ),
        Panel(
            "Redis failures",
            "Times that Redis did not answer admission, which then waits and asks again. Bring Redis back; "
            "answered ids are rebuilt from Kafka if it lost them.",
            "ops",
            (Query(per_second("penstock_store_failures_total", by="store"), "{{store}}"),),
            steps=((0.1, "red"),),
        ),
        Panel(
            "Opening partitions",
            "How long it takes to read the answered ids of a partition, p95. Its requests wait so long "
            "after a hand-over. Minutes: Redis lost its data, or the retention of responses is long.",
            "s",
            (Query(quantile(0.95, "penstock_ledger_seconds"), "p95"),),
            steps=((10, "yellow"), (60, "red")),
        ),
        Panel(
            "Answered ids read per second",
            "Records read to open partitions. Only after a rebalance or a loss of Redis.",
            "short",
            (Query(per_second("penstock_ledger_records_total"), "records"),),
        ),
        Panel(
            "Faults",
            "Errors of Penstock's own. Any is worth a look: the dead letter (code `internal`) has the "
            "exception and its stack.",
            "ops",
            (Query(occurring(per_second("penstock_faults_total", by="stage")), "{{stage}}"),),
            steps=((0.001, "red"),),
        ),
    ),
)

PROCESSES = Row(
    "Processes",
    (
        Panel(
            "CPU",
            "Cores used by each worker. A worker uses one core at most: near 1 it is the limit, run more "
            "of them (`penstock worker --processes N`).",
            "short",
            (Query(f"rate({of('process_cpu_seconds_total')}[{RANGE}])", "{{instance}}"),),
            steps=((0.8, "yellow"), (0.95, "red")),
        ),
        Panel(
            "Memory",
            "Resident memory of each worker. It grows with runs under way; steadily growing at the same "
            "load is a leak.",
            "bytes",
            (Query(of("process_resident_memory_bytes"), "{{instance}}"),),
        ),
        Panel(
            "Open files",
            "Open files as a share of the limit; each model call in flight has a connection. Above 80 %: "
            "raise the limit (ulimit -n, LimitNOFILE=), or lower PENSTOCK_MAX_IN_FLIGHT.",
            "percentunit",
            (Query(f"{of('process_open_fds')} / {of('process_max_fds')}", "{{instance}}"),),
            steps=((0.8, "red"),),
            most=1,
        ),
        Panel(
            "Event loop delay p99",
            "How late the event loop comes round. Above 100 ms something blocks it: a tool that is not "
            "async, or a machine without CPU to spare.",
            "s",
            (Query(quantile(0.99, "penstock_loop_delay_seconds", by="instance"), "{{instance}}"),),
            steps=((0.1, "yellow"), (1, "red")),
        ),
    ),
)
