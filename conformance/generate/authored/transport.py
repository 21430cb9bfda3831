"""Loss, acknowledgement, the two paths."""

from __future__ import annotations

from collections.abc import Iterator

from rollproof.conformance.cases.writing import BLACK_BOX, LOADS, busy_rounds, case, rounds, rule
from rollproof.conformance.schema import Json


def cases() -> Iterator[Json]:
    """Return the cases of profile `transport`."""
    yield from _loss()
    yield from _paths()


def _lost(percent: int, count: int = 300) -> list[int]:
    """Return which of `count` packets are lost: a fixed sequence that looks random."""
    value, lost = 12345 + percent, []
    for number in range(count):
        value = (1103515245 * value + 12345) & 0x7FFFFFFF
        if (value >> 16) % 100 < percent:
            lost.append(number)
    return lost


def _loss() -> Iterator[Json]:
    for percent in (10, 20, 30):
        yield case(
            f"transport/loss-{percent}-percent", f"{percent} % of all packets are lost, as written out",
            "Redundancy makes up for most of it, re-sending for the rest.",
            rules=("IN-4", "IN-9"), bugs=(15,), schedule=busy_rounds(40), latency=2,
            requires=() if percent < 20 else ("retransmit",), network=(rule("*>*", "drop", nth=_lost(percent)),),
        )  # fmt: skip
    for length in (2, 6, 12):
        yield case(
            f"transport/burst-of-{length}", f"Everything from A to B is lost for {length} rounds",
            "Two lost packets cost nothing; more than the redundancy must be sent again, or the peers part for good.",
            rules=("IN-4", "IN-9"), bugs=(15,), requires=() if length < 3 else ("retransmit",),
            schedule=busy_rounds(40), latency=2, network=(rule("A>B", "drop", rounds=[8, 8 + length]),),
            kills=() if length < 3 else ("variant:redundancy_only",),
        )  # fmt: skip
    yield case(
        "transport/burst-with-window", "A burst of loss, with a window of four",
        "Where inputs are never sent again, the window closes for ever: a deadlock.",
        rules=("IN-9", "IN-8"), bugs=(15,), requires=("retransmit",), config={"prediction_window": 4}, frames=24,
        schedule=busy_rounds(40), latency=1, network=(rule("A>B", "drop", rounds=[8, 18]),),
        kills=("variant:redundancy_only",),
    )  # fmt: skip
    n = None
    yield case(
        "transport/last-input-lost", "The last inputs of A before a pause are lost",
        "Nothing newer follows that could carry them; only a timer can send them again.",
        rules=("IN-9",), bugs=(15, 14), requires=("retransmit",), latency=1, frames=20,
        schedule=rounds([0] * 10 + [4, 5, 4, 5] + [n] * 14 + [0] * 8, [0] * 36),
        network=(rule("A>B", "drop", rounds=[10, 15]),), premise=({**LOADS, "peer": "B"},),
    )  # fmt: skip
    yield case(
        "transport/acks-lost", "A's inputs arrive, and whatever B sends is lost for a while, acknowledgements with it",
        "A lost acknowledgement must not hold back what is sent.",
        rules=("IN-9",), bugs=(16,), level=1, requires=("retransmit",), latency=1, schedule=busy_rounds(40),
        network=(rule("B>A", "drop", rounds=[6, 20]),), kills=("bug:lost_ack_pins_sender",),
    )  # fmt: skip
    yield case(
        "transport/one-way-dead", "Nothing from B reaches A for a second",
        "A goes on by prediction, and corrects everything when B is heard again.",
        rules=("IN-9", "RB-4"), bugs=(15, 16, 12), requires=("retransmit",), schedule=busy_rounds(60), latency=1,
        network=(rule("B>A", "drop", rounds=[5, 45]),), premise=({**LOADS, "peer": "A"},),
        kills=("variant:redundancy_only", "bug:short_ring"),
    )  # fmt: skip
    yield case(
        "transport/moderation", "A long silence of A's partner, then an end that is acknowledged late",
        "What is not acknowledged is sent again every `resend_interval_ms`, and not with every call.",
        rules=("IN-9", "EP-2"), strength="SHOULD", level=2, requires=("retransmit", "episode-end"),
        config={"max_steps": 20, "resend_interval_ms": 100, "input_confirmation_timeout_ms": 4000,
                "episode_sync_timeout_ms": 8000},
        schedule=[*busy_rounds(60), {"finish": 200}], latency=10, end={"how": "stop"}, premise=(LOADS,),
        network=(rule("B>A", "drop", rounds=[4, 16]), rule("B>A", "drop", rounds=[25, 60], **{"class": "ack"})),
        expect=(*BLACK_BOX, "moderation"), kills=("without:resend_inputs.resend_is_due",
        "without:announce_end.end_is_due"),
    )  # fmt: skip
    yield case(
        "transport/three-peers-loss", "Three peers, a fifth of all packets lost",
        "Each pair of peers has losses of its own, and all three must agree.",
        rules=("IN-9", "BUF-2"), bugs=(3, 15), peers=3, requires=("retransmit",), schedule=busy_rounds(30, 3),
        latency=2,
        network=tuple(rule(link, "drop", nth=_lost(20 + i)) for i, link in
                      enumerate(("A>B", "A>C", "B>A", "B>C", "C>A", "C>B"))),
    )  # fmt: skip
    yield case(
        "transport/four-peers-burst", "Four peers; nothing from D reaches B for a while",
        "The others must not go on without D's inputs because they have all the rest.",
        rules=("IN-9", "BUF-2"), bugs=(3, 15), peers=4, requires=("retransmit",), schedule=busy_rounds(26, 4),
        latency=1, network=(rule("D>B", "drop", rounds=[6, 14]),), premise=({**LOADS, "peer": "B"},),
        kills=("variant:redundancy_only",),
    )  # fmt: skip


def _paths() -> Iterator[Json]:
    paths = (*BLACK_BOX, "one_path")
    for state, rules in (("closed", ("TR-4", "TR-2")), ("full", ("TR-2",)), ("down", ("TR-1", "TR-2"))):
        steps = busy_rounds(36)
        yield case(
            f"transport/way-{state}", f"The peer-to-peer way from A to B is {state} for a while, or for good",
            "Each input goes out on one path: peer-to-peer while it is healthy, else the relay. Never both, "
            "never neither.",
            rules=rules, bugs=(15,), level=1, requires=("relay",), latency=2, expect=paths,
            schedule=[*steps[:12], {"link": "A>B", "state": state}, *steps[12:24],
                      *([] if state == "closed" else [{"link": "A>B", "state": "up"}]), *steps[24:]],
            kills=("variant:both_paths",),
        )  # fmt: skip
    steps = busy_rounds(30)
    yield case(
        "transport/closed-then-up", "A way that was closed for good is reported up again",
        "Fallback happens once, and stays.",
        rules=("TR-4", "TR-1"), level=1, requires=("relay",), latency=2, expect=paths,
        schedule=[*steps[:10], {"link": "A>B", "state": "closed"}, *steps[10:16], {"link": "A>B", "state": "up"},
                  *steps[16:]],
    )  # fmt: skip
    steps = busy_rounds(32, 3)
    yield case(
        "transport/departing-player", "C's last inputs arrive by the relay after its ways were closed",
        "Inputs of a player who is leaving are compared like anybody's: mispredictions do not leave with the player.",
        rules=("TR-4", "RB-1"), bugs=(10,), level=1, peers=3, requires=("relay",), latency=5,
        schedule=[*steps[:12], *[{"link": link, "state": "closed"} for link in ("C>A", "C>B", "A>C", "B>C")],
                  *steps[12:]], premise=({**LOADS, "peer": "A"}, {**LOADS, "peer": "B"}),
        kills=("bug:departed_player_unchecked",),
    )  # fmt: skip
    yield case(
        "transport/relay-slower-than-p2p", "Fallback to a relay that is ten frames slower",
        "Packets that are still under way peer-to-peer, and those of the relay, are treated alike.",
        rules=("TR-4", "IN-3"), bugs=(17,), level=1, requires=("relay",), latency=1,
        schedule=[*busy_rounds(30)[:10], {"link": "A>B", "state": "closed"}, *busy_rounds(36)[10:]],
        network=(rule("*>*", [11], via="relay"),), expect=paths,
    )  # fmt: skip
