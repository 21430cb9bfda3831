"""What every command shares: the console, exit codes, output files, and usage errors."""

from __future__ import annotations

import codecs
import difflib
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import ArgumentCollection, Group, Parameter
from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from rollproof.model import documents
from rollproof.model.documents import DocumentError

HELD = 0
"""Exit code: everything that was to hold holds."""
BROKEN = 1
"""Exit code: something is refuted, diverges, or does not conform. Never anything else."""
USAGE = 2
"""Exit code: wrong usage, bad input, or a result that cannot be written."""
UNDECIDED = 3
"""Exit code: something is undecided, or nothing was checked."""
BROKEN_ADAPTER = 4
"""Exit code: an adapter broke the adapter protocol, so that nothing can be said of the implementation."""
FAULT = 70
"""Exit code: rollproof itself failed."""
INTERRUPTED = 130
"""Exit code: stopped from the keyboard."""
TERMINATED = 143
"""Exit code: stopped by SIGTERM."""

EXIT_CODES = {
    HELD: "it holds",
    BROKEN: "refuted, diverging, or not conforming, and nothing else",
    USAGE: "wrong usage, bad input, or a result that cannot be written",
    UNDECIDED: "undecided, or nothing was checked",
    BROKEN_ADAPTER: "an adapter broke the adapter protocol (conform)",
    FAULT: "rollproof itself failed",
    INTERRUPTED: "interrupted",
    TERMINATED: "terminated",
}
"""What each exit code means, in any command."""

PIPE_WIDTH = 200
"""How wide a table may be, in characters, where there is no terminal."""


class UsageError(Exception):
    """The command cannot do what it was asked to. Its text is one line, shown without a traceback."""


# --- files ------------------------------------------------------------------------------------------------------------


def _check_outputs(arguments: ArgumentCollection) -> None:
    """Refuse what cannot be written before any work is done."""
    documents.check_writable(*(each.value for each in arguments if isinstance(each.value, Path)))


OUTPUTS = Group("Output files", validator=_check_outputs)
Output = Annotated[Path | None, Parameter(group=OUTPUTS)]
"""A parameter of a command: a file that it writes. Checked before the command begins; two must not be one file."""


def write_file(path: Path, text: str) -> None:
    """Write a file whole or not at all; devices and pipes are written through.

    Raises:
        UsageError: if it cannot be written.
    """
    try:
        documents.write_text(path, text)
    except DocumentError as error:
        raise UsageError(str(error)) from None


def write_json(path: Path, document: Any) -> None:
    """Write a JSON value to a file, whole or not at all.

    Raises:
        UsageError: if it cannot be written.
    """
    try:
        documents.write_json(path, document)
    except DocumentError as error:
        raise UsageError(str(error)) from None


# --- the console ------------------------------------------------------------------------------------------------------

_CONTROLS = {code: "�" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}
_PLAIN = {
    "≠": "!=", "≤": "<=", "≥": ">=", "→": "->", "←": "<-", "⇒": "=>", "−": "-", "–": "-", "—": "-", "…": "...",
    "∀": "forall ", "∃": "exists ", "∧": "and", "∨": "or", "¬": "not ", "∈": "in", "∉": "not in", "×": "x", "µ": "u",
    "·": "*", "•": "*", "’": "'", "�": "?", "│": "|", "─": "-", "━": "-",
}  # fmt: skip
"""What is written in place of characters that the output's encoding lacks."""


class _Console(Console):
    """A console on which no text from outside can act: what would move the cursor is shown as �."""

    def on_broken_pipe(self) -> None:
        """Leave it to the caller: a reader that went away is no verdict."""
        raise BrokenPipeError

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render, without control characters in any text."""
        for segment in super().render(renderable, options):
            text, style, control = segment
            yield segment if control else Segment(text.translate(_CONTROLS), style)


def _in_plain_words(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    told = "".join(_PLAIN.get(each, "?") for each in error.object[error.start : error.end])
    return told.encode(error.encoding, "replace").decode(error.encoding), error.end


def write_any_encoding() -> None:
    """Let stdout and stderr replace characters that their encoding lacks, instead of failing."""
    codecs.register_error("rollproof", _in_plain_words)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="rollproof")


def plain_console() -> Console:
    """Return a console for help, as wide as the terminal, or as help is usually."""
    return _Console(highlight=False, markup=False, emoji=False)


def console(*, stderr: bool = False) -> Console:
    """Return a console. It shows colours only on a terminal, and not with NO_COLOR set."""
    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return _Console(stderr=stderr, highlight=False, markup=False, emoji=False, width=None if terminal else PIPE_WIDTH)


def table(title: str, *columns: str, numbers: Iterable[str] = ()) -> Table:
    """Return an empty table; the columns among `numbers` are aligned to the right, and never broken."""
    result = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="bold")
    right = set(numbers)
    for column in columns:
        justify: Literal["left", "right"] = "right" if column in right else "left"
        kept = column in right or column == "verdict"
        result.add_column(column, justify=justify, overflow="fold", no_wrap=kept, min_width=len(column))
    return result


def verdict(held: bool, good: str = "holds", bad: str = "BROKEN") -> Text:
    """Return one word in green or in red."""
    return Text(good, "green") if held else Text(bad, "bold red")


def many(number: int, noun: str) -> str:
    """Return a number with its noun, in the singular or the plural."""
    if number == 1:
        return f"1 {noun}"
    plural = re.sub(r"(?<=[^aeiou])y$", "ie", noun) + ("es" if noun.endswith(("s", "x", "ch")) else "s")
    return f"{number:,} {plural}"


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
