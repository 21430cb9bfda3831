"""Changes that a designer might make in good faith: each is refuted, and what waits for ever is told."""

from __future__ import annotations

import os

import pytest

from rollproof.proofs.verdict import judge
from tests.edited import edited

CERTAIN = '@guard("EP-1", "EP-2")\ndef end_is_certain('
NEW_GUARD = '@guard("EP-1")\ndef new(peer: Peer, decision: Decision) -> bool:\n    """New."""\n    return {}\n\n\n'
LISTED = "        end_is_certain,\n    ),"
RECENT = (
    '@guard("IN-7")\ndef input_is_recent(peer: Peer, arrival: InputArrival) -> bool:\n'
    '    """The input is not older than the history."""\n    return arrival.frame > peer.frame - 64\n\n\n'
)
UNKNOWN = '@guard("IN-3")\ndef input_is_unknown'
STORED = "    if item.frame >= peer.frame:\n        return peer, (stored,)"


def end_refused_unless(condition: str) -> tuple[tuple[str, str, str], ...]:
    return (
        ("episode", CERTAIN, NEW_GUARD.format(condition) + CERTAIN),
        ("episode", LISTED, LISTED.replace("    ),", "        new,\n    ),")),
    )


PATCHES: dict[str, tuple[tuple[str, str, str], ...]] = {
    "an end is refused if the last frame was predicted": end_refused_unless(
        "not peer.buffers.canonical[decision.end - 1].record.was_speculative"
    ),
    "an end is refused after a replay": end_refused_unless("peer.metrics.greatest_depth == 0"),
    "old inputs are ignored": (
        ("inputs", UNKNOWN, RECENT + UNKNOWN),
        ("inputs", "        input_is_unknown,\n    ),", "        input_is_recent,\n        input_is_unknown,\n    ),"),
    ),
    "a rollback to the present": (
        (
            "inputs",
            STORED,
            "    if item.frame > peer.frame:\n        return peer, (stored,)\n    if item.frame == peer.frame:\n"
            "        return evolve(peer, rollback=evolve(peer.rollback, pending=peer.frame)), (stored,)",
        ),
    ),
    "a second value overwrites": (
        (
            "inputs",
            "    if known is not None:\n        return _ignore",
            "    if known is not None and known == item.action:\n        return _ignore",
        ),
    ),
}
WAITS = ("an end is refused if the last frame was predicted", "an end is refused after a replay")
USUAL = ("an end is refused if the last frame was predicted", "a rollback to the present")
CHOSEN = [name for name in PATCHES if name in USUAL or os.environ.get("ROLLPROOF_FUZZ") == "1"]


@pytest.mark.slow
@pytest.mark.fuzz
@pytest.mark.parametrize("name", CHOSEN)
def test_a_change_is_refuted(name: str) -> None:
    judgement = judge(edited(name, *PATCHES[name]), jobs=1)
    assert judgement.status == "refuted"
    if name in WAITS:
        assert judgement.broken is not None
        assert judgement.broken.name == "nobody_waits_for_ever"
        assert "'s end; " in judgement.broken.problem
        assert "decide_end is refused by new (New)" in judgement.broken.problem
