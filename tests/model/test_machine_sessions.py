"""Whole sessions of two to four peers on a network that does its worst: every episode ends, with the right records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import permutations
from random import Random
from typing import Any

import pytest
from hypothesis import Phase as Stage
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from rollproof.model.search.coverage import watched
from rollproof.model.search.instances import LockstepTruth
from rollproof.model.sessions.lockstep import run as run_lockstep
from rollproof.model.sessions.probes import NO_ACTION
from rollproof.model.sessions.worlds import ArithmeticWorld
from rollproof.model.theorems.composition import Said
from rollproof.model.theorems.properties import PROPERTIES
from rollproof.model.theorems.values import Values
from rollproof.model.variants.variants import VARIANTS
from rollproof.reference.containers import Action, Player
from rollproof.reference.events import EpisodeReset, Event, Sent
from rollproof.reference.export import Export, read
from rollproof.reference.messages import AckMessage, InputMessage, Path
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Peer, Phase, new_peer
from rollproof.reference.tick import export, is_settled, next_episode, poll, receive, tick
from rollproof.reference.transition import Guard, Protocol, Step
from rollproof.reference.transport import LinkChange, LinkLoss
from tests.bench import FRAMES, config

OF_STATES = [each for each in PROPERTIES.values() if each.scope in ("state", "consequence")]
OF_PRODUCTS = [each for each in PROPERTIES.values() if each.scope == "product"]
OF_PAIRS = [each for each in PROPERTIES.values() if each.scope == "pair"]
EPISODES = 2
PATIENCE = 1000
"""How many rounds of 10 ms a session may take to its end once the network is whole."""

FIRED: Counter[str] = Counter()
REFUSED: Counter[tuple[str, str]] = Counter()
ENDINGS: Counter[str] = Counter()


def counted(protocol: Protocol) -> Protocol:
    def count(transition: str, guard: str) -> None:
        if guard:
            REFUSED[transition, guard] += 1
        else:
            FIRED[transition] += 1

    return watched(protocol, count)


SETTINGS = st.fixed_dictionaries(
    {
        "input_delay": st.integers(0, 3),
        "actions": st.sampled_from(["any", "int"]),
        "prediction": st.sampled_from(["previous", "default"]),
        "prediction_window": st.sampled_from([None, None, 1, 4]),
        "redundancy": st.integers(1, 4),
        "max_resent": st.sampled_from([1, 4, 64]),
        "resend_interval_ms": st.sampled_from([10, 100]),
        "max_frames_ahead": st.sampled_from([3, 600]),
        "debug_remote_input_delay": st.sampled_from([0, 0, 3]),
        "max_steps": st.integers(1, 14),
        "input_confirmation_timeout_ms": st.sampled_from([0, 100, 500]),
        "episode_sync_timeout_ms": st.sampled_from([50, 200, 800]),
        "hash_interval": st.integers(1, 5),
    }
)


class SessionMachine(RuleBasedStateMachine):
    """Peers that keep the protocol, and a network that loses, repeats, delays, reorders and cuts off what they say."""

    protocol = counted(PROTOCOL)

    @initialize(count=st.integers(2, 4), chosen=SETTINGS, ends=st.sampled_from([None, 3, 8]), seed=st.integers(0, 999))
    def begin(self, count: int, chosen: dict[str, Any], ends: int | None, seed: int) -> None:
        self.players = ("a", "b", "c", "d")[:count]
        self.world = ArithmeticWorld(end_when=ends)
        self.seed = seed
        self.configs = {each: config(player=each, players=self.players, **chosen) for each in self.players}
        self.peers = {each: new_peer(self.configs[each], self.world) for each in self.players}
        self.exports: dict[Player, list[Export]] = {each: [] for each in self.players}
        self.closed: dict[Player, list[Peer]] = {each: [] for each in self.players}
        self.linger = dict.fromkeys(self.players, 0)
        self.said = {(by, to): Said(-1, False) for by, to in permutations(self.players, 2)}
        self.wire: list[Sent] = []
        self.cut: set[tuple[Player, Player]] = set()
        self.refusing: set[tuple[Player, Player]] = set()
        self.now = 0
        self.forged = self.failed = False
        self.touched: set[Player] = set()

    # --- the peers ---

    def action(self, player: Player, frame: int, epoch: int) -> Action:
        """Return what a player does: it holds an action for a while."""
        return ((self.seed + 7 * ord(player) + 3 * epoch) * (frame // 3 + 1) // 5) % 3

    def take(self, player: Player, step: Step) -> None:
        peer, events = step
        self.peers[player] = peer
        self.touched.add(player)
        for event in events:
            if isinstance(event, EpisodeReset):
                self.said |= {(player, to): Said(-1, False) for to in self.players if to != player}
            if isinstance(event, Sent):
                assert event.message.player == player
                if isinstance(event.message, InputMessage | AckMessage):
                    said, upto = self.said[player, event.to], event.message.acknowledged
                    known = isinstance(event.message, AckMessage) and event.message.end_known
                    self.said[player, event.to] = Said(max(said.upto, upto), said.end_known or known)
                if (player, event.to) not in self.cut:
                    self.wire.append(event)
        self.note(events)

    def note(self, events: tuple[Event, ...]) -> None:
        ENDINGS.update(type(event).__name__ for event in events)

    def call(self, player: Player) -> None:
        """Call a peer's driver, and let it go on to the next episode as it should."""
        peer = self.peers[player]
        refusing = {to for by, to in self.refusing if by == player}
        if peer.ending.phase is Phase.RUNNING:
            action = self.action(player, peer.frame + peer.config.input_delay, peer.epoch)
            self.take(player, tick(self.protocol, peer, self.now, action, refusing=refusing))
        else:
            self.take(player, poll(self.protocol, peer, self.now, refusing=refusing))
        peer = self.peers[player]
        if peer.ending.phase is Phase.COMPLETED:
            self.take(player, export(self.protocol, peer))
            self.exports[player].append(read(peer))
            self.closed[player].append(peer)
            self.linger[player] = self.now + 500
        elif peer.ending.phase is Phase.EXPORTED and len(self.exports[player]) < EPISODES and self.may_go_on(player):
            self.take(player, next_episode(self.protocol, peer))

    def may_go_on(self, player: Player) -> bool:
        return is_settled(self.peers[player]) or self.now >= self.linger[player]

    def deliver(self, sent: Sent) -> None:
        peer = self.peers[sent.to]
        self.take(sent.to, receive(self.protocol, peer, self.now, sent.path, sent.message))

    # --- what may happen ---

    @rule(who=st.lists(st.integers(0, 3), min_size=1, max_size=8), apart=st.sampled_from([1, 10, 16]))
    def call_some(self, who: list[int], apart: int) -> None:
        for number in who:
            self.now += apart
            self.call(self.players[number % len(self.players)])

    @rule(rounds=st.integers(1, 6), delivers=st.booleans())
    def call_all(self, rounds: int, delivers: bool) -> None:
        for _ in range(rounds):
            self.now += 16
            for player in self.players:
                self.call(player)
            if delivers:
                self.deliver_some([0] * len(self.wire), False)

    @rule(which=st.lists(st.integers(0, 30), max_size=10), again=st.booleans())
    def deliver_some(self, which: list[int], again: bool) -> None:
        """Let messages arrive in any order, and perhaps again later."""
        for number in which:
            if self.wire:
                at = number % len(self.wire)
                self.deliver(self.wire[at] if again else self.wire.pop(at))

    @rule(which=st.lists(st.integers(0, 30), max_size=10))
    def lose_some(self, which: list[int]) -> None:
        for number in which:
            if self.wire:
                self.wire.pop(number % len(self.wire))

    @rule(ms=st.sampled_from([50, 300, 2500]))
    def wait(self, ms: int) -> None:
        self.now += ms

    @rule(one=st.integers(0, 3), other=st.integers(0, 3), lost=st.booleans())
    def break_link(self, one: int, other: int, lost: bool) -> None:
        """Let a peer lose its path to another for good, or only be refused for now."""
        by, to = self.players[one % len(self.players)], self.players[other % len(self.players)]
        if by == to:
            return
        if not lost:
            self.refusing ^= {(by, to)}
            return
        step = self.protocol.transitions["lose_p2p"].fire(self.peers[by], LinkLoss(to))
        if not isinstance(step, Guard):
            self.take(by, step)

    @rule(one=st.integers(0, 3), other=st.integers(0, 3))
    def cut_off(self, one: int, other: int) -> None:
        """Let nothing arrive any more of what one peer says to another. A window would wait for it for ever."""
        if self.configs["a"].prediction_window is None:
            self.cut.add((self.players[one % len(self.players)], self.players[other % len(self.players)]))

    @rule(one=st.integers(0, 3), other=st.integers(0, 3), connected=st.booleans())
    def change_link(self, one: int, other: int, connected: bool) -> None:
        by, to = self.players[one % len(self.players)], self.players[other % len(self.players)]
        step = self.protocol.transitions["change_link"].fire(self.peers[by], LinkChange(to, connected, has_sender=True))
        if not isinstance(step, Guard):
            self.take(by, step)

    @rule(one=st.integers(0, 3), other=st.integers(0, 3), frame=st.integers(-1, 6), path=st.sampled_from(Path))
    def forge(self, one: int, other: int, frame: int, path: Path) -> None:
        """Let another value arrive for an input that is known already, or one that cannot be."""
        to, player = self.players[one % len(self.players)], self.players[other % len(self.players)]
        peer = self.peers[to]
        if peer.inputs.known.get(player, frame) is None and frame >= 0:
            return
        self.forged = True
        message = InputMessage("game", peer.epoch, player, frame, (99,), -1, 0)
        self.take(to, receive(self.protocol, peer, self.now, path, message))

    @rule(one=st.integers(0, 3), other=st.integers(0, 3), frame=st.integers(0, 6), path=st.sampled_from(Path))
    def talk_nonsense(self, one: int, other: int, frame: int, path: Path) -> None:
        """Let what is no action arrive, where the configuration says what one is."""
        to, player = self.players[one % len(self.players)], self.players[other % len(self.players)]
        peer = self.peers[to]
        if peer.config.actions.admits(NO_ACTION):
            return
        message = InputMessage("game", peer.epoch, player, peer.frame + frame, (NO_ACTION,), -1, 0)
        self.take(to, receive(self.protocol, peer, self.now, path, message))

    # --- what must hold ---

    def words(self, peer: Peer) -> Values:
        def truth(epoch: int) -> LockstepTruth:
            actions = tuple(tuple(self.action(each, frame, epoch) for each in self.players) for frame in range(FRAMES))
            return LockstepTruth(peer.config, self.world, epoch, actions)

        return Values(self.players, peer.frame + 2, truth)

    @invariant()
    def every_property_of_a_state_holds(self) -> None:
        for player in sorted(getattr(self, "touched", ())):
            peer = self.peers[player]
            words = self.words(peer)
            for each in OF_STATES:
                if not (self.forged and each.name == "no_false_alarm"):
                    broken = [clause for clause, holds in each.clauses(words, peer).items() if not holds]
                    self.failed = bool(broken)
                    assert not broken, (player, each.name, broken)
            for other in self.players:
                if other != player:
                    self.what_is_acknowledged_is_known(player, other)
                    self.what_is_acknowledged_is_known(other, player)
        self.touched = set()

    def what_is_acknowledged_is_known(self, by: Player, of: Player) -> None:
        words = self.words(self.peers[by])
        for each in OF_PRODUCTS:
            clauses = each.clauses(words, self.peers[by], self.peers[of], self.said[of, by])
            broken = [clause for clause, holds in clauses.items() if not holds]
            self.failed = bool(broken)
            assert not broken, (by, of, each.name, broken)

    def teardown(self) -> None:
        """Once the network is whole but for what is cut off, every episode ends everywhere with the right records."""
        if not hasattr(self, "peers") or self.failed:
            return
        self.refusing.clear()
        for _ in range(PATIENCE):
            if all(len(exports) == EPISODES for exports in self.exports.values()):
                break
            self.now += 10
            for player in self.players:
                self.call(player)
            self.deliver_all()
        assert [len(exports) for exports in self.exports.values()] == [EPISODES] * len(self.players)
        self.every_property_of_a_state_holds()
        for epoch in range(EPISODES):
            self.check_episode(epoch)

    def deliver_all(self, times: int = 1) -> None:
        wire, self.wire = self.wire, []
        for sent in wire * times:
            self.deliver(sent)

    def check_episode(self, epoch: int) -> None:
        submitted = {each: {frame: self.action(each, frame, epoch) for frame in range(FRAMES)} for each in self.players}
        truth = run_lockstep(self.configs["a"], self.world, epoch, submitted)
        for player in self.players:
            exported, words = self.exports[player][epoch], self.words(self.closed[player][epoch])
            rows = [dict(zip(exported.columns, row, strict=True)) for row in exported.rows]
            for row, true in zip(rows, truth.rows, strict=False):
                if not row["unconfirmed"]:
                    assert {name: row[name] for name in true} == true
            if exported.metadata["confirmed"]:
                assert len(rows) == len(truth.rows)
            for other in self.players:
                for each in OF_PAIRS:
                    clauses = each.clauses(words, self.closed[player][epoch], self.closed[other][epoch])
                    assert all(clauses.values()), (player, other, epoch, clauses)


def late_inputs(machine: SessionMachine, seed: int) -> None:
    """Let a session run in which inputs come late, so that an end by event is often mispredicted."""
    machine.begin(2 + seed % 3, {"max_steps": 14, "episode_sync_timeout_ms": 800}, 12, seed)
    for rounds in (1, 4, 4, 4, 6):
        machine.call_all(rounds, False)
        machine.deliver_all(1 + seed % 2)
        machine.every_property_of_a_state_holds()
    machine.teardown()


def storm(machine: SessionMachine, seed: int) -> None:
    """Let a session run in which everything happens, as `seed` has it."""
    random = Random(seed)
    chosen = {
        "max_steps": 8,
        "hash_interval": 2,
        "prediction_window": (None, 2)[seed % 2],
        "max_frames_ahead": 3 + seed % 9,
        "actions": "int",
    }
    chosen |= {"input_delay": seed % 4, "debug_remote_input_delay": seed % 3, "episode_sync_timeout_ms": 200}
    machine.begin(2 + seed % 3, chosen, None, seed)
    for _ in range(30):
        one, other, some = random.randrange(4), random.randrange(4), [random.randrange(30) for _ in range(6)]
        step: Callable[[], None] = random.choice(
            (
                partial(machine.call_some, some, 16),
                partial(machine.call_all, 3, bool(one % 2)),
                partial(machine.deliver_some, some, bool(one % 2)),
                partial(machine.lose_some, some[:2]),
                partial(machine.wait, 50),
                partial(machine.break_link, one, other, bool(some[0] % 2)),
                partial(machine.change_link, one, other, bool(some[0] % 2)),
                partial(machine.forge, one, other, some[0] % 5 - 1, Path.RELAY),
                partial(machine.cut_off, one, other if seed % 5 == 0 else one),
            )
        )
        step()
        machine.talk_nonsense(one, other, some[1] % 7, Path.P2P)
        machine.every_property_of_a_state_holds()
    machine.teardown()


NEVER_IN_THE_WAY = {
    "completed", "end_is_certain", "end_is_plausible", "exported", "frames_below_termination_are_simulated",
    "has_inputs", "hash_is_plausible", "input_conflicts", "local_input_is_scheduled", "next_record_is_unconfirmed",
    "no_rollback_in_progress", "no_rollback_pending", "nothing_left_to_confirm", "queues_are_drained",
    "replay_is_complete", "rollback_in_progress", "rows_are_canonical", "running", "same_session",
}  # fmt: skip
"""Guards that may never refuse anything here: the drivers do things in an order in which they hold, and peers are
honest. `test_machine_transitions` exercises these, too."""


class BrokenSessionMachine(SessionMachine):
    """The same with a variant of the protocol."""


@pytest.mark.fuzz
def test_every_episode_of_every_session_ends_with_the_right_records() -> None:
    FIRED.clear()
    REFUSED.clear()
    ENDINGS.clear()
    fewer = settings(max_examples=settings.default.max_examples // 2)
    for seed in range(20):
        late_inputs(SessionMachine(), seed)
        storm(SessionMachine(), seed)
    run_state_machine_as_test(SessionMachine, settings=settings(fewer, stateful_step_count=30))
    assert sorted(set(PROTOCOL.transitions) - set(FIRED)) == []
    guards = {guard.name for each in PROTOCOL.transitions.values() for guard in each.guards}
    assert sorted(guards - {guard for _, guard in REFUSED} - NEVER_IN_THE_WAY) == []
    for ending in ("WaitSucceeded", "WaitTimedOut", "PartnerEndMissing", "EndWithdrawn", "ForcedPromotion"):
        assert ENDINGS[ending] > 0, ending


@pytest.mark.parametrize("name", ["phase_36", "phase_61"])
def test_the_same_finds_that_earlier_revisions_are_wrong(name: str) -> None:
    BrokenSessionMachine.protocol = VARIANTS[name].protocol
    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            BrokenSessionMachine,
            settings=settings(stateful_step_count=30, phases=(Stage.generate,), report_multiple_bugs=False),
        )
