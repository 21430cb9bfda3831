"""What is kept of a proof: it is the same as a proof from nothing, and what was tampered with is not there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rollproof.model.designs.loading import load
from rollproof.proofs import cache, induction
from rollproof.proofs.cache import Store
from rollproof.proofs.induction import Discharge, Found, prove
from rollproof.proofs.kept import Kept
from rollproof.proofs.quick import judge_quickly
from rollproof.reference.protocol import PROTOCOL


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = Store.open(tmp_path / "cache")
    assert found is not None
    return found


def entries(store: Store) -> Iterator[Path]:
    return store.folder.glob("??/*")


# --- the store ---


def test_what_is_kept_is_found_by_whoever_opens_the_folder(store: Store) -> None:
    store.put("ab12", {"a": [1, "ö"]})
    other = Store.open(store.folder)
    assert other is not None
    assert other.get("ab12") == store.get("ab12") == {"a": [1, "ö"]}
    assert store.get("ab13") is None


TAMPERING: dict[str, Callable[[bytes], bytes]] = {
    "a changed value": lambda content: content.replace(b"17", b"18"),
    "a changed code": lambda content: b"x" + content[1:],
    "cut": lambda content: content[:-1],
    "longer": lambda content: content + b" ",
    "empty": lambda content: b"",
    "no code": lambda content: content.partition(b"\n")[2],
    "something else": lambda content: b"\xff" * 100,
}


@pytest.mark.parametrize("how", TAMPERING)
def test_an_entry_that_was_tampered_with_is_not_there(how: str, store: Store) -> None:
    store.put("ab12", [17])
    (entry,) = entries(store)
    before = entry.read_bytes()
    entry.write_bytes(TAMPERING[how](before))
    assert entry.read_bytes() != before
    assert store.get("ab12") is None
    store.put("ab12", [17])
    assert store.get("ab12") == [17]


def test_an_entry_under_another_name_or_with_another_secret_is_not_there(store: Store, tmp_path: Path) -> None:
    store.put("ab12", [17])
    (entry,) = entries(store)
    entry.with_name("ab13").write_bytes(entry.read_bytes())
    assert store.get("ab13") is None
    other = Store.open(tmp_path / "other")
    assert other is not None
    (other.folder / "ab").mkdir()
    (other.folder / "ab" / "ab12").write_bytes(entry.read_bytes())
    assert other.get("ab12") is None


def test_a_folder_that_others_may_write_to_is_not_used(store: Store) -> None:
    store.folder.chmod(0o777)
    assert Store.open(store.folder) is None


def test_a_folder_that_cannot_be_made_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert Store.open(tmp_path / "file") is None
    assert Store.open(tmp_path / "file" / "cache") is None


def test_the_oldest_entries_go_when_there_are_too_many(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MOST", 20)
    for number in range(30):
        store.put(f"ab{number:02}", number)
    assert Store.open(store.folder) is not None
    assert len(list(entries(store))) == 15


def test_several_may_open_write_and_read_at_once(tmp_path: Path) -> None:
    def work(number: int) -> list[object]:
        mine = Store.open(tmp_path / "shared")
        assert mine is not None
        for key in range(20):
            mine.put(f"ab{key:02}", ["x" * 1000, key])
        return [mine.get(f"ab{key:02}") for key in range(20)]

    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(work, range(16)):
            assert found == [["x" * 1000, key] for key in range(20)]
    assert not list((tmp_path / "shared").rglob(".*"))


# --- proofs ---

NAMES = ["(consequences)", "confirm_frame"]
MINE = """
from __future__ import annotations
from rollproof import PROTOCOL, guard, lemma, theorem
from rollproof.reference.guards import no_rollback_in_progress
LIMIT = {limit}
@guard()
def is_early(peer):
    '''It is early.'''
    return peer.frame {relation} LIMIT
@theorem(of="step", trusting=False)
def time_passes(q, step):
    '''No tick is taken back.'''
    return {{"passes": step.after.ticks >= step.before.ticks{more}}}
{lemmas}
confirm = PROTOCOL.transitions["confirm_frame"].guarded_by({guards})
MINE = PROTOCOL.replace("mine", confirm)
"""
LEMMA = """
@lemma(trusting=False)
def counted(q, peer):
    '''It counts.'''
    return {{"counted": peer.{field} >= {least}}}
@theorem(of="consequence", trusting=False)
def follows(q, peer):
    '''It follows from what is counted.'''
    return {{"follows": peer.{field} >= -2}}
"""
CONFIRMED, MORE = (LEMMA.format(field="confirmed", least=least) for least in (-2, -1))
WRONG = LEMMA.format(field="confirmed", least=0)
OTHER = LEMMA.format(field="ticks", least=0)
ALL = "*PROTOCOL.transitions['confirm_frame'].guards"
EDITS: list[dict[str, str]] = [
    {},
    {"limit": "4"},
    {"guards": f"{ALL}, is_early"},
    {"guards": f"{ALL}, is_early", "limit": "4"},
    {"guards": f"*{ALL[1:]}[1:]"},
    {"more": " - 1"},
    {"more": " + 1"},
    {"guards": f"{ALL}, no_rollback_in_progress"},
    {"lemmas": CONFIRMED},
    {"lemmas": WRONG},
    {"lemmas": MORE},
    {"lemmas": MORE, "more": " - 1"},
    {"lemmas": OTHER, "guards": f"{ALL}, is_early"},
    {"lemmas": CONFIRMED, "guards": f"{ALL}, no_rollback_in_progress"},
    {"more": " - 1"},
    {},
]
SOME = [EDITS[at] for at in (0, 2, 5, 8, 9, 12, 15)]


def told(discharges: tuple[Discharge, ...]) -> Counter[tuple[str, str, str, str, bool]]:
    return Counter((each.transition, each.path, each.property, each.clause, each.proved) for each in discharges)


@pytest.mark.parametrize("edits", [SOME, pytest.param(EDITS, marks=pytest.mark.long)], ids=["some", "all"])
def test_a_kept_verdict_is_that_of_a_proof_from_nothing(
    edits: list[dict[str, str]], store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Edit after edit, over one store: right ones, wrong ones, some that matter to one transition and some to all."""
    # What is wrong is given up sooner, and not sooner after the first: that is not the same one for what is kept.
    monkeypatch.setattr(induction, "EFFORT", 400_000)
    monkeypatch.setattr(induction, "FURTHER_EFFORT", 400_000)
    proved, known = [], 0
    for edit in edits:
        file = tmp_path / "mine.py"
        given = {"limit": "3", "relation": "<", "more": "", "lemmas": "", "guards": ALL, **edit}
        file.write_text(MINE.format(**given))
        design = load(str(file))
        with design.in_force() as protocol:
            memory = Kept(store, protocol)
            known += sum(memory.find(name) is not None for name in NAMES)
            kept = prove(protocol, NAMES, 1, memory=memory)
            cold = prove(protocol, NAMES, 1)
        assert told(kept.discharges) == told(cold.discharges)
        proved.append(not kept.unproved)
    assert proved[0]
    assert proved[-1]
    assert proved.count(False) >= 2
    assert known >= len(NAMES)


def test_the_guards_that_properties_ask_about_count_as_well(store: Store) -> None:
    """What follows from the properties alone asks when transitions are possible: it is not known of other guards."""
    memory = Kept(store, PROTOCOL)
    prove(PROTOCOL, ["(consequences)"], 1, memory=memory)
    assert memory.find("(consequences)")
    other = PROTOCOL.replace("mine", PROTOCOL.transitions["succeed_wait"].guarded_by())
    assert Kept(store, other).find("(consequences)") is None
    unasked = PROTOCOL.replace("mine", PROTOCOL.transitions["lose_p2p"].guarded_by())
    assert Kept(store, unasked).find("(consequences)")
    assert Kept(store, PROTOCOL, players=2).find("(consequences)") is None


def test_a_verdict_is_quick_where_all_but_one_transition_is_known(store: Store) -> None:
    """A transition without a guard: nothing else is proved again, and a run is found."""

    class Others(Kept):
        def find(self, name: str) -> Found | None:
            return None if name == "promote_frame" else Found((), frozenset(), frozenset())

    protocol = PROTOCOL.without("promote_frame", "no_rollback_pending")
    found = judge_quickly(protocol, Others(store, protocol), jobs=1)
    assert found.status == "refuted"
    assert found.proved_anew == ("promote_frame",)
    assert found.trace is not None
    assert found.trace.violation is not None
    right = judge_quickly(PROTOCOL, Others(store, PROTOCOL), jobs=1)
    assert (right.status, right.trace) == ("proved", None)


def test_what_is_noted_is_of_one_protocol_and_of_what_is_stated_of_it(store: Store, tmp_path: Path) -> None:
    """Sessions have nothing to do with theorems, and everything with each transition that drivers call."""

    def noted(name: str, **edit: str) -> tuple[object, object]:
        file = tmp_path / f"{name}.py"
        given = {"limit": "3", "relation": "<", "more": "", "lemmas": "", "guards": ALL, **edit}
        file.write_text(MINE.format(**given))
        with load(str(file)).in_force() as protocol:
            memory = Kept(store, protocol)
            found = memory.recall("x", stated=True), memory.recall("x", stated=False)
            memory.note("x", name, stated=True)
            memory.note("x", name, stated=False)
        return found

    assert noted("first") == (None, None)
    assert noted("again") == ("first", "first")
    assert noted("theorem", more=" + 0") == (None, "again")
    assert noted("guards", guards=f"{ALL}, is_early") == (None, None)
    assert noted("limit", guards=f"{ALL}, is_early", limit="4") == (None, None)
    assert noted("back") == ("again", "theorem")


REPLACING = """
from __future__ import annotations
from rollproof import PROTOCOL, {kind}
@{kind}({options})
def {name}({words}):
    '''It says less than what it stands in the place of.'''
    return {{"less": peer.ticks >= {least}}}
MINE = PROTOCOL.replace("mine")
"""


def test_what_rests_on_a_lemma_is_not_known_where_another_stands_in_its_place(store: Store, tmp_path: Path) -> None:
    """What was proved with one's own lemma is not known without it either, nor with another of the same name."""
    prove(PROTOCOL, NAMES, 1, memory=Kept(store, PROTOCOL))
    assert Kept(store, PROTOCOL).find("confirm_frame")

    def known(name: str, least: int) -> list[bool]:
        file = tmp_path / "mine.py"
        options = "trusting=False"
        file.write_text(REPLACING.format(kind="lemma", options=options, name=name, words="q, peer", least=least))
        with load(str(file)).in_force() as protocol:
            memory = Kept(store, protocol)
            found = [memory.find(each) for each in NAMES]
            for each in NAMES:
                memory.keep(each, [], [])  # as if all were proved with it
        return [each is not None for each in found]

    assert known("counters_are_in_order", 0) == [False, False]
    assert known("counters_are_in_order", 1) == [False, False]
    assert known("counters_are_in_order", 0) == [True, True]
    assert known("mine", 0) == [True, True]
    assert known("mine", 1) == [True, True]
    found = Kept(store, PROTOCOL).find("confirm_frame")
    assert found is not None
    assert found.proved
    assert not found.lacks
