"""Every record of the wire by its schema name, and the JSON Schemas made from them."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson
from pydantic.json_schema import GenerateJsonSchema

from schemas.audit import AuditRecord
from schemas.control import ControlCommand
from schemas.dead_letters import DeadLetter
from schemas.deltas import Delta
from schemas.metrics import MetricsRecord
from schemas.record import WireRecord
from schemas.releases import Release
from schemas.requests import AgentRequest
from schemas.responses import AgentResponse
from schemas.tenants import TenantPlan
from schemas.usage import UsageRecord
from schemas.versions import CURRENT_VERSIONS

WIRE_TYPES: Mapping[str, type[WireRecord]] = MappingProxyType(
    {
        "agent-request": AgentRequest,
        "agent-response": AgentResponse,
        "delta": Delta,
        "usage": UsageRecord,
        "metrics": MetricsRecord,
        "dead-letter": DeadLetter,
        "control": ControlCommand,
        "audit": AuditRecord,
        "tenant-plan": TenantPlan,
        "release": Release,
    }
)
# The schema says what a writer may write: users write these, Penstock the others.
WRITTEN_BY_USERS = frozenset({"agent-request", "control", "tenant-plan", "release"})
DIRECTORY = Path(__file__).parent / "json"


def json_schemas() -> dict[str, dict[str, Any]]:
    """File name to JSON Schema (2020-12)."""
    schemas: dict[str, dict[str, Any]] = {}
    for name, record_type in WIRE_TYPES.items():
        version = CURRENT_VERSIONS[name]
        schema = record_type.model_json_schema(
            mode="validation" if name in WRITTEN_BY_USERS else "serialization"
        )
        schemas[f"{name}.v{version}.json"] = {
            "$schema": GenerateJsonSchema.schema_dialect,
            "$id": f"urn:penstock:{name}:{version}",
            **(schema if name in WRITTEN_BY_USERS else _without_nulls(schema)),
        }
    return schemas


def _without_nulls(schema: Any) -> Any:
    """Penstock never writes null for a field: one that may be None is one that may be absent."""
    if isinstance(schema, list):
        return [_without_nulls(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: _without_nulls(item) for name, item in schema.items() if (name, item) != ("default", None)}
    choices = [choice for choice in kept.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1:
        del kept["anyOf"]
        return {**choices[0], **kept}
    return {**kept, "anyOf": choices} if choices else kept


def render(schema: dict[str, Any]) -> bytes:
    return orjson.dumps(schema, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m schemas.catalogue", description=__doc__)
    parser.add_argument(
        "--write", action="store_true", help="write the JSON Schemas, instead of comparing them"
    )
    write = parser.parse_args(arguments).write
    stale = []
    for file_name, schema in json_schemas().items():
        path = DIRECTORY / file_name
        rendered = render(schema)
        if write:
            path.write_bytes(rendered)
        elif not path.exists() or path.read_bytes() != rendered:
            stale.append(file_name)
    if stale:
        sys.stderr.write(f"stale: {', '.join(stale)}; run: python -m schemas.catalogue --write\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
