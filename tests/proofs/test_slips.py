"""A slip in the code is an error with its file and line, and no verdict; what a missing guard lets happen is one."""

from __future__ import annotations

import pytest
from attrs import evolve

from rollproof.model.sessions.examined import broken_law
from rollproof.model.slips import SlipError
from rollproof.proofs.counterexamples import load, replay_any
from rollproof.proofs.necessity import THEOREMS
from rollproof.proofs.verdict import judge
from rollproof.reference.protocol import PROTOCOL
from tests.edited import edited

CONFIRM = "    frame = peer.confirmed + 1\n"
TARGET = "    depth = peer.frame - target\n"
SLIPS = {
    "an attribute": ("buffers", CONFIRM, "    frame = peer.confirmd + 1\n", "AttributeError"),
    "a name": ("buffers", CONFIRM, "    frame = peer.confirmed + one\n", "NameError"),
    "a key": ("rollback", TARGET, '    depth = {}["depth"]\n', "KeyError"),
    "an argument": ("rollback", TARGET, "    depth = max(peer.frame - target, kye=None)\n", "TypeError"),
    "a field": ("rollback", "ticks=peer.ticks + 1", "tics=peer.ticks + 1", "AttributeError"),
    "a guard": ("guards", "return peer.rollback.pending is None", "return peer.pending is None", "AttributeError"),
}
KEPT = [name for name in load() if name.count(".") == 1]


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_is_an_error_with_file_and_line(name: str) -> None:
    module, old, new, kind = SLIPS[name]
    protocol = edited(name, (module, old, new))
    with pytest.raises(SlipError, match=rf"reference/{module}\.py:\d+: {kind}: "):
        judge(protocol, jobs=1)


def test_what_a_missing_guard_lets_raise_is_a_refutation() -> None:
    judgement = judge(PROTOCOL.without("decide_end", "frames_below_end_are_canonical"), jobs=1)
    assert judgement.status == "refuted"


@pytest.mark.parametrize("name", KEPT[::8])
def test_a_guard_deleted_from_the_source_is_refuted_at_once(name: str) -> None:
    deleted = evolve(PROTOCOL.without(*name.split(".")), name="present")
    assert replay_any(deleted, load().values(), THEOREMS, jobs=1) is not None


@pytest.mark.parametrize("name", PROTOCOL.transitions)
def test_a_protocol_without_a_transition_is_refuted(name: str) -> None:
    """Deleted from the list in the source, a transition is missed at once, even one that no driver takes."""
    left = {each: it for each, it in PROTOCOL.transitions.items() if each != name}
    protocol = evolve(PROTOCOL, transitions=left)
    judgement = judge(protocol, jobs=1) if name in QUICK else None
    law = broken_law(protocol=protocol)
    assert law is not None
    assert law.problem.startswith(f"{name} is missing. The rules allow it: ")
    assert judgement is None or judgement.status == "refuted"


QUICK = ("change_link", "receive_input", "send_hash")
