"""The reference's messages as bytes, for as long as only its adapter needs them so."""

from __future__ import annotations

import json
from typing import Any, get_args

import attrs

from reference.digest import Digest
from reference.messages import Message

_KINDS = {kind.__name__: kind for kind in get_args(Message)}


def encode(message: Message) -> bytes:
    """Return a message as bytes."""
    fields = [type(message).__name__, *attrs.astuple(message, recurse=False)]
    return json.dumps([field.value if isinstance(field, Digest) else field for field in fields]).encode()


def decode(data: bytes) -> Message:
    """Return the message that bytes say.

    Raises:
        ValueError: if they do not say one.
    """
    name, *fields = json.loads(data)
    kind: Any = _KINDS[name]
    types = [field.type for field in attrs.fields(kind)]
    return kind(  # type: ignore[no-any-return]
        *(
            Digest(value) if wanted == "Digest" else tuple(value) if isinstance(value, list) else value
            for wanted, value in zip(types, fields, strict=True)
        )
    )
