"""LI-1, LI-2: each clause of what brings everything to its end is needed, for some change breaks just what it says."""

from __future__ import annotations

from typing import NoReturn

import pytest
from attrs import frozen

from rollproof.model.sessions.calls import DriverCall
from rollproof.model.sessions.healing import healing_setup
from rollproof.model.sessions.session import Session
from rollproof.model.theorems.liveness import Round
from rollproof.model.theorems.properties import of_scope
from rollproof.model.theorems.property import StepView
from rollproof.model.theorems.values import Values
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Peer
from tests.edited import edited, left_open

ROUND = "a_round_brings_two_peers_nearer"


@frozen
class Change:
    """One change of the code, and the clause that is not proved of it."""

    name: str
    transition: str
    breaks: tuple[str, str]
    module: str
    old: str
    new: str


ACKED = "acknowledged=max(delivery.acknowledged, arrival.acknowledged)"
END_KNOWN = "end_known=delivery.end_known or arrival.end_known"
HEARD = "announced=peer.ending.announced.set(arrival.player, arrival.end)"
STORED = "_without_first(inputs, path, inputs.known.set(item.player, item.frame, item.action))"
TOLD = "        acknowledged=peer.inputs.known.contiguous(to.player),\n        time_ms=to.now,"
CHANGES = (
    Change("the last acknowledgement counts", "receive_ack", (ROUND, "acknowledged"), "transport", ACKED,
           "acknowledged=arrival.acknowledged"),
    Change("no acknowledgement counts", "receive_ack", (ROUND, "told"), "transport", ACKED,
           "acknowledged=delivery.acknowledged"),
    Change("the last word on the end counts", "receive_ack", (ROUND, "end known"), "transport", END_KNOWN,
           "end_known=arrival.end_known"),
    Change("no word on the end counts", "receive_ack", (ROUND, "end told"), "transport", END_KNOWN,
           "end_known=delivery.end_known"),
    Change("what is accepted is not queued", "receive_input", (ROUND, "arrival"), "inputs",
           "p2p=peer.inputs.p2p.push(item)", "p2p=peer.inputs.p2p"),
    Change("what is drained is not stored", "drain_input", (ROUND, "drain"), "inputs", STORED,
           "_without_first(inputs, path, inputs.known)"),
    Change("a queue is emptied", "begin_rollback", (ROUND, "arrived"), "rollback", "        buffers=buffers,\n"
           "        confirmed=min(", "        inputs=evolve(peer.inputs, p2p=peer.inputs.p2p.cleared()),\n"
           "        buffers=buffers,\n        confirmed=min("),
    Change("inputs are forgotten", "begin_rollback", (ROUND, "known"), "rollback", "        buffers=buffers,\n"
           "        confirmed=min(", "        inputs=evolve(peer.inputs, known=peer.inputs.known.cleared()),\n"
           "        buffers=buffers,\n        confirmed=min("),
    Change("a packet acknowledges one too few", "resend_inputs", (ROUND, "said"), "transport", TOLD,
           TOLD.replace(",\n", " - 1,\n", 1)),
    Change("an end is heard and not kept", "receive_end", (ROUND, "end arrival"), "episode", HEARD,
           "announced=peer.ending.announced"),
    Change("an end is forgotten", "begin_wait", (ROUND, "end heard"), "episode",
           "ending = evolve(peer.ending, phase=Phase.WAITING, deadline=deadline)\n",
           "ending = evolve(peer.ending, phase=Phase.WAITING, deadline=deadline,"
           " announced=peer.ending.announced.cleared())\n"),
    Change("an answer is silent on the end", "send_ack", (ROUND, "end said"), "transport",
           "end_known=peer.ending.announced.get(to.player) is not None or not peer.ending.phase < Phase.COMPLETING",
           "end_known=False"),
    Change("a decision is taken back", "receive_end", (ROUND, "end decided"), "episode", HEARD,
           HEARD + ",\n        own=None,\n        own_digest=None"),
    Change("frame 7 stays unconfirmed", "(consequences)", ("known_frames_become_canonical", "canonical"), "buffers",
           "    return peer.inputs.known.complete(peer.confirmed + 1)",
           "    return peer.inputs.known.complete(peer.confirmed + 1) and peer.confirmed != 6"),
    Change("a peer stands still at frame 7", "(consequences)", ("a_running_peer_goes_on", "goes on"), "rollback",
           "window is None or peer.frame - peer.confirmed <= window", "peer.frame != 7"),
    Change("a first end of one frame is none", "(consequences)", ("an_end_in_sight_is_decided", "over"), "episode",
           "return 1 <= decision.end <= peer.buffers.promoted", "return 2 <= decision.end <= peer.buffers.promoted"),
    Change("an announced end is not believed", "(consequences)", ("an_end_in_sight_is_decided", "announced"), "episode",
           "if end == peer.ending.termination and not peer.ending.alone:", "if False:"),
    Change("a false end is not withdrawn", "(consequences)", ("an_end_in_sight_is_decided", "neither"), "episode",
           "    return is_before_the_end(peer)\n\n\n@guard(\"EP-1\")\ndef end_is_undecided",
           "    return is_before_the_end(peer) and peer.confirmed < 0\n\n\n@guard(\"EP-1\")\ndef end_is_undecided"),
    Change("a wait begins below the present frame only", "(consequences)", ("what_is_decided_is_completed", "begins"),
           "episode", "peer.ending.termination <= peer.frame", "peer.ending.termination < peer.frame"),
    Change("a wait wants one frame more", "(consequences)", ("what_is_decided_is_completed", "succeeds"), "episode",
           "return peer.confirmed >= given(peer.ending.termination) - 1",
           "return peer.confirmed >= given(peer.ending.termination)"),
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("each", CHANGES, ids=[each.name for each in CHANGES])
def test_a_change_breaks_what_brings_everything_to_its_end(each: Change) -> None:
    protocol = edited(each.name, (each.module, each.old, each.new))
    assert each.breaks in ((it.property, it.clause) for it in left_open(protocol, each.transition, each.breaks[0]))


def test_each_clause_of_a_round_is_broken_by_some_change() -> None:
    (theorem,) = of_scope("round")
    peers = {player: seat.peer for player, seat in Session(healing_setup(0), PROTOCOL).seats.items()}
    nothing = StepView("(nothing)", peers["a"], {}, peers["a"], ())
    clauses = theorem.clauses(_words(peers["a"]), Round(peers["a"], peers["b"], peers["a"], peers["b"], nothing, True))
    assert {(theorem.name, clause) for clause in clauses} == {it.breaks for it in CHANGES if it.breaks[0] == ROUND}


def _words(peer: Peer) -> Values:
    def nothing(_: int) -> NoReturn:
        raise AssertionError("a round says nothing of truth")

    return Values(peer.config.players, peer.frame + 8, nothing, PROTOCOL)


@pytest.mark.parametrize("seed", [3, 7, 15, 26, 31, 47])
def test_every_step_of_a_session_brings_its_peers_nearer(seed: int) -> None:
    """The same formulas, read on the values of whole sessions."""
    (theorem,) = of_scope("round")
    seen = 0

    def look(call: DriverCall) -> None:
        nonlocal seen
        me = call.player
        for each in call.taken:
            args = dict(zip(each.transition.parameters, _fields(each.args, each.transition.parameters), strict=True))
            view = StepView(each.name, each.before, args, each.after, each.events)
            for player, seat in session.seats.items():
                if player == me:
                    continue
                other, q = seat.peer, _words(each.before)
                for one in (
                    Round(each.before, other, each.after, other, view, True),
                    Round(other, each.before, other, each.after, view, False),
                ):
                    broken = [clause for clause, holds in theorem.clauses(q, one).items() if not holds]
                    assert not broken, (each.name, broken)
                    seen += 1

    session = Session(healing_setup(seed), PROTOCOL, watch=look)
    session.run()
    assert session.standstill is None
    assert seen > 100


def _fields(args: object, names: tuple[str, ...]) -> tuple[object, ...]:
    return tuple(getattr(args, name) for name in names)
