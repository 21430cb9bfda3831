"""The first frame at which peers differ, and why."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence

from attrs import define, field, frozen

from rollproof.conformance.logs.causes import Cause, cause_of, cause_of_end
from rollproof.conformance.logs.compare import Comparer
from rollproof.conformance.logs.differences import Difference
from rollproof.conformance.logs.ends import desyncs, ends
from rollproof.conformance.logs.frames import Consumer, Frame, Frames
from rollproof.conformance.logs.reading import Header
from rollproof.conformance.logs.sources import Source, merged, side_by_side
from rollproof.conformance.logs.told import Episode

AROUND = 3
"""How many frames before and after the first difference are shown."""
PROGRESS_LINES = 10_000


@frozen
class Bisection:
    """Where peers differ first, and why."""

    header: Header
    lines: int
    """How many lines were read."""
    compared: int
    """How many values were compared with another one."""
    cause: Cause | None
    """None: they do not differ."""
    differences: tuple[Difference, ...]
    """What differs in the first frame that does."""
    frames: tuple[Frame, ...]
    """The frames around the first difference."""
    reports: tuple[str, ...]
    """The desyncs that peers report of this episode."""

    @property
    def frame(self) -> int | None:
        """The first frame that differs."""
        return self.differences[0].frame if self.differences else None

    @property
    def epoch(self) -> int:
        """The episode of the first difference."""
        return self.differences[0].epoch if self.differences else 0


def bisect(sources: Sequence[Source], progress: Callable[[int], None] = lambda lines: None) -> Bisection:
    """Read logs side by side up to the first difference, and say why it is there.

    Raises:
        LogError: if a line is not as it must be.
    """
    header = merged(sources)
    search = _Search(header)
    frames = Frames(header, search)
    lines = 0
    for line in side_by_side(sources):
        lines += 1
        frames.see(line.peer, line.obs, line.vars, line.number)
        if lines % PROGRESS_LINES == 0:
            progress(lines)
        if search.complete:
            break
    else:
        frames.finish()
    return search.bisection(lines)


@define
class _Search(Consumer):
    """The search for the first difference."""

    header: Header
    comparer: Comparer = field(init=False)
    recent: deque[Frame] = field(factory=lambda: deque(maxlen=AROUND + 1))
    shown: list[Frame] = field(factory=list)
    found: list[Difference] = field(factory=list)
    open: list[tuple[list[Difference], Frame, Frame | None]] = field(factory=list)
    """The first difference that may be a prediction, where it is, and the frame before."""
    cause: Cause | None = None
    reports: list[str] = field(factory=list)
    complete: bool = False

    def __attrs_post_init__(self) -> None:
        self.comparer = Comparer(self.header)

    def frame(self, frame: Frame) -> None:
        """Take the next frame."""
        if self.cause is not None:
            if not self.complete and frame.epoch == self.found[0].epoch:
                self.shown.append(frame)
                self.complete = len(self.shown) >= 2 * AROUND + 1
            return
        before = self.recent[-1] if self.recent and self.recent[-1].epoch == frame.epoch else None
        differences = self.comparer.frame(frame)
        self.recent.append(frame)
        certain = [each for each in differences if each.certain]
        if certain:
            self._found(cause_of(self.header, frame, before, certain), certain, frame)
        elif differences and not self.open:
            self.open.append((differences, frame, before))

    def episode(self, epoch: int, episodes: Mapping[str, Episode]) -> None:
        """Take the end of an episode."""
        if self.cause is None:
            found = list(ends(epoch, episodes))
            for each in found:
                self.comparer.note(each)
            for remark in desyncs(self.comparer, epoch, episodes):
                self.reports.append(f"{remark.peer}, line {remark.line}: {remark.actual}")
            if found:
                self.found, self.cause = found, cause_of_end(self.header, found, episodes)
                self.shown = list(self.recent)
                self.complete = True
            self._count(episodes)
            self.comparer.next_episode()
            self.recent.clear()
        elif epoch == self.found[0].epoch:
            for peer, episode in episodes.items():
                self.reports += [f"{peer}, line {each.line}: it reports a desync" for each in episode.reports]
            self.complete = True

    def _count(self, episodes: Mapping[str, Episode]) -> None:
        told = [peer for peer, episode in episodes.items() if episode.end is not None]
        if len(told) > 1:
            self.comparer.compared.update((peer, "episode_end") for peer in told)

    def _found(self, cause: Cause, certain: list[Difference], frame: Frame) -> None:
        self.cause, self.found = cause, certain
        self.shown = [each for each in self.recent if each.epoch == frame.epoch]
        for peer, episode in frame.episodes.items():
            self.reports += [f"{peer}, line {each.line}: it reports a desync" for each in episode.reports]

    def bisection(self, lines: int) -> Bisection:
        """Return what was found."""
        if self.cause is None and self.open:
            found, frame, before = self.open[0]
            self._found(cause_of(self.header, frame, before, found), found, frame)
            self.shown = [*([] if before is None else [before]), frame]
        compared = sum(self.comparer.compared.values())
        return Bisection(
            self.header, lines, compared, self.cause, tuple(self.found), tuple(self.shown), tuple(self.reports)
        )


def around(bisection: Bisection) -> Iterator[Frame]:
    """Iterate over the frames that are worth showing."""
    yield from (each for each in bisection.frames if each.number >= 0)
