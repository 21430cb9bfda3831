"""Prediction, rollback and replay: what can be seen of them from outside."""

from __future__ import annotations

from collections.abc import Iterator

from rollproof.conformance.cases.writing import BLACK_BOX, LOADS, Steps, busy, busy_rounds, case, held, rounds, rule
from rollproof.conformance.schema import Json

NO_LOAD: tuple[Json, ...] = ()
ADVANCES: Json = {"obs": "advance", "at_least": 20}


def cases() -> Iterator[Json]:
    """Return the cases of profile `core`."""
    yield from _latency()
    yield from _where_rollbacks_go()
    yield from _order_of_arrival()
    yield from _input_delay()
    yield from _window()
    yield from _ticking()


def _latency() -> Iterator[Json]:
    yield case(
        "core/idle", "Nobody does anything, nothing is late",
        "The least that a session must do: frames go by, and all peers agree.",
        rules=("IN-6", "BUF-6"), schedule=rounds([0] * 20, [0] * 20), premise=(ADVANCES,),
    )  # fmt: skip
    yield case(
        "core/idle-with-latency", "Nobody does anything, inputs are late",
        "Inputs that were predicted right need no rollback: to roll back on every late input costs frames.",
        rules=("RB-1", "IN-6"), bugs=(26,), schedule=rounds([0] * 24, [0] * 24), latency=4, premise=(ADVANCES,),
        kills=("bug:rollback_on_every_late_input",),
    )  # fmt: skip
    for peers in (2, 3, 4):
        yield case(
            f"core/active-{peers}-peers", f"{peers} peers, everybody busy, inputs two frames late",
            "Every frame is mispredicted at first, and has to be corrected.",
            rules=("RB-1", "RB-4", "RB-5", "BUF-6"), bugs=(1, 8, 11), schedule=busy_rounds(24, peers), peers=peers,
            latency=2.5, premise=({**LOADS, "at_least": 5},),
            kills=("bug:state_is_made_up", "bug:stale_clear_after_drain"),
        )  # fmt: skip
    for name, latency in (("one-frame", 1), ("100ms", 5), ("200ms", 10), ("500ms", 25)):
        yield case(
            f"core/constant-latency-{name}", f"A constant latency of {latency} frames",
            "Implementations have failed every run at constant latency and passed all noisy ones: each input "
            "arrives at "
            "the same point of a tick, for ever.",
            rules=("RB-1", "RB-3", "RB-5"), bugs=(1, 8, 12), schedule=busy_rounds(20 + 2 * latency), latency=latency,
            premise=({**LOADS, "at_least": 5},),
            kills=("bug:no_rollback_of_last_frame",) if latency == 1 else ("bug:short_ring",) if latency > 8 else (),
        )  # fmt: skip
    yield case(
        "core/constant-latency-held", "A constant latency, inputs that change every few frames",
        "Most predictions are right; the few that are wrong must be found all the same.",
        rules=("RB-1", "IN-6"), bugs=(8, 26), schedule=rounds(held(40, 0), held(40, 1)), latency=3,
        kills=("bug:rollback_on_every_late_input", "bug:stale_clear_after_drain"),
    )  # fmt: skip
    yield case(
        "core/one-sided-latency", "A hears B at once, B hears A late",
        "Only one peer rolls back; both must reach the same frames.",
        rules=("RB-1", "BUF-6"), bugs=(1,), schedule=busy_rounds(24), latencies={"A>B": 6, "B>A": 0},
        premise=({**LOADS, "peer": "B"},),
    )  # fmt: skip
    yield case(
        "core/three-peers-unequal", "Three peers, every way with a latency of its own",
        "What one partner has sent must not count for another.",
        rules=("BUF-2", "RB-1"), bugs=(3,), schedule=busy_rounds(24, 3), peers=3,
        latencies={"A>B": 1, "B>A": 2, "A>C": 7, "C>A": 0, "B>C": 3, "C>B": 9},
        premise=({**LOADS, "peer": "B"}, {**LOADS, "peer": "C"}), kills=("bug:confirmed_by_one_partner",),
    )  # fmt: skip


def _where_rollbacks_go() -> Iterator[Json]:
    still, quick = [0] * 15, [3] + [0] * 14
    yield case(
        "core/misprediction-at-frame-0", "The very first input is predicted wrong",
        "Frame 0 is where `if frame` and `if not pending` go wrong.",
        rules=("RB-1", "RB-4"), bugs=(12,), schedule=rounds(quick, still), latency=3,
        premise=({**LOADS, "peer": "B", "frame": 0},), kills=("bug:no_rollback_to_frame_0",),
    )  # fmt: skip
    yield case(
        "core/misprediction-of-last-frame", "The frame simulated last is predicted wrong",
        "A rollback of a single frame is a rollback.",
        rules=("RB-1", "RB-5"), bugs=(12,), schedule=busy_rounds(16), latency=0.5,
        kills=("bug:no_rollback_of_last_frame",),
    )  # fmt: skip
    yield case(
        "core/deep-rollback", "One input is thirty frames late",
        "A rollback must reach as far back as the oldest frame that is not confirmed, whatever the size of a ring.",
        rules=("RB-4", "RB-5"), bugs=(12, 14), schedule=rounds([0, 0, 0, 5] + [0] * 36, [0] * 40),
        network=(rule("A>B", "hold", rounds=[1, 34]),), premise=({**LOADS, "peer": "B", "to": 3},),
        kills=("bug:short_ring", "bug:late_inputs_refused"),
    )  # fmt: skip
    yield case(
        "core/corrected-twice", "A replayed frame is corrected again",
        "A frame that was replayed with a prediction is still open: the next late input may prove it wrong again.",
        rules=("RB-6", "RB-1"), bugs=(9,), schedule=rounds([0, 0, 4, 0, 5, 0, 6, 0, 1, 0, 2, 0, 3, 0, 4, 0], busy(16,
        1)),
        latency=5, premise=({**LOADS, "at_least": 6},),
    )  # fmt: skip
    yield case(
        "core/pulse", "An input of a single frame",
        "The replay predicts the frames after the pulse anew: whoever keeps the old predictions disagrees.",
        rules=("IN-6", "RB-5"), bugs=(11,), schedule=rounds([0] * 6 + [5] + [0] * 17, [0] * 24), latency=4,
    )  # fmt: skip
    yield case(
        "core/several-mispredictions-at-once", "Ten late inputs arrive together",
        "The rollback goes back to the first of them, not to the last.",
        rules=("RB-1",), bugs=(8,), schedule=busy_rounds(24), network=(rule("A>B", "hold", rounds=[4, 15]),
        rule("A>B", [0], rounds=[15, 40])), premise=({**LOADS, "peer": "B"},),
    )  # fmt: skip
    yield case(
        "core/two-late-players", "Two players' late inputs arrive together, the later frame last",
        "The rollback that is due goes back to the lower of two frames, whoever they come from.",
        rules=("RB-1",), bugs=(8,), peers=3, schedule=_late_from_two(), premise=({**LOADS, "peer": "C"},),
        network=(rule("A>C", "hold", rounds=[1, 12]), rule("B>C", "hold", rounds=[1, 12])),
        kills=("variant:latest_misprediction_wins",),
    )  # fmt: skip


def _late_from_two() -> Steps:
    a, b = [0, 0, 0, 4] + [4] * 16, [0, 0, 0, 0, 0, 0, 0, 5] + [5] * 12
    steps = rounds(a, b, [0] * 20)
    return [*steps[:11], {"release": "A>C"}, {"release": "B>C"}, *steps[11:]]


def _order_of_arrival() -> Iterator[Json]:
    yield case(
        "core/newest-first", "Held packets arrive in the opposite order",
        "The prediction depends on what is known, not on the order in which it came.",
        rules=("IN-6", "IN-3"), bugs=(17,), requires=("datagram",),
        schedule=[*busy_rounds(14)[:10], {"release": "A>B", "newest": True}, *busy_rounds(24)[10:]],
        network=(rule("A>B", "hold", rounds=[2, 11]),), premise=({**LOADS, "peer": "B"},),
        kills=("bug:reorder_crashes",),
    )  # fmt: skip
    yield case(
        "core/gap-between-known", "A later input is known before an earlier one",
        "The frames in between are predicted from the known frame below them, not from the one that came last.",
        rules=("IN-6",), bugs=(4,), level=1, requires=("datagram",), config={"redundancy": 1},
        schedule=rounds([1, 2, 3, 4, 5, 6] + [1, 2] * 9, [0] * 24), latency=1,
        network=(rule("A>B", [8], rounds=[3, 5], **{"class": "input"}),),
        premise=({**LOADS, "peer": "B"},), kills=("bug:predicts_by_arrival",),
    )  # fmt: skip
    yield case(
        "core/duplicates", "Every packet arrives three times, now and later",
        "An input is identified by player and frame: the first one stays, and the others change nothing.",
        rules=("IN-3",), bugs=(17,), requires=("datagram",), schedule=busy_rounds(24),
        network=(rule("*>*", [1, 1, 9]),), kills=("bug:duplicate_crashes",),
    )  # fmt: skip
    yield case(
        "core/jitter", "Latencies from 0 to 8 frames, written out",
        "Packets overtake each other all the time.",
        rules=("IN-3", "IN-6"), bugs=(17, 4), requires=("datagram",), schedule=busy_rounds(36),
        network=tuple(rule("*>*", [late], nth=list(range(late_at, 400, 7))) for late_at, late in
                      enumerate((0, 5, 2, 8, 1, 6, 3))),
        kills=("bug:reorder_crashes",),
    )  # fmt: skip


def _input_delay() -> Iterator[Json]:
    for delay, latency in ((1, 1), (2, 5), (5, 2), (3, 3)):
        relation = "longer than" if latency > delay else "shorter than" if latency < delay else "equal to"
        yield case(
            f"core/input-delay-{delay}-latency-{latency}", f"An input delay of {delay} frames, a latency {relation} it",
            "An input sampled at frame n is for frame n + delay; the first frames have the default action, for "
            "everybody.",
            rules=("IN-5",), bugs=(19,), config={"input_delay": delay},
            schedule=rounds([value + 1 for value in busy(24, 0)], [value + 1 for value in busy(24, 1)]),
            latency=latency, premise=(LOADS,) if latency > delay else (ADVANCES,), kills=("bug:first_frames_sampled",),
        )  # fmt: skip


def _window() -> Iterator[Json]:
    for size in (1, 4, 8):
        yield case(
            f"core/window-{size}-silent-partner", f"A window of {size}, and a partner who does not start",
            "A peer may run ahead of what is confirmed by the window, and by no frame more.",
            rules=("IN-8",), bugs=(25,), config={"prediction_window": size}, frames=20,
            expect=(*BLACK_BOX, "window_is_used"),
            schedule=rounds([1, 2] * 8, [None] * 16), premise=({"obs": "advance", "peer": "A", "frame": size - 1},),
            kills=("variant:window_off_by_one", *(("bug:window_too_small",) if size > 1 else ())),
        )  # fmt: skip
    yield case(
        "core/window-latency-beyond", "A window of 3, a latency of 6",
        "The window is full all the time; nothing may get lost in the ticks that are skipped.",
        rules=("IN-8", "RB-2"), bugs=(25, 7, 18), config={"prediction_window": 3}, frames=14, latency=6,
        schedule=busy_rounds(30), kills=("variant:window_off_by_one", "bug:unchecked_while_stalled"),
    )  # fmt: skip
    yield case(
        "core/window-input-changes-in-stall", "The player's input changes while the peer is stalled",
        "A tick that simulates nothing must not announce one input and then use another: there is one value for "
        "a frame.",
        rules=("IN-10", "IN-3", "IN-8"), bugs=(18,), config={"prediction_window": 2}, frames=12,
        schedule=rounds(busy(24, 0), [None] * 8 + busy(16, 1)), premise=({"obs": "load"},),
        latency=2, kills=("without:schedule_input.local_input_is_open",),
    )  # fmt: skip
    a, b, c = busy(26, 0), busy(26, 1), [None] * 8 + busy(18, 2)
    yield case(
        "core/window-correction-while-stalled", "A correction from B arrives while C keeps A stalled",
        "With three peers a peer can be stalled and mispredicted at once; the correction must not go with the "
        "skipped tick.",
        rules=("RB-2", "RB-3", "IN-8"), bugs=(7, 8), config={"prediction_window": 3}, peers=3, frames=14,
        schedule=rounds(a, b, c), latency=4, premise=({**LOADS, "peer": "A"},),
        kills=("bug:unchecked_while_stalled",),
    )  # fmt: skip


def _ticking() -> Iterator[Json]:
    n = None
    yield case(
        "core/pause", "B does not tick for a second, and goes on",
        "What arrives in a pause is looked at afterwards like anything else.",
        rules=("IN-1", "IN-2", "RB-1"), bugs=(13,),
        schedule=rounds(busy(40, 0), busy(8, 1) + [n] * 14 + busy(18, 4)), latency=2, frames=20,
        premise=({**LOADS, "peer": "A"},),
    )  # fmt: skip
    yield case(
        "core/rollback-after-pause", "A misprediction arrives in a pause",
        "A rollback that is due is not forgotten because the peer is paused.",
        rules=("RB-2", "IN-1"), bugs=(13, 8), latency=3, frames=16,
        schedule=rounds([0] * 8 + [5] * 24, [0] * 10 + [n] * 8 + [0] * 14), premise=({**LOADS, "peer": "B"},),
        kills=("bug:unchecked_while_paused",),
    )  # fmt: skip
    catching_up: Steps = []
    for value in busy(12, 5):
        catching_up.append({"tick": "B", "input": value})
    steps = rounds(busy(30, 0), busy(8, 1) + [n] * 10 + busy(12, 2))
    yield case(
        "core/catch-up-by-ticks", "After a pause B ticks twelve times at once",
        "Catching up is ticking: the inputs are those that are sampled, and nothing is confirmed by fiat.",
        rules=("IN-10", "BUF-2"), bugs=(5, 18), schedule=[*steps[:18], *catching_up, *steps[18:]], latency=2,
        frames=20, kills=("variant:fast_forward_invents_inputs",),
    )  # fmt: skip
    yield case(
        "core/late-start", "B starts twelve rounds after A",
        "A predicts a partner of whom nothing is known.",
        rules=("IN-6", "RB-4"), bugs=(12,), schedule=rounds(busy(34, 0), [n] * 12 + [2, *busy(21, 1)]), frames=20,
        premise=({**LOADS, "peer": "A", "frame": 0},), kills=("bug:no_rollback_to_frame_0",),
    )  # fmt: skip
    yield case(
        "core/half-speed", "B ticks every other round",
        "The faster peer runs ahead for ever; both agree on what both have.",
        rules=("RB-1", "BUF-6"), bugs=(14,), frames=14, latency=1,
        schedule=rounds(busy(32, 0), [value if i % 2 else None for i, value in enumerate(busy(32, 1))]),
        premise=({**LOADS, "peer": "A"},), kills=("bug:late_inputs_refused",),
    )  # fmt: skip
