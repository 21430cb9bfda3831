"""What the cells of a peer's band show, frame by frame; the same for states of the reference and for what is told.

The row of a player shows the input that a frame was simulated with, or the known one; the last row shows the record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import define, field, frozen

from rollproof.model.runs.run import Cell, Mark
from rollproof.reference.values import same


@frozen
class Row:
    """The record of a frame, as far as a picture needs it."""

    actions: tuple[Any, ...]
    predicted: bool
    """Whether an action was predicted."""
    detail: str = ""
    canonical: bool = False
    unconfirmed: bool = False


@define
class Band:
    """The cells of one peer, as they are by now."""

    players: tuple[str, ...]
    own: int | None = None
    """The number of the peer's own player, whose input is never predicted; None if it is not one of the players."""
    shown: dict[tuple[int, int], Cell] = field(factory=dict)
    """By row and frame."""
    mistaken: set[tuple[int, int]] = field(factory=set)
    """The inputs, by row and frame, that a frame was once simulated with another value of."""

    def clear(self) -> None:
        """Forget everything: the next episode begins."""
        self.shown.clear()
        self.mistaken.clear()

    def update(
        self,
        frames: Iterable[int],
        known: Callable[[int], tuple[Any, ...] | None],
        record: Callable[[int], Row | None],
    ) -> tuple[Cell, ...]:
        """Return the cells of some frames that have changed.

        `known` returns every player's known input of a frame, None where there is none; `record` returns its record.
        """
        changed = []
        for frame in sorted(frames):
            for cell in self._cells(frame, known(frame) or (None,) * len(self.players), record(frame)):
                key = cell.row, cell.frame
                if self.shown.get(key, Cell(*key, "")) != cell:
                    self.shown[key] = cell
                    changed.append(cell)
        return tuple(changed)

    def _cells(self, frame: int, known: tuple[Any, ...], record: Row | None) -> Iterable[Cell]:
        wrong = False
        for row, name in enumerate(self.players):
            action, used = known[row], None if record is None else record.actions[row]
            if used is None:
                yield Cell(row, frame, "known" if action is not None else "", text_of(action))
                continue
            mark: Mark = "known"
            detail = f"{name} did {text_of(used)}"
            if action is None:
                predicted = record is not None and record.predicted and row != self.own
                mark = "predicted" if predicted else "known"
                detail = f"the prediction that {name} does {text_of(used)}" if predicted else detail
            elif not same(used, action):
                mark, wrong = "wrong", True
                self.mistaken.add((row, frame))
                detail = f"simulated with {text_of(used)}, but {name} really did {text_of(action)}"
            elif (row, frame) in self.mistaken:
                mark, detail = "corrected", f"{detail}; another input was predicted before"
            text = text_of(used) if mark != "wrong" else f"{text_of(used)}≠{text_of(action)}"
            yield Cell(row, frame, mark, text, detail)
        yield self._record(frame, record, wrong)

    def _record(self, frame: int, record: Row | None, wrong: bool) -> Cell:
        row = len(self.players)
        if record is None:
            return Cell(row, frame, "")
        if record.canonical:
            mark: Mark = "wrong" if wrong else "unconfirmed" if record.unconfirmed else "canonical"
        else:
            mark = "speculative"
        return Cell(row, frame, mark, "", record.detail)


def text_of(action: Any) -> str:
    """Return an action as short text."""
    if action is None:
        return ""
    text = str(action)
    return text if len(text) <= 12 else f"{text[:11]}…"


def differing(before: Mapping[int, Any], after: Mapping[int, Any]) -> set[int]:
    """Return the frames at which two maps do not have the same value."""
    if before is after:
        return set()
    frames = {frame for frame, value in after.items() if before.get(frame) is not value}
    return frames | {frame for frame in before if frame not in after}
