"""`rollproof explain`: what a name means: a theorem, guard, rule, setting, mutant, a word of the field, and so on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
from rich.console import Group
from rich.text import Text

from rollproof.model.designs.design import present
from rollproof.model.glossary import spoken
from rollproof.model.rules import check_citations, rules
from rollproof.model.search.search import CRASH_SENTENCE
from rollproof.model.theorems.properties import NEVER_CRASHES, PROPERTIES
from rollproof.model.variants.variants import VARIANTS
from rollproof.names import KINDS, Entry, entries, every_entry
from rollproof.output import BROKEN, HELD, Output, UsageError, console, many, unknown, write_json
from rollproof.proofs.explain import Explanation, kinds
from rollproof.proofs.explain import explain as explained
from rollproof.proofs.unused import unused_lemmas
from rollproof.shared import OwnProtocol, adopt

SHOWN = 12
"""How many formulas are shown unless all are asked for."""
MANY = 100
"""Of how many names of a kind only the number is told, unless the kind is asked for."""


def explain(
    *name: str,
    full: bool = False,
    unused: bool = False,
    protocol: OwnProtocol = None,
    jobs: int | None = None,
    json: Output = None,
) -> int:
    """Explain anything that has a name; without a name, list everything by kind.

    Exits with 0; with 1 if lemmas are unused and that was asked; with 2 if there is no such name.

    Parameters
    ----------
    name:
        A theorem, lemma, transition, guard, rule, setting, scenario, variant, clause, mutant, case or word of the field
        (canonical_is_lockstep, promote_frame.no_rollback_pending, IN-7, prediction_window, rollback window); or a kind,
        to list what there is of it with a sentence for each.
    full:
        Show every formula to its end.
    unused:
        List instead the lemmas that no theorem needs; takes about as long as the proof.
    protocol:
        Explain what this file defines as well: FILE.py, or FILE.py:NAME. The file is Python code, and is run.
    jobs:
        How many processes may run; one per core if not given.
    json:
        Write the explanation for tools to this file.
    """
    if jobs is not None and jobs < 1:
        raise UsageError(f"--jobs must be at least 1, not {jobs}")
    if name and unused:
        raise UsageError("--unused lists lemmas, so it takes no name")
    adopt(protocol)
    check_citations(present())
    if unused:
        return _unused(json)
    if not name:
        return _list(json)
    return _explain(" ".join(name), full, jobs, json)


def _explain(name: str, full: bool, jobs: int | None, json: Path | None) -> int:
    proved = explained(name, full=full, jobs=jobs) if name in kinds() else None
    others = entries(name)
    of_kind = _of_kind(name)
    if proved is None and not others and not of_kind:
        known = [*kinds(), *(each.name for each in every_entry()), *KINDS]
        raise unknown("name", name, known)
    documents = [] if proved is None else [_document(proved)]
    documents += [attrs.asdict(each, value_serializer=_plain) for each in others]
    if of_kind:
        documents.append({"name": name, "kind": "kind", "names": of_kind})
    if json is not None:
        write_json(json, {**documents[0], "besides": documents[1:]})
    told = [] if proved is None else [_told(proved, full)]
    told += [_entry(each) for each in others]
    if of_kind:
        told.append(Group(*(Text.assemble((each, "bold"), f"  {says}") for each, says in of_kind.items())))
    for number, each in enumerate(told):
        console().print(*([""] if number else []), each, sep="\n", soft_wrap=True)
    return HELD


def _catalogue() -> dict[str, dict[str, str]]:
    """Return every name with a sentence, by kind."""
    found: dict[str, dict[str, str]] = {kind: {} for kind in KINDS}
    for name, kind in kinds().items():
        if "." not in name:
            found[kind][name] = _sentence(name, kind)
    for each in every_entry():
        found[each.kind][each.name] = each.sentence
    return found


def _sentence(name: str, kind: str) -> str:
    if kind == "rule":
        return rules()[name].title
    if name == NEVER_CRASHES:
        return CRASH_SENTENCE
    transitions = present().transitions
    guards = {guard.name: guard for each in transitions.values() for guard in each.guards}
    named: Any = {**transitions, **guards, **VARIANTS, **PROPERTIES}[name]
    return " ".join(named.sentence.split())


def _of_kind(name: str) -> dict[str, str]:
    """Return what there is of a kind, if the name is one, in the singular or the plural."""
    kind = next((each for each in KINDS if spoken(name) in (each, f"{each}s", f"{each[:-1]}ies")), None)
    return {} if kind is None else _catalogue()[kind]


def _list(json: Path | None) -> int:
    catalogue = _catalogue()
    if json is not None:
        write_json(json, {"kinds": catalogue})
    out = console()
    for kind, title in KINDS.items():
        names = sorted(catalogue[kind]) if kind != "rule" else list(catalogue[kind])
        out.print(Text.assemble((f"{len(names)} {title}", "bold")), soft_wrap=True)
        listed = ", ".join(names) if len(names) <= MANY else f"too many to list here: rollproof explain {kind}"
        out.print(Text(f"  {listed}"), soft_wrap=True)
    out.print(
        "\nrollproof explain NAME explains one of them, rollproof explain KIND lists all of a kind.", soft_wrap=True
    )
    return HELD


def _unused(json: Path | None) -> int:
    lemmas = unused_lemmas(present())
    if json is not None:
        write_json(json, {"unused_lemmas": lemmas})
    told = f"no theorem needs: {', '.join(lemmas)}" if lemmas else "every lemma is needed by some theorem"
    console().print(told, soft_wrap=True)
    return BROKEN if lemmas else HELD


def _told(each: Explanation, full: bool) -> Group:
    proof = many(each.obligations, "obligation") + (f", {each.unproved} not proved" if each.unproved else "")
    parts: dict[str, str] = {
        "instead": each.instead,
        "rules": ", ".join(each.rules) if each.kind != "rule" else "",
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


def _entry(each: Entry) -> Group:
    details = [("rules", ", ".join(each.rules)), *each.details]
    return Group(
        Text.assemble((each.name, "bold"), f", a {each.kind}"),
        Text(each.sentence),
        *(Text.assemble((f"{label}: ", "bold"), text) for label, text in details if text),
    )


def _document(explanation: Explanation) -> dict[str, Any]:
    document = attrs.asdict(explanation)
    return {**document, "formulas": [{"label": label, "formula": text} for label, text in explanation.formulas]}


def _plain(_: object, attribute: Any, value: Any) -> Any:
    """Return a value as JSON has it: details as an object."""
    return dict(value) if attribute is not None and attribute.name == "details" else value
