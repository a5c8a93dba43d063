"""The records as a page: every field of every wire type, with its type and meaning, from the models."""

from typing import Any

from schemas.catalogue import WIRE_TYPES, json_schemas

HEAD = """\
# Records

UTF-8 JSON. Unknown fields are ignored; within a version fields are only added. A field without a
value is left out. Times are RFC 3339 in UTC with milliseconds; money is a decimal string in USD.
The header `schema` names type and version (`agent-request/1`; absent on a request it means 1). The
same as JSON Schema: `schemas/json/`."""


def page() -> str:
    """All records."""
    schemas = json_schemas()
    parts = [HEAD]
    for name in WIRE_TYPES:
        schema = next(found for file, found in schemas.items() if file.startswith(f"{name}."))
        parts.append(section(name, schema))
    return "\n\n".join(parts)


def section(name: str, schema: dict[str, Any]) -> str:
    """One record, and the records within it."""
    parts = [f"## {name}", *filter(None, [schema.get("description")]), table(schema)]
    for inner, definition in schema.get("$defs", {}).items():
        if definition.get("properties"):
            parts.append(f"`{inner}`:\n\n{table(definition)}")
        elif "enum" in definition:
            parts.append(f"`{inner}`: {kind(definition)}")
    return "\n\n".join(parts)


def table(schema: dict[str, Any]) -> str:
    """The fields of one object."""
    required = set(schema.get("required", ()))
    rows = ["| field | type | |", "|---|---|---|"]
    for field, described in schema.get("properties", {}).items():
        meaning = " ".join(str(described.get("description", "")).split()).replace("|", "\\|")
        optional = "" if field in required else "optional"
        rows.append(f"| `{field}` | {kind(described)} | {'. '.join(filter(None, [optional, meaning]))} |")
    return "\n".join(rows)


def kind(described: dict[str, Any]) -> str:
    """A type in a few words."""
    if "$ref" in described:
        return f"`{described['$ref'].rpartition('/')[2]}`"
    for word in ("anyOf", "oneOf", "allOf"):
        if word in described:
            kinds = [kind(one) for one in described[word] if one.get("type") != "null"]
            return " or ".join(dict.fromkeys(kinds))
    if "enum" in described:
        return ", ".join(f"`{value}`" for value in described["enum"])
    if "const" in described:
        return f"`{described['const']}`"
    named = str(described.get("type", "any JSON"))
    if named == "array":
        return f"list of {kind(described.get('items', {}))}"
    bounds = [
        f"{words} {described[bound]}"
        for bound, words in (
            ("minLength", "at least"),
            ("maxLength", "at most"),
            ("minimum", "≥"),
            ("exclusiveMinimum", ">"),
            ("maximum", "≤"),
        )
        if bound in described
    ]
    return ", ".join([str(described.get("format", named)), *bounds])
