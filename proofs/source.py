"""Where something is written: links to lines of the source, relative to the repository."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import cache
from pathlib import Path as File
from traceback import walk_tb
from typing import Any

from rollproof.model.rules import RULE

ROOT = File(__file__).resolve().parents[1]
EXAMINERS = ("model/", "proofs/")
"""Whose lines are not the code under examination."""


def place(function: Any) -> str:
    """Return where a function is defined, as file:line."""
    code = inspect.unwrap(function).__code__
    return f"{_relative(File(code.co_filename))}:{code.co_firstlineno}"


def last_own(error: BaseException) -> str | None:
    """Return the last line of the code under examination that an exception came through, as file:line."""
    last = None
    for frame, line in walk_tb(error.__traceback__):
        place = _relative(File(frame.f_code.co_filename))
        if not place.startswith(EXAMINERS):
            last = f"{place}:{line}"
    return last


def found(file: str, text: str) -> str:
    """Return the first line of a file that holds a text, as file:line.

    Raises:
        LookupError: if none does.
    """
    for number, line in enumerate((ROOT / file).read_text(encoding="utf-8").splitlines(), 1):
        if text in line:
            return f"{file}:{number}"
    raise LookupError(f"{text!r} is not in {file}")


@cache
def citations() -> dict[str, tuple[str, ...]]:
    """Return where the reference cites each rule, as file:line."""
    cited: dict[str, list[str]] = {}
    for file, number, line in _lines("reference"):
        for rule in RULE.findall(line):
            cited.setdefault(rule, []).append(f"{file}:{number}")
    return {rule: tuple(dict.fromkeys(places)) for rule, places in cited.items()}


def _lines(folder: str) -> Iterator[tuple[str, int, str]]:
    for file in sorted((ROOT / folder).glob("*.py")):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            yield _relative(file), number, line


def _relative(file: File) -> str:
    try:
        return file.resolve().relative_to(ROOT).as_posix()
    except ValueError:
        return file.name
