"""The rules of the protocol, read from `reference/PROTOCOL.md`: whatever cites a rule is checked against them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from attrs import frozen

from rollproof.model.documents import DocumentError
from rollproof.model.theorems.properties import PROPERTIES
from rollproof.reference.transition import Protocol

FILE = Path(__file__).parents[1] / "reference" / "PROTOCOL.md"
RULE = re.compile(r"\b(?:IN|RB|BUF|EP|TR|ME|LI|EV)-\d+\b")
"""What a citation of a rule looks like."""
_HEADING = re.compile(r"^### (?P<id>[A-Z]+-\d+)\. (?P<title>.+) \[(?P<sources>[^]]+)\]$", re.MULTILINE)
_SECTION = re.compile(r"^#{2,3} ", re.MULTILINE)
_VERSION = re.compile(r"^Protocol version (\d+)\.", re.MULTILINE)
_WRONG = re.compile(r"\*(?:Earlier|Mistake)\*: ")


class RuleError(DocumentError):
    """Something cites a rule that does not exist. Its text is one line."""


@frozen
class Rule:
    """One rule of the protocol."""

    id: str
    title: str
    text: str
    """What it demands, as one paragraph."""
    wrong: str
    """What is done instead by an earlier revision or by mistake, and which variant shows it; may be empty."""
    sources: tuple[str, ...]
    """The revisions that brought it; `+` is ours."""

    @property
    def variants(self) -> tuple[str, ...]:
        """The names of the variants that show what the rule prevents."""
        _, _, named = self.wrong.lower().rpartition("variant")
        return tuple(re.findall(r"`(\w+)`", named))


@cache
def rules() -> dict[str, Rule]:
    """Return every rule by its id, in the order of the document."""
    text = FILE.read_text(encoding="utf-8")
    return {heading["id"]: _rule(heading, text) for heading in _HEADING.finditer(text)}


@cache
def protocol_version() -> int:
    """Return the version of the rules."""
    found = _VERSION.search(FILE.read_text(encoding="utf-8"))
    if found is None:
        raise RuleError(f"{FILE.name} does not say which version of the protocol it is")
    return int(found[1])


def check_citations(protocol: Protocol) -> None:
    """Check that whatever guards, transitions and properties cite is a rule.

    Raises:
        RuleError: naming what cites a rule that does not exist.
    """
    transitions = protocol.transitions.values()
    guards = {f"guard {guard.name}": guard.rules for each in transitions for guard in each.guards}
    cited = {f"transition {each.name}": each.rules for each in transitions} | guards
    for by, ids in (cited | {f"{each.kind} {each.name}": each.rules for each in PROPERTIES.values()}).items():
        for rule in ids:
            if rule not in rules():
                raise RuleError(f"{by} cites {rule!r}, which is no rule of reference/{FILE.name}")


def _rule(heading: re.Match[str], text: str) -> Rule:
    following = _SECTION.search(text, heading.end())
    body = text[heading.end() : following.start() if following else len(text)]
    paragraphs = [" ".join(each.split()) for each in body.split("\n\n") if each.strip()]
    return Rule(
        heading["id"],
        heading["title"],
        " ".join(each for each in paragraphs if not _WRONG.match(each)),
        " ".join(_WRONG.sub("", each, count=1) for each in paragraphs if _WRONG.match(each)),
        tuple(each.strip() for each in heading["sources"].split(",")),
    )
