"""`rollproof trace`: shows a saved run in any of its forms."""

from __future__ import annotations

from collections.abc import Callable
from json import dumps as to_json
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from rich.text import Text

from rollproof.model.designs.loading import load as load_design
from rollproof.model.documents import DocumentError
from rollproof.model.runs.page import explorer_page
from rollproof.model.runs.stories import run_of_story
from rollproof.model.search.again import taken_again
from rollproof.model.traces.rendering import as_itf, as_mermaid, as_text
from rollproof.model.traces.trace import Story, document_of, load, story_of
from rollproof.output import HELD, Output, UsageError, console, write_file, write_json
from rollproof.shared import OwnProtocol

_TEXTS: dict[str, Callable[[Story], str | Text]] = {
    "text": as_text,
    "mermaid": as_mermaid,
    "itf": lambda story: to_json(as_itf(story), indent=1) + "\n",
    "json": lambda story: to_json(document_of(story), indent=1) + "\n",
    "html": lambda story: explorer_page([run_of_story(story)]),
}


def trace(
    file: Path,
    *,
    form: Annotated[Literal["text", "mermaid", "itf", "json", "html"], Parameter(name="--format")] = "text",
    protocol: OwnProtocol = None,
    output: Output = None,
    json: Output = None,
) -> int:
    """Show a run that was saved by `rollproof verify` or `rollproof guards`.

    Exits with 0, or with 2 if the file is no such run.

    Parameters
    ----------
    file:
        The saved run.
    form:
        For people (text), as a sequence diagram (mermaid), in the Informal Trace Format (itf), for tools (json),
        or as a page that shows it step by step in a browser (html).
    protocol:
        Take its steps again under the protocol of this file, as far as that goes, and show that run: FILE.py, or
        FILE.py:NAME. The file is Python code, and is run.
    output:
        Write it to this file instead of the terminal.
    json:
        Write the run for tools to this file besides.
    """
    try:
        story, end = load(file), ""
        if protocol is not None:
            run, end = taken_again(story, load_design(protocol).protocol)
            story = story_of(run)
    except DocumentError as error:
        raise UsageError(str(error)) from None
    shown = _TEXTS[form](story)
    if json is not None:
        write_json(json, document_of(story))
    if output is not None:
        write_file(output, str(shown))
    else:
        console().print(shown, end="", soft_wrap=True)
    if end:
        console(stderr=True).print(f"The run ends before: {end}.", soft_wrap=True)
    return HELD
