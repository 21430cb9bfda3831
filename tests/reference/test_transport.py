"""Protocol section 5: transport."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollproof.model.sessions.session import run
from rollproof.model.sessions.setup import PathLoss, Refusal, Settings, Setup
from rollproof.reference.events import FallbackTriggered, Sent
from rollproof.reference.messages import InputMessage, Path
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Link
from rollproof.reference.tick import tick
from rollproof.reference.transport import is_healthy
from tests.bench import ME, YOU, Bench, config, events_of, peer_after


@pytest.mark.parametrize(
    ("link", "healthy"),
    [
        (Link(), True),
        (Link(connected=False), False),
        (Link(has_sender=False), False),
        (Link(fallback_frame=0), False),
    ],
)
def test_tr_1_a_path_is_healthy_when_connected_with_a_sender_and_not_given_up(link: Link, healthy: bool) -> None:
    """TR-1"""
    assert is_healthy(link) == healthy


def test_tr_1_the_state_of_a_link_changes_but_a_fallback_stays() -> None:
    """TR-1, TR-4"""
    bench = Bench().run("tick")
    assert bench.do("change_link", YOU, False, True) is None
    assert not is_healthy(bench.peer.links[YOU])
    assert bench.do("change_link", YOU, True, True) is None
    assert is_healthy(bench.peer.links[YOU])
    bench.run("lose_p2p")
    assert bench.do("change_link", YOU, True, True) is None
    assert not is_healthy(bench.peer.links[YOU])


SENDING = ["send_inputs", "resend_inputs", "send_ack", "announce_end", "send_hash"]
READY = "hear:0 tick confirm suspect_end decide_end:1"


@pytest.mark.parametrize("name", SENDING)
@pytest.mark.parametrize("connected", [True, False])
@pytest.mark.parametrize("has_sender", [True, False])
@pytest.mark.parametrize("lost", [True, False])
@pytest.mark.parametrize("accepts", [True, False])
def test_tr_2_every_message_takes_exactly_one_path(
    name: str, connected: bool, has_sender: bool, lost: bool, accepts: bool
) -> None:
    """TR-2"""
    bench = Bench(config=config(max_steps=1)).run(READY)
    bench.run("lose_p2p" if lost else "")
    bench.do("change_link", YOU, connected, has_sender)
    args = [*bench.usual(name, [0])[:-1], accepts]
    assert bench.do(name, *args) is None
    (sent,) = events_of(Sent, bench.steps[-1].events)
    assert sent.to == YOU
    assert sent.path is (Path.P2P if connected and has_sender and not lost and accepts else Path.RELAY)


def test_tr_2_a_refused_send_takes_the_relay_and_the_next_one_does_not() -> None:
    """TR-2: a full buffer is no fallback."""
    peer = peer_after("")
    peer, events = tick(PROTOCOL, peer, 0, 0, refusing={YOU})
    assert {event.path for event in events_of(Sent, events)} == {Path.RELAY}
    peer, events = tick(PROTOCOL, peer, 20, 0)
    assert {event.path for event in events_of(Sent, events)} == {Path.P2P}
    assert peer.links[YOU].fallback_frame is None


@given(st.lists(st.booleans(), max_size=12))
def test_tr_2_sent_counters_count_each_transmission_once(refusals: list[bool]) -> None:
    """TR-2, ME-2"""
    peer, sent = peer_after(""), []
    for now, refused in enumerate(refusals):
        peer, events = tick(PROTOCOL, peer, 50 * now, 0, refusing={YOU} if refused else ())
        sent += [event.path for event in events_of(Sent, events) if isinstance(event.message, InputMessage)]
    metrics = peer.metrics
    assert metrics.inputs_sent_p2p == sent.count(Path.P2P)
    assert metrics.inputs_sent_relay == sent.count(Path.RELAY)
    assert metrics.inputs_submitted == len(sent)


def test_tr_3_an_input_message_carries_what_a_relay_needs() -> None:
    """TR-3: game, player, action, frame, time and epoch; on both paths alike."""
    _, events = tick(PROTOCOL, peer_after("", game="match"), 123, 7, refusing={YOU})
    message = events_of(Sent, events)[0].message
    assert message == InputMessage("match", 0, ME, 0, (7,), -1, 123)
    assert {field.name for field in attrs.fields(InputMessage)} >= {
        "game",
        "epoch",
        "player",
        "first",
        "actions",
        "time_ms",
    }


def test_tr_4_losing_the_path_triggers_fallback_once_and_records_the_frame() -> None:
    """TR-4"""
    bench = Bench().run("tick tick lose_p2p")
    assert bench.steps[-1].events == (FallbackTriggered(YOU, 2),)
    before = bench.peer
    assert bench.run("tick").do("lose_p2p", YOU) == "no_fallback_yet"
    assert bench.peer.links == before.links
    assert bench.peer.links[YOU].fallback_frame == 2


def test_tr_4_inputs_of_both_paths_are_treated_alike() -> None:
    """TR-4"""

    def after(path: Path) -> Bench:
        bench = Bench().run("tick tick")
        for frame in (1, 0):
            bench.do("receive_input", YOU, 0, path, frame, bench.truth().action(YOU, frame))
        bench.do("drain_input", path, 0)
        bench.do("drain_input", path, 0)
        return bench.run("rollback confirm")

    one, other = after(Path.P2P).peer, after(Path.RELAY).peer
    assert one.buffers == other.buffers
    assert one.inputs.known == other.inputs.known
    assert (one.metrics.inputs_received_p2p, other.metrics.inputs_received_relay) == (2, 2)


def test_tr_4_a_session_survives_the_loss_of_the_path() -> None:
    """TR-4, TR-2: and refused sends before it."""
    settings = Settings(
        config(max_steps=60),
        path_losses=(PathLoss(400, ME, YOU), PathLoss(420, YOU, ME)),
        refusals=(Refusal(ME, YOU, 100, 200),),
    )
    result = run(Setup(settings), PROTOCOL)
    for player, exports in result.exports.items():
        assert exports[0].metadata["confirmed"]
        assert exports[0].metrics["fallback_triggered"]
        assert len([event for _, event in result.events[player] if isinstance(event, FallbackTriggered)]) == 1
    assert result.transits[ME, YOU, Path.RELAY]
