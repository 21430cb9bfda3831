"""What peers have told of one frame, compared: by each with what others tell, and with what it told elsewhere itself.

A difference is certain if both sides are final: inputs that are known, frames that are confirmed, or were simulated
with inputs that cannot be predictions. All else may be a prediction that the end of the log left uncorrected.
"""

from __future__ import annotations

from collections import Counter
from itertools import combinations

from attrs import field, frozen

from rollproof.conformance.logs.differences import (
    AGREEMENT,
    DETERMINISM,
    EXPORTS_AGREE,
    HASHES_AGREE,
    ONE_VALUE,
    PROMOTED_IS_FINAL,
    ROW_FLAG,
    ROW_IS_RECORD,
    Difference,
    Statement,
    difference,
)
from rollproof.conformance.logs.frames import Frame
from rollproof.conformance.logs.reading import Header
from rollproof.conformance.logs.told import Episode, Simulation, Told
from rollproof.conformance.schema import Json
from rollproof.reference.values import canonical

DEFAULT_INPUT = 0
ONCE_A_FRAME = ("advance", "rows")


@frozen
class Comparer:
    """Compares the frames of one episode, which come in order."""

    header: Header
    compared: Counter[tuple[str, str]] = field(factory=Counter)
    """By peer and kind: how many values were compared with another one."""
    touched: set[tuple[str, str]] = field(factory=set)
    """The same, of the present frame: what tells only one thing of a frame."""
    before: dict[str, Told] = field(factory=dict)
    """What was told of the frame before."""
    timelines: dict[str, int] = field(factory=dict)
    """By peer: equal numbers for those who have simulated the same inputs in all frames so far."""
    whole: dict[tuple[str, str], int] = field(factory=dict)
    """By two peers: up to which frame all their inputs and states are told, and are the same."""
    first: dict[tuple[str, str], Difference] = field(factory=dict)
    """By two peers: the first certain difference between them."""
    number: list[int] = field(factory=lambda: [-1])
    """The frame that came last."""
    windows: dict[str, int | None] = field(init=False)
    """By peer: the prediction window."""
    longest: int = field(init=False)
    """The most frames that any peer plays."""

    @windows.default
    def _windows(self) -> dict[str, int | None]:
        return {peer: self.header.config_of(peer).get("prediction_window") for peer in self.header.peers}

    @longest.default
    def _longest(self) -> int:
        limits: list[int] = [self.header.config_of(peer).get("max_steps", 1 << 30) for peer in self.header.peers]
        return min(limits)

    def frame(self, frame: Frame) -> list[Difference]:
        """Return what is told differently of the next frame."""
        if frame.number >= 0 and frame.number != self.number[0] + 1:
            self.before.clear()
            self.timelines.clear()
        elif frame.number <= 0:
            self.timelines.update(dict.fromkeys(self.header.peers, 0))
        found = self._inputs(frame)
        self._follow_timelines(frame)
        found += self._states(frame, inputs_differ=bool(found))
        for peer, told in frame.told.items():
            if len(told.simulations) > 1:
                found += self._simulated_again(frame, peer, told)
            if told.row is not None:
                found += self._own_row(frame, peer, told)
        found += self._rows(frame)
        found += self._hashes(frame)
        self._note(frame, found)
        self.compared.update(self.touched)
        self.touched.clear()
        return found

    def next_episode(self) -> None:
        """Begin before the first frame of an episode."""
        for each in (self.before, self.timelines, self.whole, self.first):
            each.clear()
        self.number[0] = -1

    # --- inputs ---

    def _inputs(self, frame: Frame) -> list[Difference]:
        found: list[Difference] = []
        for index, player in enumerate(self.header.players):
            said: list[tuple[str, str]] = []
            values: set[int] = set()
            for peer, told in frame.told.items():
                for claim in told.claims:
                    if claim.player == player:
                        said.append((peer, claim.kind))
                        values.add(claim.value)
                inputs = _inputs_of(told)
                if index < len(inputs):
                    said.append((peer, "advance" if told.simulations else "rows"))
                    values.add(inputs[index])
            if len(values) > 1:
                found += self._inputs_differ(frame, index, player)
            elif len(said) > 1:
                self._count(said)
        return found

    def _count(self, said: list[tuple[str, str]]) -> None:
        for each in said:
            if each[1] in ONCE_A_FRAME:
                self.touched.add(each)
            else:
                self.compared[each] += 1

    def _inputs_differ(self, frame: Frame, index: int, player: str) -> list[Difference]:
        """Return at most one certain difference, and one that may be a prediction."""
        said = []
        for peer, told in frame.told.items():
            said += [Statement(peer, c.kind, c.value, c.line, c.line) for c in told.claims if c.player == player]
            inputs = _inputs_of(told)
            if index >= len(inputs):
                continue
            if told.simulations:
                since = self.known_since(frame, peer, told, index)
                said.append(Statement(peer, "advance", inputs[index], told.simulations[-1].line, since))
            else:
                row_since = _row_since(told, frame.episodes[peer])
                said.append(Statement(peer, "rows", inputs[index], told.row_line, row_since))
        said.sort(key=lambda each: (each.since is None, each.peer != player, each.line))
        base, found = said[0], []
        judged = [(each.peer, each.kind) for each in said if each.since is not None or each.value == base.value]
        if len(judged) > 1:
            self._count(judged)
        for certain in (True, False):
            others = [each for each in said if each.value != base.value and (each.since is not None) == certain]
            if base.kind == "rows":  # rows are compared as such
                others = [each for each in others if each.kind != "rows"]
            found += [
                difference(ONE_VALUE, frame.epoch, frame.number, f"{player}'s input", base, each, player=player)
                for each in others[:1]
            ]
        return found

    def known_since(self, frame: Frame, peer: str, told: Told, index: int) -> int | None:
        """Return the line since which a player's input in a peer's last simulation of a frame is no prediction.

        A prediction is the last known input, or the default: a value that is neither is known.
        """
        header, episode, last = self.header, frame.episodes[peer], told.simulations[-1]
        player = header.players[index]
        if player == peer:
            return last.line
        if episode.is_outdated(frame.number):
            return None
        final = last.line if last.predicted is False else self.final_since(frame, peer, told)
        if final is not None:
            return final
        received = next((each.line for each in told.claims if each.player == player), None)
        if received is not None:
            return _unless_pending(received, last.line, episode)
        if last.predicted and len(header.players) == 2:
            return None
        predicted = DEFAULT_INPUT
        if header.variants.get("prediction", "previous") == "previous" and frame.number > 0:
            before = self.before.get(peer)
            inputs = before.simulations[-1].inputs if before is not None and before.simulations else ()
            if index >= len(inputs):
                return None
            predicted = inputs[index]
        return last.line if last.inputs[index] != predicted else None

    def final_since(self, frame: Frame, peer: str, told: Told) -> int | None:
        """Return the line since which a peer's last simulation of a frame, and of those before, is final, if any is.

        A confirmed frame may still have to be corrected, by the rollback that its last inputs made necessary. It is
        not promoted before that, and no new frame is simulated (RB-3, BUF-4).
        """
        episode, line = frame.episodes[peer], told.simulations[-1].line
        if told.promoted and not told.forced:
            return max(told.promoted, line)
        if told.confirmed:
            return _unless_pending(told.confirmed, line, episode)
        end = episode.end
        if end is not None and end.confirmed and frame.number < end.frames:
            return max(end.line, line)
        window = self.windows[peer]
        if window is not None and frame.number < episode.next_frame - window:
            return max(episode.newest, line)
        return None

    # --- states ---

    def _follow_timelines(self, frame: Frame) -> None:
        if frame.number < 0:
            return
        numbers: dict[tuple[int, tuple[int, ...]], int] = {}
        for peer in self.header.peers:
            told, timeline = frame.told.get(peer), self.timelines.pop(peer, None)
            if timeline is None or told is None or not told.simulations:
                continue
            if not frame.episodes[peer].is_outdated(frame.number):
                key = timeline, told.simulations[-1].inputs
                self.timelines[peer] = numbers.setdefault(key, len(numbers))

    def _states(self, frame: Frame, *, inputs_differ: bool) -> list[Difference]:
        if frame.number >= self._termination(frame):
            return []
        said: list[tuple[Statement, int | None]] = []
        for peer, told in frame.told.items():
            if not told.simulations and told.saved is None and (told.row is None or "state" not in told.row):
                continue
            said.append((self._state(frame, peer, told), self.timelines.get(peer)))
        if len(said) < 2:
            return []
        self.touched.update((each.peer, each.kind) for each, _ in said)
        if len({each.value for each, _ in said}) == 1:
            return []
        found: list[Difference] = []
        for (one, timeline), (other, another) in combinations(said, 2):
            if one.value == other.value:
                continue
            if timeline is not None and timeline == another:
                both = (each._replace(since=each.since or each.line) for each in (one, other))
                found.append(difference(AGREEMENT, frame.epoch, frame.number, "the state after it", *both))
            elif one.since is not None and other.since is not None and not inputs_differ and not self.first:
                found.append(difference(AGREEMENT, frame.epoch, frame.number, "the state after it", one, other))
        return found[:1]

    def _state(self, frame: Frame, peer: str, told: Told) -> Statement:
        if told.simulations:
            last = told.simulations[-1]
            outdated = frame.episodes[peer].is_outdated(frame.number)
            return Statement(
                peer, "advance", last.state, last.line, None if outdated else self.final_since(frame, peer, told)
            )
        if told.saved is not None:
            state, line = told.saved
            outdated = frame.episodes[peer].is_outdated(frame.number)
            since = line if frame.number < 0 else None
            if not outdated and told.confirmed:
                since = _unless_pending(told.confirmed, line, frame.episodes[peer])
            return Statement(peer, "save", state, line, since)
        row: Json = told.row
        return Statement(peer, "rows", row["state"], told.row_line, _row_since(told, frame.episodes[peer]))

    def _termination(self, frame: Frame) -> int:
        return min([self.longest, *(each.end.frames for each in frame.episodes.values() if each.end is not None)])

    # --- one peer alone ---

    def _simulated_again(self, frame: Frame, peer: str, told: Told) -> list[Difference]:
        last = told.simulations[-1]
        if told.promoted and not told.forced and last.line > told.promoted:
            kept = [each for each in told.simulations if each.line < told.promoted]
            if kept and canonical((kept[-1].inputs, kept[-1].state)) != canonical((last.inputs, last.state)):
                one, other = (
                    Statement(peer, "advance", list(each.inputs), each.line, told.promoted) for each in (kept[-1], last)
                )
                return [
                    difference(
                        PROMOTED_IS_FINAL, frame.epoch, frame.number, "the inputs of the promoted record", one, other
                    )
                ]
        judged = "input_recv" in self.header.observes_of(peer)  # by the model, which knows what was predicted
        for earlier in told.simulations[:-1]:
            if earlier.inputs != last.inputs:
                if earlier.predicted is False and not judged:
                    both = (
                        Statement(peer, "advance", [*each.inputs], each.line, each.line) for each in (earlier, last)
                    )
                    about = "what is said not to be predicted"
                    return [difference(ONE_VALUE, frame.epoch, frame.number, about, *both)]
            elif earlier.state != last.state:
                states = [self._state_before(frame.number, peer, each) for each in (earlier, last)]
                if states[0] is not None and states[0] == states[1]:
                    both = (Statement(peer, "advance", each.state, each.line, each.line) for each in (earlier, last))
                    return [difference(DETERMINISM, frame.epoch, frame.number, "the state after it", *both)]
        return []

    def _state_before(self, number: int, peer: str, simulation: Simulation) -> int | None:
        if simulation.restored is not None:
            return simulation.restored
        before = self.before.get(peer)
        if number == 0 or before is None:
            return 0 if number == 0 else None
        earlier = [each.state for each in before.simulations if each.line < simulation.line]
        return earlier[-1] if earlier else None

    def _own_row(self, frame: Frame, peer: str, told: Told) -> list[Difference]:
        row: Json = told.row
        if told.promoted and row.get("unconfirmed", told.forced) != told.forced:
            one = Statement(peer, "promote", told.forced, told.promoted, told.promoted)
            flag = Statement(peer, "rows", not told.forced, told.row_line, told.row_line)
            return [difference(ROW_FLAG, frame.epoch, frame.number, "unconfirmed", one, flag)]
        if not told.simulations or frame.episodes[peer].is_outdated(frame.number):
            return []
        last = told.simulations[-1]
        self.touched.add((peer, "rows"))
        for name, value in (("inputs", list(last.inputs)), ("state", last.state)):
            if row.get(name, value) != value:
                one = Statement(peer, "advance", value, last.line, last.line)
                cell = Statement(peer, "rows", row[name], told.row_line, told.row_line)
                return [difference(ROW_IS_RECORD, frame.epoch, frame.number, f"the {name} of the row", one, cell)]
        return []

    # --- rows and hashes ---

    def _rows(self, frame: Frame) -> list[Difference]:
        rows = [
            (peer, told, since)
            for peer, told in frame.told.items()
            if told.row is not None and (since := _row_since(told, frame.episodes[peer])) is not None
        ]
        if len(rows) < 2:
            return []
        self.touched.update((peer, "rows") for peer, _, _ in rows)
        peer, told, _ = rows[0]
        row: Json = told.row
        for other, another, _ in rows[1:]:
            others: Json = another.row
            for name in ("inputs", "state", "returns"):
                if not all(name in _columns(frame.episodes[each]) for each in (peer, other)):
                    continue
                one, two = row.get(name), others.get(name)
                if one != two:
                    both = (
                        Statement(peer, "rows", one, told.row_line, told.row_line),
                        Statement(other, "rows", two, another.row_line, another.row_line),
                    )
                    return [difference(EXPORTS_AGREE, frame.epoch, frame.number, f"the {name} of the row", *both)]
        return []

    def _hashes(self, frame: Frame) -> list[Difference]:
        hashes = [
            Statement(peer, "hash", told.hash[0], told.hash[1], told.hash[1])
            for peer, told in frame.told.items()
            if told.hash is not None
        ]
        if len(hashes) < 2:
            return []
        self.touched.update((each.peer, "hash") for each in hashes)
        return [
            difference(HASHES_AGREE, frame.epoch, frame.number, "the hash of all records up to it", hashes[0], each)
            for each in hashes[1:]
            if each.value != hashes[0].value
        ][:1]

    # --- what is known so far ---

    def note(self, each: Difference) -> None:
        """Remember a difference between two peers."""
        one, other = each.one.peer, each.other.peer
        if each.certain and one != other:
            self.first.setdefault((min(one, other), max(one, other)), each)

    def _note(self, frame: Frame, found: list[Difference]) -> None:
        for each in found:
            self.note(each)
        if frame.number < 0:
            return
        blamed = {peer for each in found for peer in (each.one.peer, each.other.peer)}
        for pair in combinations(sorted(self.timelines), 2):
            one, other = (frame.told[peer].simulations[-1].state for peer in pair)
            same = self.timelines[pair[0]] == self.timelines[pair[1]] and one == other and not blamed & {*pair}
            if same and self.whole.get(pair, -1) == frame.number - 1:
                self.whole[pair] = frame.number
        self.before.clear()
        for peer, told in frame.told.items():
            if not frame.episodes[peer].is_outdated(frame.number):
                self.before[peer] = told
        self.number[0] = frame.number


def _unless_pending(known: int, simulated: int, episode: Episode) -> int | None:
    """Return the line since which a rollback would have corrected what became known in a line; None if it may come."""
    if simulated > known:
        return simulated
    return episode.newest if episode.newest > known else None


def _columns(episode: Episode) -> frozenset[str]:
    return episode.export.columns if episode.export is not None else frozenset()


def _inputs_of(told: Told) -> tuple[int, ...] | list[int]:
    if told.simulations:
        return told.simulations[-1].inputs
    return () if told.row is None else told.row["inputs"]


def _row_since(told: Told, episode: Episode) -> int | None:
    """Return the line of a row that is said to be final; None if it is not."""
    row: Json = told.row
    if row.get("unconfirmed", False):
        return None
    untold = "unconfirmed" not in _columns(episode)
    return None if untold and episode.end is not None and not episode.end.confirmed else told.row_line
