"""What several commands share: protocols of one's own, and by the names of their guards; what a session breaks."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from rollproof.model.designs.design import Design, present
from rollproof.model.designs.loading import load
from rollproof.model.sessions.examined import Broken
from rollproof.model.variants.variants import VARIANTS
from rollproof.output import UsageError, console, unknown
from rollproof.reference.transition import Protocol

OwnProtocol = Annotated[str | None, Parameter(name="--protocol")]
"""A parameter of a command: the file of a protocol of one's own, as FILE.py[:NAME]. Its code is run."""


def adopt(spec: str | None) -> Design | None:
    """Load a protocol file, if one is given, and put it in force: from now on `present` is its protocol.

    Raises:
        DesignError: if it is not what it must be.
    """
    if spec is None:
        return None
    design = load(spec)
    design.adopt()
    return design


def guards_named(name: str) -> list[tuple[str, str]]:
    """Return the guards that TRANSITION.GUARD or GUARD names, by transition and guard.

    Raises:
        UsageError: if there is none.
    """
    every = [(each.name, guard.name) for each in present().transitions.values() for guard in each.guards]
    found = [pair for pair in every if name in (".".join(pair), pair[1])]
    if not found:
        raise unknown("guard", name, [*(".".join(pair) for pair in every), *(guard for _, guard in every)])
    return found


def protocol_without(name: str) -> Protocol:
    """Return the protocol in force without the guards that TRANSITION.GUARD or GUARD names.

    Raises:
        UsageError: if there is none.
    """
    protocol = present()
    for transition, guard in guards_named(name):
        protocol = protocol.without(transition, guard)
    return protocol


def protocol_asked(without: str | None, variant: str | None) -> tuple[Protocol, str | None]:
    """Return the protocol that these options ask for, and under which name a run that refutes it is kept, if one is.

    Raises:
        UsageError: if there is no such guard or variant.
    """
    if without is not None and variant is not None:
        raise UsageError("--without and --variant exclude each other")
    if variant is not None:
        if variant not in VARIANTS:
            raise unknown("variant", variant, VARIANTS)
        return VARIANTS[variant].protocol, variant
    if without is None:
        return present(), None
    pairs = guards_named(without)
    return protocol_without(without), ".".join(pairs[0]) if len(pairs) == 1 else without


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
