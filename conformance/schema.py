"""The published schemas, applied: whatever comes from outside is checked here before anything reads it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from rollproof.model.documents import DocumentError as InvalidError
from rollproof.model.documents import checker, parse

__all__ = [
    "ADAPTER_PROTOCOL",
    "SCHEMAS",
    "InvalidError",
    "Json",
    "check",
    "check_observation",
    "observation_kinds",
    "parse",
    "schema",
]

SCHEMAS = Path(__file__).parent / "schemas"

ADAPTER_PROTOCOL = 1
"""The version of what the runner and adapters say to each other."""

Json = Any
"""A JSON value."""


def check(name: str, value: Json) -> None:
    """Check a value against the schema `name` (request, response, case, result, known).

    Raises:
        InvalidError: if it does not fit.
    """
    _checker(name)(value)


def check_observation(value: Mapping[str, Json]) -> None:
    """Check one observation.

    Raises:
        InvalidError: if it does not fit, or is of no known kind.
    """
    kind = value.get("obs")
    check = observation_kinds().get(kind) if isinstance(kind, str) else None
    if check is None:
        raise InvalidError(f"there is no observation {_shown(kind)}")
    check(value)


@cache
def observation_kinds() -> dict[str, Callable[[Json], None]]:
    """Return every kind of observation with what checks it."""
    whole = schema("observation")
    kinds = {}
    for branch in whole["oneOf"]:
        name = branch["properties"]["obs"]
        for kind in name.get("enum", [name.get("const")]):
            alone = {"$schema": whole["$schema"], "type": "object", **_in_place(branch, whole["definitions"])}
            alone["required"] = ["obs", *branch["required"]]
            kinds[kind] = checker(alone)
    return kinds


def _in_place(part: Json, definitions: Mapping[str, Json]) -> Json:
    """Return a part of a schema with definitions in place of references: an observation is checked twice as fast."""
    if isinstance(part, list):
        return [_in_place(each, definitions) for each in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return _in_place(definitions[part["$ref"].removeprefix("#/definitions/")], definitions)
    return {name: _in_place(each, definitions) for name, each in part.items()}


def schema(name: str) -> Json:
    """Return the published schema of a name."""
    return json.loads((SCHEMAS / f"{name.removesuffix('.json')}.json").read_text(encoding="utf-8"))


@cache
def _checker(name: str) -> Callable[[Json], None]:
    return checker(schema(name), others=schema)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
