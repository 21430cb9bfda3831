"""The published pages, made of the results and the findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rollproof.conformance.real.judge import Configuration, Finding, Implementation

BAD = ("fail", "crash", "stuck", "harness-error", "vacuous", "skip")


def page(implementation: Implementation, about: str, document: Mapping[str, Any], findings: Sequence[Finding]) -> str:
    """Return the markdown page of an implementation."""
    title = f"{implementation.name} {implementation.version}".strip()
    lines = [f"# {title}", "", about, ""]
    lines += ["Written by `make conform-real ARGS=--publish`; `make conform-real` repeats it and compares.", ""]
    lines += ["## The suite", "", "| options of the adapter | outcome |", "|---|---|"]
    for run in document["runs"]:
        summary = ", ".join(f"{number} {verdict}" for verdict, number in run["summary"].items())
        lines.append(f"| {_code(run['options'])} | {summary} |")
    if findings:
        lines += ["", "## Findings", "", *_matrix(findings, document)]
        for finding in findings:
            lines += ["", *_told(finding, implementation, document["findings"][finding.id])]
    lines += ["", *_cases(document)]
    return "\n".join(lines).rstrip() + "\n"


def _matrix(findings: Sequence[Finding], document: Mapping[str, Any]) -> Iterator[str]:
    variations = list(
        dict.fromkeys(_variation(options) for tried in document["findings"].values() for options in tried)
    )
    yield "What becomes of each finding's schedule. ✗: it fails as found; ✓: it passes; else, what fails instead."
    yield ""
    yield f"| finding | rules | {' | '.join(variations)} |"
    yield f"|---|---|{'---|' * len(variations)}"
    for finding in findings:
        by_variation = {_variation(options): told for options, told in document["findings"][finding.id].items()}
        cells = [_cell(by_variation.get(each), finding) for each in variations]
        yield f"| [{finding.title}](#{finding.id}) | {', '.join(finding.rules)} | {' | '.join(cells)} |"


def _variation(options: str) -> str:
    words = options.split()
    for name in ("--guards", "--build"):
        if name in words:
            return words[words.index(name) + 1]
    return "as shipped"


def _cell(told: Mapping[str, Any] | None, finding: Finding) -> str:
    if told is None:
        return "—"
    if told["verdict"] in ("pass", "degraded"):
        return "✓"
    if told.get("clause") == finding.clause:
        return "✗"
    return f"`{told.get('clause') or told['verdict']}`"


def _told(finding: Finding, implementation: Implementation, tried: Mapping[str, Any]) -> Iterator[str]:
    own = tried[str(Configuration(finding.options))]
    case = finding.path.name
    yield f'### <a id="{finding.id}"></a>{finding.title}'
    yield ""
    yield finding.text
    yield ""
    yield f"- Rules: {', '.join(finding.rules)}; the clause that fails: `{finding.clause}`."
    yield f"- Schedule: [`cases/{case}`](cases/{case})" + (f", made of `{finding.origin}`." if finding.origin else ".")
    where = own["peer"] + ("" if own["frame"] is None else f", frame {own['frame']}")
    yield f"- Seen: {where}: expected {own['expected']}, got {own['actual']}."
    for place in finding.code:
        yield f"- `{place['file']}` line {place['line']}: `{place['text']}`"
    command = f"rollproof conform --case conformance/results/cases/{case} -- node {implementation.adapter}"
    yield f"- Again: `{' '.join([command, *finding.options])}`"


def _cases(document: Mapping[str, Any]) -> Iterator[str]:
    runs = document["runs"]
    shown = [name for name in runs[0]["results"] if any(run["results"][name]["verdict"] in BAD for run in runs)]
    if not shown:
        return
    yield "## Cases that do not pass"
    yield ""
    yield "The earliest thing that fails in each. A case may have more than one cause; not every one has been traced"
    yield "to a finding above."
    yield ""
    yield f"| case | {' | '.join(_code(run['options']) for run in runs)} |"
    yield f"|---|{'---|' * len(runs)}"
    for name in shown:
        yield f"| `{name}` | {' | '.join(_outcome(run['results'][name]) for run in runs)} |"


def _outcome(told: Mapping[str, Any]) -> str:
    if "clause" not in told:
        return str(told["verdict"])
    where = told["peer"] + ("" if told["frame"] is None else f", frame {told['frame']}")
    return f"{told['verdict']}: `{told['clause']}` ({where})"


def _code(options: str) -> str:
    return f"`{options}`" if options else "as shipped"


def overview(documents: Sequence[tuple[Implementation, Mapping[str, Any]]]) -> str:
    """Return the page that leads to the others."""
    lines = [
        "# What real implementations do",
        "",
        "`make conform-real` installs them from their registries into `build/`, runs the suite and each finding's",
        "schedule, and fails if anything differs from what is published here, down to the quoted lines of code.",
        "`findings.toml` has the findings, `cases/` their schedules; `self-test.md` is the suite's test of itself.",
        "",
        "| implementation | options of the adapter | outcome |",
        "|---|---|---|",
    ]
    for implementation, document in documents:
        for run in document["runs"]:
            summary = ", ".join(f"{number} {verdict}" for verdict, number in run["summary"].items())
            title = f"{implementation.name} {implementation.version}".strip()
            lines.append(f"| [{title}]({implementation.file}.md) | {_code(run['options'])} | {summary} |")
    return "\n".join(lines) + "\n"
