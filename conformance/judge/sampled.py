"""Which inputs a peer's frame may have, from what was sampled in its calls."""

from __future__ import annotations

from collections.abc import Set
from functools import reduce
from operator import or_

from attrs import define, field

from rollproof.conformance.judge.evidence import DEFAULT_INPUT, LONGEST_DELAY, Evidence
from rollproof.conformance.judge.tape import Episode


@define
class Sampled:
    """What one peer sampled in an episode, and what became of it by the choices that it declares."""

    evidence: Evidence
    peer: str
    episode: Episode
    delay_at_start: int = field(init=False)
    delays: list[int] = field(init=False)
    """The input delay, and those that commands set later."""

    def __attrs_post_init__(self) -> None:
        """Read the delays from the case."""
        case = self.evidence.run.case
        self.delay_at_start = case.config.get("input_delay", 0)
        later = [step["value"] for step in case["schedule"] if step.get("command") == self.peer and "value" in step]
        self.delays = [self.delay_at_start, *later]

    def allowed(self, frame: int) -> Set[int]:
        """Return the inputs that a frame may have."""
        if self.evidence.variant("input_delay") == "changing":
            frames = range(max(0, frame - LONGEST_DELAY), frame + 1)
        elif len(set(self.delays)) > 1:
            frames = range(max(0, frame - max(self.delays)), max(0, frame - min(self.delays)) + 1)
        else:
            frames = range(max(0, frame - self.delay_at_start), max(0, frame - self.delay_at_start) + 1)
        found: set[int] = set()
        for each in frames:
            found |= self._kept(each) if self.evidence.variant("skipped_presses") == "kept" else self._one_of(each)
        if len(frames) > 1 and frames.start == 0:
            found.add(DEFAULT_INPUT)  # from below the first frame that has an input of its own
        if frame in self.episode.together and self.evidence.variant("pause") == "caught-up":
            found.add(DEFAULT_INPUT)
        return found

    def _one_of(self, frame: int) -> Set[int]:
        return self.episode.sampled.get(frame, set())

    def _kept(self, frame: int) -> Set[int]:
        """Return all presses up to the first call of a frame, or up to its last."""
        calls, before = self.episode.calls.get(frame, []), self.episode.calls.get(frame - 1, [])
        if not calls:
            return self._one_of(frame)
        return {reduce(or_, [*before[1:], calls[0]]), reduce(or_, calls)}
