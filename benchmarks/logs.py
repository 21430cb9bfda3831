"""How fast a recorded log is judged, and whether a long one costs more per event, or more memory, than a short one."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from benchmarks.registry import Ratio, benchmark, seconds
from benchmarks.simulation import typical
from rollproof.conformance.logs.judge import judge
from rollproof.conformance.logs.reading import Log
from rollproof.conformance.logs.record import lines, recorded, recording
from rollproof.conformance.schema import observation_kinds
from rollproof.model.sessions.session import run
from rollproof.reference.protocol import PROTOCOL

SHORT, LONG = 2_000, 20_000
TRACED = 1_000
"""Frames of the shorter log of which the memory is measured: tracing it takes long."""
NEWLINE = b"\n"


def log_of(frames: int) -> bytes:
    """Return the log of a session of two peers, all but its exports: their rows would have to be remembered."""
    header, *rows = map(json.loads, lines(run(recorded(typical(frames)), recording(PROTOCOL))))
    header["observes"] = sorted(observation_kinds().keys() - {"export"})
    kept = [
        {"peer": row["peer"], "now": row["now"], "obs": row["obs"]} for row in rows if row["obs"]["obs"] != "export"
    ]
    text = [header, *kept]
    return "".join(json.dumps(each, separators=(",", ":")) + "\n" for each in text).encode()


def check(log: bytes) -> None:
    """Judge a log of the reference, which holds."""
    report = judge(Log(Path("log"), BytesIO(log)))
    if report.failure is not None:
        raise AssertionError(f"the log of the reference diverges: {report.failure}")


def per_event(log: bytes, repeat: int) -> float:
    """Return the least processor time of judging a log, per event, in seconds."""
    return min(seconds(lambda: check(log)) for _ in range(repeat)) / log.count(NEWLINE)


def memory(log: bytes) -> int:
    """Return the most memory that judging a log takes, besides its own bytes, in bytes."""
    tracemalloc.start()
    check(log)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


@benchmark
def log_checking() -> Iterator[Ratio]:
    """Judging the log of a session of two peers with ordinary faults."""
    short, long = log_of(SHORT), log_of(LONG)
    check(short)
    cost = per_event(short, 4)
    yield Ratio("thousand events / s", 1e-3 / cost, at_least=20, detail=f"{cost * 1e6:.1f} µs an event")
    growth = per_event(long, 1) / min(cost, per_event(short, 4))
    events = " / ".join(f"{log.count(NEWLINE):,}" for log in (long, short)) + " events"
    yield Ratio(f"time per event, {LONG:,} / {SHORT:,} frames", growth, at_most=1.3, detail=events)
    large, small = memory(log_of(4 * TRACED)), memory(log_of(TRACED))
    detail = f"{large / 1024:.0f} KiB / {small / 1024:.0f} KiB"
    yield Ratio(f"memory, {4 * TRACED:,} / {TRACED:,} frames", large / small, at_most=1.3, detail=detail)
