"""The glossary: one word for one idea, and what other implementations call it (`glossary.toml`)."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from attrs import field, frozen

FILE = Path(__file__).parent / "glossary.toml"


@frozen
class Word:
    """One idea."""

    name: str
    """The word that this project uses for it."""
    group: str
    """What it is about: netcode, protocol, wrong (protocols), proof, conformance."""
    says: str
    """What it means, in one or two sentences."""
    also: tuple[str, ...] = field(default=(), converter=tuple)
    """Other words for it."""
    see: tuple[str, ...] = field(default=(), converter=tuple)
    """Names of rules, theorems, guards, transitions and settings that are about it."""
    elsewhere: dict[str, list[str]] = field(factory=dict)
    """What it is called in other implementations, by implementation."""


@cache
def glossary() -> tuple[Word, ...]:
    """Return every word, in the order of the file."""
    return tuple(Word(**each) for each in tomllib.loads(FILE.read_text(encoding="utf-8"))["word"])


def spoken(name: str) -> str:
    """Return a name as it is compared: `_`, `-`, `::` and capitals make no difference."""
    return " ".join(name.replace("_", " ").replace("-", " ").replace("::", " ").casefold().split())


@cache
def synonyms() -> dict[str, tuple[Word, ...]]:
    """Return the words that each spoken name can mean: the one that is called so before those also called so."""
    found: dict[str, list[Word]] = {}
    names_of: tuple[Callable[[Word], Iterable[str]], ...] = (
        lambda word: [word.name],
        lambda word: word.also,
        lambda word: [name for some in word.elsewhere.values() for name in some],
    )
    for names in names_of:
        for word in glossary():
            for name in names(word):
                known = found.setdefault(spoken(name), [])
                if word not in known:
                    known.append(word)
    return {name: tuple(words) for name, words in found.items()}
