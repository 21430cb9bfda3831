"""Messages of an earlier session of the same two players, and of another episode, change nothing (IN-11, IN-7)."""

from __future__ import annotations

from typing import Any

import pytest

from rollproof.model.sessions.worlds import ArithmeticWorld
from rollproof.model.variants.variants import VARIANTS
from rollproof.reference import export
from rollproof.reference.config import Config
from rollproof.reference.digest import Digest
from rollproof.reference.events import EpisodeCompleted, InputConflict, InputRejected, Sent
from rollproof.reference.messages import AckMessage, EndMessage, HashMessage, InputMessage, Message, Path
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Peer, new_peer
from rollproof.reference.tick import poll, receive, tick
from rollproof.reference.transition import Protocol, Step
from rollproof.reference.values import evolve
from rollproof.reference.wire import decode, encode

PLAYERS = ("a", "b")
STEPS = 12
LATE = 3
"""Before which tick the late messages arrive."""


def action(player: str, frame: int, game: str) -> int:
    return (frame + len(player)) % 3 if game == "first" else (2 * frame + (player == "b")) % 4


def session(game: str, protocol: Protocol, late: dict[str, list[Message]]) -> tuple[dict[str, Peer], list[Any]]:
    """Play a session over a network of two ticks' delay, with messages of another one arriving late."""
    config = Config("a", PLAYERS, game, max_steps=STEPS, hash_interval=3)
    peers = {
        "a": new_peer(config, ArithmeticWorld()),
        "b": new_peer(Config("b", PLAYERS, game, max_steps=STEPS, hash_interval=3), ArithmeticWorld()),
    }
    sent: list[tuple[int, Sent]] = []
    events: list[Any] = []

    def take(player: str, at: int, step: Step) -> None:
        peers[player] = step[0]
        events.extend(step[1])
        sent.extend((at + 2, each) for each in step[1] if isinstance(each, Sent))

    for at in range(STEPS + 60):
        now = at * 20
        for player in PLAYERS:
            for message in late.get(player, []) if at == LATE else []:
                take(player, at, receive(protocol, peers[player], now, Path.RELAY, message))
            for due, each in list(sent):
                if (due, each.to) == (at, player):
                    take(player, at, receive(protocol, peers[player], now, Path.P2P, decode(encode(each.message))))
            if at < STEPS:
                take(player, at, tick(protocol, peers[player], now, action(player, peers[player].frame, game)))
            else:
                take(player, at, poll(protocol, peers[player], now))
    return peers, events


def messages_of(events: list[Any]) -> dict[str, list[Message]]:
    """Return what each player was sent."""
    sent = [event for event in events if isinstance(event, Sent)]
    return {player: [each.message for each in sent if each.to == player] for player in PLAYERS}


def exported(peers: dict[str, Peer]) -> list[Any]:
    """Return the columns that all peers share, of each peer."""
    read = [export.read(peer) for peer in peers.values()]
    return [
        [{n: c for n, c in zip(each.columns, row, strict=True) if n not in export.LOCAL_COLUMNS} for row in each.rows]
        for each in read
    ]


def test_late_messages_of_an_earlier_session_change_nothing_but_a_counter() -> None:
    """IN-11: late inputs made both peers export different data, and a late END stopped both before the end."""
    _, before = session("first", PROTOCOL, {})
    late = messages_of(before)
    kinds = {type(each) for each in late["a"]}
    assert kinds == {InputMessage, AckMessage, EndMessage, HashMessage}
    quiet, _ = session("second", PROTOCOL, {})
    peers, events = session("second", PROTOCOL, late)
    assert exported(peers) == exported(quiet)
    first, second = exported(peers)
    assert first == second
    assert len(first) == STEPS
    for player, peer in peers.items():
        refused = sum(len(each.actions) for each in late[player] if isinstance(each, InputMessage))
        assert peer.metrics.inputs_rejected == refused > 0
        assert evolve(peer, metrics=quiet[player].metrics) == quiet[player]
        assert (peer.metrics.input_conflicts, peer.metrics.hash_mismatches) == (0, 0)
    reasons = {event.reason for event in events if isinstance(event, InputRejected)}
    assert reasons == {"same_session"}
    assert not [event for event in events if isinstance(event, InputConflict)]


def test_unchecked_they_would_change_the_data_or_end_the_episode() -> None:
    """The same messages under the variant that does not ask: what the guards are for."""
    protocol = VARIANTS["session_unchecked"].protocol
    late = messages_of(session("first", protocol, {})[1])
    inputs = {player: [each for each in some if isinstance(each, InputMessage)] for player, some in late.items()}
    first, second = exported(session("second", protocol, inputs)[0])
    assert first != second
    ends: dict[str, list[Message]] = {
        player: [EndMessage("first", 0, "b" if player == "a" else "a", 6, Digest())] for player in PLAYERS
    }
    _, events = session("second", protocol, ends)
    assert {event.termination for event in events if isinstance(event, EpisodeCompleted)} == {6}
    _, events = session("second", PROTOCOL, ends)
    assert {event.termination for event in events if isinstance(event, EpisodeCompleted)} == {STEPS}


MESSAGES: dict[str, Message] = {
    "input": InputMessage("game", 0, "b", 0, (1, 2), 0, 5),
    "known input": InputMessage("game", 0, "b", 0, (7,), -1, 5),
    "ack": AckMessage("game", 0, "b", 0, end_known=False),
    "end": EndMessage("game", 0, "b", 2, Digest()),
    "hash": HashMessage("game", 0, "b", 0, Digest("0" * 32)),
}


@pytest.mark.parametrize("path", Path)
@pytest.mark.parametrize("change", [{"game": "other"}, {"epoch": 1}, {"player": "a"}, {"player": "stranger"}])
@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_of_another_session_episode_or_player_is_refused_and_not_answered(
    name: str, change: dict[str, Any], path: Path
) -> None:
    """IN-11, IN-7, EP-2: in every phase of an episode, the message being believed without the change."""
    message, believed = MESSAGES[name], False
    peer = new_peer(Config("a", PLAYERS, max_steps=2), ArithmeticWorld())
    for at in range(4):
        if name == "known input" and at == 1:
            peer = receive(PROTOCOL, peer, 0, path, MESSAGES["input"])[0]
        after, events = receive(PROTOCOL, peer, 100 * at, path, evolve(message, **change))
        assert evolve(after, metrics=peer.metrics) == peer
        assert evolve(after.metrics, inputs_rejected=peer.metrics.inputs_rejected) == peer.metrics
        assert {type(event) for event in events} <= {InputRejected}
        believed |= receive(PROTOCOL, peer, 100 * at, path, message)[0] != peer
        peer = tick(PROTOCOL, peer, 100 * at, 1)[0]
    assert believed
