"""Every name that `rollproof explain` knows, by kind, with a sentence for each."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from functools import cache

from attrs import NOTHING, fields, frozen

from rollproof.conformance.cases.case import published_cases
from rollproof.conformance.judge.clauses import ANSWERS, MODEL
from rollproof.conformance.judge.properties import PROPERTIES as CLAUSES
from rollproof.conformance.mutants.catalogue import mutants
from rollproof.model.glossary import Word, glossary, spoken, synonyms
from rollproof.model.rules import RULE, rules
from rollproof.model.sessions.scenarios import SCENARIOS
from rollproof.reference import config as config_module
from rollproof.reference.config import Config

KINDS = {
    "theorem": "theorems: what is proved of every state and every step",
    "lemma": "lemmas: what their proofs rest on",
    "transition": "transitions: what a peer can do",
    "guard": "guards: when it may",
    "rule": "rules of reference/PROTOCOL.md",
    "setting": "settings of a session",
    "scenario": "scenarios of `rollproof simulate`",
    "variant": "variants: protocols known to be wrong",
    "clause": "clauses: what the conformance suite judges",
    "mutant": "mutants of the reference, for `rollproof conform --mutant`",
    "case": "cases of the conformance suite",
    "word": "words of the glossary, with those of other implementations",
}
"""What can be explained, and what that is, in the order in which it is listed."""


@frozen
class Entry:
    """What is known of a name that no proof is about."""

    name: str
    kind: str
    sentence: str
    rules: tuple[str, ...] = ()
    details: tuple[tuple[str, str], ...] = ()
    """Further things to tell, with their labels."""


def entries(name: str) -> list[Entry]:
    """Return what is known of a name besides theorems, guards and the like; `_` and capitals make no difference."""
    said = spoken(name)
    found = [each for each in _named() if said in (spoken(each.name), spoken(each.name.partition(":")[2]))]
    return found + [_word(word) for word in synonyms().get(said, ())]


@cache
def every_entry() -> tuple[Entry, ...]:
    """Return all entries."""
    return (*_named(), *map(_word, glossary()))


@cache
def _named() -> tuple[Entry, ...]:
    return (*_settings(), *_scenarios(), *_clauses(), *_mutants(), *_cases())


def _settings() -> Iterator[Entry]:
    """Yield the settings; what each means is written below its field."""
    (definition,) = (
        node
        for node in ast.parse(inspect.getsource(config_module)).body
        if isinstance(node, ast.ClassDef) and node.name == Config.__name__
    )
    says = {
        node.target.id: text.value.value
        for node, text in zip(definition.body, definition.body[1:], strict=False)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
    }
    for field in fields(Config):
        sentence = " ".join(str(says[field.name]).split())
        default = "none: it must be given" if field.default is NOTHING else repr(field.default)
        yield Entry(field.name, "setting", sentence, tuple(RULE.findall(sentence)), (("default", default),))


def _scenarios() -> Iterator[Entry]:
    for each in SCENARIOS.values():
        promises = "; ".join(promise.sentence for promise in each.promises)
        again = f"rollproof simulate {each.name}"
        yield Entry(each.name, "scenario", each.title, each.rules, (("promises", promises), ("run it", again)))


def _clauses() -> Iterator[Entry]:
    for each in CLAUSES.values():
        yield Entry(each.name, "clause", each.sentence, each.rules, (("level", str(each.level)),))
    for name, clause in {**ANSWERS, **MODEL}.items():
        level = "0" if name in ANSWERS else "2"
        yield Entry(name, "clause", clause.sentence, clause.rules, (("level", level),))


def _mutants() -> Iterator[Entry]:
    for each in mutants().values():
        yield Entry(each.name, "mutant", each.sentence, (), (("run it", f"rollproof conform --mutant {each.name}"),))


def _cases() -> Iterator[Entry]:
    for each in published_cases():
        details = (("why", each["why"]), ("run it", f"rollproof conform --case {each.id} -- COMMAND"))
        yield Entry(each.id, "case", each["title"], tuple(each["rules"]), details)


def _word(word: Word) -> Entry:
    elsewhere = "; ".join(f"{who}: {', '.join(names)}" for who, names in word.elsewhere.items())
    details = (("also", ", ".join(word.also)), ("elsewhere", elsewhere), ("see", ", ".join(word.see)))
    cited = tuple(each for each in word.see if each in rules())
    return Entry(word.name, "word", word.says, cited, tuple((label, text) for label, text in details if text))
