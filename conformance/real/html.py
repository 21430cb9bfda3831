"""The league as one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from rollproof.conformance.real.effect import NETWORKS
from rollproof.conformance.real.findings import Finding
from rollproof.conformance.real.implementations import Configuration, Implementation
from rollproof.conformance.real.league import PROFILES, Row
from rollproof.conformance.real.page import STRENGTHS, WORDS, again
from rollproof.conformance.report.diagram import as_svg
from rollproof.model.runs.page import environment


def league_html(rows: Sequence[Row], documents: Sequence[tuple[Implementation, Mapping[str, Any]]]) -> str:
    """Return the page: the matrix, then every finding with its picture."""
    by_name = {implementation.name: document for implementation, document in documents}
    template = environment(Path(__file__).parent / "templates").get_template("league.html.j2")
    pictures = {
        (finding.of, finding.id): picture
        for row in rows
        for finding in row.findings
        if (picture := _picture(finding, by_name[finding.of])) is not None
    }
    return template.render(
        rows=rows, networks=NETWORKS, profiles=PROFILES, words=_marked(WORDS), strengths=STRENGTHS, again=again,
        pictures=pictures, bold=_marked,
    ) + "\n"  # fmt: skip


def _picture(finding: Finding, document: Mapping[str, Any]) -> Markup | None:
    own = document["findings"].get(finding.id, {}).get(str(Configuration(finding.options)), {})
    picture = own.get("picture")
    return None if picture is None else Markup(as_svg(picture["peers"], picture["rows"], picture["failed"]))


def _marked(text: str) -> Markup:
    """Return a text with its Markdown emphasis as HTML."""
    made = Markup.escape(text)
    for mark, tag in (("**", "strong"), ("*", "em"), ("`", "code")):
        parts = str(made).split(mark)
        opened = (f"<{tag}>" if number % 2 == 0 else f"</{tag}>" for number in range(len(parts)))
        made = Markup("".join(part + (next(opened) if part is not parts[-1] else "") for part in parts))
    return made
