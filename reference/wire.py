"""Messages as bytes: compact JSON, strict and bounded, so that whatever arrives is a message or is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import isfinite
from typing import Any

from rollproof.reference.containers import Action
from rollproof.reference.digest import Digest
from rollproof.reference.messages import AckMessage, EndMessage, HashMessage, InputMessage, Message
from rollproof.reference.values import normal

MOST_BYTES = 65_536
"""How long an encoded message may be."""
MOST_ACTIONS = 1024
"""How many actions a message may carry; no setting asks for more (`Config.max_resent`)."""
LARGEST = 2**53 - 1
"""The largest magnitude of a number: what every JSON reader keeps exactly."""
LONGEST_NAME = 64
"""Of a game or a player, in characters."""
LONGEST_ACTION = 256
"""Of an action that is a text, in characters."""


class WireError(ValueError):
    """Bytes are no message, or a message cannot be sent. The text is one line that says where and why."""


def encode(message: Message) -> bytes:
    """Return a message as bytes, equal for equal messages.

    Raises:
        WireError: if `decode` would refuse it.
    """
    kind = type(message).__name__
    values = {name: _plain(getattr(message, name)) for name in _FIELDS[kind]}
    _check(kind, values)
    content = _compact({"kind": kind, **values})
    if len(content) > MOST_BYTES:
        raise WireError(f"a message must be at most {MOST_BYTES} bytes long, not {len(content)}")
    return content


def decode(content: bytes) -> Message:
    """Return the message that `encode` made these bytes of.

    Raises:
        WireError: if they are no message.
    """
    if len(content) > MOST_BYTES:
        raise WireError(f"a message must be at most {MOST_BYTES} bytes long, not {len(content)}")
    try:
        document = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise WireError(f"not JSON: {_one_line(error)}") from None
    if not isinstance(document, dict) or document.get("kind") not in list(_FIELDS):
        raise WireError(f"a message must be an object whose kind is one of {', '.join(_FIELDS)}")
    kind = document.pop("kind")
    _check(kind, document)
    if _compact({"kind": kind, **{name: document[name] for name in _FIELDS[kind]}}) != content:
        raise WireError("not in the one form that a message has: compact, every field once and in order")
    return _message(kind, document)


def _message(kind: str, values: dict[str, Any]) -> Message:
    match kind:
        case "InputMessage":
            return InputMessage(**{**values, "actions": tuple(map(normal, values["actions"]))})
        case "AckMessage":
            return AckMessage(**values)
        case "EndMessage":
            return EndMessage(**{**values, "digest": Digest(values["digest"])})
        case _:
            return HashMessage(**{**values, "digest": Digest(values["digest"])})


# --- what each field must be ------------------------------------------------------------------------------------------


def _whole(value: object) -> str | None:
    whole = type(value) is int and abs(value) <= LARGEST
    return None if whole else f"must be an integer of at most {LARGEST} in magnitude"


def _flag(value: object) -> str | None:
    return None if type(value) is bool else "must be a bool"


def _name(value: object) -> str | None:
    named = type(value) is str and 1 <= len(value) <= LONGEST_NAME and _is_text(value)
    return None if named else f"must be a text of 1 to {LONGEST_NAME} characters"


def _digest(value: object) -> str | None:
    hexadecimal = type(value) is str and len(value) in (0, 32) and set(value) <= set("0123456789abcdef")
    return None if hexadecimal else "must be 32 hexadecimal digits, or empty"


def _actions(value: object) -> str | None:
    if type(value) is not list or not 1 <= len(value) <= MOST_ACTIONS:
        return f"must be a list of 1 to {MOST_ACTIONS} actions"
    for number, action in enumerate(value):
        if not _is_action(action):
            return f"action {number} must be a bool, a number or a text of bounded size"
    return None


def _is_action(value: Action) -> bool:
    if type(value) is int:
        return abs(value) <= LARGEST
    if type(value) is float:
        return isfinite(value)
    return type(value) is bool or (type(value) is str and len(value) <= LONGEST_ACTION and _is_text(value))


def _is_text(value: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in value)


_COMMON: dict[str, Callable[[object], str | None]] = {"game": _name, "epoch": _whole, "player": _name}
_FIELDS: dict[str, dict[str, Callable[[object], str | None]]] = {
    "InputMessage": {**_COMMON, "first": _whole, "actions": _actions, "acknowledged": _whole, "time_ms": _whole},
    "AckMessage": {**_COMMON, "acknowledged": _whole, "end_known": _flag},
    "EndMessage": {**_COMMON, "end": _whole, "digest": _digest},
    "HashMessage": {**_COMMON, "frame": _whole, "digest": _digest},
}


def _check(kind: str, values: dict[str, Any]) -> None:
    problems = _FIELDS[kind]
    if values.keys() != problems.keys():
        raise WireError(f"{kind}: the fields must be {', '.join(problems)}")
    for name, problem_of in problems.items():
        problem = problem_of(values[name])
        if problem is not None:
            raise WireError(f"{kind}: {name}: {problem}")


def _plain(value: Any) -> Any:
    if isinstance(value, Digest):
        return value.value
    return list(value) if isinstance(value, tuple) else value


_TEXT = json.JSONEncoder(separators=(",", ":")).encode


def _compact(document: dict[str, Any]) -> bytes:
    return _TEXT(document).encode()


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:160]
