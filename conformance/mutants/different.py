"""Implementations that are right in another way, each with mistakes of its own: the suite accuses none of the former.

They grow from the template, with what may be done in several ways in methods of its own; each declares in `hello` which
choice it makes (`choices.CHOICES`).
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from typing import Any

from rollproof.conformance.mutants.bugs import Mutant
from rollproof.conformance.mutants.otherwise import Contiguous, DefaultWindow, ForgetsBeyondGaps
from rollproof.conformance.mutants.pausing import (
    CatchesUp,
    CatchesUpWithItsLast,
    Pauses,
    PausesAlone,
    PausesNot,
    PausesTogether,
)
from rollproof.conformance.mutants.template import Peer, adapter_of
from rollproof.conformance.schema import Json


class Sparse(Peer):
    """Saves every fifth state; goes back to the last one before the wrong frame."""

    every = 5

    def tick(self, value: int) -> None:
        """Go back to a saved state."""
        if self.wrong is not None:
            self.wrong = self.target(self.wrong)
        super().tick(value)

    def target(self, wrong: int) -> int:
        """Return where to go back to."""
        return wrong - wrong % self.every

    def advance(self) -> None:
        """Simulate a frame; save the state before it now and then."""
        super().advance()
        if (len(self.used) - 1) % self.every:
            del self.obs[-2]


class SparseToTheNext(Sparse):
    """Goes back to the saved state after the wrong frame, if there is one."""

    def target(self, wrong: int) -> int:
        """Round up."""
        up = wrong + -wrong % self.every
        return up if up < len(self.used) else super().target(wrong)


class SparseForNothing(Sparse):
    """Goes back whenever a late input comes, right or wrong."""

    def deliver(self, sender: str, data: str) -> None:
        """Take every late input for a wrong one."""
        before = self.contiguous(self.peers.index(sender))
        super().deliver(sender, data)
        late = range(before + 1, min(len(self.used), self.contiguous(self.peers.index(sender)) + 1))
        if late:
            self.wrong = min(late.start, len(self.used) if self.wrong is None else self.wrong)


class RunAhead(Peer):
    """Shows two frames ahead of time after each call, and takes them back at once."""

    ahead = 2

    def tick(self, value: int) -> None:
        """Simulate, then show what is to come."""
        super().tick(value)
        self.show()
        self.take_back()

    def show(self) -> None:
        """Simulate frames ahead of time."""
        self.present = len(self.used)
        for _ in range(self.ahead):
            self.advance()

    def take_back(self) -> None:
        """Load the present frame."""
        self.obs.append({"obs": "load", "frame": self.present, "state": self.states[self.present]})
        del self.states[self.present + 1 :], self.used[self.present :]
        if self.wrong is not None and self.wrong >= self.present:
            self.wrong = None


class RunAheadUntilNextCall(RunAhead):
    """Takes the frames back at the beginning of the next call."""

    showing = False

    def tick(self, value: int) -> None:
        """Take back, simulate, show."""
        if self.showing:
            self.take_back()
        Peer.tick(self, value)
        self.showing = True
        self.show()


class RunAheadForGood(RunAhead):
    """Never takes back what it shows in its tenth call."""

    calls = 0

    def take_back(self) -> None:
        """Forget to, once."""
        self.calls += 1
        if self.calls != 10:
            super().take_back()


class TimeSync(Peer):
    """Skips one call in four while it is far ahead of a partner."""

    calls = 0

    def may_advance(self) -> bool:
        """Tell whether this call simulates a frame."""
        self.calls += 1
        return super().may_advance() and not (self.waits() and self.calls % 4 == 0)

    def waits(self) -> bool:
        """Tell whether a partner is far behind."""
        others = [self.contiguous(player) for player in range(len(self.peers)) if player != self.number]
        return len(self.used) - min(others) > 4


class WaitsForNobody(TimeSync):
    """Skips calls while everybody keeps up."""

    def waits(self) -> bool:
        """Always."""
        return True


class WaitsForEver(TimeSync):
    """Once it is ahead it never goes on."""

    def may_advance(self) -> bool:
        """Stop for good."""
        self.stopped = getattr(self, "stopped", False) or self.waits()
        return not self.stopped


class KeepsPresses(Peer):
    """Keeps what was pressed in calls that simulate nothing for the next frame."""

    kept = 0

    def sampled(self, value: int) -> int:
        """Return the input of a frame that has none yet."""
        self.kept |= value
        if len(self.used) + self.delay in self.known[self.number]:
            return value
        whole, self.kept = self.kept, 0
        return whole


class KeepsPressesForEver(KeepsPresses):
    """Never lets go of a button."""

    def sampled(self, value: int) -> int:
        """Keep all."""
        self.kept |= value
        return self.kept


class ChangesDelay(Peer):
    """Changes its input delay when it is told to: frames in between repeat the last input, or an input is left out."""

    def command(self, name: str, value: int | None) -> bool:
        """Change the delay."""
        if name != "input_delay" or value is None:
            return False
        self.own_delay = value
        return True

    def schedule(self, value: int) -> None:
        """Fix the inputs up to the frame that this call's input is for."""
        own, delay = self.known[self.number], getattr(self, "own_delay", self.delay)
        frame = len(self.used) + delay
        while self.contiguous(self.number) < frame - 1:
            last = self.contiguous(self.number)
            own[last + 1] = self.filled(own.get(last, 0))
        own.setdefault(frame, value)

    def filled(self, last: int) -> int:
        """Return the input of a frame in between."""
        return last


class ChangesDelayByItself(ChangesDelay):
    """Changes its input delay every twenty frames."""

    def tick(self, value: int) -> None:
        """Change it now and then."""
        self.own_delay = self.delay + len(self.used) // 20 % 3
        super().tick(value)


class FillsWithNoise(ChangesDelay):
    """Frames in between get an input that nobody made."""

    def filled(self, last: int) -> int:
        """Return something else."""
        return last ^ 64


class ChangesItsMind(ChangesDelay):
    """An input that was fixed under the longer delay is replaced under the shorter one."""

    def schedule(self, value: int) -> None:
        """Fix it once more."""
        super().schedule(value)
        self.known[self.number][len(self.used) + getattr(self, "own_delay", self.delay)] = value


class KnowsItsSession(Peer):
    """Puts the session into each packet, and refuses those of another one."""

    def extra(self) -> dict[str, Json]:
        """Name the session."""
        return {"session": self.session}

    def deliver(self, sender: str, data: str) -> None:
        """Refuse what is of another session."""
        if self.is_own(json.loads(b64decode(data))["session"]):
            super().deliver(sender, data)

    def is_own(self, session: str) -> bool:
        """Tell whether a session is the own one."""
        return session == self.session


class BelievesEverySession(KnowsItsSession):
    """Puts the session into each packet, and does not look at it."""

    def is_own(self, session: str) -> bool:
        """Believe it."""
        return True


class Forgives(Peer):
    """After half a second of silence a partner's inputs are 0, and the others go on."""

    patience_us = 500_000
    now = 0

    def at(self, now: int, sender: str | None) -> None:
        """Note the time, and who was heard."""
        self.now = now
        self.heard = getattr(self, "heard", {})
        if sender is not None:
            self.heard[sender] = now

    def may_advance(self) -> bool:
        """Wait for those who are not silent."""
        players = [self.contiguous(number) for number, peer in enumerate(self.peers) if not self.is_silent(peer)]
        return self.window is None or len(self.used) - min([len(self.used) - 1, *players]) <= self.window

    def is_silent(self, peer: str) -> bool:
        """Tell whether nothing was heard of a partner for a while."""
        return peer != self.me and self.now - getattr(self, "heard", {}).get(peer, 0) >= self.patience_us

    def input_of(self, player: int, frame: int) -> int:
        """Return 0 for a silent partner."""
        if self.is_silent(self.peers[player]) and frame not in self.known[player]:
            return 0
        return super().input_of(player, frame)


class ForgivesAtOnce(Forgives):
    """Does not even wait for half a second."""

    patience_us = 40_000


class Star(Peer):
    """The first player passes on what the others send, who send to nobody else."""

    def send(self, partner: str) -> None:
        """Send what the partner may not know, of all players."""
        if self.peers[0] not in (self.me, partner):
            return
        all_known = [
            [self.known[player][frame] for frame in range(self.contiguous(player) + 1)]
            for player in range(len(self.peers))
        ]
        self.out.append({"to": partner, "class": "input", "packet": b64encode(json.dumps(all_known).encode()).decode()})

    def deliver(self, sender: str, data: str) -> None:
        """Store what is new, of anybody."""
        for player, values in enumerate(json.loads(b64decode(data))):
            if player != self.number and self.passes_on(player):
                for frame, value in enumerate(values):
                    self.store(player, frame, value)

    def store(self, player: int, frame: int, value: int) -> None:
        """Store an input that is new."""
        if frame not in self.known[player]:
            self.known[player][frame] = value
            if frame < len(self.used) and self.used[frame][player] != value:
                self.wrong = frame if self.wrong is None else min(self.wrong, frame)

    def passes_on(self, player: int) -> bool:
        """Tell whether a player's inputs are believed."""
        return True


class StarOfTwo(Star):
    """The host believes only the second player."""

    def passes_on(self, player: int) -> bool:
        """Forget the third."""
        return player < 2 or self.number != 0


RIGHT: dict[str, Callable[[], Any]] = {}
"""By name: what makes adapters that are right in another way."""
_MISTAKES: list[Mutant] = []


def _add(name: str, kind: type[Peer], capabilities: tuple[str, ...], variants: Json, *wrong: type[Peer]) -> None:
    RIGHT[name] = adapter_of(kind, capabilities, variants, name)
    for each in wrong:
        made = adapter_of(each, capabilities, variants, f"mutant of {name}"[:100])
        _MISTAKES.append(Mutant(f"different:{_name(each)}", (each.__doc__ or "").strip(), made))


def _name(kind: type) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind.__name__).strip("_")


_add("sparse", Sparse, ("sparse",), {}, SparseToTheNext, SparseForNothing)
_add("run-ahead", RunAhead, (), {"run_ahead": "shown"}, RunAheadForGood)
_add("run-ahead-until-next-call", RunAheadUntilNextCall, (), {"run_ahead": "shown"})
_add("time-sync", TimeSync, (), {"time_sync": "waits"}, WaitsForNobody, WaitsForEver)
_add("keeps-presses", KeepsPresses, (), {"skipped_presses": "kept"}, KeepsPressesForEver)
_add("pauses", Pauses, ("pause",), {}, PausesNot)
_add("catches-up", CatchesUp, ("pause",), {"pause": "caught-up"}, CatchesUpWithItsLast)
_add("pauses-together", PausesTogether, ("pause",), {"pause": "agreed"}, PausesAlone)
_add("changes-delay", ChangesDelay, ("delay-change",), {}, FillsWithNoise, ChangesItsMind)
_add("knows-its-session", KnowsItsSession, ("sessions",), {}, BelievesEverySession)
_add("changes-delay-by-itself", ChangesDelayByItself, (), {"input_delay": "changing"})
_add("forgives-silence", Forgives, (), {"silent_partner": "default"}, ForgivesAtOnce)
_add("star", Star, (), {}, StarOfTwo)
RIGHT["default-window"] = DefaultWindow
RIGHT["contiguous"] = Contiguous
_MISTAKES.append(Mutant("different:forgets_beyond_gaps", (ForgetsBeyondGaps.__doc__ or "").strip(), ForgetsBeyondGaps))


def mistakes() -> Iterator[Mutant]:
    """Return the mistakes that these may make."""
    return iter(_MISTAKES)
