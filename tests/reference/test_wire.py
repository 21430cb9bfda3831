"""The wire: whatever arrives is a message, or is refused in one line."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollproof.model.sessions.network import Channel, Transits
from rollproof.model.sessions.scenarios import SCENARIOS
from rollproof.model.sessions.session import run
from rollproof.reference import wire
from rollproof.reference.digest import Digest
from rollproof.reference.messages import AckMessage, EndMessage, HashMessage, InputMessage, Message
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.wire import WireError, decode, encode

whole = st.integers(-wire.LARGEST, wire.LARGEST)
text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=wire.LONGEST_NAME)
digests = st.one_of(st.just(Digest()), st.text("0123456789abcdef", min_size=32, max_size=32).map(Digest))
actions = st.one_of(whole, st.booleans(), st.floats(allow_nan=False, allow_infinity=False), text)
messages = st.one_of(
    st.builds(InputMessage, text, whole, text, whole, st.lists(actions, min_size=1).map(tuple), whole, whole),
    st.builds(AckMessage, text, whole, text, whole, st.booleans()),
    st.builds(EndMessage, text, whole, text, whole, digests),
    st.builds(HashMessage, text, whole, text, whole, digests),
)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
)

ACK = AckMessage("game", 0, "a", 7, end_known=False)
INPUT = InputMessage("game", 0, "a", 0, (0, 1), -1, 0)


def refused(content: bytes) -> str:
    with pytest.raises(WireError) as caught:
        decode(content)
    line = str(caught.value)
    assert line
    assert "\n" not in line
    assert len(line) < 300
    return line


def attempt(content: bytes) -> Message | None:
    try:
        return decode(content)
    except WireError:
        return None


def same_types(one: Message, other: Message) -> bool:
    return repr(one) == repr(other)


@given(messages)
def test_a_message_survives_the_wire(message: Message) -> None:
    assert decode(encode(message)) == message
    assert same_types(decode(encode(message)), message)


def test_every_message_of_a_session_survives_the_wire() -> None:
    sent: list[Message] = []

    class Tap:
        def __init__(self, channel: Channel) -> None:
            self.channel = channel

        def send(self, now: int, message: Message) -> Transits:
            sent.append(message)
            return self.channel.send(now, message)

    class Tapped:
        settings = SCENARIOS["three_peers"].setup.settings
        caller = staticmethod(SCENARIOS["three_peers"].setup.caller)

        @staticmethod
        def channel(*link: Any) -> Tap:
            return Tap(SCENARIOS["three_peers"].setup.channel(*link))

    run(Tapped(), PROTOCOL)
    assert {type(message) for message in sent} == {InputMessage, AckMessage, EndMessage, HashMessage}
    assert all(decode(encode(message)) == message for message in sent)


@given(st.binary())
def test_hostile_bytes_are_refused_in_one_line(content: bytes) -> None:
    refused(content)


@given(json_values)
def test_hostile_json_is_refused_in_one_line(value: object) -> None:
    refused(json.dumps(value).encode())


@given(messages, st.data())
def test_a_message_with_one_field_changed_is_a_message_or_refused(message: Message, data: st.DataObject) -> None:
    document = json.loads(encode(message))
    document[data.draw(st.sampled_from(sorted(document)))] = data.draw(json_values)
    content = json.dumps(document, separators=(",", ":")).encode()
    changed = attempt(content)
    assert changed is None or encode(changed) == content


@given(messages, st.data())
def test_damaged_bytes_are_a_message_or_refused(message: Message, data: st.DataObject) -> None:
    content = bytearray(encode(message))
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    decoded = attempt(bytes(content))
    assert decoded is None or encode(decoded) == bytes(content)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 60_000, "not JSON"),
        (b"1" * 60_000, "not JSON"),
        (b"x" * (wire.MOST_BYTES + 1), "at most"),
        (b"[]", "kind"),
        (b'{"kind":["AckMessage"]}', "kind"),
        (b'{"kind":"AckMessage"}', "fields"),
        (encode(ACK).replace(b":7", b":7.0"), "acknowledged"),
        (encode(ACK).replace(b":7", b":true"), "acknowledged"),
        (encode(ACK).replace(b":7", b":9007199254740992"), "acknowledged"),
        (encode(ACK).replace(b"false", b"0"), "end_known"),
        (encode(ACK).replace(b'"a"', b'""'), "player"),
        (encode(ACK).replace(b'"a"', b'"\\ud800"'), "player"),
        (encode(ACK).replace(b":7", b": 7"), "one form"),
        (encode(ACK).replace(b":7", b':7,"acknowledged":7'), "one form"),
        (encode(INPUT).replace(b"[0,1]", b"[]"), "actions"),
        (encode(INPUT).replace(b"[0,1]", b"[0,null]"), "action 1"),
        (encode(INPUT).replace(b"[0,1]", b"[[0],1]"), "action 0"),
        (encode(INPUT).replace(b"[0,1]", b"[NaN,1]"), "action 0"),
        (encode(INPUT).replace(b"[0,1]", b"[1e999,1]"), "action 0"),
        (encode(INPUT).replace(b"[0,1]", b"[" + b"0," * wire.MOST_ACTIONS + b"0]"), "actions"),
    ],
)
def test_what_is_wrong_is_said(content: bytes, said: str) -> None:
    assert said in refused(content)


@pytest.mark.parametrize("action", [None, math.nan, math.inf, (1,), "x" * 1000, 2**60, object()])
def test_what_cannot_be_decoded_is_not_encoded(action: object) -> None:
    with pytest.raises(WireError, match="action 0"):
        encode(InputMessage("game", 0, "a", 0, (action,), -1, 0))


def test_the_longest_message_that_a_configuration_allows_can_be_sent() -> None:
    message = InputMessage("g" * 64, wire.LARGEST, "p" * 64, 0, (-wire.LARGEST,) * wire.MOST_ACTIONS, -1, 0)
    assert decode(encode(message)) == message
