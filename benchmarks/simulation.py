"""How fast sessions are simulated, and whether a long one costs more per frame than a short one."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

from benchmarks.registry import Ratio, benchmark, seconds
from rollproof.model.sessions.network import Faults
from rollproof.model.sessions.session import run
from rollproof.model.sessions.setup import FRAMES_PER_SECOND, Habit, Settings, Setup
from rollproof.reference.config import Config
from rollproof.reference.protocol import PROTOCOL

SHORT, LONG = 1_000, 100_000


def typical(frames: int) -> Setup:
    """Two peers, 50 ms apart, 2 % of all packets lost; a player changes the action every tenth frame."""
    settings = Settings(Config("a", ("a", "b"), max_steps=frames), limit_ms=10**9)
    return Setup(settings, p2p=Faults(latency_ms=50, loss=0.02), habit=Habit(change=0.1))


def per_frame(frames: int, repeat: int = 1) -> float:
    """Return the least processor time of a session, per frame of both peers, in seconds."""
    return min(seconds(lambda: run(typical(frames), PROTOCOL, keep_events=False)) for _ in range(repeat)) / frames


@benchmark
def simulation_speed() -> Iterator[Ratio]:
    """A session of two peers with ordinary faults, against real time."""
    cost = per_frame(SHORT, repeat=40)
    yield Ratio(
        "simulated time / processor time",
        1 / cost / FRAMES_PER_SECOND,
        at_least=100,
        detail=f"{1 / cost:,.0f} frames of two peers a second",
    )


@benchmark
def simulation_growth() -> Iterator[Ratio]:
    """The cost of a frame in a long session, against that in a short one."""
    before = per_frame(SHORT, repeat=5)
    long = per_frame(LONG)
    short = min(before, per_frame(SHORT, repeat=5))
    yield Ratio(
        f"time per frame, {LONG:,} / {SHORT:,} frames",
        long / short,
        at_most=1.3,
        detail=f"{long * 1e6:.0f} µs / {short * 1e6:.0f} µs",
    )
    large, small = memory(8_000), memory(2_000)
    yield Ratio(
        "memory per frame, 8,000 / 2,000 frames",
        large / small,
        at_most=1.3,
        detail=f"{large / 1024:.1f} KiB / {small / 1024:.1f} KiB",
    )


def memory(frames: int) -> float:
    """Return the most memory that a session holds at any time, per frame of both peers, in bytes."""
    tracemalloc.start()
    run(typical(frames), PROTOCOL, keep_events=False)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / frames
