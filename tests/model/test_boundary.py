"""The laws of settings and of messages as bytes see every small change of the code that makes these."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks.mutants.__main__ import known
from benchmarks.mutants.operators import Mutant, mutants
from rollproof.model.sessions import boundary, laws
from rollproof.model.slips import SlipError
from rollproof.reference import config, wire

ROOT = Path(__file__).parents[2]
MODULES = {"reference/config.py": config, "reference/wire.py": wire}
ALL = [each for each in mutants(ROOT) if each.file in MODULES]
CHOSEN = ALL if os.environ.get("ROLLPROOF_FUZZ") == "1" else ALL[::9]
ABOUT = (
    "settings_are_what_they_may_be",
    "actions_are_what_is_configured",
    "a_message_has_one_form",
    "the_wait_is_configured_as_the_rule_says",
)


def broken() -> Iterator[str]:
    for name in ABOUT:
        try:
            problem = laws.LAWS[name].broken()
        except SlipError as slip:
            problem = str(slip)
        if problem is not None:
            yield problem


def test_the_laws_hold() -> None:
    assert list(broken()) == []


@pytest.mark.parametrize("each", CHOSEN, ids=[each.name for each in CHOSEN])
def test_a_change_breaks_a_law(each: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    original = MODULES[each.file]
    changed = ModuleType(original.__name__)
    monkeypatch.setitem(sys.modules, original.__name__, changed)
    text = each.applied((ROOT / each.file).read_text(encoding="utf-8"))
    try:
        exec(compile(text, f"<{each.name}>", "exec"), vars(changed))
    except Exception:
        return  # it cannot even be loaded
    for module in (boundary, laws):
        for name in ("Actions", "Config", "WireError", "decode", "encode"):
            if hasattr(module, name) and hasattr(changed, name):
                monkeypatch.setattr(module, name, getattr(changed, name))
    assert (next(broken(), None) is None) == (each.name in known())
