"""The laws of what lies between a session and the world outside: settings, messages as bytes, the export, the end."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import product
from typing import Any

from rollproof.model.sessions.laws import PLAYERS, Problems, differs, law
from rollproof.model.sessions.protocol_laws import LAWS
from rollproof.model.sessions.worlds import ArithmeticWorld
from rollproof.reference.config import Actions, Config
from rollproof.reference.containers import JointAction
from rollproof.reference.digest import Digest
from rollproof.reference.export import read, session_metrics
from rollproof.reference.messages import AckMessage, EndMessage, HashMessage, InputMessage, Message
from rollproof.reference.state import CanonicalRecord, Delivery, Link, Phase, new_peer
from rollproof.reference.tick import is_settled
from rollproof.reference.values import evolve, normal
from rollproof.reference.wire import WireError, decode, encode
from rollproof.reference.world import Outcome, Record, Totals

__all__ = ["LAWS"]  # all laws, those of the small parts included

# --- settings ---------------------------------------------------------------------------------------------------------

_MILLION = 1_000_000
_WHOLE: dict[str, tuple[int, int | None]] = {
    "input_delay": (0, 120),
    "prediction_window": (1, _MILLION),
    "redundancy": (1, 64),
    "max_resent": (1, 1024),
    "resend_interval_ms": (1, 60_000),
    "max_frames_ahead": (1, _MILLION),
    "debug_remote_input_delay": (0, 600),
    "max_steps": (1, _MILLION),
    "input_confirmation_timeout_ms": (0, None),
    "episode_sync_timeout_ms": (0, None),
    "hash_interval": (1, _MILLION),
}
"""By setting: the least, and the greatest if there is one."""
_OPTIONAL = ("prediction_window", "max_steps")
_STATED = {"redundancy": 3, "input_confirmation_timeout_ms": 500, "episode_sync_timeout_ms": 2000}
"""What the rules say that a setting is unless it is given. Of the others any value that they may have will do."""
_LONG = "x" * 64
_RIGHT: dict[str, tuple[Any, ...]] = {
    "game": ("g", _LONG),
    "default_action": (1, "", (), (1, "a"), 0.5, True),
    "prediction": ("previous", "default"),
    "server_authoritative": (True, False),
    "human_players": (None, (), ("a",), ("b", "a"), PLAYERS),
}
_WRONG: dict[str, tuple[Any, ...]] = {
    "game": ("", _LONG + "x", "x" * 1000, 5, None, b"g"),
    "player": ("", "d", 5, None, _LONG + "x"),
    "players": (
        (),
        ("b", "c"),
        ("a", "a"),
        ("a", ""),
        ("", "a"),
        ("a", 1),
        ["a", "b"],
        "ab",
        None,
        tuple("abcdefghijklmnopq"),
    ),
    "default_action": (None, [0], {}),
    "actions": ((), "integer", "", None, 0, [], (None, 0), (0,) * 1025),
    "prediction": ("best", "", None, 0),
    "server_authoritative": (1, 0, None, "yes"),
    "human_players": (("d",), ["a"], "a", 1, ("a", "d")),
}


@law("IN-3", "IN-4", "IN-5", "IN-6", "IN-7", "IN-8", "IN-9", "EP-3", "EP-4", "ME-4")
def settings_are_what_they_may_be() -> Problems:
    """A setting is what it may be, and as the rules say unless it is given; any other value is refused by its name."""
    made = Config("a", PLAYERS)
    for name, value in _STATED.items():
        if getattr(made, name) != value:
            yield f"{name} is {getattr(made, name)!r} unless it is given, and must be {value!r}"
    for name in (*_WHOLE, *_RIGHT):
        yield from _accepted(name, (getattr(made, name),))
    for name, (least, greatest) in _WHOLE.items():
        optional = name in _OPTIONAL
        yield from _accepted(name, (least, least + 1, greatest or 10**12, *((None,) if optional else ())))
        too_much = () if greatest is None else (greatest + 1,)
        yield from _refused(name, (least - 1, *too_much, True, 1.0, "1", [1], *(() if optional else (None,))))
    for name, values in _RIGHT.items():
        yield from _accepted(name, values)
    for name, values in _WRONG.items():
        yield from _refused(name, values)
    for players in (("a",), tuple("abcdefghijklmnop"), ("a", _LONG)):
        yield from _accepted("players", (players,))
    if str(Config("a", PLAYERS, default_action=-0.0).default_action) != "0.0":
        yield "a default action of −0.0 is kept as it is"


@law("IN-7", "IN-13")
def actions_are_what_is_configured() -> Problems:
    """An action is what the configuration says: anything, one of the values of a kind, or one of a list."""
    values: tuple[Any, ...] = (True, 0, 1, 1.0, "", "x", (1, "a"))
    kinds = {"bool": bool, "int": int, "float": float, "text": str}
    for value in values:
        yield from differs(f"whether {value!r} is an action", Actions().admits(value), True)
        for kind, cls in kinds.items():
            yield from differs(f"whether {value!r} is of kind {kind}", Actions(kind).admits(value), type(value) is cls)
        for listed in values:
            alike = type(value) is type(listed) and value == listed
            yield from differs(f"whether {value!r} is one of {listed!r}", Actions((listed,)).admits(value), alike)
            yield from differs(f"whether {value!r} is listed", Actions((listed, value)).admits(value), True)
    for listed in (-0.0, (0.0, -0.0)):
        yield from differs("a listed action", str(Actions((listed,)).among), str((normal(listed),)))
    yield from differs("actions unless they are given", Config("a", PLAYERS).actions, Actions("any"))
    given: dict[Any, Any] = {"int": "int", (0, 1): [0, 1], (True, 0, "x", (1, 2)): (True, 0, "x", (1, 2))}
    for expected, actions in given.items():
        yield from differs(f"{actions} as actions", _with("actions", actions).actions, Actions(expected))
    most = tuple(range(1024))
    yield from differs("the most actions", _with("actions", most).actions.among, most)
    for actions, default in (([1], 0), ("bool", 0), ((1, 2), 0), ("text", 0), ((0.0,), 0)):
        try:
            Config("a", PLAYERS, actions=actions, default_action=default)
        except ValueError as error:
            if "default_action must be one of the actions" not in str(error):
                yield f"of a default action that is none it is said: {error}"
        else:
            yield f"the default action may be {default!r} when actions are {actions!r}"


def _accepted(name: str, values: Iterable[Any]) -> Problems:
    for value in values:
        found = getattr(_with(name, value), name)
        if type(found) is not type(value) or found != value:
            yield f"{name} is {found!r} when {value!r} is given"


def _refused(name: str, values: Iterable[Any]) -> Problems:
    for value in values:
        try:
            _with(name, value)
        except ValueError as error:
            told = str(error)
            if not told.startswith(("player", name)) or "must be" not in told or len(told) > 160 or "\n" in told:
                yield f"of {name} as {value!r} it is said: {told!r}"
        else:
            yield f"{name} may be {value!r}"


def _with(name: str, value: Any) -> Config:
    given: dict[str, Any] = {"player": "a", "players": PLAYERS, "default_action": 0, name: value}
    return Config(**given)


# --- messages as bytes ------------------------------------------------------------------------------------------------

_MOST = 2**53 - 1
_HASH = "0123456789abcdef" * 2
_ACTIONS = '[0,1.5,true,"u"]'
_FIRST, _TEXT = '"game":"g","epoch":1,"player":"a"', "é" * 64
_FORMS: dict[str, Message] = {
    f'{{"kind":"InputMessage",{_FIRST},"first":2,"actions":{_ACTIONS},"acknowledged":-1,"time_ms":9}}': InputMessage(
        "g", 1, "a", 2, (0, 1.5, True, "u"), -1, 9
    ),
    f'{{"kind":"AckMessage",{_FIRST},"acknowledged":7,"end_known":false}}': AckMessage("g", 1, "a", 7, False),
    f'{{"kind":"EndMessage",{_FIRST},"end":5,"digest":"{_HASH}"}}': EndMessage("g", 1, "a", 5, Digest(_HASH)),
    f'{{"kind":"HashMessage",{_FIRST},"frame":4,"digest":""}}': HashMessage("g", 1, "a", 4, Digest("")),
}
"""By its bytes: a message of each kind."""
_INPUT, _ACK, _END, _ = (json.loads(form) for form in _FORMS)
_GOOD: tuple[dict[str, Any], ...] = (
    *({**_ACK, "acknowledged": value} for value in (0, _MOST, -_MOST)),
    *({**_ACK, name: value} for name in ("game", "player") for value in ("x", _LONG, _TEXT)),
    *({**_INPUT, "actions": value} for value in ([0], [0] * 1024, [_MOST, -_MOST], ["y" * 256, ""], [1e300, -0.5])),
)
_NO_RUNS: tuple[Any, ...] = ([], [0] * 1025, [None], [0, [1]], [{}], "ab", 7, [_MOST + 1])
_NO_ACTIONS: tuple[Any, ...] = ("y" * 257, "\udfff", -_MOST - 1, float("nan"), float("inf"))
_BAD: tuple[dict[str, Any] | list[Any] | str, ...] = (
    *({**_ACK, "acknowledged": value} for value in (_MOST + 1, -_MOST - 1, 7.0, True, None, "7")),
    *({**_ACK, "end_known": value} for value in (0, 1, None, "false")),
    *({**_ACK, name: value} for name in ("game", "player") for value in ("", _LONG + "x", "\ud800", 5, None)),
    *({**_INPUT, "actions": value} for value in _NO_RUNS),
    *({**_INPUT, "actions": [action]} for action in _NO_ACTIONS),
    *({**_END, "digest": value} for value in ("0", _HASH[1:], _HASH + "0", _HASH.upper(), None, 5, "g" * 32)),
    {**_ACK, "more": 1},
    {name: value for name, value in _ACK.items() if name != "player"},
    {**_ACK, "kind": "Ack"},
    {**_ACK, "kind": ["AckMessage"]},
    {name: value for name, value in _ACK.items() if name != "kind"},
    {**_END, "kind": "AckMessage"},
    [],
    [_ACK],
    "AckMessage",
)


@law("TR-3", "IN-7", "IN-13")
def a_message_has_one_form() -> Problems:
    """Each message has one form as bytes and is read from it alone; whatever else arrives is refused in one line."""
    for form, message in _FORMS.items():
        if encode(message) != form.encode():
            yield f"{message!r} is sent as {encode(message)!r}"
        if repr(decode(form.encode())) != repr(message):
            yield f"{form} is read as {decode(form.encode())!r}"
    for good in _GOOD:
        if encode(decode(_bytes(good))) != _bytes(good):
            yield f"{_shown(good)} is not sent as it was read"
    wrong = [*map(_bytes, _BAD), b"", b"\xff", b"{", b"[" * 60_000, b"null", b"1" * 60_000]
    text = _bytes(_ACK)
    wrong += [text.replace(b":7", b": 7"), text.replace(b":7", b':7,"acknowledged":7'), text + b" ", text[:-1]]
    wrong.append(_bytes(dict(reversed(_ACK.items()))))
    for content in wrong:
        try:
            message = decode(content)
        except WireError as error:
            if not str(error) or "\n" in str(error) or len(str(error)) > 300:
                yield f"a wrong message is refused in {len(str(error))} characters"
        else:
            yield f"{_shown(content)} is read as {message!r}"
    zero = decode(_bytes({**_INPUT, "actions": [-0.0]}))
    if not isinstance(zero, InputMessage) or repr(zero.actions) != "(0.0,)":
        yield "an action of −0.0 is kept as it is"
    yield from _lengths()


def _lengths() -> Problems:
    """Say so if a message may be longer than 65536 bytes, or must be shorter; and if one is sent that is not read."""
    most = 65_536
    room = most - len(_bytes({**_INPUT, "actions": []})) + 1
    actions = ["z" * 97] * (room // 100)  # each is 100 bytes with its quotes and its comma
    actions[-1] += "z" * (room % 100)
    for more in (0, 1):
        long = {**_INPUT, "actions": [*actions[:-1], actions[-1] + "z" * more]}
        fits = len(_bytes(long)) <= most
        message = InputMessage("g", 1, "a", 2, tuple(long["actions"]), -1, 9)
        if fits != (more == 0) or _is_sent(message) != fits or _is_read(_bytes(long)) != fits:
            yield f"a message of {len(_bytes(long))} bytes is {'not ' if fits else ''}sent or read"
    for wrong in (AckMessage("", 0, "a", 0, False), AckMessage("g", 0, "a", _MOST + 1, False)):
        if _is_sent(wrong):
            yield f"{wrong!r} is sent, although nobody reads it"


def _is_sent(message: Message) -> bool:
    try:
        encode(message)
    except WireError:
        return False
    return True


def _is_read(content: bytes) -> bool:
    try:
        decode(content)
    except WireError:
        return False
    return True


def _bytes(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


# --- the export -------------------------------------------------------------------------------------------------------

_COLUMNS = (
    ("frame", 0, 1, 2),
    ("epoch", 3, 3, 3),
    ("unconfirmed", False, True, True),
    ("action.a", 1, 0, 0),
    ("action.b", 2, 2, 2),
    ("reward.a", 5, None, None),
    ("return.a", 5, 5, 5),
    ("terminated.a", False, None, None),
    ("truncated.a", None, True, None),
    ("info.a.seen", 7, None, None),
    ("reward.b", None, None, None),
    ("return.b", 0, 0, 0),
    ("terminated.b", None, None, None),
    ("truncated.b", None, None, None),
    ("reward.bot", None, 2, None),
    ("return.bot", None, 2, 2),
    ("terminated.bot", None, None, None),
    ("truncated.bot", None, None, None),
    ("reward.npc", None, None, None),
    ("return.npc", None, 0, None),
    ("terminated.npc", None, None, None),
    ("truncated.npc", None, None, None),
    ("info.npc.mood", None, "calm", None),
    ("steps", 1, 2, 2),
    ("over", False, True, True),
    ("was_speculative", True, False, False),
    ("time_ms", 10, 20, 30),
    ("focused", True, False, True),
)
"""The columns of an export of three frames, each with its cells. The world adds two players of its own."""


@law("EP-10", "ME-3")
def an_export_has_a_cell_for_everything() -> Problems:
    """What the world yields for anybody, its own players included, is exported; who is there without a reward has 0."""
    first = Outcome({"a": 5}, {"a": False}, {}, {"a": {"seen": 7}})
    second = Outcome({"bot": 2}, {}, {"a": True}, {"npc": {"mood": "calm"}}, over=True)
    both = {"a": 5, "bot": 2}
    records = (
        (Record(JointAction(("a", "b"), (1, 2)), first, Totals({"a": 5}), 1, False, True, 10, True), False),
        (Record(JointAction(("a", "b"), (0, 2)), second, Totals(both), 2, True, False, 20, False), True),
        (Record(JointAction(("a", "b"), (0, 2)), None, Totals(both), 2, True, False, 30, True), True),
    )
    peer = new_peer(Config("a", ("a", "b")), ArithmeticWorld())
    canonical = peer.buffers.canonical
    for frame, (record, unconfirmed) in enumerate(records):
        canonical = canonical.set(frame, CanonicalRecord(record, unconfirmed, Digest()))
    buffers = evolve(peer.buffers, canonical=canonical, promoted=3)
    ending = evolve(peer.ending, phase=Phase.COMPLETED, termination=3)
    found = read(evolve(peer, epoch=3, buffers=buffers, ending=ending))
    if found.columns != tuple(name for name, *_ in _COLUMNS):
        yield f"the columns are {found.columns!r}"
    for frame, row in enumerate(found.rows):
        for (name, *cells), cell in zip(_COLUMNS, row, strict=True):
            if type(cell) is not type(cells[frame]) or cell != cells[frame]:
                yield f"cell {name} of frame {frame} is {cell!r}, and must be {cells[frame]!r}"
    try:
        read(peer)
    except ValueError:
        return
    yield "an episode that has not completed is exported"


@law("ME-1", "TR-4")
def the_first_fallback_is_told() -> Problems:
    """Of the frames at which the relay took over from partner to partner the metrics tell the first."""
    peer = new_peer(Config("a", PLAYERS), ArithmeticWorld())
    for frames in ((None, None), (4, None), (None, 9), (9, 4), (4, 9), (0, 3)):
        links = peer.links
        for partner, frame in zip(("b", "c"), frames, strict=True):
            links = links.set(partner, Link(fallback_frame=frame))
        metrics = session_metrics(evolve(peer, links=links))
        first = min((frame for frame in frames if frame is not None), default=None)
        expected = ("p2p" if first is None else "relay", first is not None, first)
        found = tuple(metrics[name] for name in ("connection_type", "fallback_triggered", "fallback_frame"))
        if found != expected:
            yield f"after fallbacks at {frames} the metrics tell {found}, and not {expected}"


# --- when a peer may go -----------------------------------------------------------------------------------------------


@law("IN-9")
def a_settled_peer_is_needed_by_nobody() -> Problems:
    """A peer may forget an episode when every partner has its inputs below the termination frame, and its end."""
    peer = new_peer(Config("a", PLAYERS, input_delay=2), ArithmeticWorld())
    yield from differs("whether a peer is settled whose end is not known", is_settled(peer), False)
    for end, behind, knows, decided in product((1, 5, 40), (1, 0, -1), (True, False), (True, False)):
        last = end - 1
        ending = evolve(peer.ending, phase=Phase.EXPORTED, termination=end, own=end if decided else None)
        for partner in ("b", "c"):
            deliveries = peer.deliveries.filled(Delivery(last, end_known=True))
            deliveries = deliveries.set(partner, Delivery(last - behind, end_known=knows))
            settled = is_settled(evolve(peer, ending=ending, deliveries=deliveries))
            needed = behind > 0 or (decided and not knows)
            if settled is needed:
                yield f"a peer of whose inputs {partner} has those up to {last - behind} of {last}: {settled}"
