"""Runs written as pages that a browser shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rollproof.model.runs.page import explorer_page, gallery_page
from rollproof.model.runs.run import Run
from rollproof.output import console, write_file


def write_page(path: Path, groups: Mapping[str, Sequence[Run]], title: str = "") -> None:
    """Write a page that shows runs by heading, one or two in step under each; or say that there is none to show.

    Raises:
        UsageError: if it cannot be written.
    """
    if not groups:
        console(stderr=True).print(f"no run goes wrong: {path} is not written", soft_wrap=True)
        return
    if len(groups) == 1:
        (runs,) = groups.values()
        write_file(path, explorer_page(runs, title or None))
    else:
        write_file(path, gallery_page(groups, title))
