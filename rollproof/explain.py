"""`rollproof explain`: what a theorem, lemma, guard, transition, variant or rule says, rests on and is good for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
from rich.console import Group
from rich.text import Text

from rollproof.output import BROKEN, HELD, UsageError, console, unknown, write_json
from rollproof.proofs.explain import Explanation, kinds
from rollproof.proofs.explain import explain as explained
from rollproof.proofs.unused import unused_lemmas
from rollproof.reference.protocol import PROTOCOL

SHOWN = 12
"""How many formulas are shown unless all are asked for."""


def explain(
    name: str | None = None,
    *,
    full: bool = False,
    unused: bool = False,
    jobs: int | None = None,
    json: Path | None = None,
) -> int:
    """Explain a theorem, lemma, guard, transition, variant or rule.

    Exits with 0; with 1 if lemmas are unused and that was asked; with 2 if there is no such name.

    Parameters
    ----------
    name:
        For instance canonical_is_lockstep, promote_frame, promote_frame.no_rollback_pending, stale_clear or BUF-4.
    full:
        Show every formula to its end.
    unused:
        List instead the lemmas that no theorem needs; takes about as long as the proof.
    jobs:
        How many processes may run; one per core if not given.
    json:
        Write the explanation for tools to this file.
    """
    if jobs is not None and jobs < 1:
        raise UsageError(f"--jobs must be at least 1, not {jobs}")
    if (name is None) != unused:
        raise UsageError("either a name is needed, or --unused")
    if name is None:
        return _unused(jobs, json)
    if name not in kinds():
        raise unknown("theorem, lemma, guard, transition, variant or rule", name, kinds())
    explanation = explained(name, full=full, jobs=jobs)
    if json is not None:
        write_json(json, _document(explanation))
    console().print(_told(explanation, full), soft_wrap=True)
    return HELD


def _unused(jobs: int | None, json: Path | None) -> int:
    lemmas = unused_lemmas(PROTOCOL, jobs)
    if json is not None:
        write_json(json, {"unused_lemmas": lemmas})
    told = f"no theorem needs: {', '.join(lemmas)}" if lemmas else "every lemma is needed by some theorem"
    console().print(told, soft_wrap=True)
    return BROKEN if lemmas else HELD


def _told(each: Explanation, full: bool) -> Group:
    proof = f"{each.obligations} obligations" + (f", {each.unproved} not proved" if each.unproved else "")
    parts: dict[str, str] = {
        "rules": ", ".join(each.rules),
        "source": ", ".join(each.sources),
        "constrains": ", ".join(each.constrains),
        "proof": proof if each.obligations else "",
        "rests on": ", ".join(each.rests_on) or ("the guards and the code alone" if each.obligations else ""),
        "implied in": ", ".join(each.implied_in),
        "kills": ", ".join(each.kills),
        "violates": ", ".join(each.violates),
        "cited by": ", ".join(each.cited_by),
    }
    formulas = each.formulas if full else each.formulas[:SHOWN]
    more = len(each.formulas) - len(formulas)
    return Group(
        Text.assemble((each.name, "bold"), f", a {each.kind}"),
        Text(each.sentence),
        *(Text.assemble((f"{label}: ", "bold"), text) for label, text in parts.items() if text),
        *([Text("formulas:", "bold")] if formulas else []),
        *(Text.assemble((f"  {label}: ", "cyan"), text) for label, text in formulas),
        *([Text(f"  and {more} more: --full shows them")] if more else []),
    )


def _document(explanation: Explanation) -> dict[str, Any]:
    document = attrs.asdict(explanation)
    return {**document, "formulas": [{"label": label, "formula": text} for label, text in explanation.formulas]}
