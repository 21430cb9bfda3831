"""Documents from outside: read with bounds, parsed strictly, checked against a JSON Schema."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

LONGEST_LINE = 300
"""How long an error's text may be, in characters."""


class DocumentError(ValueError):
    """A document is not what it must be. Its text is one line that says where and why."""

    def __init__(self, text: str) -> None:
        """Keep `text` to one line of bounded length."""
        line = " ".join(text.split())
        super().__init__(line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 3]}...")


def read_document(path: Path, most_bytes: int) -> Any:
    """Read a JSON file of bounded size.

    Raises:
        DocumentError: if it cannot be read, is too large, or is not JSON.
    """
    try:
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
    except OSError as error:
        raise DocumentError(f"{path}: cannot be read: {error.strerror}") from None
    if len(content) > most_bytes:
        raise DocumentError(f"{path}: must be at most {most_bytes} bytes long")
    try:
        return parse(content)
    except DocumentError as error:
        raise DocumentError(f"{path}: {error}") from None


def parse(content: bytes) -> Any:
    """Parse JSON text in UTF-8; NaN and the infinities are no JSON, and a name must not occur twice in an object.

    Raises:
        DocumentError: if it is not JSON.
    """
    try:
        return json.loads(content.decode(), parse_constant=_refuse_constant, object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        raise DocumentError(f"not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise DocumentError("nested too deeply") from None
    except json.JSONDecodeError as error:
        raise DocumentError(f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except ValueError as error:
        raise DocumentError(f"not JSON: {error}") from None


def check(document: Any, schema: dict[str, Any]) -> None:
    """Check a document against a JSON Schema.

    Raises:
        DocumentError: if it does not match, naming the place of the first mismatch.
    """
    for error in _validator()(schema).iter_errors(document):
        raise DocumentError(f"at {error.json_path}: {_shortened(error.message)}")


@cache
def _validator() -> Any:
    """Return the class that checks. It is loaded when the first document from outside is checked, and not before."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    integers = Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)
    return extend(Draft202012Validator, type_checker=integers)  # type: ignore[no-untyped-call]


def _shortened(message: str) -> str:
    return message if len(message) <= 160 else f"{message[:80]} ... {message[-75:]}"


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a name occurs twice in an object")
    return result
