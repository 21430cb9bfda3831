"""Small random sessions whose links heal: everybody is patient, so every episode ends with confirmation (LI-2)."""

from __future__ import annotations

from random import Random

from rollproof.model.sessions.network import KINDS, Drop, Faults
from rollproof.model.sessions.promises import (
    Promise,
    completion,
    confirmation,
    confirmed_parity,
    lockstep_truth,
    nobody_waits_for_ever,
)
from rollproof.model.sessions.setup import Habit, PathLoss, Settings, Setup
from rollproof.model.sessions.worlds import ArithmeticWorld
from rollproof.reference.config import Config
from rollproof.reference.messages import Path

HEALED: tuple[Promise, ...] = (nobody_waits_for_ever, completion, confirmation, lockstep_truth, confirmed_parity)
"""What a session whose links heal promises."""
_FOR_EVER_MS = 1_000_000
"""Longer than any such session takes."""


def healing_setup(seed: int) -> Setup:
    """Return the session of a seed whose links heal; the lower the seed, the shorter it is.

    Until then each link loses all packets of some kinds, or all packets for a while, or some by chance. In a session of
    a single episode nobody leaves before its partners need nothing more of it.
    """
    random = Random(f"healing/{seed}")
    players = ("a", "b", "c")[: 3 if seed % 8 == 7 else 2]
    length = 1 + min(seed // 8, 11)
    heals_ms = random.randrange(20 * length + 120)
    habit = Habit(change=0.7, actions=3)
    episodes = random.choice((1, 1, 1, 2))
    lossy = {(one, other, path): _faults(random, heals_ms) for one in players for other in players for path in Path}
    return Setup(
        settings=Settings(
            config=Config(
                players[0],
                players,
                max_steps=random.choice((length, None)),
                input_delay=random.choice((0, 0, 1, 3)),
                prediction=random.choice(("previous", "default")),
                prediction_window=random.choice((None, None, 1, 4)),
                redundancy=random.choice((1, 2, 5)),
                max_resent=random.choice((1, 2, 64)),
                resend_interval_ms=random.choice((20, 60)),
                debug_remote_input_delay=random.choice((0, 0, 0, 2)),
                input_confirmation_timeout_ms=_FOR_EVER_MS,
                episode_sync_timeout_ms=_FOR_EVER_MS,
                hash_interval=random.choice((1, 3)),
            ),
            world=ArithmeticWorld(end_when=length),
            episodes=episodes,
            linger_ms=_FOR_EVER_MS if episodes == 1 else 500,
            path_losses=random.choice(((), (), (PathLoss(random.randrange(heals_ms + 1), *players[:2]),))),
            heals_ms=heals_ms,
        ),
        seed=seed,
        special=lossy,
        habit=habit,
    )


def _faults(random: Random, heals_ms: int) -> Faults:
    latency = random.choice((0, 5, 40))
    match random.choice(("well", "kind", "kind", "parted", "chance")):
        case "kind":
            kind = random.choice(tuple(KINDS.values()))
            return Faults(latency_ms=latency, drops=(Drop(kind, random.choice((1, 3, 1000))),))
        case "parted":
            return Faults(latency_ms=latency, partitions=((random.randrange(heals_ms + 1), heals_ms),))
        case "chance":
            return Faults(latency_ms=latency, jitter_ms=30, loss=0.5, duplicate=0.2, reorder=0.3)
    return Faults(latency_ms=latency)
