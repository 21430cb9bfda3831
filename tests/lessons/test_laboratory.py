"""The laboratory: what edited text may do, what it becomes, and sessions that are played while one watches."""

from __future__ import annotations

import json

import pytest

from rollproof.lessons import worker
from rollproof.lessons.laboratory.edits import FILES, EditError, edited, source_of
from rollproof.lessons.laboratory.judging import judge
from rollproof.lessons.laboratory.live import Live
from rollproof.reference.protocol import PROTOCOL

GUARDS = source_of("guards")
BUFFERS = source_of("buffers")
NETWORK = {"players": 2, "frames": 60, "latency_ms": 80, "jitter_ms": 20, "loss_percent": 10}

# --- edited text ---


def test_nothing_edited_is_the_present_protocol() -> None:
    made = edited({file: source_of(file) for file in FILES})
    assert made.protocol == PROTOCOL
    assert made.changed == ()


def test_only_what_differs_is_changed() -> None:
    made = edited({"buffers": BUFFERS.replace("peer.confirmed + 1 < peer.frame", "peer.confirmed < peer.frame")})
    assert made.changed == ("confirm_frame",)
    assert made.protocol.transitions["promote_frame"] is PROTOCOL.transitions["promote_frame"]


def test_a_comment_changes_nothing() -> None:
    assert edited({"buffers": f"# by me\n\n{BUFFERS}"}).protocol == PROTOCOL


def test_a_shared_guard_changes_everywhere() -> None:
    made = edited({"guards": GUARDS.replace("return peer.rollback.pending is None", "return True")})
    having = [
        each.name for each in PROTOCOL.transitions.values() if "no_rollback_pending" in [g.name for g in each.guards]
    ]
    assert sorted(made.changed) == sorted(having)


def test_a_helper_changes_what_uses_it() -> None:
    text = source_of("inputs")
    made = edited({"inputs": text.replace("p2p=inputs.p2p.rest()", "p2p=inputs.p2p")})
    assert made.changed == ("drain_input",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import os", "only `from ... import ...`"),
        ("from os import system", "out of reach"),
        ("from rollproof.reference.digest import hashlib", "none of the names"),
        ("from rollproof.reference.nothing import x", "there is no rollproof.reference.nothing"),
        ("from rollproof.model.bounded import os", "out of reach"),
        ("x = ().__class__", "__class__ is out of reach"),
        ("x = (i for i in ()).gi_frame", "gi_frame is out of reach"),
        ("x = '{0.a}'.format(1)", "format is out of reach"),
        ("x = __builtins__", "out of reach"),
        ("x = open('/etc/passwd')", "NameError"),
        ("x = eval('1')", "NameError"),
        ("x = getattr(1, 'real')", "NameError"),
        ("class X: pass", "the class X cannot be changed or added"),
        ("x = 2 ** 99999", "not needed"),
        ("x = 1 / 0", "ZeroDivisionError"),
        ("def f(:", "invalid syntax"),
        ("x = " + "(" * 300 + ")" * 300, "guards.py"),
        ("x = " + "-" * 3000 + "1", "nested too deeply"),
        ("\x00", "guards.py"),
        ("raise ValueError('no')", "ValueError: no"),
    ],
)
def test_what_edited_text_must_not_do_is_told_in_one_line(text: str, told: str) -> None:
    with pytest.raises(EditError) as caught:
        edited({"guards": f"{GUARDS}\n{text}\n"})
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 260


def test_the_line_to_blame_is_told() -> None:
    with pytest.raises(EditError) as caught:
        edited({"guards": f"{GUARDS}\n\nx = 1 / 0\n"})
    assert caught.value.line == GUARDS.count("\n") + 3


def test_a_missing_transition_is_told() -> None:
    cut = BUFFERS[: BUFFERS.index("@transition(")]
    with pytest.raises(EditError, match="the transition confirm_frame is missing"):
        edited({"buffers": cut})
    with pytest.raises(EditError, match="there is no guard"):
        edited({}, ["promote_frame.nothing"])


# --- judging ---


def test_a_removed_guard_is_refuted_beside_the_present_protocol() -> None:
    answers = list(judge({}, ["promote_frame.no_rollback_pending"]))
    assert [each["kind"] for each in answers] == ["edited", "searching", "refuted"]
    wrong, right = answers[-1]["runs"]
    assert wrong["moments"][-1]["without"] == ["no_rollback_pending"]
    assert right["moments"][-1]["refused"] == "no_rollback_pending"


def test_a_typed_edit_is_refuted() -> None:
    text = BUFFERS.replace("peer.confirmed + 1 < peer.frame", "peer.confirmed < peer.frame")
    assert list(judge({"buffers": text}, []))[-1]["kind"] == "refuted"


def test_a_guard_that_never_holds_is_refuted_by_what_is_possible() -> None:
    text = BUFFERS.replace("return peer.buffers.promoted <= peer.confirmed\n", "return False\n")
    last = list(judge({"buffers": text}, [], proof=False))[-1]
    assert last["kind"] == "refuted"


def test_unusable_text_is_an_answer() -> None:
    (answer,) = judge({"buffers": "def"}, [])
    assert (answer["kind"], answer["line"]) == ("unusable", 1)


def test_the_loops_of_an_edit_are_told() -> None:
    text = BUFFERS.replace(
        "    frame = peer.confirmed + 1\n", "    frame = peer.confirmed + 1\n    while False:\n        pass\n"
    )
    first = next(iter(judge({"buffers": text}, [], proof=False)))
    assert first["loops"] == [f"buffers.py, line {text[: text.index('while')].count(chr(10)) + 1}"]


def test_the_worker_answers_in_json_whatever_it_is_asked() -> None:
    assert json.loads(next(worker.answers('{"op": "catalogue"}')))["kind"] == "catalogue"
    for request in ('{"op": "nothing"}', '{"op": "live", "players": 9}', '{"op": "live", "players": "2"}'):
        (answer,) = map(json.loads, worker.answers(request))
        assert answer["kind"] == "unusable"


# --- a live session ---


def finish(live: Live) -> dict:
    return live.do({"until": 30_000})


def test_a_live_session_ends_with_equal_exports() -> None:
    live = Live(NETWORK)
    live.do({"until": 300, "keys": {"a": 3, "b": 1}})
    news = finish(live)
    assert news["over"]
    assert news["exports"]["differing"] == []
    assert {len(rows) for rows in news["exports"]["rows"].values()} == {60}
    column = news["exports"]["columns"].index("action.a")
    assert {row[column] for row in news["exports"]["rows"]["b"]} == {0, 3}


def test_under_another_protocol_the_exports_differ() -> None:
    forgetful = source_of("inputs").replace(
        "pending = item.frame if pending is None", "pending = None if pending is None"
    )
    live = Live({**NETWORK, "sources": {"inputs": forgetful}})
    for at in range(0, 900, 50):
        live.do({"until": at, "keys": {"a": at // 50 % 5, "b": at // 50 % 3}})
    assert finish(live)["exports"]["differing"] != []


def test_a_packet_is_lost_and_the_exports_are_equal() -> None:
    live = Live({**NETWORK, "loss_percent": 0})
    before = live.do({"until": 300, "keys": {"a": 4}})
    flying = next(number for number, each in enumerate(before["packets"]) if each["fate"] == "under way")
    after = live.do({"until": 300, "packet": flying, "doing": "lose"})
    assert after["again"]
    assert after["packets"][flying]["fate"] == "lost"
    assert sum(each["fate"] == "lost" for each in after["packets"]) == 1
    assert finish(live)["exports"]["differing"] == []


def test_a_delayed_packet_arrives_later() -> None:
    live = Live({**NETWORK, "loss_percent": 0, "jitter_ms": 0})
    live.do({"until": 100})
    live.do({"until": 100, "packet": 0, "doing": "delay"})
    news = finish(live)
    packet = news["packets"][0]
    assert packet["arrivals"][0][0] - packet["sent_at"] == 80 + 200


def test_news_in_pieces_are_the_news_in_one() -> None:
    whole, pieces = Live(NETWORK), Live(NETWORK)
    moments: list = []
    for at in range(10, 1000, 10):
        news = pieces.do({"until": at})
        assert not news["again"]
        moments += news["moments"]
    assert moments == whole.do({"until": 990})["moments"]


def test_going_back_forgets_what_was_done_since() -> None:
    live, never = Live(NETWORK), Live(NETWORK)
    live.do({"until": 400})
    live.do({"until": 500, "keys": {"a": 4}})
    live.do({"until": 200, "back_to": 200})
    assert finish(live)["moments"] == finish(never)["moments"]


@pytest.mark.parametrize(
    "request_", [{"until": -1}, {"until": "1"}, {"until": 1, "packet": 10**6}, {"until": 1, "latency_ms": 10**9}]
)
def test_nonsense_is_refused(request_: dict) -> None:
    with pytest.raises(ValueError, match="must be a whole number"):
        Live(NETWORK).do(request_)
