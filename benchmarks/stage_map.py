"""Which code belongs to which stage of a request's way through the worker."""

INTAKE = "intake: decode, validate"
ADMISSION = "admission, with the Redis client"
RUN = "agent run (Agents SDK)"
OURS = "agent run (ours around it)"
EMISSION = "emission: render, encode"
PUBLISH = "publish (Kafka producer)"
FAUST = "Faust"
PIPELINE = "pipeline, lanes, tracker"
METRICS = "metrics and logs"
CLIENT = "Kafka connections"

# The innermost frame whose path contains one of these decides; the first that fits counts.
STAGES: tuple[tuple[str, str], ...] = (
    ("/benchmarks/instant_model", RUN),
    ("/site-packages/agents/", RUN),
    ("/site-packages/openai/", RUN),
    ("/agents_defs/", OURS),
    ("/streams/execution", OURS),
    ("/app/adapters/prometheus", METRICS),
    ("/app/adapters/log", METRICS),
    ("/streams/observations", METRICS),
    ("/app/adapters/redis_claims", ADMISSION),
    ("/site-packages/redis/", ADMISSION),
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
    ("/site-packages/faust/", FAUST),
    ("/site-packages/mode/", FAUST),
    ("/site-packages/aiokafka/consumer/", FAUST),
    ("/streams/pipeline", PIPELINE),
    ("/streams/tracker", PIPELINE),
    ("/streams/lanes", PIPELINE),
    ("/streams/ownership", PIPELINE),
    ("/site-packages/aiokafka/", CLIENT),
    ("/benchmarks/contestants/bare", "the loop itself"),
)
