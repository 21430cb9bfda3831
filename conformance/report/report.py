"""Reports as text: JUnit XML and one self-contained HTML page, both made of the JSON that `--json` writes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

from markupsafe import Markup

from rollproof.conformance.report.diagram import as_svg, as_text
from rollproof.conformance.schema import Json
from rollproof.model.runs.page import digest, embedded, explorer_script, explorer_style, markup
from rollproof.model.runs.page import environment as templates
from rollproof.model.runs.run import Run, document_of

TEMPLATES = Path(__file__).parent / "templates"
KINDS = ("bad", "untold", "good")
"""What can come of a case, in the order in which a page shows them."""
LEGEND = {
    "stuck": "no answer in time, or no progress in bounded virtual time",
    "vacuous": "what the case is about never happened, so nothing was tested",
    "degraded": "an episode ended unconfirmed, said so, and the case allows it",
    "skip": "not run, for the reason that is given",
    "n/a": "the implementation does not claim what the case needs",
    "harness-error": "the adapter broke the adapter protocol",
}
"""What verdicts mean that do not speak for themselves."""
_NOT_XML = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def failure_text(result: Json) -> str:
    """Return a failed result in words: clause, rule, peer, frame, both values, the last events, how to repeat it."""
    lines = [f"{result['case']} (revision {result['revision']}): {result['title']}", f"  {result['why']}", ""]
    failure = result.get("failure")
    if failure is not None:
        where = failure["peer"] + ("" if failure["frame"] is None else f", frame {failure['frame']}")
        lines += [
            f"  clause    {failure['clause']} ({', '.join(failure['rules'])}): {failure['sentence']}",
            f"  where     {where}",
            f"  expected  {failure['expected']}",
            f"  got       {failure['actual']}",
        ]
        lines += ["", *(f"    {line}" for line in as_text(result["peers"], result["diagram"]).splitlines()), ""]
    if "reason" in result:
        lines.append(f"  reason    {result['reason']}")
    if result.get("repeatable") is False:
        lines.append("  note      a second run by fresh adapters was not equal: the adapter is not deterministic")
    if result.get("stderr"):
        lines += ["  stderr", *(f"    {line}" for line in result["stderr"].splitlines()[-20:])]
    if "repeat" in result:
        lines.append(f"  repeat    {result['repeat']}")
    return "\n".join(lines)


def junit(report: Json) -> str:
    """Return a report as JUnit XML."""
    results = report["results"]
    name = f"rollproof conform: {report['implementation'].get('name', '?')}"
    counts = {
        "tests": len(results),
        "failures": sum(each["verdict"] in ("fail", "stuck", "vacuous") for each in results),
        "errors": sum(each["verdict"] in ("crash", "harness-error") for each in results),
        "skipped": sum(each["verdict"] in ("skip", "n/a") for each in results),
    }
    suite = ElementTree.Element(
        "testsuite", {"name": _clean(name), **{key: str(count) for key, count in counts.items()}}
    )
    for result in results:
        case = ElementTree.SubElement(suite, "testcase", classname=result["profile"], name=result["case"])
        verdict = result["verdict"]
        if verdict in ("pass", "degraded"):
            continue
        kind = {"skip": "skipped", "n/a": "skipped", "crash": "error", "harness-error": "error"}.get(verdict, "failure")
        failure = result.get("failure")
        message = result.get("reason", "") if failure is None else f"{failure['clause']}: got {failure['actual']}"
        element = ElementTree.SubElement(case, kind, message=_clean(f"{verdict}: {message}"))
        if kind != "skipped":
            element.text = _clean(failure_text(result))
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n"


def html(reports: Sequence[Json], pictures: Mapping[str, Run] | None = None) -> str:
    """Return one page for the reports of one or more implementations: a matrix, and a section for each failure.

    `pictures` has runs of the first implementation that failed, by case: the page shows them step by step.
    """
    drawn = {case: markup(embedded([document_of(run)])) for case, run in (pictures or {}).items()}
    script = f"{explorer_script()}\nmountAll();\n" if drawn else ""
    environment = templates(TEMPLATES)
    environment.filters["svg"] = lambda result: Markup(
        as_svg(result["peers"], result["diagram"], result["failure"]["event"])
    )
    environment.filters["anchor"] = lambda text: re.sub(r"[^a-zA-Z0-9]+", "-", str(text)).strip("-")
    cases: dict[str, Json] = {}
    for report in reports:
        for result in report["results"]:
            cases.setdefault(result["case"], result)
    by_case = [{result["case"]: result for result in report["results"]} for report in reports]
    kinds = {id: _kind([results[id]["verdict"] for results in by_case if id in results]) for id in cases}
    cases = dict(sorted(cases.items(), key=lambda each: (KINDS.index(kinds[each[0]]), each[0])))
    verdicts = {result["verdict"] for report in reports for result in report["results"]}
    page = environment.get_template("report.html.j2").render(
        reports=reports,
        cases=cases,
        by_case=by_case,
        kinds=kinds,
        shown={"all": len(cases), **dict.fromkeys(KINDS, 0), **Counter(kinds.values())},
        legend={verdict: meaning for verdict, meaning in LEGEND.items() if verdict in verdicts},
        pictures=drawn,
        style=markup(explorer_style()) if drawn else "",
        script=markup(script),
        digest=digest(script),
    )
    return _clean(page)


def _kind(verdicts: Sequence[str]) -> str:
    """Return what to make of a case by its verdicts: the worst counts."""
    if not verdicts or all(each in ("skip", "n/a", "vacuous") for each in verdicts):
        return "untold"
    return "good" if all(each in ("pass", "degraded", "skip", "n/a") for each in verdicts) else "bad"


def _clean(text: str) -> str:
    return _NOT_XML.sub("�", text)
