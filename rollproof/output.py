"""What every command shares: the console, files written whole or not at all, and usage errors."""

from __future__ import annotations

import difflib
import json
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

HELD = 0
"""Exit code: everything that was to hold holds."""
BROKEN = 1
"""Exit code: something is refuted, diverges, or does not conform."""
USAGE = 2
"""Exit code: wrong usage, or bad input."""
UNDECIDED = 3
"""Exit code: something is undecided, or nothing was checked."""

PIPE_WIDTH = 200
"""How wide a table may be, in characters, where there is no terminal."""


class UsageError(Exception):
    """The command cannot do what it was asked to. Its text is one line, shown without a traceback."""


def console(*, stderr: bool = False) -> Console:
    """Return a console. It shows colours only on a terminal, and not with NO_COLOR set."""
    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, width=None if terminal else PIPE_WIDTH)


def table(title: str, *columns: str, numbers: Iterable[str] = ()) -> Table:
    """Return an empty table; the columns among `numbers` are aligned to the right, and never broken."""
    result = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="bold")
    right = set(numbers)
    for column in columns:
        justify: Literal["left", "right"] = "right" if column in right else "left"
        result.add_column(column, justify=justify, overflow="fold", no_wrap=column in right, min_width=len(column))
    return result


def verdict(held: bool, good: str = "holds", bad: str = "BROKEN") -> Text:
    """Return one word in green or in red."""
    return Text(good, "green") if held else Text(bad, "bold red")


def progress(label: str, total: int) -> Progress:
    """Return a progress bar with one task, to be used in a `with` statement; quiet unless stderr is a terminal."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    )
    bar.add_task(label, total=total)
    return bar


def unknown(what: str, name: str, known: Iterable[str]) -> UsageError:
    """Return the error that there is no `what` of this name, with the nearest names that there are."""
    shown = repr(name if len(name) <= 64 else f"{name[:61]}...")
    names = list(known)
    near = difflib.get_close_matches(name[:64], names, n=3, cutoff=0.5) or [each for each in names if name in each][:3]
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return UsageError(f"there is no {what} {shown}{hint}")


def write_file(path: Path, text: str) -> None:
    """Write a file whole or not at all: beside it first, then renamed.

    Raises:
        UsageError: if it cannot be written.
    """
    beside = None
    try:
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", text=True)
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(beside, 0o666 & ~_umask())
        os.replace(beside, path)
    except OSError as error:
        if beside is not None:
            Path(beside).unlink(missing_ok=True)
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None


def write_json(path: Path, document: Any) -> None:
    """Write a JSON value to a file, whole or not at all.

    Raises:
        UsageError: if it cannot be written.
    """
    write_file(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
