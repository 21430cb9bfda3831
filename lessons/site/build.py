"""Making the site: every page from the project's own text, code and runs, into one folder.

A generator of a page, in place of a larger tool, since everything but Markdown is ours: pictures, exercises, theorems
and the glossary are computed, and each page must open from a file, without a network.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from rollproof.lessons.chapters.book import CHAPTERS, EXERCISES
from rollproof.lessons.chapters.races import RACE, shortest
from rollproof.lessons.laboratory.judging import runs_of
from rollproof.lessons.site import texts
from rollproof.lessons.site.engine import GLOBAL, ROOT, engine_script, fetch
from rollproof.lessons.site.playground import ASSETS, laboratory_script, playground_page, site_style
from rollproof.model.runs.page import bundled, digest, embedded, environment, explorer_script, explorer_style, markup
from rollproof.model.runs.run import Run, document_of
from rollproof.reference.protocol import PROTOCOL

PAGES = (
    ("index.html", "rollproof"),
    ("lessons.html", "Lessons"),
    ("playground.html", "Playground"),
    ("theorems.html", "Theorems"),
    ("protocol.html", "The rules"),
    ("proving.html", "Verifying a change"),
    ("adapter.html", "Writing an adapter"),
    ("log.html", "Logs"),
    ("results.html", "Results"),
    ("api.html", "The reference"),
    ("glossary.html", "Glossary"),
)
DOCUMENTS = {
    "reference/PROTOCOL.md": "protocol.html",
    "proofs/README.md": "proving.html",
    "conformance/README.md": "adapter.html",
    "conformance/logs/README.md": "log.html",
    "conformance/results/README.md": "results.html",
}
"""The project's own documents, and the pages that show them."""
LESSON_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'self' file: blob: 'unsafe-inline' 'unsafe-eval'; "
    "worker-src blob:; connect-src data: blob:"
)
ENGINE = "engine.js"
_LINK = re.compile(r'<a href="(?!https?:|#)([^"#]*)(#[^"]*)?">(.*?)</a>', re.DOTALL)
Tell = Callable[[str], object]


def build(folder: Path, cache: Path, tell: Tell = lambda text: None) -> list[Path]:
    """Make the site in a folder, and return its pages; what is fetched is kept in `cache`.

    What was in the folder is replaced when all of the site is made.

    Raises:
        SetUpError: if something cannot be fetched.
    """
    fetch(cache)
    engine = engine_script(cache)
    made = {"playground.html": playground_page(engine), ENGINE: engine}
    tell("the laboratory is packed")
    made |= {"index.html": _front(), "lessons.html": _contents()}
    for number, _ in enumerate(CHAPTERS, 1):
        made[f"lesson-{number}.html"] = _lesson(number)
    tell("the lessons are drawn")
    for source, address in DOCUMENTS.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        made[address] = page(address, dict(PAGES)[address], _linked(markdown(text), Path(source).parent))
    made["theorems.html"] = page("theorems.html", "Theorems", texts.theorems())
    made["api.html"] = page("api.html", "The reference", texts.api())
    made["glossary.html"] = page("glossary.html", "Glossary", texts.glossary_page())
    beside = folder.with_name(f".{folder.name}")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    for name, text in made.items():
        (beside / name).write_text(text, encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    beside.rename(folder)
    return [folder / name for name in made if name.endswith(".html")]


def page(
    address: str,
    title: str,
    body: str,
    *,
    runs: Mapping[str, Sequence[Run]] | None = None,
    exercises: Sequence[Mapping[str, Any]] = (),
    after: str = "",
) -> str:
    """Return a page; `runs` are drawn where the body has a place for them, by name."""
    data = {name: markup(embedded([document_of(run) for run in some])) for name, some in (runs or {}).items()}
    script = f"{explorer_script()}\nmountAll();\n" if data else ""
    if exercises:
        settings = json.dumps({"globalName": GLOBAL, "source": ENGINE})
        boxes = "for (const place of document.querySelectorAll('[data-exercise]'))"
        script = f"{laboratory_script()}\n{bundled([ASSETS / 'lesson.js'])}\nmountAll();\n"
        script += f"{boxes} place.box = new ExerciseBox(place, {settings});\n"
    strict = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest(script)}'"
    return (
        environment(ASSETS)
        .get_template("base.html.j2")
        .render(
            title=title,
            here=address,
            pages=PAGES,
            policy=LESSON_POLICY if exercises else strict,
            style=markup(explorer_style() + site_style()),
            body=markup(body),
            after=markup(after),
            exercises=exercises,
            embedded=data,
            worker=markup((ASSETS / "worker.js").read_text(encoding="utf-8")) if exercises else "",
            script=markup(script),
        )
    )


def markdown(text: str) -> str:
    """Return Markdown as HTML; HTML in it is shown as it is written."""
    made: str = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    return made


def _linked(body: str, folder: Path) -> str:
    """Return HTML whose links to the project's documents lead to pages, and all others to nothing."""

    def link(match: re.Match[str]) -> str:
        target, place, text = match.groups()
        found = (ROOT / folder / target).resolve()
        inside = found.relative_to(ROOT).as_posix() if found.is_relative_to(ROOT) else ""
        address = DOCUMENTS.get(inside)
        return f'<a href="{address}{place or ""}">{text}</a>' if address else text

    return _LINK.sub(link, body)


def _front() -> str:
    body = markdown((ASSETS.parent / "text" / "front.md").read_text(encoding="utf-8"))
    runs = runs_of(PROTOCOL.without(*RACE.split(".")), shortest(RACE))
    place = '<div data-explorer="race" data-hash=""></div>'
    return page("index.html", "rollproof", body.replace("<p>PICTURE</p>", place), runs={"race": runs})


def _contents() -> str:
    lines = [f'<li><a href="lesson-{at}.html">{chapter.title}</a></li>' for at, chapter in enumerate(CHAPTERS, 1)]
    intro = (
        "<h1>Lessons</h1>\n<p>In reading order; each has one idea, a picture, something to try, and exercises "
        "that check "
        "themselves, here and with <code>rollproof lesson</code>. What you write is kept in this browser.</p>\n"
    )
    return page("lessons.html", "Lessons", f"{intro}<ol>{''.join(lines)}</ol>")


def _lesson(number: int) -> str:
    chapter = CHAPTERS[number - 1]
    steps = [f'<a href="lesson-{number - 1}.html">← {CHAPTERS[number - 2].title}</a>'] if number > 1 else []
    if number < len(CHAPTERS):
        steps.append(f'<a href="lesson-{number + 1}.html">{CHAPTERS[number].title} →</a>')
    body = markdown(chapter.text).replace("<h1>", f"<h1>{number}. ", 1)
    if chapter.without:
        link = f"playground.html#without={','.join(chapter.without)}"
        body += f'<p><a href="{link}">The playground, without <code>{", ".join(chapter.without)}</code></a></p>'
    body += '<div data-explorer="picture" data-hash=""></div>'
    after = f'<p class="row">{" · ".join(steps)}</p>'
    return page(
        "lessons.html",
        chapter.title,
        body,
        runs={"picture": chapter.picture()},
        exercises=list(_exercises(number)),
        after=after,
    )


def _exercises(number: int) -> Iterator[dict[str, Any]]:
    for name, exercise in EXERCISES.items():
        if name.partition(".")[0] == str(number):
            start = exercise.start()
            yield {
                "number": name,
                "title": exercise.title,
                "task": markup(markdown(exercise.task)),
                "hint": markup(markdown(exercise.hint)),
                "start": markup(embedded(start)),
                "rows": 26 if exercise.kind == "edit" else 9 if exercise.kind == "steps" else 3,
            }
