"""Why peers differ at a frame: the class of the cause, as certain as what is told allows, and no more.

A cause is certain if nothing else could have made the lines that are there; otherwise it is likely, and what would have
to be recorded to know is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import evolve, frozen

from rollproof.conformance.game import START, step
from rollproof.conformance.logs.compare import DEFAULT_INPUT
from rollproof.conformance.logs.differences import Difference
from rollproof.conformance.logs.frames import Frame
from rollproof.conformance.logs.reading import Header
from rollproof.conformance.logs.told import Episode, Simulation, Told
from rollproof.reference.values import canonical

INPUTS = "different inputs for one frame"
TOO_EARLY = "a frame treated as final too early"
NOT_CORRECTED = "a replay that did not correct it"
NOT_DETERMINISTIC = "the simulation itself is not deterministic"
RECORDING = "the recording is wrong"
END = "the end"
UNKNOWN = "unknown"
OPEN = "perhaps a prediction that was not corrected any more"


@frozen
class Cause:
    """Why peers differ."""

    kind: str
    certain: bool
    why: str
    """What in the logs says so, in words."""
    left: tuple[str, ...] = ()
    """The peers that left lockstep, if the logs show it."""
    wanted: tuple[str, ...] = ()
    """What would have to be recorded to know more."""


def cause_of(header: Header, frame: Frame, before: Frame | None, found: Sequence[Difference]) -> Cause:
    """Return the cause of the first difference, which is in this frame.

    `found` has what is told differently of it; `before` is the frame before it, of which nothing is.
    """
    if not any(each.certain for each in found):
        each = found[0]
        why = f"{each.about} is {each.one.value} at {each.one.peer} and {each.other.value} at {each.other.peer}"
        return Cause(
            OPEN, False, f"{why}, and nothing tells that it is final", (), ("confirm or promote", "input_recv")
        )
    here = _Here(header, frame, before, any("rows" in (each.one.kind, each.other.kind) for each in found))
    for look in (here.conflict, here.uncorrected, here.promoted, here.unlike_states, here.rows):
        cause = look()
        if cause is not None:
            return cause
    return Cause(UNKNOWN, False, f"{found[0].about} differs", (), ("advance", "input_local", "input_recv", "promote"))


def cause_of_end(header: Header, found: Sequence[Difference], episodes: Mapping[str, Episode]) -> Cause:
    """Return the cause of what is told differently of a whole episode, all frames of which are the same."""
    each = found[0]
    if each.clause.name in ("ends_agree", "one_end"):
        ends = {peer: episode.end for peer, episode in episodes.items() if episode.end is not None}
        told = ", ".join(f"{peer}: {end.frames} frames in line {end.line}" for peer, end in ends.items())
        return Cause(END, True, f"the frames are the same, and not how many there are ({told})")
    why = f"{each.about}: {each.one.value} in line {each.one.line}, {each.other.value} in line {each.other.line}"
    if each.clause.name == "exports_agree" and any(episode.end is None for episode in episodes.values()):
        return Cause(END, False, f"the rows are the same, and not how many there are: {why}", (), ("episode_end",))
    return Cause(RECORDING, True, f"the frames are the same, and not the exports: {why}")


@frozen
class _Here:
    """The first frame that differs."""

    header: Header
    frame: Frame
    before: Frame | None
    row_differs: bool
    """Whether it is a row that is told differently."""

    # --- inputs ---

    def conflict(self) -> Cause | None:
        """Two peers know different inputs: what a player's own peer says, and what others received."""
        for index, player in enumerate(self.header.players):
            said = list(self._known(index, player))
            own = next((each for each in said if each[0] == player), None)
            truth = own if own is not None else next(iter(said), None)
            if truth is None:
                continue
            wrong = [each for each in said if each[1] != truth[1]]
            if wrong:
                told = "; ".join(f"{peer} has {value} in line {line}" for peer, value, line in (truth, *wrong[:3]))
                left = tuple(dict.fromkeys(peer for peer, _, _ in wrong)) if own is not None else ()
                return Cause(INPUTS, True, f"{player}'s input of frame {self.frame.number}: {told}", left)
        return None

    def _known(self, index: int, player: str) -> Iterator[tuple[str, int, int]]:
        """Iterate over what peers say that an input is: peer, value, line. What may be a prediction is not among it."""
        for peer, told in self.frame.told.items():
            yield from ((peer, each.value, each.line) for each in told.claims if each.player == player)
            if peer == player:
                yield from (
                    (peer, each.inputs[index], each.line) for each in told.simulations if index < len(each.inputs)
                )

    def _truth(self, index: int, player: str) -> int | None:
        """Return a player's input, if somebody knows it."""
        said = list(self._known(index, player))
        own = next((value for peer, value, _ in said if peer == player), None)
        return own if own is not None else next((value for _, value, _ in said), None)

    def uncorrected(self) -> Cause | None:
        """A peer used another input than the one that is known, and it is not corrected, or not in what it recorded."""
        causes = []
        for index, player in enumerate(self.header.players):
            truth = self._truth(index, player)
            if truth is None:
                continue
            for peer, told in self.frame.told.items():
                if peer != player and told.simulations and index < len(told.simulations[-1].inputs):
                    cause = self._of_peer(index, player, truth, peer, told)
                    if cause is not None:
                        causes.append(cause)
        if not causes:
            return None
        first = min(causes, key=lambda each: not each.certain)
        alike = [each for each in causes if (each.kind, each.certain) == (first.kind, first.certain)]
        return evolve(first, left=tuple(dict.fromkeys(peer for each in alike for peer in each.left)))

    def _of_peer(self, index: int, player: str, truth: int, peer: str, told: Told) -> Cause | None:
        last = told.simulations[-1]
        kept = _at(told, told.promoted) if told.promoted and not told.forced else None
        if last.inputs[index] == truth and (kept is None or kept.inputs[index] == truth):
            return None
        used = next(each for each in told.simulations if each.inputs[index] != truth)
        what = f"{peer} simulated it with {player}'s input {used.inputs[index]} in line {used.line}; it is {truth}"
        received = next((each.line for each in told.claims if each.player == player), 0)
        observes = self.header.observes_of(peer)
        if not received:
            return self._never_received(index, player, peer, told, what, last.inputs[index])
        for line, name in ((told.promoted if not told.forced else 0, "promoted"), (told.confirmed, "confirmed")):
            if 0 < line < received:
                return Cause(
                    TOO_EARLY, True, f"{what}, and was {name} in line {line}, before line {received} told", (peer,)
                )
        again = [each for each in told.simulations if each.line > received]
        if again and again[-1].inputs[index] != truth:
            why = f"{what}, as is known since line {received}, and line {again[-1].line} simulated it so again"
            return Cause(NOT_CORRECTED, True, why, (peer,))
        corrected = again[-1].line if again else 0
        early = (
            kept is not None and kept.inputs[index] != truth and f"was promoted in line {told.promoted}, uncorrected"
        )
        if early and corrected > told.promoted:
            why = f"{what}, as is known since line {received}; it {early}, and corrected in line {corrected}"
            return Cause(TOO_EARLY, True, why, (peer,))
        if told.overdue and not again:
            why = f"{what}, as is known since line {received}, and line {told.overdue} went on without a correction"
            if early and told.promoted < told.overdue:
                return Cause(NOT_CORRECTED, False, f"{why}; before that it {early}", (peer,))
            return Cause(NOT_CORRECTED, "advance" in observes, why, (peer,))
        if early and not again:
            return Cause(TOO_EARLY, False, f"{what}, as is known since line {received}, and {early}", (peer,))
        if not again:
            return Cause(NOT_CORRECTED, False, f"{what}, and was not corrected", (peer,), ("advance", "promote"))
        return None

    def _never_received(self, index: int, player: str, peer: str, told: Told, what: str, value: int) -> Cause:
        observes = self.header.observes_of(peer)
        final = [
            (line, name)
            for line, name in (
                (told.promoted if not told.forced else 0, "promoted"),
                (told.confirmed, "confirmed"),
                (told.row_line if told.row is not None and not told.row.get("unconfirmed") else 0, "exported"),
            )
            if line
        ]
        if "input_recv" in observes and final:
            line, name = final[0]
            return Cause(
                TOO_EARLY, True, f"{what}, was {name} in line {line}, and the input was never received", (peer,)
            )
        wanted = tuple(kind for kind in ("input_recv", "confirm", "promote") if kind not in observes)
        if value != self._predicted(index, peer):
            why = f"{what}, which is none that it can have predicted"
            return Cause(INPUTS, False, why, (peer,), wanted)
        if final:
            return Cause(
                TOO_EARLY, False, f"{what}, as predicted, and was {final[0][1]} in line {final[0][0]}", (peer,), wanted
            )
        return Cause(NOT_CORRECTED, False, f"{what}, as predicted", (peer,), wanted)

    def _predicted(self, index: int, peer: str) -> int | None:
        if self.header.variants.get("prediction", "previous") == "default" or self.frame.number == 0:
            return DEFAULT_INPUT
        told = None if self.before is None else self.before.told.get(peer)
        return told.simulations[-1].inputs[index] if told is not None and told.simulations else None

    # --- states ---

    def promoted(self) -> Cause | None:
        """A promoted frame was simulated again, and came out differently."""
        for peer, told in self.frame.told.items():
            kept = _at(told, told.promoted) if told.promoted and not told.forced else None
            last = told.simulations[-1] if told.simulations else None
            if (
                kept is None
                or last is None
                or canonical((kept.inputs, kept.state)) == canonical((last.inputs, last.state))
            ):
                continue
            why = f"{peer} promoted in line {told.promoted} what line {last.line} simulated differently"
            if canonical(kept.inputs) != canonical(last.inputs):
                return Cause(TOO_EARLY, True, why, (peer,))
            earlier = self._simulations_before(peer)
            states = [next((e.state for e in reversed(earlier) if e.line < each.line), None) for each in (kept, last)]
            if None in states:
                return Cause(TOO_EARLY, False, why, (peer,), ("advance of every frame",))
            if states[0] != states[1]:
                return Cause(TOO_EARLY, True, f"{why}, for an earlier frame was corrected", (peer,))
        return None

    def unlike_states(self) -> Cause | None:
        """Peers used the same inputs, and came to different states."""
        told = {peer: each for peer, each in self.frame.told.items() if each.simulations}
        if self.frame.number < 0:
            starts = {peer: each.saved[0] for peer, each in self.frame.told.items() if each.saved is not None}
            if len(set(starts.values())) > 1:
                told_starts = ", ".join(f"{peer}: {state}" for peer, state in starts.items())
                return Cause(NOT_DETERMINISTIC, True, f"the peers begin in different states ({told_starts})")
            return None
        lasts = {peer: each.simulations[-1] for peer, each in told.items()}
        if len({each.state for each in lasts.values()}) < 2 and not self._alone(told):
            return None
        if len({each.inputs for each in lasts.values()}) > 1:
            return None
        for peer, each in told.items():
            cause = self._replayed_from_elsewhere(peer, each)
            if cause is not None:
                return cause
        states = ", ".join(f"{peer}: {each.state} in line {each.line}" for peer, each in lasts.items())
        why = f"the inputs are the same, so is the state before, and not the state after ({states})"
        wrong = self._wrong_states(lasts)
        unsure = [peer for peer, each in told.items() if not self._is_chained(peer, each)]
        return Cause(NOT_DETERMINISTIC, not unsure, why, wrong, ("load", "advance of every frame") if unsure else ())

    def _alone(self, told: Mapping[str, Told]) -> bool:
        """Tell whether one peer alone came to different states with the same inputs."""
        return (
            any(
                one.inputs == each.simulations[-1].inputs and one.state != each.simulations[-1].state
                for each in told.values()
                for one in each.simulations[:-1]
            )
            and len(told) == 1
        )

    def _simulations_before(self, peer: str) -> list[Simulation]:
        told = None if self.before is None else self.before.told.get(peer)
        return [] if told is None else told.simulations

    def _replayed_from_elsewhere(self, peer: str, told: Told) -> Cause | None:
        """Tell of a replay that began in a wrong state, or ended before this frame."""
        last, earlier = told.simulations[-1], self._simulations_before(peer)
        expected = (
            earlier[-1].state if earlier else START if self.header.suite_game and self.frame.number == 0 else None
        )
        if last.restored is not None and expected is not None and last.restored != expected:
            why = f"{peer} went back to the state {last.restored} before line {last.line}; it had been {expected}"
            return Cause(NOT_CORRECTED, True, why, (peer,))
        if earlier and earlier[-1].line > last.line:
            again = f"{peer} simulated frame {self.frame.number - 1} again in line {earlier[-1].line}"
            why = f"{again}, and this one not after it"
            return Cause(NOT_CORRECTED, True, why, (peer,))
        return None

    def _is_chained(self, peer: str, told: Told) -> bool:
        """Tell whether a frame was simulated from the state that the frame before is told to have come to."""
        if self.frame.number == 0:
            return len(told.simulations) == 1 or told.simulations[-1].restored is not None
        earlier = self._simulations_before(peer)
        if not earlier:
            return False
        if told.simulations[-1].restored is not None:
            return True
        return len(told.simulations) == 1 or earlier[-1].line > told.simulations[-2].line

    def _wrong_states(self, lasts: Mapping[str, Simulation]) -> tuple[str, ...]:
        """Return the peers whose states are not what the suite's game makes, or the fewest of three and more."""
        if self.header.suite_game:
            wrong = []
            for peer, last in lasts.items():
                earlier = self._simulations_before(peer)
                start = START if self.frame.number == 0 else earlier[-1].state if earlier else None
                if start is not None and step(start, last.inputs) != last.state:
                    wrong.append(peer)
            return tuple(wrong)
        return ()

    # --- rows ---

    def rows(self) -> Cause | None:
        """What was simulated is the same, and what is recorded of it is not."""
        rows = {peer: each for peer, each in self.frame.told.items() if each.row is not None}
        if not rows:
            return None
        untold = [peer for peer, each in rows.items() if not each.simulations]
        wrong: list[str] = []
        for peer, told in rows.items():
            row, last = told.row or {}, told.simulations[-1] if told.simulations else None
            if last is None or (row["inputs"] == list(last.inputs) and row.get("state", last.state) == last.state):
                continue
            wrong.append(peer)
            older = next((each for each in told.simulations[:-1] if row["inputs"] == list(each.inputs)), None)
            if older is not None and row.get("state", older.state) == older.state:
                row_is = f"{peer}'s row in line {told.row_line} is what line {older.line} simulated"
                why = f"{row_is}, and line {last.line} corrected"
                certain = bool(told.promoted and not told.forced and told.promoted < last.line)
                observes = self.header.observes_of(peer)
                return Cause(TOO_EARLY, certain, why, (peer,), () if "promote" in observes else ("promote",))
        if wrong:
            peer = wrong[0]
            why = f"{peer}'s row in line {rows[peer].row_line} is none of what it simulated"
            return Cause(RECORDING, True, why, tuple(wrong))
        if untold:
            values = "; ".join(f"{peer}: {each.row['inputs']}" for peer, each in rows.items() if each.row is not None)
            return Cause(UNKNOWN, False, f"the rows differ ({values})", (), ("advance", "input_local", "input_recv"))
        same = len({(each.simulations[-1].inputs, each.simulations[-1].state) for each in rows.values()}) == 1
        if same and self.row_differs:
            return Cause(RECORDING, True, "what was simulated is the same, and the rows are not")
        return None


def _at(told: Told, line: int) -> Simulation | None:
    """Return the simulation of a frame that was the last one at a line."""
    return next((each for each in reversed(told.simulations) if each.line < line), None)
