"""Campaigns: the same on threads, on processes and on a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from threading import Thread
from typing import Any, ParamSpec, TypeVar

import pytest
from attrs import evolve

from rollproof.model.sessions import campaign
from rollproof.model.sessions.campaign import Summary, protocol_named, run_campaign, run_one
from rollproof.model.variants.variants import VARIANTS
from rollproof.model.workers import workers
from rollproof.reference.protocol import PROTOCOL

P = ParamSpec("P")
T = TypeVar("T")


@pytest.fixture
def executor() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def collected(executor: Executor, first: int, count: int, protocol: str = PROTOCOL.name) -> list[Summary]:
    return sorted(run_campaign(executor, first, count, protocol), key=lambda each: each.seed)


def test_every_seed_is_run_once(executor: Executor) -> None:
    summaries = collected(executor, 5, 11)
    assert [each.seed for each in summaries] == list(range(5, 16))
    assert summaries[3] == run_one(8, PROTOCOL)


def test_ep_13_random_sessions_keep_their_promises(executor: Executor) -> None:
    summaries = collected(executor, 0, 30)
    assert [each for each in summaries if each.broken] == []
    assert sum(each.rollbacks for each in summaries) > 100
    assert sum(each.confirmed for each in summaries) > sum(each.degraded for each in summaries) > 0


def test_the_revision_before_73_breaks_them(executor: Executor) -> None:
    broken = {name for each in collected(executor, 0, 8, "phase_61") for name, _ in each.broken}
    assert "lockstep_truth" in broken


def test_an_executor_is_not_given_everything_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    class Counting(ThreadPoolExecutor):
        unfinished = most = 0

        def submit(self, task: Callable[P, T], /, *args: P.args, **options: P.kwargs) -> Future[T]:
            self.unfinished += 1
            self.most = max(self.most, self.unfinished)
            future = super().submit(task, *args, **options)
            future.add_done_callback(self.finish)
            return future

        def finish(self, future: Future[Any]) -> None:
            self.unfinished -= 1

    monkeypatch.setattr(campaign, "TASKS_AHEAD", 2)
    monkeypatch.setattr(campaign, "BATCH", 1)
    monkeypatch.setattr(campaign, "run_one", lambda seed, protocol: seed)
    with Counting(2) as pool:
        seeds: list[Any] = list(run_campaign(pool, 0, 20, PROTOCOL.name))
        assert sorted(seeds) == list(range(20))
        assert pool.most == 2


def test_a_pool_that_is_ended_while_it_starts_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        with workers(1) as pool:
            monkeypatch.setattr(pool, "_executor_manager_thread", Thread())  # as it is before its start
            raise SystemExit(143)

    with pytest.raises(SystemExit):
        interrupted()


def test_an_error_in_a_session_is_not_swallowed(executor: Executor, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(seed: int, protocol: object) -> Summary:
        raise RuntimeError("no session")

    monkeypatch.setattr(campaign, "run_one", fail)
    with pytest.raises(RuntimeError, match="no session"):
        collected(executor, 0, 3)


def test_protocols_have_names() -> None:
    assert protocol_named("present") is PROTOCOL
    assert protocol_named("phase_61") is VARIANTS["phase_61"].protocol
    with pytest.raises(KeyError):
        protocol_named("phase_99")


def test_a_summary_tells_confirmed_from_degraded() -> None:
    summary = run_one(0, PROTOCOL)
    assert summary.confirmed + summary.degraded > 0
    assert evolve(summary, broken=(("parity", "x"),)).broken


@pytest.mark.filterwarnings("ignore")
def test_a_dask_cluster_gives_the_same(executor: Executor) -> None:
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None)
    with cluster, distributed.Client(cluster) as client:
        assert collected(client.get_executor(), 0, 10) == collected(executor, 0, 10)
