"""What is played before anything is proved: named scenarios and small random sessions, each call held to its contract.

The proof is about single transitions. What runs are drivers, containers, a hash and an export besides; and mistakes
that need a fourth frame, a second episode or a third peer show here within seconds.
"""

from __future__ import annotations

from attrs import frozen

from rollproof.model.sessions.campaign import small_promises, small_setup
from rollproof.model.sessions.examined import Broken, examine
from rollproof.model.sessions.scenarios import SCENARIOS
from rollproof.proofs.induction import in_parallel
from rollproof.reference.transition import Protocol

SMALL = 150
"""How many small random sessions are played."""
BATCH = 10
"""How many of them one process plays at a time."""


@frozen
class Played:
    """What came of everything that was played."""

    sessions: int
    """How many kept every promise; 0 if one did not."""
    broken: Broken | None
    """What was broken first."""


def play_all(protocol: Protocol, option: str = "", jobs: int | None = None) -> Played:
    """Play until something is broken, the short sessions first.

    `option` is what `rollproof simulate` needs to play under the same protocol.
    """
    small = [range(start, start + BATCH) for start in range(0, SMALL, BATCH)]
    items: list[str | range] = [*small[:4], *SCENARIOS, *small[4:]]
    for broken in in_parallel(lambda item: _played(protocol, item, option), items, jobs):
        if broken is not None:
            return Played(0, broken)
    return Played(len(SCENARIOS) + SMALL, None)


def _played(protocol: Protocol, item: str | range, option: str) -> Broken | None:
    if isinstance(item, str):
        scenario = SCENARIOS[item]
        return examine(scenario.setup, scenario.promises, protocol, f"{item} --strict{option}")
    for seed in item:
        again = f"--campaign 1 --seed {seed} --small --strict{option}"
        broken = examine(small_setup(seed), small_promises(seed), protocol, again)
        if broken is not None:
            return broken
    return None
