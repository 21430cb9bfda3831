"""Protocol section 4, from the export on: rows, reset, and what all peers export alike."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve

from rollproof.model.sessions.network import Drop, Faults
from rollproof.model.sessions.promises import confirmed_parity, lockstep_truth
from rollproof.model.sessions.session import Result, run
from rollproof.model.sessions.setup import Settings, Setup
from rollproof.model.sessions.worlds import ArithmeticWorld
from rollproof.reference.events import EndWithdrawn, EpisodeExported
from rollproof.reference.export import LOCAL_COLUMNS, read
from rollproof.reference.messages import Path
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Metrics, new_peer
from rollproof.reference.tick import export, next_episode
from tests.bench import ME, YOU, Bench, config


def test_ep_10_rows_are_canonical_in_order_and_rectangular() -> None:
    """EP-10: events and metadata are no columns; a missing value is null."""
    bench = Bench(config=config(max_steps=3)).run("hear:0,1,2 tick tick tick confirm suspect_end decide_end:3")
    peer = bench.run("receive_end:3 begin_wait succeed_wait close").peer
    exported = read(peer)
    assert [row[exported.columns.index("frame")] for row in exported.rows] == [0, 1, 2]
    assert {len(row) for row in exported.rows} == {len(exported.columns)}
    assert len(set(exported.columns)) == len(exported.columns)
    assert not set(exported.columns) & {"metadata", "rollback_events", "metrics"}
    assert json.loads(json.dumps([exported.rows, exported.metadata, exported.metrics])) is not None


def test_ep_10_a_column_that_not_every_row_has_is_filled_with_null() -> None:
    """EP-10"""

    class Rare(ArithmeticWorld):
        def step(self, state: Any, actions: Any) -> Any:
            after, outcome = super().step(state, actions)
            return after, evolve(outcome, infos={ME: {"rare": 1}} if state.frame == 1 else {})

    bench = Bench(config=config(max_steps=3), world=Rare()).run("hear:0,1,2 tick tick tick confirm suspect_end")
    exported = read(bench.run("decide_end:3 receive_end:3 begin_wait succeed_wait close").peer)
    assert [row[exported.columns.index(f"info.{ME}.rare")] for row in exported.rows] == [None, 1, None]


def test_ep_10_an_episode_is_exported_once_and_only_when_complete() -> None:
    """EP-10: buffers are cleared only afterwards."""
    bench = Bench(config=config(max_steps=1)).run("hear:0 tick confirm")
    with pytest.raises(ValueError, match="episode 0 has not completed: the peer is running"):
        read(bench.peer)
    assert bench.do("export_episode") == "completed"
    bench.run("suspect_end decide_end:1 receive_end:1 begin_wait succeed_wait complete_episode")
    assert bench.do("reset_episode") == "exported"
    peer, events = export(PROTOCOL, bench.peer)
    assert events == (EpisodeExported(0),)
    assert export(PROTOCOL, peer) == (peer, ())
    assert len(peer.buffers.canonical) == 1


def test_ep_11_a_reset_leaves_links_and_metrics_and_raises_the_epoch() -> None:
    """EP-11, ME-2"""
    bench = Bench(config=config(max_steps=2)).run("tick tick hear:1,0 rollback confirm receive_hash:0,1 lose_p2p")
    bench.run("suspect_end decide_end:2 receive_end:2 begin_wait succeed_wait close arrive:1")
    before = bench.peer
    peer, _ = next_episode(PROTOCOL, before)
    clean = new_peer(bench.config, bench.world)
    assert peer.metrics == before.metrics != Metrics()
    assert peer.links == before.links != clean.links
    assert peer.simulation.state == bench.world.start(1)
    assert evolve(peer, epoch=0, metrics=clean.metrics, links=clean.links, simulation=clean.simulation) == clean
    assert peer.epoch == 1


def end_to_end(world: ArithmeticWorld, faults: Faults, **settings: Any) -> Result:
    return run(Setup(Settings(config(**settings), world, episodes=2), p2p=faults, relay=faults), PROTOCOL)


def test_ep_12_the_termination_frame_is_that_of_the_lockstep_run() -> None:
    """EP-12: an end by event, often mispredicted."""
    result = end_to_end(ArithmeticWorld(end_when=60), Faults(latency_ms=80, jitter_ms=40, loss=0.1))
    suspicions = [event for events in result.events.values() for _, event in events if isinstance(event, EndWithdrawn)]
    assert suspicions
    for exports in result.exports.values():
        assert [len(each.rows) for each in exports] == [len(episode.rows) for episode in result.lockstep]
    assert all(episode.ended for episode in result.lockstep)


def test_ep_13_confirmed_exports_are_identical_but_for_local_columns() -> None:
    """EP-13"""
    result = end_to_end(ArithmeticWorld(), Faults(latency_ms=80, jitter_ms=40, loss=0.2), max_steps=40)
    for mine, yours in zip(*result.exports.values(), strict=True):
        assert mine.metadata["confirmed"]
        assert yours.metadata["confirmed"]
        assert mine.columns == yours.columns
        shared = [at for at, name in enumerate(mine.columns) if name not in LOCAL_COLUMNS]
        for one, other in zip(mine.rows, yours.rows, strict=True):
            assert [one[at] for at in shared] == [other[at] for at in shared]


def test_ep_13_rows_that_are_not_flagged_are_identical_when_one_peer_times_out() -> None:
    """EP-13: the last inputs of `a` never arrive."""
    settings = Settings(config(max_steps=30))
    lost = Faults(latency_ms=40, drops=(Drop("input", 1000, 25),))
    usual = Faults(latency_ms=40)
    special = {(ME, YOU, path): lost for path in Path}
    result = run(Setup(settings, p2p=usual, relay=usual, special=special), PROTOCOL)
    degraded = result.exports[YOU][0]
    flags = [row[degraded.columns.index("unconfirmed")] for row in degraded.rows]
    assert flags == [False] * 25 + [True] * 5
    assert not degraded.metadata["confirmed"]
    assert confirmed_parity.broken(result) == lockstep_truth.broken(result) == ()
