"""The only reader of the environment: settings from PENSTOCK_* variables and `.env`, documented from here."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AliasChoices, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource, SettingsConfigDict

from agents_defs.endpoints import EndpointOptions
from agents_defs.equipment import MEGABYTE, ToolOptions
from agents_defs.model_access import DEFAULT_TIERS, ModelOptions
from agents_defs.tenant_keys import KeyFolder
from app.model_file import ModelFile, read_models
from app.tier_file import read_tiers
from streams.options import FlowOptions, KafkaOptions, LimitOptions, StreamOptions, TrustOptions
from streams.policy.session_size import MOST_BYTES

if TYPE_CHECKING:
    from app.mcp_file import McpFile

Seconds = Annotated[float, Field(gt=0)]
Positive = Annotated[int, Field(gt=0)]


class BadSettings(Exception):
    """The settings are not usable; the message is one line that names the variable."""


class Settings(BaseSettings):
    """Everything that can be set, with its default."""

    model_config = SettingsConfigDict(
        env_prefix="PENSTOCK_",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        use_attribute_docstrings=True,
        populate_by_name=True,
    )

    kafka_bootstrap: str = "127.0.0.1:9092"
    """Broker addresses, separated by commas."""
    topic_prefix: str = "agent."
    """What the names of the public topics begin with."""
    partitions: Positive = 12
    """Partitions of all tenant-keyed topics; fixed for their life."""
    app_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,80}$")] = "penstock"
    """Consumer group, prefix of the internal topics and of the keys in Redis."""
    worker_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,80}$")] | None = None
    """A stable, unique name of this worker gives static membership, hence a fast restart. None: dynamic."""
    session_timeout_s: Seconds = 10.0
    """Session timeout of the consumer group: how long a dead worker keeps its partitions."""
    delivery: Literal["transactional", "plain"] = "transactional"
    """`plain` (one worker; brokers without transactions): one outcome per request is not crash-proof."""
    redis_url: str = "redis://127.0.0.1:6379/0"
    """Where windows, claims, journals of runs, sessions and facts are kept."""
    sessions_url: SecretStr | None = None
    """The database of agents with `MemorySpec(store="sql")`: `sqlite:///<file>` or `postgresql://...`."""
    memory_keys_file: Path | None = None
    """Keys that seal what is remembered, 32 bytes in base64 a line; the first seals. None: it is plain."""
    agents_dir: Path | None = None
    """A folder of agents' files (`penstock new agent --dir`) that are registered, too."""
    patterns: bool = False
    """Whether the examples of patterns (`agents_defs/patterns/`) are registered, too."""
    model_provider: Literal["openai", "offline"] = "openai"
    """`offline` computes its answers from the input, without any network."""
    model_api: Literal["responses", "chat_completions"] = "responses"
    """Which of OpenAI's two APIs an OpenAI-compatible provider is asked through."""
    models_file: Path | None = None
    """Where models are served, what is behind each tier and who stands in for whom: YAML. None: one provider,
    by `OPENAI_BASE_URL` and the settings beside this one."""
    secrets_dir: Path | None = None
    """The folder of keys that tenants bring: a plan's `secrets` name files in it. None: they bring none."""
    model_small: str = DEFAULT_TIERS["small"]
    """The model behind the tier `small`."""
    model_standard: str = DEFAULT_TIERS["standard"]
    """The model behind the tier `standard`."""
    model_large: str = DEFAULT_TIERS["large"]
    """The model behind the tier `large`."""
    openai_api_key: Annotated[
        SecretStr | None, Field(validation_alias=AliasChoices("OPENAI_API_KEY", "openai_api_key"))
    ] = None
    """The provider's key."""
    openai_base_url: Annotated[
        str | None, Field(validation_alias=AliasChoices("OPENAI_BASE_URL", "openai_base_url"))
    ] = None
    """An OpenAI-compatible provider's address. None: OpenAI's own."""
    http_bind: Annotated[str, Field(pattern=r"^.*:\d{1,5}$")] = "127.0.0.1:6066"
    """Where a worker serves /healthz, /readyz, /metrics and /version. Port 0 takes a free one."""
    books_http_bind: Annotated[str, Field(pattern=r"^.*:\d{1,5}$")] = "127.0.0.1:6065"
    """Where the books serve the same pages. Where it is taken, they do without."""
    max_in_flight: Positive = 1000
    """Runs at once in one worker."""
    model_concurrency: str | None = None
    """Calls in flight to a model at once in one worker: `gpt-5.4=50,gpt-5.4-mini=500`. None: any number."""
    max_held: Positive | None = None
    """Records in one worker, running or waiting; beyond it, it stops reading. None: twice max_in_flight."""
    tenant_buffer: Positive | None = None
    """Requests of one tenant that wait in one worker; more are parked. None: half of max_held beyond \
max_in_flight."""
    max_request_bytes: Positive = 1024 * 1024
    """A larger record is dead-lettered `oversize`."""
    max_input_bytes: Positive = 256 * 1024
    """A larger input is refused `invalid_field`."""
    requests_per_minute: Positive = 600
    """What a tenant may start in any minute whose plan and tier say nothing of limits."""
    tiers_file: Path | None = None
    """What plans of a tier leave out: JSON, a plan's fields by the tier's name. None: as built in."""
    unknown_tenants: Literal["admit", "refuse"] = "admit"
    """Requests of tenants without a plan: they have the tier `free`, or are refused `agent_not_allowed`."""
    offline_delay_ms: Annotated[int, Field(ge=0)] = 0
    """Between the words of a streamed answer of the offline model."""
    drain_s: Seconds = 30.0
    """How long a stopping worker has: runs may finish for 70 % of it, then stop at the end of their turn."""
    park_after_s: Seconds = 60.0
    """A run that lasts longer is parked beside its running: its offset is released, and it goes on."""
    crashes_tolerated: Positive = 4
    """How many workers may end while they run the same request: with one more it is a `crash_loop`."""
    idempotency_days: Annotated[int, Field(ge=1)] = 7
    """How long a request id is remembered; at most the retention of the responses."""
    session_days: Positive = 30
    """How long a session is remembered after its last turn."""
    session_max_bytes: Annotated[int, Field(ge=1024)] = MOST_BYTES
    """How large a session may be, as it is stored: beyond that its oldest turns leave it, whole ones."""
    delta_window_ms: Annotated[int, Field(ge=0, le=1000)] = 20
    """Streamed text is put together for this long."""
    commit_window_ms: Annotated[int, Field(ge=0, le=1000)] = 6
    """Outcomes wait this long for company, to share a transaction; not in plain delivery."""
    books: bool = True
    """Whether a worker also runs the books, the process that keeps windows and publishes metrics."""
    signatures: Literal["off", "required"] = "off"
    """`required`: a request without a good signature is dead-lettered `bad_signature`."""
    control_trust: Literal["acl", "signature"] | None = None
    """Who may approve, reject, pause, resume and replay. `acl`: whoever the topic's ACLs let write; \
`signature`: whose key has the role. None: `signature` where `PENSTOCK_SIGNATURES=required`, else `acl`."""
    keys_file: Path | None = None
    """The file of keys that signatures are checked with (`penstock keys`); read again when it changes."""
    signing_key_file: Path | None = None
    """The private key that `send`, `approvals`, `dlq` and `tenants` sign with, and workers when an agent asks
    another. None: they do not sign."""
    mcp_file: Path | None = None
    """MCP servers whose tools agents use: YAML. None: only those that agents' authors declare."""
    shop_url: SecretStr | None = None
    """The example tools' database: `sqlite:///<file>` or `postgresql://...`. None: in a worker's memory."""
    files_root: Path | None = None
    """The folder in which each tenant has one of its own for the file tools. None: they are off."""
    files_quota_mb: Positive = 10
    """What the files of one tenant may take up, in MiB."""
    web_hosts: str | None = None
    """Hosts that the web tool may ask, with commas: `a.example`, `.example` (and all below it), `*` (any \
public one). None: the tool is off."""
    web_denied_hosts: str | None = None
    """Hosts that it may not ask all the same, written in the same way."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is logged."""
    log_format: Literal["auto", "json", "console"] = "auto"
    """`auto`: console on a terminal, JSON lines elsewhere."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.max_held is not None and self.max_held < self.max_in_flight:
            raise ValueError("PENSTOCK_MAX_HELD must be at least PENSTOCK_MAX_IN_FLIGHT")
        if self.trust().signed and self.keys_file is None:
            wanted = "PENSTOCK_SIGNATURES=required"
            if self.signatures == "off":
                wanted = "PENSTOCK_CONTROL_TRUST=signature"
            raise ValueError(f"{wanted} needs PENSTOCK_KEYS_FILE: `penstock keys create` makes one")
        if self.tiers_file is not None:
            read_tiers(self.tiers_file)
        self.models()
        self.mcp()
        _ = self.model_caps
        if self.max_input_bytes > self.max_request_bytes:
            raise ValueError("PENSTOCK_MAX_INPUT_BYTES must be at most PENSTOCK_MAX_REQUEST_BYTES")
        return self

    @property
    def model_caps(self) -> Mapping[str, int]:
        """How many calls to a model may be in flight, by its name."""
        caps: dict[str, int] = {}
        for part in (self.model_concurrency or "").split(","):
            model, _, most = part.rpartition("=")
            if not part.strip():
                continue
            if not model.strip() or not (most.strip().isascii() and most.strip().isdigit() and int(most)):
                wrong = f"PENSTOCK_MODEL_CONCURRENCY: {part.strip()!r} is no cap"
                raise ValueError(f"{wrong}: write model=number, from 1, as in gpt-5.4=50,gpt-5.4-mini=500")
            caps[model.strip()] = int(most)
        return caps

    @property
    def http_address(self) -> tuple[str, int]:
        """Host and port to serve on."""
        return _address(self.http_bind)

    @property
    def books_http_address(self) -> tuple[str, int]:
        """The same, of the books."""
        return _address(self.books_http_bind)

    def models(self) -> ModelOptions:
        """How models are reached."""
        options = ModelOptions(
            provider=self.model_provider,
            api=self.model_api,
            api_key=self.openai_api_key.get_secret_value() if self.openai_api_key else None,
            base_url=self.openai_base_url,
            tiers={
                "small": self.model_small,
                "standard": self.model_standard,
                "large": self.model_large,
            },
            max_in_flight=self.max_in_flight,
            offline_delay_s=self.offline_delay_ms / 1000,
            tenant_keys=KeyFolder(self.secrets_dir) if self.secrets_dir else None,
        )
        if self.models_file is not None:
            return _as_in_file(options, read_models(self.models_file, os.environ.get))
        if self.secrets_dir is None:
            return options
        only = EndpointOptions(
            "default", "openai", options.base_url, options.api_key, options.api, tenant_key="openai"
        )
        return replace(options, endpoints=(only,))

    def mcp(self) -> "McpFile":
        """The MCP servers that the deployment declares."""
        from app.mcp_file import (  # here: it imports the Agents SDK, which takes a second
            McpFile,
            read_servers,
        )

        if self.mcp_file is None:
            return McpFile(environment=os.environ.get)
        return read_servers(self.mcp_file, os.environ.get)

    def tools(self) -> ToolOptions:
        """What the example tools work with."""
        return ToolOptions(
            shop_url=self.shop_url.get_secret_value() if self.shop_url else None,
            files_root=self.files_root,
            files_quota_bytes=self.files_quota_mb * MEGABYTE,
            web_hosts=_listed(self.web_hosts),
            web_denied_hosts=_listed(self.web_denied_hosts),
        )

    def trust(self) -> TrustOptions:
        """What must be signed."""
        signed = self.signatures == "required"
        by_signature = signed if self.control_trust is None else self.control_trust == "signature"
        return TrustOptions(signed, by_signature, self.keys_file, self.signing_key_file)

    def stream(self) -> StreamOptions:
        """What the stream needs of this."""
        return StreamOptions(
            kafka=KafkaOptions(
                bootstrap=self.kafka_bootstrap,
                topic_prefix=self.topic_prefix,
                partitions=self.partitions,
                app_id=self.app_id,
                worker_id=self.worker_id,
                session_timeout_s=self.session_timeout_s,
                delivery=self.delivery,
            ),
            flow=FlowOptions(
                max_in_flight=self.max_in_flight,
                max_held=self.max_held or 2 * self.max_in_flight,
                tenant_buffer=self.tenant_buffer,
                max_request_bytes=self.max_request_bytes,
                max_input_bytes=self.max_input_bytes,
                drain_s=self.drain_s,
                park_after_s=self.park_after_s,
                crashes_tolerated=self.crashes_tolerated,
                idempotency_days=self.idempotency_days,
                session_days=self.session_days,
                session_max_bytes=self.session_max_bytes,
                delta_window_s=self.delta_window_ms / 1000,
                commit_window_s=self.commit_window_ms / 1000,
            ),
            limits=LimitOptions(
                requests_per_minute=self.requests_per_minute,
                tiers=read_tiers(self.tiers_file) if self.tiers_file is not None else {},
                unknown_tenants=self.unknown_tenants,
            ),
            trust=self.trust(),
        )


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(part for each in (text or "").split(",") if (part := each.strip()))


def _as_in_file(options: ModelOptions, file: ModelFile) -> ModelOptions:
    return replace(
        options,
        endpoints=file.endpoints,
        routing=file.routing,
        tiers={**options.tiers, **file.tiers},
        tier_settings=file.tier_settings,
        fallbacks=file.fallbacks,
    )


def _address(bind: str) -> tuple[str, int]:
    host, _, port = bind.rpartition(":")
    return host, int(port)


def load(**overrides: object) -> Settings:
    """The settings in force; flags override the environment. BadSettings says what is wrong, in one line."""
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]  # validated, not typed
    except ValidationError as error:
        raise BadSettings("; ".join(_sentence(problem) for problem in error.errors())) from None


def _sentence(problem: Mapping[str, Any]) -> str:
    place = [str(part) for part in problem["loc"]]
    message = str(problem["msg"]).removeprefix("Value error, ")
    if not place:
        return message
    return f"{variable(place[0])}={problem['input']!r}: {message}"


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return name.upper() if name.upper().startswith("OPENAI_") else f"PENSTOCK_{name.upper()}"


Origin = Literal["environment", ".env", "default"]


def origins() -> dict[str, Origin]:
    """Where the value of each setting comes from."""
    environment = {name.lower() for name in EnvSettingsSource(Settings)()}
    dotenv = {name.lower() for name in DotEnvSettingsSource(Settings)()}
    return {
        name: "environment" if name in environment else ".env" if name in dotenv else "default"
        for name in Settings.model_fields
    }
