"""Reads the file of models (YAML): where they are served, the tiers, who stands in for whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents_defs.endpoints import EndpointOptions, Provider, Routing
from agents_defs.model_settings import unknown_settings
from agents_defs.tenant_keys import key_in

LookUp = Callable[[str], str | None]


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
    try:
        document = Document.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from None
    except yaml.YAMLError as error:  # its own words quote the line, which may hold a key
        raise ValueError(f"{path} cannot be read: {_place_of(error)}") from None
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ValueError(f"{path}: {place}: {first['msg']}") from None
    try:
        return _file(document, path, environment)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _place_of(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
    return f"it is no YAML{where}"


def _file(document: Document, path: Path, environment: LookUp) -> ModelFile:
    names = [one.name for one in document.endpoints]
    if len(set(names)) < len(names):
        raise ValueError(f"endpoints: two have the same name: {', '.join(names)}")
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
    kind, _, name = (one.api_key or "").partition(":")
    if one.api_key is None:
        return None
    if kind == "env" and name:
        found = environment(name)
        if not found:
            raise ValueError(f"endpoints: {one.name}: the variable {name} is not set")
        return found
    if kind == "file" and name:
        try:
            return key_in(path.parent / name)
        except OSError as error:
            raise ValueError(f"endpoints: {one.name}: its key cannot be read: {error}") from None
        except ValueError as error:
            raise ValueError(f"endpoints: {one.name}: {error}") from None
    raise ValueError(f"endpoints: {one.name}: write api_key as env:NAME or file:PATH, never the key itself")
