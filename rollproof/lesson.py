"""`rollproof lesson`: the chapters and exercises of the lessons, for a class without browsers."""

from __future__ import annotations

from pathlib import Path

from cyclopts import App
from rich.markdown import Markdown
from rich.text import Text

from rollproof.lessons.chapters.book import CHAPTERS, EXERCISES
from rollproof.lessons.chapters.chapter import Chapter
from rollproof.lessons.exercises.exercise import LONGEST, Exercise, document
from rollproof.model.runs.run import document_of
from rollproof.output import BROKEN, HELD, Output, UsageError, console, table, unknown, write_file, write_json
from rollproof.pictures import write_page

app = App(name="lesson", help="Read the lessons and check exercises.", help_format="plaintext")
FORMAT = "rollproof-lesson"
VERSION = 1


@app.command(name="list")
def list_(*, json: Output = None) -> int:
    """List the chapters in reading order, and their exercises.

    Parameters
    ----------
    json:
        Write the list for tools to this file.
    """
    rows = table("Lessons", "chapter", "title", "exercise", "what", "is answered by", numbers=("chapter",))
    listed = []
    for number, chapter in enumerate(CHAPTERS, 1):
        for at, (name, exercise) in enumerate(_exercises(number).items()):
            first = (str(number), chapter.title) if at == 0 else ("", "")
            rows.add_row(*first, name, exercise.title, exercise.kind)
            listed.append({"chapter": number, "title": chapter.title, "exercise": name, "kind": exercise.kind})
    if json is not None:
        write_json(json, {"format": FORMAT, "version": VERSION, "exercises": listed})
    console().print(rows)
    return HELD


@app.command
def show(number: str, *, hint: bool = False, start: Output = None, html: Output = None, json: Output = None) -> int:
    """Show a chapter with its exercises; or only one exercise.

    Parameters
    ----------
    number:
        Of a chapter, as 5, or of an exercise, as 5.2.
    hint:
        Show the hints, too.
    start:
        Write what the attempt at the exercise begins with to this file.
    html:
        Write the picture of the chapter to this file.
    json:
        Write it for tools to this file.
    """
    chapter, names = _chosen(number)
    if start is not None and len(names) != 1:
        raise UsageError(f"--start takes one exercise: {' or '.join(names)}")
    out = console()
    if number not in EXERCISES or "." not in number:
        out.print(Markdown(chapter.text))
    for name in names:
        exercise = EXERCISES[name]
        out.print(Text(f"\nExercise {name}: {exercise.title} ({exercise.kind})", "bold"))
        out.print(Markdown(exercise.task))
        if hint:
            out.print(Markdown(f"*Hint.* {exercise.hint}"))
        out.print(f"\nCheck it with: rollproof lesson check {name} FILE")
    if start is not None:
        write_file(start, EXERCISES[names[0]].start())
    if html is not None:
        write_page(html, {"": chapter.picture()}, chapter.title)
    if json is not None:
        shown = [
            {"exercise": name, "title": each.title, "kind": each.kind, "task": each.task, "start": each.start()}
            for name, each in ((name, EXERCISES[name]) for name in names)
        ]
        runs = [document_of(run) for run in chapter.picture()]
        told = {"title": chapter.title, "text": chapter.text, "exercises": shown, "picture": runs}
        write_json(json, {"format": FORMAT, "version": VERSION, **told})
    return HELD


@app.command
def check(number: str, file: Path, *, html: Output = None, json: Output = None) -> int:
    """Check an attempt at an exercise.

    Exits with 0 if it passes, 1 if it does not, 2 if there is no such exercise or the file cannot be read.

    Parameters
    ----------
    number:
        Of the exercise, as 5.2.
    file:
        The attempt: an answer, steps, frames, an edited file or an invariant, as the exercise asks for.
    html:
        Write what was seen to this file, to be shown in a browser.
    json:
        Write the outcome for tools to this file.
    """
    if number not in EXERCISES:
        _, names = _chosen(number)
        raise UsageError(f"chapter {number} has several exercises: {' and '.join(names)}")
    outcome = EXERCISES[number].attempt(_read(file))
    if html is not None:
        write_page(html, {"": outcome.runs} if outcome.runs else {}, EXERCISES[number].title)
    if json is not None:
        write_json(json, {"format": FORMAT, "version": VERSION, "exercise": number, **document(outcome)})
    word = Text("passed", "green") if outcome.passed else Text("not yet", "bold yellow")
    console().print(Text.assemble(f"{number} ", word, f": {outcome.told}"), soft_wrap=True)
    return HELD if outcome.passed else BROKEN


def _chosen(number: str) -> tuple[Chapter, list[str]]:
    """Return the chapter that a number means, and the numbers of the exercises meant."""
    chapters = {str(at): chapter for at, chapter in enumerate(CHAPTERS, 1)}
    if number in EXERCISES:
        return chapters[number.partition(".")[0]], [number]
    if number not in chapters:
        raise unknown("chapter or exercise", number, [*chapters, *(each for each in EXERCISES if "." in each)])
    return chapters[number], list(_exercises(int(number)))


def _exercises(number: int) -> dict[str, Exercise]:
    return {name: each for name, each in EXERCISES.items() if name.partition(".")[0] == str(number)}


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(4 * LONGEST + 1)
        return content.decode("utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 at byte {error.start}") from None
