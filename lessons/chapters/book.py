"""All chapters in reading order, and their exercises by number."""

from __future__ import annotations

from rollproof.lessons.chapters import basics, network, proving, races
from rollproof.lessons.chapters.chapter import Chapter
from rollproof.lessons.exercises.exercise import Exercise

CHAPTERS: tuple[Chapter, ...] = (*basics.CHAPTERS, *races.CHAPTERS, *network.CHAPTERS, *proving.CHAPTERS)
EXERCISES: dict[str, Exercise] = {
    f"{number}.{at}" if len(chapter.exercises) > 1 else str(number): exercise
    for number, chapter in enumerate(CHAPTERS, 1)
    for at, exercise in enumerate(chapter.exercises, 1)
}
"""By number: that of the chapter, with that of the exercise if there are several."""
