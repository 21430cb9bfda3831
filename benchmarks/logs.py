"""How fast recorded logs are judged and bisected, and whether long ones cost more per event, or more memory."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

from benchmarks.registry import Ratio, benchmark, seconds
from benchmarks.simulation import typical
from rollproof.conformance.logs.bisect import bisect
from rollproof.conformance.logs.judge import judge
from rollproof.conformance.logs.reading import Log
from rollproof.conformance.logs.record import lines, recorded, recording
from rollproof.conformance.logs.sources import of_logs
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


def compare(log: bytes) -> None:
    """Look in a combined log of the reference for a frame at which its peers differ; there is none."""
    found = bisect(of_logs([Log(Path("log"), BytesIO(log))]))
    if found.cause is not None:
        raise AssertionError(f"the peers of the reference differ: {found.cause}")


Work = Callable[[bytes], None]


def per_event(work: Work, log: bytes, repeat: int) -> float:
    """Return the least processor time that some work on a log takes, per event, in seconds."""
    return min(seconds(lambda: work(log)) for _ in range(repeat)) / log.count(NEWLINE)


def memory(work: Work, log: bytes) -> int:
    """Return the most memory that some work on a log takes, besides the log's own bytes, in bytes."""
    tracemalloc.start()
    work(log)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def measured(work: Work) -> Iterator[Ratio]:
    """Measure some work on the log of a session of two peers with ordinary faults."""
    short, long = log_of(SHORT), log_of(LONG)
    work(short)
    cost = per_event(work, short, 4)
    yield Ratio("thousand events / s", 1e-3 / cost, at_least=40, detail=f"{cost * 1e6:.1f} µs an event")
    growth = per_event(work, long, 1) / min(cost, per_event(work, short, 4))
    events = " / ".join(f"{log.count(NEWLINE):,}" for log in (long, short)) + " events"
    yield Ratio(f"time per event, {LONG:,} / {SHORT:,} frames", growth, at_most=1.3, detail=events)
    large, small = memory(work, log_of(4 * TRACED)), memory(work, log_of(TRACED))
    detail = f"{large / 1024:.0f} KiB / {small / 1024:.0f} KiB"
    yield Ratio(f"memory, {4 * TRACED:,} / {TRACED:,} frames", large / small, at_most=1.3, detail=detail)


@benchmark
def log_checking() -> Iterator[Ratio]:
    """Judging a log by the model, and by what else tells it."""
    yield from measured(check)


@benchmark
def log_bisecting() -> Iterator[Ratio]:
    """Comparing what the peers of a log tell, frame by frame."""
    yield from measured(compare)
