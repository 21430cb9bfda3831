"""The published schemas, applied: whatever comes from outside is checked here before anything reads it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import fastjsonschema

SCHEMAS = Path(__file__).parent / "schemas"

Json = Any
"""A JSON value."""


class InvalidError(ValueError):
    """A value does not have the shape that its schema demands; the message says where and why."""


def check(name: str, value: Json) -> None:
    """Check a value against the schema `name` (request, response, case, result).

    Raises:
        InvalidError: if it does not fit.
    """
    _apply(_validator(name), value)


def check_observation(value: Mapping[str, Json]) -> None:
    """Check one observation.

    Raises:
        InvalidError: if it does not fit, or is of no known kind.
    """
    kind = value.get("obs")
    validator = observation_kinds().get(kind) if isinstance(kind, str) else None
    if validator is None:
        raise InvalidError(f"there is no observation {_shown(kind)}")
    _apply(validator, value)


@cache
def observation_kinds() -> dict[str, Callable[[Json], Json]]:
    """Return every kind of observation with its validator."""
    schema = _read("observation")
    kinds = {}
    for branch in schema["oneOf"]:
        name = branch["properties"]["obs"]
        for kind in name.get("enum", [name.get("const")]):
            alone = {"$schema": schema["$schema"], "type": "object", "definitions": schema["definitions"], **branch}
            alone["required"] = ["obs", *branch["required"]]
            kinds[kind] = fastjsonschema.compile(alone)
    return kinds


def parse(text: str | bytes) -> Json:
    """Parse JSON that comes from outside.

    Raises:
        InvalidError: if it is not JSON, not UTF-8, too deep, has a number that is no integer, or an object in which a
            name occurs twice.
    """
    try:
        return _DECODER.decode(text if isinstance(text, str) else text.decode())
    except (ValueError, RecursionError) as error:
        raise InvalidError(f"not JSON as the suite wants it: {error}") from None


def _no_float(text: str) -> Json:
    raise ValueError(f"{text} is no integer")


def _object(members: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(members)
    if len(found) != len(members):
        twice = next(name for i, (name, _) in enumerate(members) if any(name == other for other, _ in members[:i]))
        raise ValueError(f"{_shown(twice)} occurs twice in one object")
    return found


_DECODER = json.JSONDecoder(parse_float=_no_float, parse_constant=_no_float, object_pairs_hook=_object)


@cache
def _validator(name: str) -> Callable[[Json], Json]:
    validator: Callable[[Json], Json] = fastjsonschema.compile(_read(name), handlers={"": _resolve})
    return validator


def _read(name: str) -> Json:
    return json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))


def _resolve(uri: str) -> Json:
    return _read(uri.removesuffix(".json"))


def _apply(validator: Callable[[Json], Json], value: Json) -> None:
    try:
        validator(value)
    except fastjsonschema.JsonSchemaException as error:
        raise InvalidError(str(error)[:300].replace("data", "it", 1)) from None


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
