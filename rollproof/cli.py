"""The command line: every command is a module of its own, imported when it is run."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from rollproof import __version__
from rollproof.output import HELD, USAGE, UsageError, console

INTERRUPTED = 130
"""Exit code: stopped from the keyboard."""

app = App(
    name="rollproof",
    help="A rollback netcode protocol: run it, search it, prove it, and judge other implementations by it.",
    version=__version__,
    help_format="plaintext",
)
app.command(
    "rollproof.guards:guards", name="guards", help="Tell what each guard is for, and what goes wrong without it."
)
app.command("rollproof.conform:conform", name="conform", help="Judge an implementation in any language.")
app.command("rollproof.check_log:check_log", name="check-log", help="Judge the recorded log of a session.")
app.command(
    "rollproof.verify:verify", name="verify", help="Prove the protocol, or find the shortest run that goes wrong."
)
app.command("rollproof.diff:diff", name="diff", help="Compare two protocols: behaviour and theorems.")
app.command("rollproof.explain:explain", name="explain", help="Explain a theorem, guard, transition, variant or rule.")
app.command("rollproof.simulate:simulate", name="simulate", help="Simulate sessions of peers over a faulty network.")
app.command("rollproof.trace:trace", name="trace", help="Show a saved run: as text, diagram, or for tools.")


def guarded(app: App, arguments: Sequence[str] | None = None) -> int:
    """Run an app, and return its exit code. Whatever is wrong with its input is told in one line."""
    try:
        code = app(arguments, result_action="return_value", exit_on_error=False, print_error=False)
        sys.stdout.flush()
    except (UsageError, CycloptsError) as error:
        console(stderr=True).print(f"rollproof: {' '.join(str(error).split())}", soft_wrap=True)
        return USAGE
    except KeyboardInterrupt:
        console(stderr=True).print("rollproof: interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return USAGE
    return code if isinstance(code, int) else HELD


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command of rollproof, and return its exit code."""
    return guarded(app, arguments)


def main() -> None:
    """Run the command that the process was called with, and exit with its code."""
    sys.exit(run())
