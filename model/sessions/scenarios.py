"""The named scenarios (protocol section 8): each is a session set up, and what it promises."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from rollproof.model.sessions import promises
from rollproof.model.sessions.network import Burst, Drop, Faults
from rollproof.model.sessions.promises import Promise, reported
from rollproof.model.sessions.report import PeerReport, report
from rollproof.model.sessions.session import Result, run
from rollproof.model.sessions.setup import IDLE, Habit, PathLoss, Settings, Setup, Source
from rollproof.model.sessions.worlds import ArithmeticWorld
from rollproof.reference.config import Config
from rollproof.reference.events import EndsDiffer, EndWithdrawn, WaitTimedOut
from rollproof.reference.messages import Path
from rollproof.reference.transition import Protocol

FRAMES = 120
"""How long an episode is, unless said otherwise."""

USUAL = Faults(latency_ms=40, jitter_ms=20)
"""An ordinary connection between two peers."""
RELAY = Faults(latency_ms=80, jitter_ms=20)
"""An ordinary connection by way of the relay."""

SOUND = (promises.completion, promises.confirmed_parity, promises.lockstep_truth, promises.metrics_add_up)
"""What every session of equal settings promises, whatever the network does."""
PARITY = (
    promises.completion,
    promises.parity,
    promises.confirmation,
    promises.lockstep_truth,
    promises.no_desync,
    promises.metrics_add_up,
)


@frozen
class Scenario:
    """A named session and what it promises."""

    name: str
    title: str
    rules: tuple[str, ...]
    setup: Setup
    promises: tuple[Promise, ...] = PARITY
    family: str = ""
    """The scenario of which this is a form with other parameters."""

    @property
    def promises_parity(self) -> bool:
        """Whether no cell may differ between any two peers."""
        return promises.parity in self.promises


@frozen
class Played:
    """What came of a session, and which promises it broke."""

    result: Result
    peers: tuple[PeerReport, ...]
    broken: tuple[tuple[Promise, str], ...]
    """Each broken promise, and how it was broken."""

    @property
    def held(self) -> bool:
        """Whether everything promised held."""
        return not self.broken


def play(source: Source, promised: tuple[Promise, ...], protocol: Protocol) -> Played:
    """Run a session and check what it promises."""
    result = run(source, protocol)
    broken = tuple((each, problem) for each in promised for problem in each.broken(result))
    return Played(result, report(result), broken)


def _session(*players: str, frames: int | None = FRAMES, **config: Any) -> Settings:
    names = players or ("a", "b")
    return Settings(Config(names[0], names, max_steps=frames, **config))


def _patient(*players: str, **config: Any) -> Settings:
    """Return a session whose timeouts let it confirm over a bad connection."""
    return _session(*players, input_confirmation_timeout_ms=5000, episode_sync_timeout_ms=10_000, **config)


def _with_latency(milliseconds: int) -> Scenario:
    return Scenario(
        f"active_input_with_latency_{milliseconds}ms",
        f"Both players act often, over a latency of {milliseconds} ms",
        ("RB-1", "RB-5", "BUF-4", "EP-13"),
        Setup(_patient(), p2p=Faults(latency_ms=milliseconds, jitter_ms=milliseconds // 10), relay=RELAY),
        family="active_input_with_latency",
    )


def _with_packet_loss(percent: int) -> Scenario:
    return Scenario(
        f"active_input_with_packet_loss_{percent}pct",
        f"Both players act often, and {percent} % of all packets are lost",
        ("IN-4", "IN-9", "RB-1", "EP-13"),
        Setup(_patient(), p2p=Faults(latency_ms=40, jitter_ms=20, loss=percent / 100), relay=RELAY),
        family="active_input_with_packet_loss",
    )


def _with_debug_delay(frames: int) -> Scenario:
    return Scenario(
        f"aggressive_debug_delay_{frames}",
        f"Every remote input is held back for {frames} frames before it is stored",
        ("IN-12", "RB-1", "RB-3"),
        Setup(_session(debug_remote_input_delay=frames), p2p=USUAL, relay=RELAY),
        (*PARITY, promises.rollback_happened),
        family="aggressive_debug_delay",
    )


SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            "active_input_parity",
            "Both players act often, over an ordinary connection",
            ("RB-1", "RB-3", "BUF-4", "EP-13"),
            Setup(_session(), p2p=USUAL, relay=RELAY),
            (*PARITY, promises.rollback_happened),
        ),
        *(_with_latency(milliseconds) for milliseconds in (100, 200, 500)),
        *(_with_packet_loss(percent) for percent in (10, 20, 30)),
        Scenario(
            "idle_parity",
            "Nobody acts: every prediction comes true",
            ("IN-6", "EP-13"),
            Setup(_session(), p2p=USUAL, relay=RELAY, habit=IDLE),
        ),
        Scenario(
            "idle_parity_with_latency",
            "Nobody acts, over a latency of 200 ms",
            ("IN-6", "EP-13"),
            Setup(_session(), p2p=Faults(latency_ms=200, jitter_ms=20), relay=RELAY, habit=IDLE),
        ),
        Scenario(
            "focus_loss_mid_episode_parity",
            "One peer stops ticking for 800 ms, then catches up by ordinary ticks",
            ("IN-10", "EP-13"),
            Setup(_patient(), p2p=USUAL, relay=RELAY, pauses={"b": ((600, 1400),)}),
            (*PARITY, promises.rollback_happened),
        ),
        Scenario(
            "episode_completion_under_fixed_latency",
            "The episode completes with confirmation over a constant latency of 150 ms",
            ("EP-3", "EP-5", "EP-6"),
            Setup(_session(), p2p=Faults(latency_ms=150), relay=RELAY),
        ),
        Scenario(
            "packet_loss_triggers_rollback",
            "A rollback really happens when packets are lost",
            ("RB-1", "RB-3", "RB-8"),
            Setup(_patient(), p2p=Faults(latency_ms=5, loss=0.3), relay=RELAY),
            (*PARITY, promises.rollback_happened),
        ),
        *(_with_debug_delay(frames) for frames in (2, 3, 5)),
        Scenario(
            "confirmation_timeout",
            "The partner falls silent: the peer completes in time, and flags what it could not confirm",
            ("EP-7", "EP-8", "EP-9"),
            Setup(
                Settings(_session().config, silent={"b": 1000}, limit_ms=2000 + 2000 + 500 + 1000 + 200),
                p2p=USUAL,
                relay=RELAY,
            ),
            (*SOUND, promises.flagged),
        ),
        Scenario(
            "confirmation_timeout_inputs_missing",
            "The partner's last inputs never arrive, although its end does: the wait reaches its deadline",
            ("EP-5", "EP-7", "EP-8"),
            Setup(
                Settings(_session().config, limit_ms=2000 + 2000 + 500 + 1000 + 1000),
                p2p=USUAL,
                relay=RELAY,
                special={("b", "a", Path.P2P): Faults(latency_ms=40, drops=(Drop("input", 10_000, FRAMES - 1),))},
            ),
            (*SOUND, reported(WaitTimedOut, "EP-7")),
            family="confirmation_timeout",
        ),
        Scenario(
            "end_frames_differ",
            "The peers have different step limits: they warn, and end at the lower one",
            ("EP-2", "ME-4"),
            Setup(
                Settings(
                    _session(frames=100, input_delay=20, hash_interval=10).config,
                    overrides={"a": {"max_steps": 110}},
                ),
                p2p=Faults(latency_ms=250),
                relay=RELAY,
            ),
            (
                promises.completion,
                promises.one_termination,
                promises.metrics_add_up,
                promises.desync_reported,
                reported(EndsDiffer, "EP-2", everywhere=True),
            ),
        ),
        Scenario(
            "p2p_drops_mid_episode",
            "The peer-to-peer path breaks; the peers notice, and go on by way of the relay",
            ("TR-1", "TR-2", "TR-4"),
            Setup(
                Settings(_patient().config, path_losses=(PathLoss(1000, "a", "b"), PathLoss(1100, "b", "a"))),
                p2p=Faults(latency_ms=40, jitter_ms=20, partitions=((900, 1_000_000),)),
                relay=RELAY,
            ),
            (*PARITY, promises.relay_took_over),
        ),
        Scenario(
            "misprediction_at_frame_0",
            "The very first action of one player is not the one predicted",
            ("IN-6", "RB-1", "RB-4"),
            Setup(_session(), p2p=Faults(latency_ms=60), relay=RELAY, habits={"b": Habit(script={0: 3})}),
            (*PARITY, promises.rollback_to_frame_0),
        ),
        Scenario(
            "last_input_lost",
            "Every packet with the last input of one player is lost, six times over",
            ("IN-9", "EP-6"),
            Setup(
                _patient(),
                p2p=USUAL,
                relay=RELAY,
                special={("b", "a", Path.P2P): Faults(latency_ms=40, drops=(Drop("input", 6, FRAMES - 1),))},
            ),
        ),
        Scenario(
            "burst_loss_beyond_redundancy",
            "More packets in a row are lost than the redundancy covers",
            ("IN-4", "IN-9"),
            Setup(
                _patient(),
                p2p=Faults(
                    latency_ms=40,
                    jitter_ms=20,
                    burst=Burst(enter=0.02, leave=0.1),
                    partitions=((1000, 1200),),
                ),
                relay=RELAY,
            ),
            (*PARITY, promises.rollback_happened),
        ),
        Scenario(
            "end_message_lost",
            "The first three ends that one peer announces are lost",
            ("EP-2",),
            Setup(
                _session(),
                p2p=USUAL,
                relay=RELAY,
                special={("b", "a", Path.P2P): Faults(latency_ms=40, drops=(Drop("end", 3),))},
            ),
        ),
        Scenario(
            "three_episodes_in_a_row",
            "Three episodes, in which late packets of one arrive in the next",
            ("IN-9", "IN-11", "EP-10", "EP-11"),
            Setup(
                Settings(_patient(frames=60).config, episodes=3),
                p2p=Faults(latency_ms=40, jitter_ms=20, loss=0.1, reorder=0.1, reorder_ms=300),
                relay=RELAY,
            ),
        ),
        Scenario(
            "end_by_event_mispredicted",
            "An event ends the episode; a peer that predicts it suspects a false end, and withdraws it",
            ("EP-1", "EP-12"),
            Setup(
                Settings(_session(frames=None).config, world=ArithmeticWorld(end_when=60)),
                p2p=Faults(latency_ms=100),
                relay=RELAY,
                habits={"a": IDLE, "b": Habit(change=0.0, script={0: 1, 58: 0, 90: 1})},
            ),
            (*PARITY, reported(EndWithdrawn, "EP-1")),
        ),
        Scenario(
            "duplicate_and_reorder",
            "Packets arrive twice, and overtake each other",
            ("IN-3", "RB-1"),
            Setup(
                _session(),
                p2p=Faults(latency_ms=30, jitter_ms=60, duplicate=0.3, reorder=0.3, reorder_ms=150),
                relay=RELAY,
            ),
            (*PARITY, promises.rollback_happened),
        ),
        Scenario(
            "three_peers",
            "Three peers act, over lossy connections",
            ("BUF-2", "EP-13"),
            Setup(_patient("a", "b", "c"), p2p=Faults(latency_ms=40, jitter_ms=40, loss=0.1), relay=RELAY),
        ),
        Scenario(
            "four_peers",
            "Four peers act, over lossy connections",
            ("BUF-2", "EP-13"),
            Setup(_patient("a", "b", "c", "d"), p2p=Faults(latency_ms=40, jitter_ms=40, loss=0.1), relay=RELAY),
        ),
    )
}
"""All named scenarios, by name, in the protocol's order."""

FAMILIES: frozenset[str] = frozenset(scenario.family for scenario in SCENARIOS.values() if scenario.family)
"""The names that stand for several forms of one scenario."""


def named(name: str) -> tuple[Scenario, ...]:
    """Return the scenario of a name, or every form of it; nothing if there is none."""
    return tuple(scenario for scenario in SCENARIOS.values() if name in (scenario.name, scenario.family))
