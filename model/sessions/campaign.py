"""Campaigns: many sessions, each with random settings and random faults, on any executor."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from itertools import islice
from random import Random

from attrs import evolve, frozen

from rollproof.model.sessions.network import Burst, Faults, Interval
from rollproof.model.sessions.promises import Promise, completion
from rollproof.model.sessions.scenarios import SOUND
from rollproof.model.sessions.session import run
from rollproof.model.sessions.setup import Habit, PathLoss, Refusal, Settings, Setup
from rollproof.model.sessions.worlds import ArithmeticWorld
from rollproof.model.variants.variants import VARIANTS
from rollproof.reference.config import Config
from rollproof.reference.containers import Player
from rollproof.reference.messages import Path
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.transition import Protocol

BATCH = 8
"""How many sessions one task of an executor runs."""

TASKS_AHEAD = 64
"""How many tasks an executor is given before the first of them is done."""

ALONE, SHORTEST, MISCONFIGURED = 8, 13, 14
"""Which small sessions of every twenty are special."""

PATIENT_MS = 20_000
"""Longer than any random fault lasts."""


@frozen
class Summary:
    """What one random session came to."""

    seed: int
    frames: int
    """Simulated for the first time, by all peers."""
    rollbacks: int
    confirmed: int
    """Exports of episodes that completed with confirmation."""
    degraded: int
    """Exports of episodes that completed without it, and say so."""
    broken: tuple[tuple[str, str], ...]
    """The name of each broken promise, and how it was broken."""


def is_file(name: str) -> bool:
    """Tell whether a name is that of a protocol file."""
    return name.split(":")[0].endswith(".py")


def protocol_named(name: str) -> Protocol:
    """Return the present protocol, a variant of it by name, or that of a protocol file by FILE.py[:NAME].

    Raises:
        KeyError: if there is none.
        DesignError: if a protocol file is not what it must be.
    """
    if is_file(name):
        from rollproof.model.designs.loading import load  # it needs what a browser does not have

        return load(name).protocol
    return PROTOCOL if name == PROTOCOL.name else VARIANTS[name].protocol


def run_campaign(executor: Executor, first: int, count: int, protocol: str) -> Iterator[Summary]:
    """Run the random sessions of seeds `first` … `first + count - 1`, and yield what each came to, in any order."""
    batches = iter([range(start, min(start + BATCH, first + count)) for start in range(first, first + count, BATCH)])
    pending: set[Future[list[Summary]]] = set()
    while True:
        pending |= {
            executor.submit(run_batch, batch, protocol) for batch in islice(batches, TASKS_AHEAD - len(pending))
        }
        if not pending:
            return
        done, pending = wait(pending, return_when=FIRST_COMPLETED)
        for future in done:
            yield from future.result()


def run_batch(seeds: range, protocol: str) -> list[Summary]:
    """Run the random sessions of some seeds under the protocol of a name."""
    return [run_one(seed, protocol_named(protocol)) for seed in seeds]


def run_one(seed: int, protocol: Protocol) -> Summary:
    """Run the random session of a seed."""
    result = run(random_setup(seed), protocol, keep_events=False)
    exports = [export for peer_exports in result.exports.values() for export in peer_exports]
    confirmed = sum(export.metadata["confirmed"] for export in exports)
    return Summary(
        seed=seed,
        frames=result.frames,
        rollbacks=sum(each[-1].metrics["rollbacks"] for each in result.exports.values() if each),
        confirmed=confirmed,
        degraded=len(exports) - confirmed,
        broken=tuple((each.name, problem) for each in SOUND for problem in each.broken(result)),
    )


# --- random sessions --------------------------------------------------------------------------------------------------


def random_setup(seed: int) -> Setup:
    """Return the random session of a seed: settings, players, faults.

    A peer with a prediction window stalls for good when a partner is gone (IN-8): no timeout ends that. So where there
    is one, nobody falls silent, or leaves an episode for as long as a fault may last.
    """
    random = Random(f"campaign/{seed}")
    players = ("a", "b", "c", "d")[: random.choice((2, 2, 2, 3, 4))]
    links = [(one, other) for one in players for other in players if one != other]
    length = random.randrange(20, 150)
    habit = Habit(change=random.choice((0.02, 0.1, 0.5)))
    p2p, relay = _random_faults(random), _random_faults(random)
    window = random.choice((None, None, random.randrange(1, 60)))
    return Setup(
        settings=Settings(
            config=_random_config(random, players, length, window),
            world=ArithmeticWorld(end_when=random.choice((None, length))),
            episodes=random.choice((1, 1, 2, 3)),
            linger_ms=1000 if window is None else PATIENT_MS // 4,
            refusals=tuple(
                Refusal(*random.choice(links), *_random_interval(random)) for _ in range(random.choice((0, 0, 1, 3)))
            ),
            path_losses=tuple(
                PathLoss(random.randrange(3000), *random.choice(links)) for _ in range(random.choice((0, 0, 1, 2)))
            ),
            silent={players[-1]: random.randrange(3000)} if window is None and random.random() < 0.05 else {},
        ),
        seed=seed,
        p2p=p2p,
        relay=relay,
        special={
            (*random.choice(links), random.choice(list(Path))): _random_faults(random)
            for _ in range(random.choice((0, 1, 2)))
        },
        habit=habit,
        pauses={random.choice(players): (_random_interval(random),)} if random.random() < 0.3 else {},
    )


def small_setup(seed: int) -> Setup:
    """Return the small random session of a seed: few frames, most of them disturbed, and settings at their limits.

    Its faults are over early, and its peers patient, or not patient at all. Of every twenty seeds one is a session of a
    single frame without any patience and with a silent partner; in one there is nobody but one player; and one is
    misconfigured: its records differ from the first frame on, so that it promises no more than to complete.
    """
    setup = _small_setup(seed)
    config = setup.settings.config
    if seed % 20 == ALONE:
        whole = setup.settings
        settings = Settings(evolve(config, players=config.players[:1]), whole.world, episodes=whole.episodes)
        return evolve(setup, settings=settings, pauses={})
    if seed % 20 == SHORTEST:
        config = evolve(config, max_steps=1, episode_sync_timeout_ms=0, input_confirmation_timeout_ms=0)
        return evolve(setup, settings=Settings(config, silent={config.players[-1]: 0}, linger_ms=100), pauses={})
    if seed % 20 == MISCONFIGURED:
        config = evolve(config, max_steps=9, input_delay=2, default_action=1, hash_interval=1, prediction_window=None)
        others = {config.players[-1]: {"default_action": 3}}
        return evolve(setup, settings=Settings(config, overrides=others))
    return setup


def small_promises(seed: int) -> tuple[Promise, ...]:
    """Return what the small random session of a seed promises."""
    return (completion,) if seed % 20 == MISCONFIGURED else SOUND


LONG = 1_100
"""How many frames a long session has."""


def long_setup(seed: int) -> Setup:
    """Return the long random session of a seed: two peers, over a thousand frames, and faults that never cease."""
    random = Random(f"long/{seed}")
    config = Config(
        "a",
        ("a", "b"),
        max_steps=LONG,
        input_delay=random.choice((0, 2)),
        debug_remote_input_delay=random.choice((0, 1)),
        input_confirmation_timeout_ms=20_000,
        episode_sync_timeout_ms=20_000,
        hash_interval=7,
    )
    faults = Faults(latency_ms=30, jitter_ms=40, loss=0.1, duplicate=0.05, reorder=0.05, reorder_ms=60)
    settings = Settings(config, path_losses=(PathLoss(15_000, "a", "b"),))
    return Setup(settings, seed, p2p=faults, relay=faults, habit=Habit(change=0.3, actions=4))


def _small_setup(seed: int) -> Setup:
    random = Random(f"small/{seed}")
    players = ("a", "b", "c")[: random.choice((2, 2, 2, 3))]
    length = random.randrange(2, 24)
    patient = random.random() < 0.7
    faults = [
        Faults(
            latency_ms=random.choice((0, 10, 60, 150)),
            jitter_ms=random.choice((0, 20, 80)),
            loss=random.choice((0.0, 0.1, 0.4)),
            duplicate=random.choice((0.0, 0.2)),
            reorder=random.choice((0.0, 0.2)),
            reorder_ms=random.choice((40, 300)),
        )
        for _ in Path
    ]
    links = [(one, other) for one in players for other in players if one != other]
    silent = {players[-1]: random.randrange(400)} if not patient and random.random() < 0.3 else {}
    return Setup(
        settings=Settings(
            config=Config(
                players[0],
                players,
                max_steps=random.choice((length, length, None)),
                input_delay=random.choice((0, 0, 1, 3)),
                prediction=random.choice(("previous", "previous", "default")),
                default_action=random.choice((0, 0, 2)),
                actions=("any", "int")[seed % 2],
                prediction_window=random.choice((None, 1, 4)) if patient else None,
                redundancy=random.choice((1, 3, 8)),
                max_resent=random.choice((1, 3, 64)),
                resend_interval_ms=random.choice((20, 60, 100)),
                max_frames_ahead=random.choice((8, 600)),
                debug_remote_input_delay=random.choice((0, 0, 0, 1, 3)),
                input_confirmation_timeout_ms=20_000 if patient else random.choice((0, 100, 500)),
                episode_sync_timeout_ms=20_000 if patient else random.choice((200, 1000)),
                hash_interval=random.choice((1, 2, 7)),
            ),
            world=ArithmeticWorld(end_when=length),
            episodes=random.choice((1, 2, 3)),
            linger_ms=500 if patient else 200,
            refusals=tuple(
                Refusal(*random.choice(links), start := random.randrange(300), start + random.randrange(300))
                for _ in range(random.choice((0, 1)))
            ),
            path_losses=tuple(
                PathLoss(random.randrange(500), *random.choice(links)) for _ in range(random.choice((0, 0, 1)))
            ),
            silent=silent,
        ),
        seed=seed,
        p2p=faults[0],
        relay=faults[1],
        habit=Habit(change=random.choice((0.1, 0.5, 0.9)), actions=4),
        pauses={random.choice(players): ((100, 100 + random.randrange(400)),)} if random.random() < 0.2 else {},
    )


def _random_config(random: Random, players: tuple[Player, ...], length: int, window: int | None) -> Config:
    patience = random.choice((1, 1, 4))
    return Config(
        players[0],
        players,
        max_steps=length,
        input_delay=random.choice((0, 0, 1, 2, 5)),
        prediction=random.choice(("previous", "previous", "default")),
        prediction_window=window,
        redundancy=random.randrange(1, 6),
        max_resent=random.choice((4, 64)),
        resend_interval_ms=random.choice((30, 100, 300)),
        debug_remote_input_delay=random.choice((0, 0, 0, 2, 5)),
        input_confirmation_timeout_ms=random.choice((0, 500, 500, 500)) * patience if window is None else PATIENT_MS,
        episode_sync_timeout_ms=2000 * patience if window is None else PATIENT_MS,
        hash_interval=random.choice((1, 10, 60)),
    )


def _random_faults(random: Random) -> Faults:
    return Faults(
        latency_ms=random.randrange(random.choice((10, 100, 300))),
        jitter_ms=random.randrange(random.choice((1, 40, 150))),
        loss=random.choice((0.0, 0.02, 0.1, 0.3)),
        burst=Burst(enter=0.03, leave=random.choice((0.1, 0.3))) if random.random() < 0.2 else None,
        duplicate=random.choice((0.0, 0.0, 0.1)),
        reorder=random.choice((0.0, 0.0, 0.1)),
        reorder_ms=random.randrange(20, 400),
        partitions=(_random_interval(random),) if random.random() < 0.2 else (),
    )


def _random_interval(random: Random) -> Interval:
    start = random.randrange(3000)
    return start, start + random.randrange(50, 1500)
