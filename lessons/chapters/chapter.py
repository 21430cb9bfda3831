"""What a chapter is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from attrs import field, frozen

from rollproof.lessons.exercises.exercise import Exercise
from rollproof.model.runs.run import Run

TEXTS = Path(__file__).with_name("text")


@frozen
class Chapter:
    """One idea."""

    name: str
    """As in addresses and file names."""
    title: str
    picture: Callable[[], tuple[Run, ...]] = field(repr=False)
    """Returns what is drawn: a run, or two in step."""
    exercises: tuple[Exercise, ...]
    without: tuple[str, ...] = ()
    """The guards that are taken away where the playground is to be tried."""

    @property
    def text(self) -> str:
        """What is said, in Markdown."""
        return (TEXTS / f"{self.name}.md").read_text(encoding="utf-8")
