"""What several commands share: protocols by the names of their guards, and what a session breaks."""

from __future__ import annotations

from rollproof.model.sessions.examined import Broken
from rollproof.output import console, unknown
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.transition import Protocol


def guards_named(name: str) -> list[tuple[str, str]]:
    """Return the guards that TRANSITION.GUARD or GUARD names, by transition and guard.

    Raises:
        UsageError: if there is none.
    """
    every = [(each.name, guard.name) for each in PROTOCOL.transitions.values() for guard in each.guards]
    found = [pair for pair in every if name in (".".join(pair), pair[1])]
    if not found:
        raise unknown("guard", name, [*(".".join(pair) for pair in every), *(guard for _, guard in every)])
    return found


def protocol_without(name: str) -> Protocol:
    """Return the present protocol without the guards that TRANSITION.GUARD or GUARD names.

    Raises:
        UsageError: if there is none.
    """
    protocol = PROTOCOL
    for transition, guard in guards_named(name):
        protocol = protocol.without(transition, guard)
    return protocol


def show_broken(broken: Broken) -> None:
    """Show what is broken, after which calls, and how to see it again."""
    out = console()
    rules = f" ({', '.join(broken.rules)})" if broken.rules else ""
    out.print(f"\nThe {broken.kind} {broken.name}{rules} is broken.", style="bold")
    out.print(broken.sentence, soft_wrap=True)
    for line in broken.story:
        out.print(f"  {line}", soft_wrap=True)
    out.print(broken.problem, style="bold red", soft_wrap=True)
    out.print(f"To see it again: rollproof simulate {broken.again}", soft_wrap=True)
