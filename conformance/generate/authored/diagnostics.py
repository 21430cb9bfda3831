"""Metrics, hashes, and observing itself (level 2)."""

from __future__ import annotations

from collections.abc import Iterator

from rollproof.conformance.cases.writing import BLACK_BOX, EPISODE, LOADS, Steps, busy_rounds, case, during, rule
from rollproof.conformance.schema import Json

FINISH: Json = {"finish": 200}
STOP: Json = {"how": "stop"}
NEEDS = ("promote", "episode-end")


def cases() -> Iterator[Json]:
    """Return the cases of profile `diagnostics`."""
    config = {"max_steps": 16, "input_confirmation_timeout_ms": 2000, "episode_sync_timeout_ms": 3000}
    metric: Json = {"obs": "metric", "at_least": 4}
    steps = busy_rounds(18)
    yield case(
        "diagnostics/metrics", "The metrics of an episode with rollbacks of several depths",
        "Counts and depths are those of the events, the sent counters those of the packets.",
        rules=("ME-1", "ME-2"), bugs=(23,), level=2, requires=(*NEEDS, "metrics"), config=config, latency=2,
        network=(rule("A>B", [6], rounds=[3, 6]),), schedule=[*steps, FINISH], end=STOP, premise=(metric, LOADS),
        expect=(*EPISODE, "sent_counters"), kills=("variant:depth_of_last_rollback", "bug:counter_is_wrong"),
    )  # fmt: skip
    yield case(
        "diagnostics/metrics-relay", "The metrics of an episode that falls back to the relay",
        "Each transmission is counted on the path that it took.",
        rules=("ME-1", "ME-2", "TR-2"), level=2, requires=(*NEEDS, "metrics", "relay"), config=config, latency=2,
        schedule=[*steps[:8], {"link": "A>B", "state": "closed"}, *steps[8:], FINISH], end=STOP,
        premise=(metric, LOADS), expect=(*EPISODE, "sent_counters", "one_path"),
        kills=("variant:both_paths", "bug:counter_is_wrong"),
    )  # fmt: skip
    lies: Steps = [{"pass_us": 1}, {"forge": "B>A", "class": "input"}]
    stale: Steps = [{"replay": "B>A", "class": "input", "nth": number} for number in (3, 5)]
    made = case(
        "diagnostics/metrics-of-refusals", "The metrics of conflicts, and of inputs of the last episode",
        "Each conflict and each rejected input is told once and counted once.",
        rules=("ME-1", "IN-3", "IN-7"), bugs=(18, 21), level=2, requires=(*NEEDS, "metrics", "datagram"), config=config,
        schedule=[*steps[:9], *lies, *steps[9:12], *lies, *steps[12:], {"finish": 200, "next": True},
                             *steps[:4], *stale, *steps[4:], FINISH],
        end=STOP, expect=(*EPISODE, "sent_counters", "told_counters"), kills=("bug:trouble_counted_twice",),
        premise=(metric, {"obs": "violation", "peer": "A", "kind": "conflict"},
                 {"obs": "violation", "peer": "A", "kind": "rejected"}),
    )  # fmt: skip
    yield {**made, "twins": [{"of": "B", "inputs": {str(call): 9 for call in range(3, 12)}}]}
    yield case(
        "diagnostics/desync", "B's game goes wrong in one frame",
        "Peers that exchange hashes notice; a detector that compares nothing never does.",
        rules=("ME-4",), bugs=(22,), level=2, requires=("promote", "desync"), latency=2, config={
            "hash_interval": 4, "perturb": {"peer": "B", "frame": 9}},
        schedule=busy_rounds(30), premise=(LOADS,), expect=("agreement", "own_input", "progress", "desync_noticed"),
        kills=("bug:detector_compares_nothing",),
    )  # fmt: skip
    yield case(
        "diagnostics/metrics-of-a-desync", "The metrics of an episode in which B's game goes wrong",
        "Each hash that differs is told once and counted once.",
        rules=("ME-1", "ME-4"), bugs=(22,), level=2, requires=(*NEEDS, "metrics", "desync"), latency=2,
        config={**config, "hash_interval": 4, "perturb": {"peer": "B", "frame": 6}}, schedule=[*steps, FINISH],
        end=STOP, premise=(metric, {"obs": "violation", "kind": "desync"}),
        expect=("order", "one_value", "own_input", "ends", "desync_noticed", "sent_counters", "told_counters"),
        kills=("bug:trouble_counted_twice",),
    )  # fmt: skip
    yield case(
        "diagnostics/no-desync", "Rollbacks and loss, and no game goes wrong",
        "A detector that cries wolf is of no use either.",
        rules=("ME-4",), bugs=(22,), level=2, requires=("promote", "desync"), latency=2, config={"hash_interval": 3},
        schedule=busy_rounds(30), network=(rule("*>*", "drop", nth=[n for n in range(200) if n * n % 7 == 2]),),
        premise=(LOADS, {"obs": "promote", "at_least": 20}), expect=(*BLACK_BOX, "desync_noticed"),
    )  # fmt: skip
    late = [{"replay": "A>B", "class": "hash", "nth": number} for number in (0, 1)]
    yield case(
        "diagnostics/late-hashes-of-the-last-episode", "Hashes of one episode arrive in the next",
        "A foreign hash says nothing of this episode.",
        rules=("ME-4", "IN-11"), bugs=(21, 22), level=2, requires=(*NEEDS, "desync", "datagram"),
        config={**config, "hash_interval": 3}, latency=2,
        schedule=[*steps, {"finish": 200, "next": True}, *late, *busy_rounds(9)[4:], *late, *busy_rounds(22)[9:],
        FINISH],
        end=STOP, expect=(*EPISODE, "desync_noticed"),
        premise=({"obs": "export", "at_least": 4}, during({"obs": "episode_begin", "peer": "B"}, 0, len(steps) + 1),
                 during({"event": "again", "peer": "B", "class": "hash"}, len(steps) + 3)),
        kills=("without:receive_hash.same_epoch",),
    )  # fmt: skip
    twice = [{"link": "A>B", "state": "closed"}]
    yield case(
        "diagnostics/fallback-once", "The same way is closed twice",
        "Fallback happens once, and the frame at which it did is recorded.",
        rules=("TR-4", "ME-1"), level=2, requires=(*NEEDS, "metrics", "relay"), config=config, latency=1,
        schedule=[*steps[:5], *twice, *steps[5:11], *twice, *steps[11:], FINISH], end=STOP,
        premise=(metric, LOADS), expect=(*EPISODE, "sent_counters", "fallback_once"),
        kills=("without:lose_p2p.no_fallback_yet",),
    )  # fmt: skip
    yield case(
        "diagnostics/observing-changes-nothing", "The same session, observed and unobserved",
        "Whoever sends other packets when somebody looks is not testable.",
        rules=("ME-1",), bugs=(24,), level=2, requires=("promote",), latency=3, schedule=busy_rounds(20),
        premise=(LOADS,), expect=(*BLACK_BOX, "same_unobserved"), kills=("bug:observed_otherwise",),
    )  # fmt: skip
