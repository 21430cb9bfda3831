"""The published pages in Markdown, made of the results and the findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rollproof.conformance.real.effect import EFFECTS, NETWORKS
from rollproof.conformance.real.findings import Finding
from rollproof.conformance.real.implementations import Configuration, Implementation
from rollproof.conformance.real.league import PROFILES, Row, summary
from rollproof.conformance.report.diagram import as_text
from rollproof.conformance.schema import Json

BAD = ("fail", "crash", "stuck", "harness-error", "vacuous", "skip")
STRENGTHS = {
    "MUST": "What any user of rollback relies on, or its documentation promises",
    "SHOULD": "What costs frames, or only this protocol asks for, or nobody promises",
}


def page(implementation: Implementation, about: str, document: Mapping[str, Any], findings: Sequence[Finding]) -> str:
    """Return the markdown page of an implementation."""
    lines = [f"# {implementation.title}", "", about, ""]
    lines += [f"Judged on {document['judged']}, and written by `make conform-real ARGS=--publish`;"]
    lines += ["`make conform-real` repeats it and compares.", ""]
    lines += ["## The suite", "", "| options of the adapter | outcome |", "|---|---|"]
    lines += [f"| {_code(run['options'])} | {summary(run)} |" for run in document["runs"]]
    if findings:
        lines += ["", "## Findings", "", *_matrix(findings, document)]
    for strength, sentence in STRENGTHS.items():
        chosen = [each for each in findings if each.strength == strength]
        if chosen:
            lines += ["", f"### {strength}: {sentence.lower()}"]
        for finding in chosen:
            lines += ["", *_told(finding, document["findings"][finding.id])]
    lines += ["", *_cases(document, findings)]
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
    for name in ("--guards", "--build", "--topology"):
        if name in words:
            return words[words.index(name) + 1]
    return options or "as shipped"


def _cell(told: Mapping[str, Any] | None, finding: Finding) -> str:
    if told is None:
        return "—"
    if told["verdict"] in ("pass", "degraded"):
        return "✓"
    if told.get("clause") == finding.clause:
        return "✗"
    return f"`{told.get('clause') or told['verdict']}`"


def _told(finding: Finding, tried: Mapping[str, Any]) -> Iterator[str]:
    own = tried[str(Configuration(finding.options))]
    case = finding.path.name
    yield f'#### <a id="{finding.id}"></a>{finding.title}'
    yield ""
    if finding.effect:
        yield f"**{finding.effect}**"
        yield ""
    yield finding.text
    yield ""
    if finding.network:
        yield f"- Network: {finding.network}"
    yield f"- Rules: {', '.join(finding.rules)}; the clause that fails: `{finding.clause}`."
    yield f"- Schedule: [`cases/{case}`](cases/{case})" + (f", made of `{finding.origin}`." if finding.origin else ".")
    where = own["peer"] + ("" if own["frame"] is None else f", frame {own['frame']}")
    yield f"- Seen: {where}: expected {own['expected']}, got {own['actual']}."
    for place in finding.code:
        yield f"- `{place['file']}` line {place['line']}: `{place['text']}`"
    yield f"- Again: `{again(finding)}`"
    if finding.mend:
        yield from ("", "A mend:", "", "```", finding.mend, "```")
    if "picture" in own:
        yield from ("", "<details><summary>The last events</summary>", "", "```", _drawn(own["picture"]), "```", "")
        yield "</details>"


def again(finding: Finding) -> str:
    """Return the command that repeats a finding, from a fresh clone."""
    return f"make conform-real ARGS='--finding {finding.of} {finding.id}'"


def _drawn(picture: Json) -> str:
    return as_text(picture["peers"], picture["rows"])


def _cases(document: Mapping[str, Any], findings: Sequence[Finding]) -> Iterator[str]:
    runs = document["runs"]
    shown = [name for name in runs[0]["results"] if any(run["results"][name]["verdict"] in BAD for run in runs)]
    if not shown:
        return
    titles = {each.id: each.title for each in findings}
    yield "## Cases that do not pass"
    yield ""
    yield "What fails first in each, what it comes to in the end, and the finding that is its cause."
    yield ""
    yield f"| case | {' | '.join(_code(run['options']) for run in runs)} | cause |"
    yield f"|---|{'---|' * len(runs)}---|"
    for name in shown:
        causes = [run["results"][name].get("cause") for run in runs]
        cause = next((each for each in causes if each in titles), None)
        failed = any("effect" in run["results"][name] and "clause" in run["results"][name] for run in runs)
        link = f"[{titles[cause]}](#{cause})" if cause else "not traced" if failed else "—"
        yield f"| `{name}` | {' | '.join(_outcome(run['results'][name]) for run in runs)} | {link} |"


def _outcome(told: Mapping[str, Any]) -> str:
    if "clause" not in told:
        return str(told["verdict"])
    where = told["peer"] + ("" if told["frame"] is None else f", frame {told['frame']}")
    return f"{told['verdict']}: `{told['clause']}` ({where}); {EFFECTS[told['effect']]}"


def _code(options: str) -> str:
    return f"`{options}`" if options else "as shipped"


WORDS = """
*right*: every case of the kind that applies passed. Else the worst that is seen, and in how many cases; only what
MUST hold counts, and findings marked SHOULD do not. *says so*: peers differ or stop, and the library tells its
user. *not tried*: no case of the kind applies to what the library claims. *right in the end*: all games and data
are right and equal, and something else is wrong: it costs frames, or goes further than it may. *not run*, printed
by the command: a toolchain is missing here, or a registry is out of reach; what is published of that one stays, and
is not compared.
""".strip()


ABSENT = """
Not here: `backroll` 0.6.0 (crates.io), whose connections are tasks of a thread pool, which virtual time cannot put in
order; and `github.com/assemblaj/ggpo`, which the Go module proxy does not give out.
""".strip()


def overview(rows: Sequence[Row]) -> str:
    """Return the page that leads to the others."""
    lines = [
        "# The league: rollback libraries, judged side by side",
        "",
        "`make conform-real` installs them from their registries into `build/`, runs the suite and each finding's",
        "schedule, and fails if anything differs from what is published here, down to the quoted lines of code.",
        "`make conform-real ARGS=ggrs` does it for one. [league.html](league.html) is this page with pictures;",
        "`findings*.toml` has the findings, `cases/` their schedules, `issues/` what their maintainers should know;",
        "`self-test.md` is the suite's test of itself.",
        "",
        f"| implementation | {' | '.join(NETWORKS.values())} |",
        f"|---|{'---|' * len(NETWORKS)}",
        *(f"| {_link(row)} | {' | '.join(row.headline.values())} |" for row in rows),
        "",
        WORDS,
        "",
        "## By family of cases",
        "",
        "So many cases passed, of those that apply; the rest is *n/a* to what the library claims.",
        "",
        f"| implementation | from | judged | {' | '.join(PROFILES)} | outcome |",
        f"|---|---|---|{'---|' * len(PROFILES)}---|",
        *(
            f"| {_link(row)} | {row.origin} | {row.judged} | {' | '.join(row.families.values())} | {row.summary} |"
            for row in rows
        ),
        "",
        ABSENT,
        "",
        "## Findings",
        "",
    ]
    for row in rows:
        for finding in row.findings:
            lines.append(f"- **{row.title}** ({finding.strength}): [{finding.title}]({row.file}.md#{finding.id})")
            if finding.effect:
                lines[-1] += f". {finding.effect}"
    return "\n".join(lines) + "\n"


def _link(row: Row) -> str:
    options = f" `{row.options}`" if row.options else ""
    return f"[{row.title}]({row.file}.md){options}"
