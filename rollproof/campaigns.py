"""`rollproof simulate --campaign`: many random sessions, on the processes of this machine or of a Dask cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Executor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import attrs

from rollproof.model.documents import DocumentError
from rollproof.model.sessions.campaign import Summary, is_file, protocol_named, random_setup, run_campaign
from rollproof.model.sessions.schedule import dumps, schedule_of
from rollproof.model.sessions.session import Result, run
from rollproof.model.workers import workers
from rollproof.output import BROKEN, HELD, UsageError, console, progress, table, write_file, write_json
from rollproof.reference.protocol import PROTOCOL

FORMAT = "rollproof-simulation"
VERSION = 1

MOST_SESSIONS = 10_000_000
MOST_JOBS = 1024
FAILURES_SHOWN = 10


def play(
    count: int,
    seed: int,
    jobs: int | None,
    dask: str | None,
    variant: str,
    save_schedule: Path | None,
    json: Path | None,
) -> int:
    """Play random sessions, show what became of them, and return the exit code."""
    check(count, seed)
    if jobs is not None and dask is not None:
        raise UsageError("--jobs and --dask exclude each other")
    if jobs is not None and not 1 <= jobs <= MOST_JOBS:
        raise UsageError(f"--jobs must be from 1 to {MOST_JOBS}, not {jobs}")
    totals = {"sessions": 0, "frames": 0, "rollbacks": 0, "confirmed": 0, "degraded": 0}
    failures: list[Summary] = []
    failed = 0
    with executor(jobs, dask) as pool, progress("campaign", count) as bar:
        for summary in run_campaign(pool, seed, count, variant):
            totals["sessions"] += 1
            for name in ("frames", "rollbacks", "confirmed", "degraded"):
                totals[name] += getattr(summary, name)
            if summary.broken:
                failed += 1
                failures = sorted((*failures, summary), key=lambda each: each.seed)[:FAILURES_SHOWN]
            bar.advance(bar.task_ids[0])
    if save_schedule is not None:
        _save_first(save_schedule, count, seed, failures, variant)
    if json is not None:
        shown = [attrs.asdict(failure) for failure in failures]
        write_json(json, document(variant, not failed, seed=seed, **totals, failed=failed, failures=shown))
    _show(totals, failed, failures, variant)
    return BROKEN if failed else HELD


def check(count: int, seed: int) -> None:
    """Refuse a campaign of too many sessions, or of a seed that is none.

    Raises:
        UsageError: if it is refused.
    """
    if not 1 <= count <= MOST_SESSIONS:
        raise UsageError(f"--campaign must be from 1 to {MOST_SESSIONS}, not {count}")
    if not 0 <= seed <= 2**63:
        raise UsageError(f"--seed must be from 0 to 2**63, not {seed}")


@contextmanager
def executor(jobs: int | None, dask: str | None) -> Iterator[Executor]:
    """Yield what runs the sessions, and end it whatever happens."""
    if dask is None:
        try:
            with workers(jobs or os.cpu_count() or 1, "spawn") as pool:
                yield pool
        except BrokenProcessPool:
            raise UsageError("a process that played sessions was killed") from None
        return
    try:
        distributed: Any = import_module("distributed")  # which has no types
    except ImportError:
        raise UsageError("--dask needs the Dask libraries: install rollproof[dask]") from None
    try:
        client = distributed.Client(dask, timeout=10)
    except (OSError, ValueError) as error:
        raise UsageError(f"no Dask cluster answers at {dask!r}: {error}") from None
    with client, client.get_executor() as executor:
        yield executor


def _save_first(path: Path, count: int, seed: int, failures: list[Summary], variant: str) -> None:
    if count > 1 and not failures:
        console(stderr=True).print("no session broke a promise: no schedule is written", soft_wrap=True)
        return
    chosen = failures[0].seed if failures else seed
    setup = random_setup(chosen)
    save(path, run(setup, protocol_named(variant)), f"random session {chosen}")


def _show(totals: dict[str, int], failed: int, failures: list[Summary], variant: str) -> None:
    out = console()
    columns = (*totals, "failed")
    result = table(f"Campaign under the protocol {variant!r}", *columns, numbers=columns)
    result.add_row(*(f"{number:,}" for number in (*totals.values(), failed)))
    out.print(result)
    if failures:
        out.print(f"\nBroken promises, of the first {len(failures)} sessions that broke any", style="bold")
    for failure in failures:
        for name, problem in failure.broken:
            out.print(f"seed {failure.seed}: {name}: {problem}", soft_wrap=True)
    if failures:
        again = f"--campaign 1 --seed {failures[0].seed}{option_of(variant)}"
        out.print(f"\nTo see the first failure again: rollproof simulate {again}")


def save(path: Path, result: Result, title: str) -> None:
    """Write a session out as a schedule.

    Raises:
        UsageError: if it cannot be written.
    """
    try:
        write_file(path, dumps(schedule_of(result, title)))
    except DocumentError as error:
        raise UsageError(str(error)) from None


def document(variant: str, held: bool, **results: Any) -> dict[str, Any]:
    """Return the results of a command as they are written for tools."""
    return {"format": FORMAT, "version": VERSION, "protocol": variant, "held": held, **results}


def option_of(variant: str) -> str:
    """Return the option that selects a variant, or a protocol of one's own; nothing for the present protocol."""
    kind = "protocol" if is_file(variant) else "variant"
    return "" if variant == PROTOCOL.name else f" --{kind} {variant}"
