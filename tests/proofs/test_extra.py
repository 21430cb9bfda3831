"""A part of the state that a protocol file adds: proved, searched, shown and played like every other, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from rollproof.cli import run
from rollproof.model.designs.loading import DesignError, load
from rollproof.model.sessions.scenarios import SCENARIOS
from rollproof.model.sessions.session import Session
from rollproof.model.symbolic.shapes import kept
from rollproof.proofs import verdict
from rollproof.proofs.cache import Store
from rollproof.proofs.induction import prove
from rollproof.proofs.kept import Kept
from rollproof.reference.state import Extra

TEXT = '''
from __future__ import annotations
from rollproof import PROTOCOL, Extra, Phase, Player, evolve, frozen, guard, theorem, transition
from rollproof.reference.containers import FrameMap
from rollproof.reference.guards import from_a_partner, running

LIMIT = 2


@frozen
class Patience(Extra):
    """How much complaining was heard."""

    complaints: int = 0
    last: Player | None = None
    seen: FrameMap[int] = FrameMap()

    def cleared(self) -> Patience:
        """Nothing survives."""
        return evolve(self, complaints=0, last=None, seen=self.seen.cleared())

    def more(self) -> Patience:
        """One more is heard."""
        return evolve(self, complaints=self.complaints + 1)


@frozen
class Complaint:
    player: Player


@guard()
def patience_is_left(peer):
    """There were fewer than two complaints."""
    return peer.extra.complaints < 2


@transition(takes=Complaint, guards=(running, from_a_partner, patience_is_left))
def hear_complaint(peer, complaint):
    """A complaint is heard."""
    seen = peer.extra.seen.set(peer.frame, peer.extra.complaints)
    return evolve(peer, extra=evolve(peer.extra.more(), last=complaint.player, seen=seen)), ()


@theorem(trusting=False)
def complaints_are_few(q, peer):
    """At most two complaints are heard in an episode, and those remembered were fewer."""
    extra = peer.extra
    return {
        "few": q.all_of(extra.complaints >= 0, extra.complaints <= LIMIT),
        "seen": q.frames(lambda frame: q.at(extra.seen, frame, lambda it: it < 2)),
    }


MINE = PROTOCOL.extend("mine", hear_complaint).keeping(Patience())
'''
TOUCHED = ("(start)", "hear_complaint", "reset_episode")


def written(tmp_path: Path, *changes: tuple[str, str]) -> str:
    text = TEXT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    file = tmp_path / "mine.py"
    file.write_text(text)
    return str(file)


def open_of(spec: str) -> set[tuple[str, str, str]]:
    with load(spec).in_force() as protocol:
        report = prove(protocol, TOUCHED)
    return {(each.transition, each.property, each.clause) for each in report.unproved}


def test_it_is_proved_and_nothing_of_it_stays_in_force(tmp_path: Path) -> None:
    assert not open_of(written(tmp_path))
    assert kept() is Extra


SURVIVES = ("evolve(self, complaints=0,", "evolve(self, complaints=self.complaints,")
FIVE = ("complaints: int = 0", "complaints: int = 5")
FEW = ("complaints_are_few", "few")
CHANGES = {
    "is cleared before the first episode": ((FIVE,), set()),
    "survives": ((SURVIVES,), set()),
    "is too much at first": ((FIVE, SURVIVES), {("(start)", *FEW)}),
    "grows": (
        (("evolve(self, complaints=0,", "evolve(self, complaints=self.complaints + 1,"),),
        {("reset_episode", *FEW)},
    ),
    "counts double": (
        (("complaints=self.complaints + 1)", "complaints=self.complaints + 2)"),),
        {("hear_complaint", *FEW)},
    ),
    "keeps a row": (
        (("seen=self.seen.cleared()", "seen=self.seen.set(0, 9)"),),
        {("(start)", "complaints_are_few", "seen"), ("reset_episode", "complaints_are_few", "seen")},
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_change_of_it_breaks_is_open(name: str, tmp_path: Path) -> None:
    changes, expected = CHANGES[name]
    assert open_of(written(tmp_path, *changes)) == expected


def test_a_run_that_breaks_a_theorem_shows_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = written(tmp_path, ("LIMIT = 2", "LIMIT = 1"))
    with load(spec).in_force():  # what the command puts in force ends with this
        assert run(["verify", "--protocol", spec, "--transition", "hear_complaint"]) == 1
    told = capsys.readouterr().out
    assert "extra complaints: 0 → 1" in told
    assert "extra last: — → b" in told
    assert "extra.complaints is 2; expected: extra.complaints ≤ 1" in told


UNREADABLE = """
        try:
            return evolve(self, complaints=self.complaints + 1)
        except TypeError:
            return self
"""


def test_nothing_is_proved_of_what_cannot_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A method of the part is read like every other function; a theorem is not proved of a step that was not."""
    monkeypatch.setattr(verdict, "NEXT_LIMIT", verdict.FIRST_LIMIT)  # a longer search finds nothing, either
    monkeypatch.setattr(verdict, "LAST_LIMIT", verdict.FIRST_LIMIT)
    spec = written(tmp_path, ("        return evolve(self, complaints=self.complaints + 1)\n", UNREADABLE))
    options = ["--transition", "hear_complaint", "--theorem", "inputs_are_immutable"]
    with load(spec).in_force():
        assert run(["verify", "--protocol", spec, *options]) == 3
    assert "not proved: reference_never_crashes, examined: hear_complaint" in capsys.readouterr().out


def test_a_method_is_read_wherever_it_is_inherited_from(tmp_path: Path) -> None:
    """The one that cannot be read is that of a class between `Extra` and what is kept."""
    heir = 'MINE = PROTOCOL.extend("mine", hear_complaint).keeping(Heir())'
    inherits = """
@frozen
class Heir(Patience):
    def cleared(self) -> Heir:
        return evolve(self, complaints=0, last=None, seen=self.seen.cleared())


"""
    kept = 'MINE = PROTOCOL.extend("mine", hear_complaint).keeping(Patience())'
    assert not open_of(written(tmp_path, (kept, inherits + heir)))
    unreadable = ("        return evolve(self, complaints=self.complaints + 1)\n", UNREADABLE)
    found = open_of(written(tmp_path, (kept, inherits + heir), unreadable))
    assert ("hear_complaint", "reference_never_crashes", "examined") in found


REFUSED = {
    "text": (("complaints: int = 0", 'complaints: int = 0\n    note: str = "x"'), "Patience, which the protocol keeps"),
    "player": (("last: Player | None = None", 'last: Player = "b"'), "has last: Player = 'b'"),
    "map": (("FrameMap[int] = FrameMap()", "FrameMap[int] = FrameMap().set(0, 1)"), "has seen: FrameMap[int]"),
    "reset": (
        ("return evolve(self, complaints=0, last=None, seen=self.seen.cleared())", "return Extra()"),
        "`cleared` returns a Patience",
    ),
    "number": ((".keeping(Patience())", ".keeping(3)"), "int, which the protocol keeps, must be a subclass of Extra"),
    "mutable": (("@frozen\nclass Patience", "class Patience"), "must be declared with @frozen"),
    "nothing": ((".keeping(Patience())", ""), "'Extra' object has no attribute 'complaints'"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_it_cannot_be_is_said(name: str, tmp_path: Path) -> None:
    change, told = REFUSED[name]
    with pytest.raises(DesignError, match=r"mine\.py") as caught:
        load(written(tmp_path, change))
    assert told in str(caught.value)


def test_a_session_keeps_it_and_a_reset_clears_it(tmp_path: Path) -> None:
    with load(written(tmp_path, SURVIVES, FIVE, ("last=None, seen", "last=self.last, seen"))).in_force() as protocol:
        session = Session(SCENARIOS["three_episodes_in_a_row"].setup, protocol)
        session.run()
        extras = [seat.peer.extra for seat in session.seats.values()]
    assert all(seat.peer.epoch == 2 for seat in session.seats.values())
    assert [(type(each).__name__, each.complaints) for each in extras] == [("Patience", 5)] * len(extras)


def test_a_proof_of_another_part_is_not_taken_for_its_own(tmp_path: Path) -> None:
    """What was proved is looked up by all that it rests on, the part and its first value included."""
    store = Store.open(tmp_path / "cache")
    assert store is not None
    keys = set()
    for changes, _ in CHANGES.values():
        with load(written(tmp_path, *changes)).in_force() as protocol:
            keys.add(Kept(store, protocol)._key("(start)"))
    assert len(keys) == len(CHANGES)
