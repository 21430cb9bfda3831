"""Confirmation and promotion: what becomes data, and when (level 2)."""

from __future__ import annotations

from collections.abc import Iterator

from rollproof.conformance.cases.writing import BLACK_BOX, LOADS, busy, busy_rounds, case, rounds, rule
from rollproof.conformance.schema import Json

RECORDED = (*BLACK_BOX, "inputs_are_true", "confirms")
PROMOTES: Json = {"obs": "promote", "at_least": 10}
MISPREDICTS: Json = {"obs": "mispredict"}


def cases() -> Iterator[Json]:
    """Return the cases of profile `recording`."""
    for peers, latency in ((2, 0), (2, 3), (3, 2), (4, 2)):
        yield case(
            f"recording/{peers}-peers-latency-{latency}", f"{peers} peers, a latency of {latency}: what is promoted",
            "A record is promoted once it can no longer change: confirmed, no rollback due, none in progress.",
            rules=("BUF-2", "BUF-3", "BUF-4"), bugs=(1, 2), level=2, requires=("promote",), peers=peers,
            schedule=busy_rounds(24, peers), latency=latency,
            premise=(PROMOTES, *((MISPREDICTS,) if latency else ())), expect=RECORDED,
            kills=("without:promote_frame.next_record_is_confirmed",) if latency else (),
        )  # fmt: skip
    yield case(
        "recording/promotion-race", "The missing input of a mispredicted frame arrives late",
        "With the input the frame becomes complete at once, while its record still holds the prediction: "
        "promoted now, the "
        "prediction would be data for good.",
        rules=("BUF-4", "BUF-2", "RB-3"), bugs=(1, 2), level=2, requires=("promote",),
        schedule=rounds([0] * 6 + [5] * 14, [0] * 20), latency=4, premise=({**MISPREDICTS, "peer": "B"}, PROMOTES),
        expect=RECORDED, kills=("variant:phase_61",),
    )  # fmt: skip
    yield case(
        "recording/gap", "One input is missing for ten rounds, all later ones are there",
        "The confirmed frame waits at the hole, however many frames beyond it are complete.",
        rules=("BUF-2",), bugs=(4,), level=2, requires=("promote",), config={"redundancy": 1,
        "resend_interval_ms": 400},
        schedule=busy_rounds(30), latency=1,
        network=(rule("A>B", [12], nth=[6], **{"class": "input"}),),
        premise=(MISPREDICTS, PROMOTES), expect=RECORDED, kills=("variant:confirmed_jumps_gap",),
    )  # fmt: skip
    yield case(
        "recording/gap-three-peers", "Of three players one is missing",
        "Two of three inputs do not make a frame confirmed.",
        rules=("BUF-2",), bugs=(3, 4), level=2, requires=("promote",), peers=3, schedule=busy_rounds(26, 3), latency=1,
        network=(rule("C>A", "hold", rounds=[5, 16]),), premise=({**MISPREDICTS, "peer": "A"}, PROMOTES),
        expect=RECORDED, kills=("bug:confirmed_by_one_partner", "variant:confirmed_jumps_gap"),
    )  # fmt: skip
    yield case(
        "recording/loss", "A fifth of all packets is lost",
        "Confirmation goes up step by step, however the inputs come.",
        rules=("BUF-2", "IN-9"), bugs=(1, 4, 6), level=2, requires=("promote", "retransmit"), latency=2,
        schedule=busy_rounds(36), network=(rule("*>*", "drop", nth=[n for n in range(300) if n * n % 11 in (3, 5)]),),
        premise=(MISPREDICTS, PROMOTES), expect=RECORDED,
    )  # fmt: skip
    yield case(
        "recording/window", "A window of three, a latency of five",
        "A stall comes exactly when the window is full, and says so.",
        rules=("IN-8",), bugs=(25, 7), level=2, requires=("promote",), config={"prediction_window": 3}, frames=12,
        schedule=busy_rounds(26), latency=5, premise=({"obs": "stall"}, PROMOTES), expect=RECORDED,
        kills=("variant:window_off_by_one",),
    )  # fmt: skip
    yield case(
        "recording/pause", "B pauses, and catches up by ordinary ticks",
        "Nothing is confirmed by fiat.",
        rules=("IN-10", "BUF-2"), bugs=(5,), level=2, requires=("promote",), latency=2, frames=20,
        schedule=rounds(busy(36, 0), busy(6, 1) + [None] * 12 + busy(18, 3)), premise=(MISPREDICTS, PROMOTES),
        expect=RECORDED, kills=("variant:fast_forward_invents_inputs",),
    )  # fmt: skip
    for held in (2, 3, 5):
        yield case(
            f"recording/debug-delay-{held}", f"Each received input is held back for {held} frames",
            "Fault injection that the protocol has built in.",
            rules=("IN-12", "RB-1"), bugs=(1, 8), level=2, requires=("promote",),
            config={"debug_remote_input_delay": held}, schedule=busy_rounds(24), premise=(MISPREDICTS, PROMOTES),
            expect=(*RECORDED, "held_back"), kills=("without:drain_input.input_is_due",),
        )  # fmt: skip
    yield case(
        "recording/duplicates", "Every packet arrives three times: what is reported",
        "A duplicate is no conflict.",
        rules=("IN-3",), bugs=(17,), level=2, requires=("promote", "datagram"), schedule=busy_rounds(20), latency=1,
        network=(rule("*>*", [1, 1, 4]),), premise=(MISPREDICTS, PROMOTES), expect=(*RECORDED, "no_false_conflict"),
    )  # fmt: skip
    steps = busy_rounds(24)
    back = [{"reflect": link, "nth": number} for number in (0, 5, 9) for link in ("A>B", "B>A")]
    yield case(
        "recording/reflected", "Packets come back to their senders",
        "An input of the local player that comes from outside is rejected and counted, and acknowledges nothing.",
        rules=("IN-7",), bugs=(17, 18), level=2, requires=("promote", "datagram"), latency=2,
        schedule=[*steps[:10], *back, *steps[10:]], premise=(MISPREDICTS, PROMOTES),
        expect=(*RECORDED, "refusal_reported"), kills=("without:receive_input.from_a_partner",),
    )  # fmt: skip
    yield case(
        "recording/queued-when-rollback-begins",
        "Inputs wait in the queue while a rollback begins, and are not sent again",
        "Beginning a rollback must not empty the queues: what has arrived is never lost.",
        rules=("IN-2", "IN-12"), bugs=(9, 14), level=2, requires=("promote",),
        config={"debug_remote_input_delay": 4}, frames=12,
        schedule=[*rounds(busy(12, 0), busy(12, 1)), {"silence": "A"}, *rounds([0] * 12, busy(12, 2))],
        premise=({**MISPREDICTS, "peer": "B"}, PROMOTES), expect=RECORDED, kills=("variant:queue_lost_in_rollback",),
    )  # fmt: skip
    yield case(
        "recording/far-ahead", "Inputs for frames further ahead than allowed",
        "An input beyond `max_frames_ahead` is rejected and counted; when it is sent again later, it is welcome.",
        rules=("IN-7", "IN-9"), bugs=(14,), level=2, requires=("promote", "retransmit"),
        config={"max_frames_ahead": 5}, latency=0, frames=20,
        schedule=rounds(busy(50, 0), [None] * 16 + busy(34, 1)),
        premise=({**LOADS, "peer": "A"},), expect=RECORDED,
    )  # fmt: skip
