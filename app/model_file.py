"""Reads the file of models (YAML): where they are served, the tiers, who stands in for whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from agents_defs.endpoints import EndpointOptions, Provider, Routing
from agents_defs.model_settings import unknown_settings
from agents_defs.tenant_keys import key_in
from app import yaml_file
from app.yaml_file import LookUp


class Endpoint(BaseModel):
    """One of `endpoints`."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1)]
    provider: Provider = "openai"
    base_url: str | None = None
    api_key: str | None = None
    """A reference: `env:NAME`, or `file:PATH`."""
    api: Annotated[str, Field(pattern="^(responses|chat_completions)$")] = "responses"
    api_version: str | None = None
    models: tuple[str, ...] | None = None
    names: dict[str, str] = {}
    weight: Annotated[float, Field(gt=0)] = 1.0
    max_in_flight: Annotated[int, Field(ge=1)] | None = None
    tenant_key: str | None = None


class Tier(BaseModel):
    """One of `tiers`."""

    model_config = ConfigDict(extra="forbid")

    model: Annotated[str, Field(min_length=1)]
    settings: dict[str, Any] = {}


class Document(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid")

    endpoints: Annotated[tuple[Endpoint, ...], Field(min_length=1)]
    routing: Routing = "round_robin"
    tiers: dict[str, str | Tier] = {}
    fallbacks: dict[str, tuple[str, ...]] = {}


@dataclass(frozen=True, slots=True)
class ModelFile:
    """What stands in it."""

    endpoints: tuple[EndpointOptions, ...]
    routing: Routing
    tiers: Mapping[str, str]
    tier_settings: Mapping[str, Mapping[str, Any]]
    fallbacks: Mapping[str, tuple[str, ...]]


def read_models(path: Path, environment: LookUp) -> ModelFile:
    """ValueError names the file, the place in it and what to write there; it never holds a key."""
    no_yaml = "cannot be read: it is no YAML in line {line}, column {column}"
    document = yaml_file.read(path, Document, no_yaml)
    try:
        return _file(document, path, environment)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _file(document: Document, path: Path, environment: LookUp) -> ModelFile:
    yaml_file.require_different([one.name for one in document.endpoints], "endpoints")
    tiers = {name: one if isinstance(one, Tier) else Tier(model=one) for name, one in document.tiers.items()}
    for name, tier in tiers.items():
        if wrong := unknown_settings(tier.settings):
            raise ValueError(f"tiers.{name}.settings: {wrong}")
    found = ModelFile(
        tuple(_endpoint(one, path, environment) for one in document.endpoints),
        document.routing,
        {name: tier.model for name, tier in tiers.items()},
        {name: tier.settings for name, tier in tiers.items() if tier.settings},
        document.fallbacks,
    )
    wanted = [*found.tiers.values(), *(name for names in found.fallbacks.values() for name in names)]
    for model in wanted:
        if not any(one.serves(model) for one in found.endpoints):
            raise ValueError(f"no endpoint serves the model {model}: add it to the `models` of one")
    return found


def _endpoint(one: Endpoint, path: Path, environment: LookUp) -> EndpointOptions:
    if one.provider == "azure" and (one.base_url is None or one.api_version is None):
        raise ValueError(f"endpoints: {one.name}: Azure needs base_url and api_version")
    told = one.model_dump(exclude={"api_key"})
    return EndpointOptions(**told, api_key=_key(one, path, environment))


def _key(one: Endpoint, path: Path, environment: LookUp) -> str | None:
    if one.api_key is None:
        return None
    if not yaml_file.is_reference(one.api_key):
        told = "write api_key as env:NAME or file:PATH, never the key itself"
        raise ValueError(f"endpoints: {one.name}: {told}")
    try:
        return yaml_file.followed(one.api_key, environment, lambda name: key_in(path.parent / name))
    except OSError as error:
        raise ValueError(f"endpoints: {one.name}: its key cannot be read: {error}") from None
    except (LookupError, ValueError) as error:
        raise ValueError(f"endpoints: {one.name}: {error}") from None
