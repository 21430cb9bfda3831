"""The command line: every command is a module of its own, imported when it is run."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from traceback import extract_tb
from types import FrameType

from cyclopts import App, CycloptsError, Parameter

from rollproof import __version__
from rollproof.model.documents import DocumentError
from rollproof.model.slips import SlipError
from rollproof.output import (
    EXIT_CODES,
    FAULT,
    HELD,
    INTERRUPTED,
    TERMINATED,
    USAGE,
    UsageError,
    console,
    plain_console,
    write_any_encoding,
)

HERE = Path(__file__).resolve().parents[1]
LAST_WORDS_S = 1.0
"""How long a command may take to end in order once it is terminated."""
CHAPTERS = ("reference", "model", "proofs", "conformance", "lessons")
TRACEBACK = "ROLLPROOF_TRACEBACK"
"""The environment variable that shows tracebacks of failures."""


def versions() -> str:
    """Return the versions of the tool, of the rules that it judges by, and of what it says to adapters."""
    from rollproof.conformance.schema import ADAPTER_PROTOCOL
    from rollproof.model.rules import protocol_version

    return f"rollproof {__version__}\nprotocol {protocol_version()}\nadapter protocol {ADAPTER_PROTOCOL}"


def _epilogue() -> str:
    codes = "\n".join(f"{code:>4}  {meaning}" for code, meaning in EXIT_CODES.items())
    return (
        f"Exit codes of every command:\n\n{codes}\n\n"
        "Results for tools: --json FILE, in every command. Words: rollproof explain. "
        "Completion of names in your shell: rollproof --install-completion."
    )


app = App(
    name="rollproof",
    help="A rollback netcode protocol: run it, search it, prove it, and judge other implementations by it.",
    help_epilogue=_epilogue(),
    version=versions,
    console=plain_console(),
    help_format="plaintext",
    default_parameter=Parameter(negative=()),
)
app.register_install_completion_command(add_to_startup=False)
app.command(
    "rollproof.guards:guards", name="guards", help="Tell what each guard is for, and what goes wrong without it."
)
app.command("rollproof.conform:conform", name="conform", help="Judge an implementation in any language.")
app.command("rollproof.check_log:check_log", name="check-log", help="Judge the recorded log of a session.")
app.command(
    "rollproof.bisect:bisect_logs",
    name="bisect",
    help="Find the first frame at which the logs of peers differ, and why.",
)
app.command(
    "rollproof.verify:verify", name="verify", help="Prove the protocol, or find the shortest run that goes wrong."
)
app.command("rollproof.diff:diff", name="diff", help="Compare two protocols: behaviour and theorems.")
app.command("rollproof.repair:repair", name="repair", help="Look for the guard that mends a protocol.")
app.command("rollproof.explain:explain", name="explain", help="Explain anything that has a name, or list all there is.")
app.command("rollproof.simulate:simulate", name="simulate", help="Simulate sessions of peers over a faulty network.")
app.command("rollproof.lesson:app", name="lesson", help="Read the lessons, and check exercises.")
app.command(
    "rollproof.new_protocol:new_protocol",
    name="new-protocol",
    help="Write a small protocol of one's own, to be changed.",
)
app.command("rollproof.trace:trace", name="trace", help="Show a saved run: as text, diagram, or for tools.")


def guarded(app: App, arguments: Sequence[str] | None = None) -> int:
    """Run an app, and return its exit code. What goes wrong is told in one line, and is no verdict."""
    try:
        code = app(arguments, result_action="return_value", exit_on_error=False, print_error=False)
        sys.stdout.flush()
    except (UsageError, DocumentError, SlipError, CycloptsError) as error:
        return _refuse(str(error), USAGE)
    except KeyboardInterrupt:
        return _refuse("interrupted", INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return USAGE
    except SyntaxError as error:
        return _refuse(f"{_relative(error.filename or '?')}:{error.lineno}: {error.msg}", USAGE)
    except OSError as error:
        named = f"{error.filename}: " if error.filename else ""
        return _refuse(f"{named}{error.strerror or error}", USAGE)
    except Exception as error:
        if os.environ.get(TRACEBACK):
            raise
        return _fault(error)
    return code if isinstance(code, int) else HELD


def _fault(error: Exception) -> int:
    """Tell of a failure: bad input if it comes from importing the protocol that is examined, else our own fault."""
    while isinstance(error, ImportError) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    frames = extract_tb(error.__traceback__)
    own = [each for each in frames if _relative(each.filename) != each.filename]
    place = f"{_relative(own[-1].filename)}:{own[-1].lineno}: " if own else ""
    told = f"{place}{type(error).__name__}: {error}"
    importing = any(each.name == "<module>" for each in frames)
    if own and importing and _relative(own[-1].filename).startswith("reference/"):
        return _refuse(told, USAGE)
    return _refuse(f"failed: {told} ({TRACEBACK}=1 shows the traceback)", FAULT)


def _refuse(text: str, code: int) -> int:
    with contextlib.suppress(OSError):
        console(stderr=True).print(f"rollproof: {' '.join(text.split())[:1000]}", soft_wrap=True)
    return code


def _relative(file: str) -> str:
    """Return a file of the project by its place there; any other as it is."""
    try:
        place = Path(file).resolve().relative_to(HERE).as_posix()
    except ValueError:
        return file
    chapter = place.removeprefix("rollproof/").split("/")[0]
    return (
        place.removeprefix("rollproof/") if chapter in CHAPTERS else place if place.startswith("rollproof/") else file
    )


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command of rollproof, and return its exit code."""
    return guarded(app, arguments)


def _terminate(_: int, __: FrameType | None) -> None:
    """End in order, or else at once a second later; workers and adapters end when this process has."""
    last = threading.Timer(LAST_WORDS_S, os._exit, (TERMINATED,))
    last.daemon = True
    last.start()
    raise SystemExit(TERMINATED)


def main() -> None:
    """Run the command that the process was called with, and exit with its code."""
    signal.signal(signal.SIGTERM, _terminate)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL))
    write_any_encoding()
    code = run()
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = code or USAGE
    sys.exit(code)
