"""Protocol files: what they give, what is refused, and that nothing of it stays in force."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import rollproof
from rollproof.model.designs import loading
from rollproof.model.designs.design import present
from rollproof.model.designs.digests import digest
from rollproof.model.designs.loading import DesignError, load
from rollproof.model.theorems.possibility import CONDITIONS
from rollproof.model.theorems.properties import PROPERTIES
from rollproof.reference.protocol import PROTOCOL

EXAMPLE = Path(rollproof.__file__).parent / "example" / "protocol.py"
Write = Callable[[str], str]
FINE = "from rollproof import PROTOCOL\nMINE = PROTOCOL.replace('mine')\n"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str) -> str:
        file = tmp_path / "mine.py"
        file.write_text(text)
        return str(file)

    return written


def refusal(spec: str) -> str:
    with pytest.raises(DesignError) as caught:
        load(spec)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_example_gives_a_protocol_and_what_is_stated_of_it() -> None:
    design = load(str(EXAMPLE))
    assert set(design.protocol.transitions) - set(PROTOCOL.transitions) == {"hear_complaint"}
    assert [each.name for each in design.properties] == ["complaints_are_heeded"]
    assert set(design.conditions) == {"compare_hash", "hear_complaint"}
    assert design.lacks == ()


def test_what_is_in_force_ends_with_the_context() -> None:
    design, before = load(str(EXAMPLE)), (dict(PROPERTIES), dict(CONDITIONS))
    with design.in_force() as protocol:
        assert present() is protocol is design.protocol
        assert "complaints_are_heeded" in PROPERTIES
        assert CONDITIONS["compare_hash"] is not before[1]["compare_hash"]
    assert present() is PROTOCOL
    assert before == (PROPERTIES, CONDITIONS)


def test_a_file_with_one_protocol_needs_no_name(write: Write) -> None:
    file = write(FINE + "OTHER = PROTOCOL.replace('other')\n")
    assert "name one of MINE, OTHER" in refusal(file)
    assert load(f"{file}:OTHER").protocol.name == "other"
    assert "there is no protocol 'NOBODY'; there is PROTOCOL, MINE, OTHER" in refusal(f"{file}:NOBODY")


REFUSED = {
    "raises": ("x = 1\nraise ValueError('no such luck')\n", "mine.py:2: ValueError: no such luck"),
    "syntax": ("x = 1\ndef f(:\n", "mine.py:2: "),
    "prints": (FINE + "print('hello')\n", "prints when it is loaded"),
    "writes": (FINE + "import os\nos.write(2, b'x')\n", "prints when it is loaded"),
    "floods": (FINE + "while True: print('x' * 1000)\n", "prints when it is loaded"),
    "exits": ("import sys\nsys.exit(0)\n", "ends the process"),
    "dies": ("import os\nos._exit(0)\n", "ends the process"),
    "nothing": ("x = 1\n", "none of its own"),
    "the present one": ("from rollproof import PROTOCOL\n", "none of its own"),
    "its name": ("from rollproof import PROTOCOL\nMINE = PROTOCOL.replace('present')\n", "as one of rollproof is"),
    "environment": (FINE + "import os\nos.environ['X'] = '1'\n", "changes the environment variables"),
    "directory": (FINE + "import os\nos.chdir('/')\n", "changes the working directory"),
    "present": (FINE + "PROTOCOL.transitions['x'] = 1\n", "changes PROTOCOL"),
    "class": (FINE + "from rollproof import Peer\nPeer.x = 1\n", "changes Peer.x"),
    "registry": (
        FINE + "from rollproof.model.theorems.properties import PROPERTIES\nPROPERTIES.clear()\n",
        "changes PROPERTIES",
    ),
    "builtins": (FINE + "import builtins\nbuiltins.len = None\n", "cannot be loaded"),
    "memory": (FINE + "x = bytearray(10 ** 11)\n", "needs too much memory"),
    "nested": (FINE + "x = " + "(" * 500 + ")" * 500 + "\n", "mine.py"),
    "recursion": (FINE + "def f():\n    f()\nf()\n", "calls itself without end"),
    "stage": ("from rollproof import PROTOCOL\nMINE = PROTOCOL.replace('mine', tick=('nap',))\n", "no stage 'nap'"),
    "parameter": (
        "from __future__ import annotations\nfrom rollproof import *\n@frozen\nclass Given:\n    mood: int\n"
        "@transition(takes=Given)\ndef sulk(peer, given):\n    '''It sulks.'''\n    return peer, ()\n"
        "MINE = PROTOCOL.extend('mine', sulk)\n",
        "mine.py:6: sulk has the parameter 'mood', for which the search knows no values; known are",
    ),
    "annotation": (
        "from rollproof import *\n@frozen\nclass Given:\n    frame: str\n"
        "@transition(takes=Given)\ndef sulk(peer, given):\n    '''It sulks.'''\n    return peer, ()\n"
        "MINE = PROTOCOL.extend('mine', sulk)\n",
        "must be annotated 'int'",
    ),
    "rule": (
        FINE + "from rollproof import theorem\n@theorem('XY-1')\ndef mine(q, peer):\n    '''It is.'''\n    return {}\n",
        "mine.py:4: theorem mine cites 'XY-1'",
    ),
    "theorem raises": (
        FINE + "from rollproof import theorem\n@theorem()\ndef mine(q, peer):\n    '''It is.'''\n    return 1 / 0\n",
        "mine.py:7: ZeroDivisionError",
    ),
    "theorem says nothing": (
        FINE + "from rollproof import theorem\n@theorem()\ndef mine(q, peer):\n    '''It is.'''\n    return {}\n",
        "states no clause",
    ),
    "condition": (FINE + "CONDITIONS = {'fly': len}\n", "CONDITIONS speaks of 'fly'"),
    "large": ("#" * 2_000_000, "at most 1000000 bytes"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_protocol_file_is_refused_in_a_line(name: str, write: Write) -> None:
    text, told = REFUSED[name]
    before = (os.getcwd(), dict(os.environ), dict(PROTOCOL.transitions), dict(PROPERTIES))
    assert told in refusal(write(text))
    assert (os.getcwd(), dict(os.environ), dict(PROTOCOL.transitions), dict(PROPERTIES)) == before


def test_a_file_that_does_not_end_is_ended(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "LONGEST_S", 0.5)
    assert "does it loop?" in refusal(write("while True: pass\n"))
    assert "does it loop?" in refusal(write("import time\ntry:\n    time.sleep(99)\nexcept BaseException:\n    pass\n"))


def test_what_is_no_file_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "binary.py").write_bytes(b"\xff\xfe")
    assert "there is no such file" in refusal(str(tmp_path / "nothing.py"))
    assert "is no file" in refusal(str(_folder(tmp_path / "folder.py")))
    assert "is not UTF-8" in refusal(str(tmp_path / "binary.py"))
    assert "must be FILE.py" in refusal("present")


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


LACKING = """
from __future__ import annotations
from rollproof import PROTOCOL, Player, frozen, transition
@frozen
class Wish:
    player: Player
    frame: int
@frozen
class Wished:
    frame: int
@transition(takes=Wish)
def wish(peer, wish):
    '''A wish is heard.'''
    return peer, (Wished(wish.frame),)
MINE = PROTOCOL.extend('mine', wish)
"""


def test_what_nothing_is_stated_of_is_told(write: Write) -> None:
    event, condition, assumption = load(write(LACKING)).lacks
    assert "wish makes Wished, of which no theorem speaks" in event
    assert "when wish is possible is not stated" in condition
    assert "what a partner says to wish (frame) may be false" in assumption
    assert all("model/theorems/" in each or "new-protocol" in each for each in (event, condition, assumption))


HELPED = """
from rollproof import PROTOCOL, guard
LIMIT = {limit}
def near(peer):
    return peer.frame < LIMIT{space}
@guard()
def is_near(peer):
    '''It is near.'''
    return near(peer)
def other(peer):
    return {other}
MINE = PROTOCOL.replace('mine', PROTOCOL.transitions['begin_tick'].guarded_by(is_near))
"""


def test_a_digest_changes_with_whatever_the_code_rests_on(write: Write) -> None:
    def of(**changes: str) -> str:
        text = HELPED.format(**{"limit": "3", "space": "", "other": "1", **changes})
        return digest(load(write(text)).protocol.transitions["begin_tick"])

    present_one = digest(PROTOCOL.transitions["begin_tick"])
    assert of() == of() == of(other="2") == of(space="  # a remark")
    assert len({present_one, of(), of(limit="4"), of(space=" + 1"), of(limit="[3]")}) == 5


def test_every_public_name_is_there() -> None:
    assert all(getattr(rollproof, name) is not None for name in rollproof.__all__)
    assert sorted(rollproof.__all__) == sorted(name for names in rollproof._HOMES.values() for name in names)
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        _ = rollproof.nothing_of_the_kind
