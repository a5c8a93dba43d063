"""Which code belongs to which stage of a request's way through the worker."""

INTAKE = "intake: decode, validate"
ADMISSION = "admission"
RUN = "agent run (Agents SDK)"
OURS = "agent run (ours around it)"
JOURNAL = "durable state: journal, outcome"
STORE = "durable state: Redis client"
EMISSION = "emission: render, encode"
PUBLISH = "publish (Kafka producer)"
FAUST = "Faust"
PIPELINE = "pipeline, lanes, tracker"
METRICS = "metrics and logs"
CLIENT = "Kafka connections"
BARE = "the loop itself"

# The innermost frame whose path contains one of these decides; the first that fits counts.
STAGES: tuple[tuple[str, str], ...] = (
    ("/benchmarks/instant_model", RUN),
    ("/benchmarks/bench_agent", RUN),
    ("/site-packages/agents/", RUN),
    ("/site-packages/openai/", RUN),
    ("/agents_defs/run_journal", JOURNAL),
    ("/agents_defs/run_record", JOURNAL),
    ("/agents_defs/journal_entries", JOURNAL),
    ("/streams/journal", JOURNAL),
    ("/streams/completion", JOURNAL),
    ("/streams/parcel_codec", JOURNAL),
    ("/agents_defs/", OURS),
    ("/streams/execution", OURS),
    ("/streams/turns", OURS),
    ("/streams/continuity", OURS),
    ("/app/adapters/prometheus", METRICS),
    ("/app/adapters/log", METRICS),
    ("/streams/observations", METRICS),
    ("/site-packages/prometheus_client/", METRICS),
    ("/app/adapters/redis_", STORE),
    ("/site-packages/redis/", STORE),
    ("/streams/admission", ADMISSION),
    ("/streams/intake", INTAKE),
    ("/schemas/envelope", INTAKE),
    ("/schemas/canonical", INTAKE),
    ("/schemas/partitions", INTAKE),
    ("/streams/emission", EMISSION),
    ("/app/adapters/record_batches", PUBLISH),
    ("/site-packages/aiokafka/producer/", PUBLISH),
    ("/app/adapters/fenced_producer", PUBLISH),
    ("/app/adapters/group_commit", PUBLISH),
    ("/app/adapters/kafka_outbox", PUBLISH),
    ("/streams/topology", FAUST),
    ("/streams/kafka_driver", FAUST),
    ("/streams/conveyor", PIPELINE),
    ("/streams/stream_pace", FAUST),
    ("/streams/first_step", FAUST),
    ("/streams/lenient_records", FAUST),
    ("/site-packages/faust/", FAUST),
    ("/site-packages/mode/", FAUST),
    ("/site-packages/aiokafka/consumer/", FAUST),
    ("/streams/pipeline", PIPELINE),
    ("/streams/endings", PIPELINE),
    ("/streams/waits", PIPELINE),
    ("/streams/parking", PIPELINE),
    ("/streams/tracker", PIPELINE),
    ("/streams/lanes", PIPELINE),
    ("/streams/ownership", PIPELINE),
    ("/site-packages/aiokafka/", CLIENT),
    ("/benchmarks/contestants/bare", BARE),
)
