"""The fields of the reference's values by name: as they are, symbolic ones unresolved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

field_of: Callable[[Any, str], Any] = object.__getattribute__
"""Returns one field of a value."""


def fields_of(value: Any) -> dict[str, Any]:
    """Return the fields of a value, in the order in which its class declares them."""
    return {each.name: field_of(value, each.name) for each in attrs.fields(type(value))}


def fields_there(value: Any) -> dict[str, Any]:
    """Return the fields that a value made by `made` has."""
    return {each.name: field_of(value, each.name) for each in attrs.fields(type(value)) if hasattr(value, each.name)}


def made(cls: type, **fields: Any) -> Any:
    """Return an object of a class that has these fields and perhaps no others, without running `__init__`."""
    value: Any = object.__new__(cls)
    for name, each in fields.items():
        object.__setattr__(value, name, each)
    return value
