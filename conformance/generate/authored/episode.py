"""The end of an episode: who decides it, the confirmation wait, the export, the next episode (level 2)."""

from __future__ import annotations

from collections.abc import Iterator

from rollproof.conformance.cases.writing import (
    ALONE,
    EPISODE,
    LOADS,
    Steps,
    busy,
    busy_rounds,
    case,
    during,
    held,
    rounds,
    rule,
)
from rollproof.conformance.schema import Json

NEEDS = ("promote", "episode-end")
WAIT = (*NEEDS, "input-confirmation")
EXPORTS: Json = {"obs": "export", "at_least": 2}
STOP: Json = {"how": "stop"}
FINISH: Json = {"finish": 200}


def cases() -> Iterator[Json]:
    """Return the cases of profile `episode`."""
    yield from _agreed()
    yield from _ends_by_event()
    yield from _wait()
    yield from _timeouts()
    yield from _several()


def _agreed() -> Iterator[Json]:
    for peers, latency in ((2, 0), (2, 5), (2, 10), (2, 20), (3, 3), (4, 2)):
        yield case(
            f"episode/{peers}-peers-latency-{latency}",
            f"An episode of 20 frames, {peers} peers, a latency of {latency}",
            "All peers export exactly the same rows, whatever the network did.",
            rules=("EP-3", "EP-6", "EP-10", "EP-13"), bugs=(1, 6, 23), level=2, requires=NEEDS, peers=peers,
            config={"max_steps": 20, "input_confirmation_timeout_ms": 3000, "episode_sync_timeout_ms": 5000},
            schedule=[*busy_rounds(22, peers), FINISH], latency=latency, end=STOP,
            premise=({**EXPORTS, "at_least": peers}, *((LOADS,) if latency else ())), expect=EPISODE,
            kills=("variant:counters_not_restored",) if latency else (),
        )  # fmt: skip
    yield case(
        "episode/loss", "An episode with a fifth of all packets lost",
        "Ends and last inputs are sent again until they are acknowledged.",
        rules=("IN-9", "EP-2", "EP-13"), bugs=(15, 16), level=2, requires=(*NEEDS, "retransmit"),
        config={"max_steps": 20, "input_confirmation_timeout_ms": 3000, "episode_sync_timeout_ms": 5000}, latency=2,
        schedule=[*busy_rounds(22), FINISH], end=STOP, premise=(EXPORTS, LOADS), expect=EPISODE,
        network=(rule("*>*", "drop", nth=[n for n in range(400) if n * n % 13 in (3, 4, 9)]),),
    )  # fmt: skip
    yield case(
        "episode/focus-loss", "B does not tick for a while in the middle of an episode",
        "It catches up by ordinary ticks; the other waits, and both export the same.",
        rules=("IN-10", "EP-13"), bugs=(5, 13), level=2, requires=NEEDS,
        config={"max_steps": 24, "input_confirmation_timeout_ms": 3000, "episode_sync_timeout_ms": 5000}, latency=2,
        schedule=[*rounds(busy(34, 0), busy(8, 1) + [None] * 12 + busy(14, 3)), FINISH], end=STOP,
        premise=(EXPORTS, LOADS), expect=EPISODE, kills=("variant:fast_forward_invents_inputs",),
    )  # fmt: skip
    yield case(
        "episode/input-delay", "An episode with an input delay of three frames",
        "The first frames of the export have the default action; the last inputs sampled are of no frame.",
        rules=("IN-5", "EP-10"), bugs=(19,), level=2, requires=(*NEEDS, "delay"),
        config={"max_steps": 20, "input_delay": 3, "input_confirmation_timeout_ms": 3000}, latency=5,
        schedule=[*busy_rounds(24), FINISH], end=STOP, premise=(EXPORTS, LOADS), expect=EPISODE,
    )  # fmt: skip
    yield case(
        "episode/window", "An episode with a window of three and a latency of six",
        "The end is reached by peers that are stalled most of the time.",
        rules=("IN-8", "EP-6"), bugs=(7, 25), level=2, requires=NEEDS,
        config={"max_steps": 14, "prediction_window": 3, "input_confirmation_timeout_ms": 3000}, latency=6,
        schedule=[*busy_rounds(40), FINISH], end=STOP, premise=(EXPORTS, {"obs": "stall"}), expect=EPISODE,
    )  # fmt: skip


def _ends_by_event() -> Iterator[Json]:
    config = {"input_confirmation_timeout_ms": 3000, "episode_sync_timeout_ms": 5000}
    yield case(
        "episode/end-by-event", "The game ends when the sum of inputs reaches a limit",
        "Who ends it, and when, is known at once by nobody.",
        rules=("EP-1", "EP-12"), bugs=(20,), level=2, requires=NEEDS, config={**config, "end_sum": 60}, latency=4,
        schedule=[*busy_rounds(24), FINISH], end=STOP, premise=(EXPORTS, LOADS), expect=EPISODE,
    )  # fmt: skip
    pulse = [0] * 5 + [9] + [0] * 20
    yield case(
        "episode/end-mispredicted-too-early", "A short press is predicted on: the end seems near, and is not",
        "The simulated end rests on a prediction. It is a suspicion, withdrawn when the real inputs come.",
        rules=("EP-1", "EP-12"), bugs=(1, 20), level=2, requires=NEEDS, config={**config, "end_sum": 40}, latency=8,
        schedule=[*rounds([*pulse, *[2] * 30], [1] * 56), FINISH], end=STOP, premise=(EXPORTS, LOADS), expect=EPISODE,
        kills=("variant:end_on_predicted_state",),
    )  # fmt: skip
    yield case(
        "episode/end-mispredicted-too-late", "A press that ends the game is late at the partner",
        "The partner has simulated frames beyond the end: they are no rows.",
        rules=("EP-1", "EP-8", "EP-12"), bugs=(6, 23), level=2, requires=NEEDS, config={**config, "end_sum": 30},
        latency=8, schedule=[*rounds([0] * 8 + [50] * 20, [0] * 28), FINISH], end=STOP, premise=(EXPORTS, LOADS),
        expect=EPISODE,
    )  # fmt: skip
    yield case(
        "episode/ends-differ", "Two peers are sure of the end at very different times",
        "The termination frame is the same at every peer.",
        rules=("EP-2", "EP-12"), bugs=(20,), level=2, requires=NEEDS, config={**config, "end_sum": 45},
        latencies={"A>B": 0, "B>A": 14}, schedule=[*rounds(held(40, 0), held(40, 1)), FINISH], end=STOP,
        premise=(EXPORTS, LOADS), expect=EPISODE,
    )  # fmt: skip
    yield case(
        "episode/end-three-peers", "Three peers, one of them far away, a game that ends by an event",
        "A partner's announced end stops the others.",
        rules=("EP-1", "EP-2"), bugs=(3, 20), level=2, requires=NEEDS, peers=3, config={**config, "end_sum": 50},
        latencies={"A>C": 9, "B>C": 9, "C>A": 9, "C>B": 9}, schedule=[*busy_rounds(26, 3), FINISH], end=STOP,
        premise=({**EXPORTS, "at_least": 3}, LOADS), expect=EPISODE,
    )  # fmt: skip


def _wait() -> Iterator[Json]:
    config = {"max_steps": 12, "input_confirmation_timeout_ms": 1000, "episode_sync_timeout_ms": 3000}
    steps = rounds([0] * 4 + [5] + [1, 2] * 4, [0] * 13)
    yield case(
        "episode/last-inputs-held", "A's inputs are held until B is in the wait",
        "The wait drains, then executes the rollback, then confirms and promotes, in that order.",
        rules=("EP-5", "BUF-4"), bugs=(1, 2), level=2, requires=WAIT, config=config,
        network=(rule("A>B", "hold", rounds=[3, 20], **{"class": "input"}),),
        schedule=[*steps, *rounds([0] * 6, [0] * 6), {"release": "A>B"}, FINISH], end=STOP,
        premise=(EXPORTS, during({**LOADS, "peer": "B"}, len(steps) + 6)), expect=EPISODE, kills=("variant:phase_61",),
    )  # fmt: skip
    yield case(
        "episode/last-input-lost", "The packets with A's last inputs are lost",
        "They are sent again by timer, although A no longer ticks.",
        rules=("IN-9", "EP-6"), bugs=(15, 14), level=2, requires=(*WAIT, "retransmit"), config=config, latency=1,
        network=(rule("A>B", "drop", rounds=[10, 14], **{"class": "input"}),), schedule=[*steps, FINISH], end=STOP,
        premise=(EXPORTS,), expect=EPISODE, kills=("variant:redundancy_only",),
    )  # fmt: skip
    yield case(
        "episode/hole-below-target", "A hole below the target frame, everything above it known",
        "To test the target frame alone lets the hole pass.",
        rules=("EP-6", "BUF-2"), bugs=(4,), level=2, requires=(*WAIT, "retransmit"),
        config={**config, "redundancy": 1, "resend_interval_ms": 400},
        network=(rule("A>B", [8], nth=[5], **{"class": "input"}),),
        schedule=[*steps, FINISH], end=STOP, premise=(EXPORTS,), expect=EPISODE,
    )  # fmt: skip
    yield case(
        "episode/end-message-lost", "Each end message is lost a few times",
        "Ends are sent again until they are acknowledged.",
        rules=("EP-2",), bugs=(20, 15), level=2, requires=(*WAIT, "retransmit"), config=config, latency=1,
        network=(rule("*>*", "drop", nth=[0, 1, 2], **{"class": "end"}),), schedule=[*steps, FINISH], end=STOP,
        premise=(EXPORTS,), expect=EPISODE,
    )  # fmt: skip
    yield case(
        "episode/ack-of-end-lost", "The acknowledgements of ends are lost a few times",
        "A peer that has completed goes on answering until its partners have, too.",
        rules=("IN-9", "EP-2"), bugs=(16,), level=2, requires=(*WAIT, "retransmit"), config=config, latency=1,
        network=(rule("*>*", "drop", nth=[0, 1, 2, 3], **{"class": "ack"}),), schedule=[*steps, FINISH], end=STOP,
        premise=(EXPORTS,), expect=EPISODE,
    )  # fmt: skip
    exported = len(steps) + 12
    yield case(
        "episode/exported-before-the-partner", "A has exported and is ticked no more while B still waits for A's end",
        "A peer that has completed goes on answering until its partners have: by its timers, or when it is asked.",
        rules=("IN-9", "EP-2"), bugs=(15, 20), level=2, requires=(*WAIT, "retransmit"), config=config, latency=1,
        network=(rule("A>B", "drop", rounds=[0, 40], **{"class": "end"}),),
        schedule=[*steps, *rounds([0] * 12, [0] * 12), {"command": "A", "name": "export"},
                  *rounds([None] * 200, [0] * 200), FINISH],
        end=STOP, expect=EPISODE, kills=("bug:stops_when_exported",),
        premise=(EXPORTS, during({"obs": "export", "peer": "A"}, exported, exported + 1),
                 during({"obs": "episode_end", "peer": "B"}, exported + 1)),
    )  # fmt: skip
    yield case(
        "episode/misprediction-in-wait", "A correction of many frames arrives in the wait",
        "It is executed there, and lowers nothing that was exported.",
        rules=("EP-5", "RB-3", "EP-8"), bugs=(2, 8, 23), level=2, requires=WAIT, config=config,
        network=(rule("A>B", "hold", rounds=[2, 30], **{"class": "input"}),),
        schedule=[*steps, *rounds([0] * 10, [0] * 10), {"release": "A>B"}, {"poll": "B"}, FINISH], end=STOP,
        premise=(EXPORTS, during({**LOADS, "peer": "B"}, len(steps) + 10)), expect=EPISODE,
    )  # fmt: skip


def _timeouts() -> Iterator[Json]:
    config = {"max_steps": 12, "input_confirmation_timeout_ms": 300, "episode_sync_timeout_ms": 600}
    steps = rounds([0] * 4 + [5] + [1, 2] * 4, [0] * 13)
    silent: Steps = [*steps[:8], {"silence": "A"}, *steps[8:]]
    yield case(
        "episode/silent-partner", "A falls silent before the end",
        "B completes in time, alone, and says so; what it could not confirm is flagged.",
        rules=("EP-7", "EP-8", "EP-9"), bugs=(5, 20), level=2, requires=WAIT, config=config,
        schedule=[*silent, FINISH], end=STOP, degraded=("B",), latency=1,
        premise=({"obs": "export", "peer": "B"}, {"obs": "promote", "peer": "B", "forced": True}), expect=ALONE,
        kills=("variant:forced_rows_unflagged", "variant:sync_timeout_bypasses_wait", "bug:timeout_is_not_told"),
    )  # fmt: skip
    yield case(
        "episode/hole-and-silence", "One input of A is lost for good, all later ones arrive, and A falls silent",
        "The target frame has all inputs, a frame below it has not: that is no success.",
        rules=("EP-6", "EP-9", "BUF-2"), bugs=(4, 20), level=2, requires=(*WAIT, "retransmit"),
        config={**config, "redundancy": 1, "resend_interval_ms": 60000},
        network=(rule("A>B", "drop", nth=[0, 6], **{"class": "input"}),),
        schedule=[*steps, {"silence": "A"}, FINISH], end=STOP, degraded=("B",), latency=0,
        premise=({"obs": "promote", "peer": "B", "forced": True},), expect=ALONE,
        kills=("variant:wait_checks_target_only",),
    )  # fmt: skip
    yield case(
        "episode/inputs-do-not-come", "A's inputs stop coming, its end arrives",
        "At the deadline the episode completes anyway; the rows that are not flagged are right.",
        rules=("EP-7", "EP-8", "EP-13"), bugs=(5, 20, 1), level=2, requires=WAIT, config=config, latency=1,
        network=(rule("A>B", "drop", rounds=[6, 400], **{"class": "input"}),), schedule=[*steps, FINISH], end=STOP,
        degraded=("A", "B"), premise=({"obs": "promote", "peer": "B", "forced": True},), expect=ALONE,
        kills=("variant:forced_rows_unflagged",),
    )  # fmt: skip
    yield case(
        "episode/correction-at-the-deadline",
        "The correction arrives just before the deadline, without the last inputs",
        "The rollback is executed before anything is promoted by force.",
        rules=("EP-5", "EP-8", "BUF-4"), bugs=(2, 8), level=2, requires=WAIT, config=config,
        network=(rule("A>B", "hold", rounds=[4, 400], **{"class": "input"}),),
        schedule=[*steps, *rounds([0] * 6, [0] * 6), {"release": "A>B", "count": 6}, {"pass_us": 700_000}, FINISH],
        end=STOP, degraded=("A", "B"), expect=ALONE,
        premise=(during({**LOADS, "peer": "B"}, len(steps) + 6), {"obs": "export", "peer": "B"}),
    )  # fmt: skip
    yield case(
        "episode/correction-with-the-deadline", "The correction is there when the first poll after the deadline comes",
        "Everything is drained and corrected once more at the deadline itself.",
        rules=("EP-5", "EP-8", "BUF-4"), bugs=(2, 8), level=2, requires=WAIT, config={**config,
        "input_confirmation_timeout_ms": 0},
        network=(rule("A>B", "hold", rounds=[4, 400]),),
        schedule=[*steps, {"silence": "A"}, *rounds([0] * 28, [0] * 28), {"pass_us": 15_000}, {"release": "A>B",
        "count": 6},
                  {"pass_us": 700_000}, FINISH],
        end=STOP, degraded=("A", "B"),
        premise=(during({**LOADS, "peer": "B"}, len(steps) + 29), {"obs": "export", "peer": "B"}),
        expect=ALONE, kills=("bug:completes_before_rollback",),
    )  # fmt: skip
    yield case(
        "episode/no-wait", "A confirmation timeout of 0",
        "The wait is disabled: what is not confirmed at once is flagged.",
        rules=("EP-4", "EP-8"), bugs=(5,), level=2, requires=WAIT,
        config={**config, "input_confirmation_timeout_ms": 0}, latency=2,
        network=(rule("A>B", "drop", rounds=[10, 400], **{"class": "input"}),), schedule=[*steps, FINISH], end=STOP,
        degraded=("A", "B"), premise=(EXPORTS, {"obs": "promote", "forced": True}), expect=ALONE,
    )  # fmt: skip
    yield case(
        "episode/all-ends-lost", "No end message ever arrives at B",
        "One side agrees, the other gives up: it must say so.",
        rules=("EP-9", "EP-13"), bugs=(20,), level=2, requires=WAIT, config=config, latency=1,
        network=(rule("A>B", "drop", **{"class": "end"}),), schedule=[*steps, FINISH], end=STOP, degraded=("A", "B"),
        premise=({"obs": "episode_end", "peer": "B", "kind": "degraded"},), expect=ALONE,
        kills=("variant:sync_timeout_bypasses_wait",),
    )  # fmt: skip


def _several() -> Iterator[Json]:
    config = {"max_steps": 10, "input_confirmation_timeout_ms": 2000, "episode_sync_timeout_ms": 3000}
    one = busy_rounds(12)
    several = {"obs": "export", "at_least": 6}
    nexts: Json = {"finish": 200, "next": True}
    yield case(
        "episode/three-in-a-row", "Three episodes one after the other",
        "Nothing of one episode is left in the next, but the metrics.",
        rules=("EP-11", "IN-11"), bugs=(21,), level=2, requires=NEEDS, config=config, latency=3,
        schedule=[*one, nexts, *rounds(held(12, 1), busy(12, 4)), nexts, *rounds(busy(12, 3), busy(12, 2)), FINISH],
        end=STOP, premise=(several, LOADS), expect=EPISODE,
        kills=("variant:inputs_survive_reset", "bug:first_export_again"),
    )  # fmt: skip
    stale = [{"replay": "A>B", "nth": number} for number in (0, 3, 6, 9)]
    ends = [{"replay": "A>B", "class": "end", "nth": 0}]
    yield case(
        "episode/late-packets-of-the-last-one", "Inputs of one episode arrive in the next",
        "A message carries its episode, and one of another changes nothing.",
        rules=("IN-11", "IN-7"), bugs=(21,), level=2, requires=(*NEEDS, "datagram"), config=config, latency=2,
        schedule=[*one, nexts, *stale, *rounds(held(12, 1), busy(12, 4))[:3], *stale, *rounds(held(12, 1), busy(12,
        4))[3:],
                  FINISH],
        end=STOP, expect=EPISODE, kills=("variant:untagged_inputs",),
        premise=({"obs": "export", "at_least": 4}, during({"obs": "episode_begin", "peer": "B"}, 0, len(one) + 1),
                 during({"event": "again", "peer": "B"}, len(one) + 1)),
    )  # fmt: skip
    quick, slow = rounds([5] * 8, [5] * 8), rounds([1, 2] * 9, [1] * 18)
    yield case(
        "episode/late-end-of-the-last-one", "The end of one episode arrives in the next, which is longer",
        "A foreign end ends nothing.",
        rules=("IN-11", "EP-2"), bugs=(21,), level=2, requires=(*NEEDS, "datagram"),
        config={"end_sum": 30, "input_confirmation_timeout_ms": 2000, "episode_sync_timeout_ms": 3000},
        latency=2, schedule=[*quick, nexts, *ends, *slow[:2], *ends, *slow[2:], FINISH], end=STOP,
        premise=({"obs": "export", "at_least": 4}, during({"obs": "episode_begin", "peer": "B"}, 0, len(quick) + 1),
                 during({"event": "again", "peer": "B", "class": "end"}, len(quick) + 2),
                 during({"obs": "advance", "peer": "B"}, len(quick) + 2)),
        expect=EPISODE, kills=("without:receive_end.same_epoch",),
    )  # fmt: skip
    yield case(
        "episode/late-ack-of-the-last-one", "An acknowledgement of one episode arrives in the next",
        "A foreign acknowledgement acknowledges nothing: what it seems to cover is still sent again.",
        rules=("IN-11", "IN-9"), bugs=(21, 15), level=2, requires=(*NEEDS, "datagram", "retransmit"), config=config,
        latency=1, network=(rule("A>B", "drop", rounds=[20, 44], **{"class": "input"}),),
        schedule=[*one, nexts, *rounds(held(12, 1), busy(12, 4)),
                  *[{"replay": "B>A", "class": kind, "nth": 0} for kind in ("ack", "end")],
                  {"replay": "B>A", "class": "input", "nth": 11}, FINISH],
        premise=({"obs": "export", "at_least": 4}, during({"obs": "episode_begin", "peer": "A"}, 0, len(one) + 1),
                 during({"event": "again", "peer": "A"}, len(one) + 2)),
        end=STOP, expect=EPISODE, kills=("without:receive_ack.same_epoch",),
    )  # fmt: skip
    back = [{"reflect": link, "class": kind, "nth": 0} for kind in ("end", "ack") for link in ("A>B", "B>A")]
    yield case(
        "episode/reflected-ends", "Ends and acknowledgements come back to their senders",
        "A peer's own end is no partner's, and nobody acknowledges to himself.",
        rules=("IN-7", "EP-2"), bugs=(17, 20), level=2, requires=(*NEEDS, "datagram"), config=config, latency=3,
        schedule=[*one, *back, {"pass_us": 20_000}, *back, FINISH, *back], end=STOP, premise=(EXPORTS,),
        expect=EPISODE,
    )  # fmt: skip
    yield case(
        "episode/export-twice", "The export is asked for too early, and twice",
        "Once per episode, when it has completed.",
        rules=("EP-10",), bugs=(6,), level=2, requires=NEEDS, config=config, latency=2,
        schedule=[*one[:5], {"command": "A", "name": "export"}, *one[5:], {"command": "A", "name": "next_episode"},
                  FINISH, {"command": "A", "name": "export"}, {"command": "B", "name": "export"}],
        end=STOP, premise=(EXPORTS, during({"obs": "export", "peer": "A"}, len(one) + 2)), expect=EPISODE,
        kills=("without:export_episode.completed",),
    )  # fmt: skip
