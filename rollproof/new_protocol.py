"""`rollproof new-protocol`: writes a small protocol of one's own, to be changed."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from rollproof.model.documents import DocumentError
from rollproof.output import HELD, UsageError, console, write_file

FILES = ("protocol.py", "test_protocol.py")
"""What is written: a changed guard, a new transition, a new part of the state and a theorem; and a test of it."""


def new_protocol(folder: Path) -> int:
    """Write a small worked example of a protocol of one's own: a changed guard, a new transition, a theorem, a test.

    Exits with 0, or with 2 if something would be overwritten, or cannot be written.

    Parameters
    ----------
    folder:
        Where it is written; it is made if it is not there.
    """
    there = [name for name in FILES if (folder / name).exists() or (folder / name).is_symlink()]
    if there:
        raise UsageError(f"{folder / there[0]} is there already, and is not overwritten")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DocumentError(f"{folder}: cannot be made: {error.strerror}") from None
    for name in FILES:
        write_file(folder / name, (files("rollproof.example") / name).read_text(encoding="utf-8"))
    console().print(
        f"{folder / FILES[0]} is a protocol, and {folder / FILES[1]} its test (pytest).\n"
        f"Judge it with: rollproof verify --protocol {folder / FILES[0]}",
        soft_wrap=True,
    )
    return HELD
