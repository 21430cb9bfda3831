"""Documents from outside, and files written: read with bounds, parsed strictly, checked by a schema, written whole."""

from __future__ import annotations

import json
import os
import re
import stat
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

LONGEST_LINE = 300
"""How long an error's text may be, in characters."""


class DocumentError(ValueError):
    """A document is not what it must be, or cannot be written. Its text is one line that says where and why."""

    def __init__(self, text: str) -> None:
        """Keep `text` to one line of bounded length."""
        line = " ".join(text.split())
        super().__init__(line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 3]}...")


# --- reading ----------------------------------------------------------------------------------------------------------


def read_bytes(path: Path, most_bytes: int) -> bytes:
    """Read a file of bounded size, whatever it says of its own size.

    Raises:
        DocumentError: if it cannot be read, or is too large.
    """
    try:
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
    except OSError as error:
        raise DocumentError(f"{path}: cannot be read: {error.strerror}") from None
    if len(content) > most_bytes:
        raise DocumentError(f"{path}: must be at most {most_bytes} bytes long")
    return content


def read_document(path: Path, most_bytes: int) -> Any:
    """Read a JSON file of bounded size.

    Raises:
        DocumentError: if it cannot be read, is too large, or is not JSON.
    """
    try:
        return parse(read_bytes(path, most_bytes))
    except DocumentError as error:
        raise error if str(error).startswith(str(path)) else DocumentError(f"{path}: {error}") from None


def parse(content: str | bytes) -> Any:
    """Parse JSON text in UTF-8. Numbers are integers, and a name must not occur twice in an object.

    Raises:
        DocumentError: if it is not such JSON.
    """
    try:
        text = content.decode() if isinstance(content, bytes) else content
        return _DECODER.decode(text)
    except UnicodeDecodeError as error:
        raise DocumentError(f"not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise DocumentError("not JSON: nested too deeply") from None
    except json.JSONDecodeError as error:
        raise DocumentError(f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except ValueError as error:
        raise DocumentError(f"not JSON as it must be: {error}") from None


def _refuse_number(text: str) -> None:
    raise ValueError(f"{_shortened(text)} is no integer")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a name occurs twice in an object")
    return result


_DECODER = json.JSONDecoder(parse_float=_refuse_number, parse_constant=_refuse_number, object_pairs_hook=_object)


# --- checking ---------------------------------------------------------------------------------------------------------

# fastjsonschema and not jsonschema: an adapter's answer takes 3 µs instead of 58, a case 1.5 ms instead of 7.5.


def checker(schema: dict[str, Any], others: Callable[[str], Any] | None = None) -> Callable[[Any], None]:
    """Return a function that checks a document against a JSON Schema (draft 7), which is compiled at its first call.

    It raises a DocumentError that names the place of the first mismatch. `others` returns the schema of a name, for
    references to other files.
    """

    @cache
    def compiled() -> tuple[Callable[[Any], Any], type[ValueError]]:
        from fastjsonschema import JsonSchemaException, compile

        handlers = {} if others is None else {"": others}
        return compile(schema, handlers=handlers, use_default=False, use_formats=False), JsonSchemaException

    def check(document: Any) -> None:
        validate, mismatch = compiled()
        try:
            validate(document)
        except mismatch as error:
            raise _told(error) from None

    return check


def _told(error: Any) -> DocumentError:
    place = re.sub(r"^data", "$", str(error.name))
    reason = str(error.message).removeprefix(str(error.name)).strip()
    if error.rule == "required":
        reason = f"{next(each for each in error.definition['required'] if each not in error.value)!r} is required"
    return DocumentError(f"at {_shortened(place)}: {_shortened(reason)}")


def _shortened(message: str) -> str:
    return message if len(message) <= 160 else f"{message[:80]} ... {message[-75:]}"


# --- writing ----------------------------------------------------------------------------------------------------------


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all: beside it first, then renamed.

    What is no ordinary file (a terminal, a pipe, a device) is written through, and a symbolic link is followed.

    Raises:
        DocumentError: if it cannot be written; then an ordinary file is still what it was.
    """
    try:
        kind = _kind(path)
        if kind is not None and not stat.S_ISREG(kind):
            with path.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as stream:
                stream.write(text)
        else:
            _replace(path.resolve(), text)
    except BrokenPipeError:
        raise
    except (OSError, RuntimeError) as error:
        raise DocumentError(f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}") from None


_UNSAFE = re.compile("[\x7f-\x9f\ud800-\udfff]")
"""What JSON text may hold but a terminal takes for a command, or UTF-8 has no bytes for."""


def write_json(path: Path, document: Any) -> None:
    """Write a JSON value to a file, whole or not at all.

    Raises:
        DocumentError: if it cannot be written.
    """
    text = json.dumps(document, indent=2, ensure_ascii=False)
    write_text(path, _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")


def check_writable(*paths: Path | None) -> None:
    """Check before a long piece of work that its results can be written to some files, no two of them the same.

    Raises:
        DocumentError: naming the first that cannot be written, or is given twice.
    """
    seen: set[Path] = set()
    for path in paths:
        if path is None:
            continue
        try:
            kind, target = _kind(path), path.resolve()
        except (OSError, RuntimeError) as error:
            raise DocumentError(f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}") from None
        if target in seen and (kind is None or stat.S_ISREG(kind)):
            raise DocumentError(f"{path}: two results cannot be written to one file")
        seen.add(target)
        if kind is not None and stat.S_ISDIR(kind):
            raise DocumentError(f"{path}: cannot be written: it is a folder")
        if kind is None and not target.parent.is_dir():
            raise DocumentError(f"{path}: cannot be written: there is no folder {target.parent}")
        if not os.access(path if kind is not None else target.parent, os.W_OK):
            raise DocumentError(f"{path}: cannot be written: permission denied")


def _kind(path: Path) -> int | None:
    """Return the mode of what a path leads to, or None if there is nothing yet."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None


def _replace(path: Path, text: str) -> None:
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:64]}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.write(text)
        os.chmod(beside, path.stat().st_mode & 0o7777 if path.exists() else 0o666 & ~_umask())
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
