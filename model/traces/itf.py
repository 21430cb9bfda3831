"""The Informal Trace Format of TLA+ and Quint: values as JSON with `#bigint`, `#tup`, `#set` and `#map`, and back.

There is no null and no fraction in it: None is the variant `Absent`, a fraction the variant `Fraction` of its text.
A dictionary is a record, whose fields are names of the model; what is keyed by frames or players is a `Map`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

_UNIT = "U_OF_UNIT"
_ABSENT = {"tag": "Absent", "value": _UNIT}
_INTEGER = re.compile(r"-?[0-9]{1,40}")


class Map(dict[Any, Any]):
    """A map, as distinct from a record."""


def encode(value: Any) -> Any:
    """Return a plain value as JSON."""
    match value:
        case None:
            return dict(_ABSENT)
        case bool() | str():
            return value
        case int():
            return {"#bigint": str(value)}
        case float():
            return {"tag": "Fraction", "value": repr(value)}
        case tuple() | list():
            return {"#tup": [encode(each) for each in value]}
        case frozenset() | set():
            return {"#set": [encode(each) for each in ordered(value)]}
        case Map():
            return {"#map": [[encode(key), encode(each)] for key, each in value.items()]}
        case dict():
            return {key: encode(each) for key, each in value.items()}
    return str(value)


def ordered(values: Iterable[Any]) -> list[Any]:
    """Return values in an order that is always the same, and the natural one if they have one."""
    try:
        return sorted(values)
    except TypeError:
        return sorted(values, key=repr)


def decode(value: Any) -> Any:
    """Return the plain value of JSON that `encode` made.

    Raises:
        ValueError: if it did not.
    """
    match value:
        case bool() | str():
            return value
        case {"#bigint": str() as digits, **rest} if not rest and _INTEGER.fullmatch(digits):
            return int(digits)
        case {"#tup": list() as items, **rest} if not rest:
            return tuple(decode(each) for each in items)
        case {"#set": list() as items, **rest} if not rest:
            return frozenset(_keys(items))
        case {"#map": list() as pairs, **rest} if not rest:
            if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
                raise ValueError("a map must consist of pairs")
            keys = _keys(key for key, _ in pairs)
            return Map(zip(keys, (decode(each) for _, each in pairs), strict=True))
        case {"tag": "Absent", "value": "U_OF_UNIT", **rest} if not rest:
            return None
        case {"tag": "Fraction", "value": str() as text, **rest} if not rest:
            return float(text[:40])
        case dict() if not any(key.startswith("#") for key in value):
            return {key: decode(each) for key, each in value.items()}
    raise ValueError(f"{repr(value)[:60]} is no value of this format")


def _keys(values: Iterable[Any]) -> list[Any]:
    keys = [decode(each) for each in values]
    try:
        hash(tuple(keys))
    except TypeError:
        raise ValueError("a key of a map or a member of a set must not be a map or a record") from None
    return keys
