"""Frozen options, handed down from the settings; nothing here reads the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from schemas.tenants import TenantPlan
from streams.policy.session_size import MOST_BYTES

Delivery = Literal["transactional", "plain"]


@dataclass(frozen=True, slots=True)
class KafkaOptions:
    """Where Kafka is and how this worker takes part in it."""

    bootstrap: str = "127.0.0.1:9092"
    topic_prefix: str = "agent."
    partitions: int = 12
    app_id: str = "penstock"
    worker_id: str | None = None  # a stable, unique name gives static membership
    session_timeout_s: float = 10.0
    delivery: Delivery = "transactional"
    idempotent: bool = True  # some embedded brokers have no producer ids


@dataclass(frozen=True, slots=True)
class FlowOptions:
    """How much the pipeline holds, and for how long."""

    max_in_flight: int = 1000
    max_held: int = 2000  # running, or waiting in a lane; beyond it intake stops reading
    tenant_buffer: int | None = None  # of one tenant wait in memory; the others are parked
    max_request_bytes: int = 1024 * 1024
    max_input_bytes: int = 256 * 1024
    max_record_bytes: int = 4 * 1024 * 1024  # of what is published
    drain_s: float = 30.0
    park_after_s: float = 60.0  # a run that lasts longer is parked beside its running
    crashes_tolerated: int = 4  # of workers, by one run: with one more it is a crash loop
    idempotency_days: int = 7
    session_days: int = 30
    session_max_bytes: int = MOST_BYTES
    delta_window_s: float = 0.02
    commit_window_s: float = 0.006
    warn_after_s: float = 30.0

    @property
    def buffer(self) -> int:
        """How many requests of one tenant may wait in memory for a slot or their session."""
        return self.tenant_buffer or max(1, (self.max_held - self.max_in_flight) // 2)


@dataclass(frozen=True, slots=True)
class LimitOptions:
    """What a tenant may do whose plan says nothing."""

    requests_per_minute: int = 600
    tiers: Mapping[str, TenantPlan] = field(default_factory=dict)  # what a plan of this tier leaves out
    unknown_tenants: Literal["admit", "refuse"] = "admit"  # those without a plan


@dataclass(frozen=True, slots=True)
class TrustOptions:
    """What must be signed, and the file of keys that this is checked with."""

    requests_signed: bool = False
    commands_signed: bool = False
    keys_file: Path | None = None
    signing_key_file: Path | None = None  # what requests are signed with that agents write

    @property
    def signed(self) -> bool:
        """Whether anything must be."""
        return self.requests_signed or self.commands_signed


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """Everything that the stream needs to know."""

    kafka: KafkaOptions = field(default_factory=KafkaOptions)
    flow: FlowOptions = field(default_factory=FlowOptions)
    limits: LimitOptions = field(default_factory=LimitOptions)
    trust: TrustOptions = field(default_factory=TrustOptions)

    @property
    def commit_window_s(self) -> float:
        """How long outcomes wait for company: plain delivery has no transaction to share."""
        return self.flow.commit_window_s if self.kafka.delivery == "transactional" else 0.0
