"""One peer, single transitions in any order: every property holds after each, and nothing ever raises."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from rollproof.model.sessions.probes import NO_ACTION
from rollproof.model.sessions.worlds import ArithmeticWorld
from rollproof.model.theorems.environment import ASSUMPTIONS
from rollproof.model.theorems.properties import PROPERTIES as ALL
from rollproof.model.theorems.property import Attempt
from rollproof.model.variants.variants import VARIANTS
from rollproof.proofs.implied import is_implied
from rollproof.reference.containers import Player
from rollproof.reference.digest import Digest
from rollproof.reference.messages import Path
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.transition import Protocol
from tests import long_but
from tests.bench import ME, PROPERTIES, YOU, Bench, act_often, config, end_is_mispredicted

POSSIBLE = ALL["possible_exactly_when_the_rules_say"]
UNCONDITIONAL = [each.name for each in PROPERTIES.values() if not each.trusting]
"""The properties that hold whatever partners say."""
TALKING = (
    "send_inputs", "resend_inputs", "send_ack", "receive_ack", "announce_end", "send_hash", "compare_hash",
    "lose_p2p", "change_link",
)  # fmt: skip
"""What a peer says, and how it is understood."""
PROCEEDING = ("drain", "rollback", "confirm", "confirm_frame", "begin_rollback", "replay_frame", "suspect_end")
"""What it does of its own accord, in the words of `tests.bench`."""

SETTINGS = st.fixed_dictionaries(
    {
        "input_delay": st.integers(0, 2),
        "actions": st.sampled_from(["any", "int"]),
        "prediction": st.sampled_from(["previous", "default"]),
        "prediction_window": st.sampled_from([None, 1, 2]),
        "redundancy": st.integers(1, 3),
        "max_resent": st.integers(1, 3),
        "resend_interval_ms": st.just(10),
        "max_frames_ahead": st.integers(2, 6),
        "debug_remote_input_delay": st.sampled_from([0, 0, 2]),
        "max_steps": st.integers(1, 6),
        "input_confirmation_timeout_ms": st.sampled_from([0, 20]),
        "episode_sync_timeout_ms": st.sampled_from([0, 20]),
        "hash_interval": st.integers(1, 3),
    }
)
SIX = "tick tick tick tick tick tick"
STARTS: dict[str, dict[str, Any]] = {
    "": {"input_delay": 1},
    "tick tick tick hear:0 begin_rollback replay_frame arrive:1": {},
    "tick tick hear:0 begin_rollback replay_frame replay_frame": {},
    "tick tick hear:0": {"prediction_window": 1},
    "hear:0 tick confirm_frame tick hear:1 begin_rollback": {},
    "hear:0 tick tick confirm arrive:1": {"debug_remote_input_delay": 2, "prediction_window": 1},
    "hear:0,1 tick tick confirm partner_ends send_inputs lose_p2p": {"max_steps": 2},
    "tick tick hear:0,1 confirm_frame resend_inputs": {},
    "tick tick hear:0 rollback hear:1 arrive:2": {},
    f"{SIX} schedule_input": {},
    f"{SIX} hear:0": {},
    f"{SIX} partner_ends hear:0 begin_rollback": {},
    f"{SIX} suspect_end hear:1,0": {},
    f"{SIX} suspect_end hear:0 rollback late": {},
    f"{SIX} suspect_end arrive:0 late": {},
    f"{SIX} suspect_end hear:0 late": {},
    f"{SIX} suspect_end hear:0 begin_rollback late": {},
    f"{SIX} suspect_end late give_up_on_partners": {},
    f"{SIX} suspect_end partner_ends begin_wait arrive:0 late": {},
    f"{SIX} suspect_end partner_ends begin_wait hear:0 late": {},
    f"{SIX} suspect_end partner_ends begin_wait hear:0 begin_rollback late": {},
    f"{SIX} suspect_end partner_ends begin_wait hear:0 rollback late": {},
    f"{SIX} suspect_end partner_ends begin_wait hear:0 rollback confirm late expire_wait": {},
    f"hear:0,1,2,3,4,5 {SIX} confirm suspect_end decide_end:6 announce_end receive_ack:5,1": {},
    f"hear:0,1,2,3,4,5 {SIX} confirm suspect_end decide_end:6 announce_end": {},
    f"hear:0,1,2,3,4,5 {SIX} confirm suspect_end partner_ends begin_wait": {},
    f"hear:0,1,2,3,4,5 {SIX} confirm suspect_end decide_end:6 partner_ends begin_wait succeed_wait close": {},
    "tick hear:0 rollback tick suspect_end partner_ends": {"ends": 2},
    "tick hear:0 rollback tick suspect_end hear:1 rollback confirm": {"ends": 2},
}
"""Scripts that lead to where something else may happen, with the settings that they need."""
HOSTILE: tuple[dict[str, Any], ...] = (
    {"player": "stranger"}, {"epoch": 7}, {"game": "another session"}, {"frame": -1}, {"frame": 99}, {"end": 0},
    {"acknowledged": 99},
)  # fmt: skip
"""Arguments that no partner of this peer would pass."""
ARGUMENTS: dict[str, st.SearchStrategy[Any]] = {
    "player": st.sampled_from([YOU, "c", ME, "stranger"]),
    "epoch": st.integers(-1, 1),
    "game": st.sampled_from(["game", "game", "another session"]),
    "path": st.sampled_from(Path),
    "frame": st.integers(-1, 12),
    "action": st.integers(0, 2) | st.just(NO_ACTION),
    "end": st.integers(-1, 12),
    "digest": st.builds(Digest, st.sampled_from(["", "forged"])),
    "reason": st.just("reason"),
    "acknowledged": st.integers(-2, 5),
    "end_known": st.booleans(),
    "accepts": st.booleans(),
    "connected": st.booleans(),
    "has_sender": st.booleans(),
    "focused": st.booleans(),
}
"""Any arguments, by name; the epoch is relative to the peer's, and the time is that of the machine."""

FIRED: Counter[str] = Counter()
REFUSED: Counter[tuple[str, str]] = Counter()
"""By transition and guard."""


class TransitionMachine(RuleBasedStateMachine):
    """A peer to which anything may happen at any moment."""

    @initialize(
        chosen=SETTINGS,
        three=st.booleans(),
        ends=st.sampled_from([None, 2, 3]),
        seed=st.integers(0, 99),
        start=st.sampled_from(sorted(STARTS)),
    )
    def begin(self, chosen: dict[str, Any], three: bool, ends: int | None, seed: int, start: str) -> None:
        players = (ME, YOU, "c") if three else (ME, YOU)

        def act(player: Player, frame: int, epoch: int) -> int:
            return (seed // (1 + frame % 3) + 2 * frame + ord(player) * (epoch + frame // 2)) % 3

        self.begin_with(Bench(config=config(players=players, **chosen), world=ArithmeticWorld(end_when=ends), act=act))
        self.run(*start.split())

    def begin_with(self, bench: Bench) -> None:
        self.bench = bench
        self.lied = False

    def fire(self, name: str, *args: Any) -> None:
        """Try one transition; if it happens check everything, and if it does not that nothing has changed."""
        bench, before = self.bench, self.bench.peer
        args = bench.completed(name, args)
        words, named = bench.words(before.epoch), dict(zip(bench.parameters(name), args, strict=True))
        refused = bench.do(name, *args)
        if not self.lied:  # what a liar said may have made what the lemmas exclude
            attempt = Attempt(name, before, named, refused is None)
            assert [clause for clause, held in POSSIBLE.clauses(words, attempt).items() if not held] == []
        if refused is not None:
            REFUSED[name, refused] += 1
            assert bench.peer is before
            return
        FIRED[name] += 1
        self.lied = self.lied or not (name not in ASSUMPTIONS or ASSUMPTIONS[name](words, before, **named))
        bench.honest = () if self.lied else None
        assert bench.broken_by(bench.steps[-1], UNCONDITIONAL if self.lied else PROPERTIES) == []

    def run(self, *words: str) -> None:
        for word in words:
            if word == "partner_ends":
                for partner in self.bench.peer.config.partners:
                    self.hear_of_the_end(partner, 0)
                continue
            for name, *args in self.bench.expand(word):
                self.fire(name, *args)

    @rule(later=st.sampled_from([1, 10, 30]))
    def wait(self, later: int) -> None:
        self.bench.now += later

    @rule(times=st.integers(1, 3))
    def tick(self, times: int) -> None:
        self.run(*["tick"] * times)

    @rule(
        back=st.integers(-1, 4), count=st.integers(1, 4), player=st.sampled_from([YOU, "c"]), path=st.sampled_from(Path)
    )
    def hear(self, back: int, count: int, player: Player, path: Path) -> None:
        """Let inputs arrive, on whatever path."""
        bench = self.bench
        first = max(bench.peer.frame - back, 0)
        for frame in range(first, first + count):
            if player in bench.peer.config.players:
                self.fire("receive_input", player, bench.peer.epoch, path, frame, bench.truth().action(player, frame))

    @rule(player=st.sampled_from([YOU, "c"]), frame=st.integers(0, 3))
    def hear_of_the_end(self, player: Player, frame: int) -> None:
        """Let the end of the episode arrive, and a hash."""
        bench, truth = self.bench, self.bench.truth()
        if player in bench.peer.config.players and truth.end is not None:
            self.fire("receive_hash", player, bench.peer.epoch, frame, truth.digest(frame + 1))
            self.fire("receive_end", player, bench.peer.epoch, truth.end)

    @rule(number=st.integers(0, 4), path=st.sampled_from(Path))
    def try_each(self, number: int, path: Path) -> None:
        """Let each transition happen from here, one instead of the other."""
        bench, here = self.bench, self.bench.peer
        for name in bench.protocol.transitions:
            args = dict(zip(bench.parameters(name), bench.usual(name, [number] * 3), strict=True))
            if "path" in args:
                args["path"] = path
            self.fire(name, *{**args, **self.truth_about(name, args)}.values())
            bench.peer = here
            for wrong in HOSTILE:
                if wrong.keys() <= args.keys() and name != "reject_input":
                    self.fire(name, *{**args, **self.truth_about(name, args), **wrong}.values())
                    assert bench.peer is here
            if "action" in args and name != "ignore_conflict" and not here.config.actions.admits(NO_ACTION):
                self.fire(name, *{**args, **self.truth_about(name, args), "action": NO_ACTION}.values())
                assert bench.peer is here

    @rule(words=st.lists(st.sampled_from(PROCEEDING), max_size=4))
    def proceed(self, words: list[str]) -> None:
        """Let the peer get on as it should."""
        self.run(*words)

    @rule(name=st.sampled_from(TALKING), number=st.integers(-1, 3), accepts=st.booleans())
    def talk(self, name: str, number: int, accepts: bool) -> None:
        """Let the peer send something, or understand it."""
        args = self.bench.usual(name, [number, accepts])
        self.fire(name, *(accepts if each is True else each for each in args))

    @rule(ends=st.permutations(range(1, 7)), resets=st.booleans())
    def finish(self, ends: list[int], resets: bool) -> None:
        """Let the peer do whatever is left to do in its episode."""
        self.run("drain", "rollback", "confirm", "withdraw_end", *(f"decide_end:{end}" for end in ends), "begin_wait")
        self.run("succeed_wait", "expire_wait", "close", *["reset_episode"] * resets)

    @rule(data=st.data(), name=st.sampled_from(sorted(PROTOCOL.transitions)))
    def anything(self, data: st.DataObject, name: str) -> None:
        """Let something happen that may be impossible, or a lie."""
        names = self.bench.parameters(name)
        given = {each: self.bench.now if each == "now" else data.draw(ARGUMENTS[each]) for each in names}
        if "epoch" in given:
            given["epoch"] += self.bench.peer.epoch
        if data.draw(st.integers(0, 9)) > 0:
            given |= self.truth_about(name, given)
        self.fire(name, *given.values())

    def truth_about(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        """Return those arguments that must be others for the environment to speak the truth."""
        truth = self.bench.truth(given.get("epoch"))
        match name:
            case "schedule_input":
                return {"action": self.bench.next_action()}
            case "receive_input" | "ignore_conflict" if given["player"] in self.bench.peer.config.players:
                return {"action": truth.action(given["player"], given["frame"])}
            case "receive_end" if truth.end is not None:
                return {"end": truth.end}
            case "receive_hash" if given["frame"] >= 0:
                return {"digest": truth.digest(given["frame"] + 1)}
        return {}


def sweep(protocol: Protocol = PROTOCOL) -> None:
    """Try everything from each of the starts."""
    for script, settings_ in STARTS.items():
        machine = TransitionMachine()
        chosen: dict[str, Any] = {"max_steps": 6, "max_frames_ahead": 8, "actions": "int", **settings_}
        world = ArithmeticWorld(end_when=chosen.pop("ends", None))
        act = end_is_mispredicted if world.end_when else act_often
        machine.begin_with(Bench(protocol, config=config(**chosen), world=world, act=act))
        machine.run(*script.split())
        for number in (0, 1, 6, 7):
            machine.try_each(number, Path.P2P)
        machine.fire("ignore_conflict", YOU, 0, 99)


@pytest.mark.fuzz
def test_every_property_holds_in_any_order_and_everything_is_exercised() -> None:
    FIRED.clear()
    REFUSED.clear()
    sweep()
    run_state_machine_as_test(TransitionMachine, settings=settings(stateful_step_count=40))
    assert sorted(set(PROTOCOL.transitions) - set(FIRED)) == []
    guards = {(each.name, guard.name) for each in PROTOCOL.transitions.values() for guard in each.guards}
    assert [each for each in sorted(guards - set(REFUSED)) if not is_implied(PROTOCOL, *each)] == []


@pytest.mark.parametrize("name", long_but(list(VARIANTS)[::3], VARIANTS))
def test_the_same_finds_what_is_wrong_with_every_variant(name: str) -> None:
    with pytest.raises((AssertionError, LookupError)):
        sweep(VARIANTS[name].protocol)
