"""What a search takes in: new transitions, partners that lie, and parts of the state that an instance forgets."""

from __future__ import annotations

from typing import Any

from attrs import evolve as changed

from rollproof.model.search.explorer import Explorer
from rollproof.model.search.instances import INSTANCES, KNOWN
from rollproof.model.search.search import Exhausted, Refuted, search
from rollproof.model.theorems.properties import PROPERTIES
from rollproof.model.variants.edits import acting, guarded, with_more
from rollproof.reference.buffers import confirm_frame
from rollproof.reference.inputs import drain_input, queue_of
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Metrics, Peer
from rollproof.reference.transition import Step, guard, transition
from rollproof.reference.values import evolve, given

LIAR = INSTANCES["two values"]
THEOREMS = [each for each in PROPERTIES.values() if each.kind == "theorem" and each.scope != "pair"]


@guard("BUF-2")
def confirmed_is_far_behind(peer: Peer) -> bool:
    """Two frames are simulated beyond the confirmed one."""
    return peer.confirmed + 2 < peer.frame


@transition("BUF-2", guards=(confirmed_is_far_behind,))
def confirm_by_fiat(peer: Peer) -> Step:
    """A frame counts as confirmed because it was long ago."""
    return evolve(peer, confirmed=peer.confirmed + 1), ()


@guard("BUF-2")
def nothing_was_replayed(peer: Peer) -> bool:
    """Nothing was ever replayed."""
    return peer.metrics.greatest_depth == 0


def overwrite(peer: Peer, args: Any) -> Step:
    """The oldest queued input is stored, whatever is known already."""
    item = given(queue_of(peer, args.path).first())
    after, events = drain_input.effect(peer, args)
    known = after.inputs.known.set(item.player, item.frame, item.action)
    return evolve(after, inputs=evolve(after.inputs, known=known)), events


def test_every_transition_belongs_to_some_instance() -> None:
    assert set(PROTOCOL.transitions) == KNOWN


def test_a_new_transition_is_searched_wherever_it_is_possible() -> None:
    protocol = with_more(confirm_by_fiat)(PROTOCOL)
    assert all(each.has("confirm_by_fiat") for each in INSTANCES.values())
    result = search(protocol, [PROPERTIES["confirmed_prefix_has_no_holes"]])
    assert isinstance(result, Refuted)
    assert result.trace.steps[-1].transition == "confirm_by_fiat"


def test_a_copy_of_a_transition_breaks_nothing() -> None:
    copy = changed(confirm_frame, name="confirm_another_frame")
    names = ("confirmed_prefix_has_no_holes", "canonical_is_lockstep", "export_is_canonical_gapless_once")
    result = search(with_more(copy)(PROTOCOL), [PROPERTIES[name] for name in names], [INSTANCES["core"]])
    assert isinstance(result, Exhausted)


def test_a_partner_that_says_two_things_changes_nothing_that_is_known() -> None:
    assert isinstance(search(PROTOCOL, THEOREMS, [LIAR], limit=5_000), Exhausted)
    wrong = search(acting(drain_input, overwrite)(PROTOCOL), THEOREMS, [LIAR])
    assert isinstance(wrong, Refuted)
    assert wrong.trace.violation is not None
    assert wrong.trace.violation.property in ("inputs_are_immutable", "conflicts_are_reported")


def test_what_trusts_partners_is_not_asked_where_they_lie() -> None:
    assert not LIAR.settles(PROPERTIES["known_inputs_are_true"])
    assert LIAR.settles(PROPERTIES["inputs_are_immutable"])


def test_an_instance_notices_that_a_guard_reads_what_it_forgets() -> None:
    protocol = guarded(confirm_frame, nothing_was_replayed)(PROTOCOL)
    explorer = Explorer(protocol, INSTANCES["core"])
    last = [step.after.peer for step in explorer.explore(3_000) if step.after is not None][-1]
    assert explorer.instance.counts
    assert last.metrics != Metrics()
    usual = Explorer(PROTOCOL, INSTANCES["core"])
    assert list(usual.explore(300))
    assert not usual.instance.counts


def test_an_instance_notices_that_an_effect_depends_on_what_it_forgets() -> None:
    def confirm_unless_replayed(peer: Peer) -> Step:
        return confirm_frame.effect(peer) if peer.metrics.greatest_depth == 0 else (peer, ())

    explorer = Explorer(acting(confirm_frame, confirm_unless_replayed)(PROTOCOL), INSTANCES["core"])
    assert list(explorer.explore(2_000))
    assert explorer.instance.counts
