"""The house: every import points up the table of chapters, and none of what must stay light loads a solver."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CHAPTERS = ("reference", "model", "proofs", "conformance", "lessons", "rollproof")
"""From the bottom to the top: each may import those before it."""
FILES = {
    file: file.relative_to(ROOT).with_suffix("") for chapter in CHAPTERS for file in (ROOT / chapter).rglob("*.py")
}
MODULES = {path.as_posix().replace("/", ".").removesuffix(".__init__"): file for file, path in FILES.items()}
ROOMS = sorted({name.rpartition(".")[0] for name in MODULES if name.count(".") > 1})


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def imports(file: Path, *, lazy: bool = True) -> Iterator[str]:
    """Yield what a file imports, as module names; the project's own without `rollproof.` in front."""
    tree = parsed(file)
    typing = {id(each) for node in ast.walk(tree) if is_for_the_type_checker(node) for each in ast.walk(node)}
    for node in ast.walk(tree) if lazy else tree.body:
        if id(node) in typing:
            continue
        if isinstance(node, ast.Import):
            yield from (own(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            module = own(node.module)
            for alias in node.names:
                yield f"{module}.{alias.name}" if f"{module}.{alias.name}" in MODULES else module


def is_for_the_type_checker(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def own(module: str) -> str:
    """Return the name of a module, the project's own by its place in the repository."""
    rest = module.removeprefix("rollproof.")
    return rest if rest.split(".")[0] in CHAPTERS[:-1] else module


def edges(depth: int) -> dict[str, set[str]]:
    """Return which of the project's folders import which, named by so many parts of their names."""
    graph: dict[str, set[str]] = {}
    for name, file in MODULES.items():
        here = room(name, depth)
        found = {room(each, depth) for each in imports(file) if each.split(".")[0] in CHAPTERS}
        graph.setdefault(here, set()).update(found - {here})
    return graph


def room(name: str, depth: int) -> str:
    """Return the folder of a module: a module that lies beside folders is a room of its own."""
    parts = name.split(".")
    return ".".join(parts[:depth])


def test_chapters_import_only_what_is_below_them() -> None:
    for chapter, others in edges(1).items():
        allowed = set(CHAPTERS[: CHAPTERS.index(chapter)])
        assert others <= allowed, chapter


@pytest.mark.parametrize("depth", [2, 9], ids=["rooms", "modules"])
def test_there_are_no_circles(depth: int) -> None:
    graph = edges(depth)
    assert graph
    assert list(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("name", [each for each in (*CHAPTERS, *ROOMS) if each in MODULES])
def test_a_room_says_what_it_holds(name: str) -> None:
    said = ast.get_docstring(parsed(MODULES[name]))
    assert said
    assert len(said.split()) >= 8


@pytest.mark.parametrize("library", ["z3"])
def test_only_the_prover_imports_the_solver(library: str) -> None:
    allowed = ("model.symbolic", "proofs")
    using = {name for name, file in MODULES.items() if any(each.split(".")[0] == library for each in imports(file))}
    assert using
    assert [name for name in using if not name.startswith(allowed)] == []


LIGHT = (
    "rollproof.model.search.search",
    "rollproof.model.search.agreement",
    "rollproof.model.theorems.properties",
    "rollproof.model.theorems.values",
    "rollproof.model.runs.page",
    "rollproof.model.runs.sessions",
    "rollproof.model.traces.rendering",
    "rollproof.model.sessions.scenarios",
    "rollproof.model.variants.variants",
    "rollproof.reference.tick",
)
HEAVY = ("z3", "jsonschema", "fastjsonschema", "signal")


@pytest.mark.parametrize("module", LIGHT)
def test_a_search_a_session_and_a_trace_load_nothing_heavy(module: str) -> None:
    code = f"import sys; import {module}; print([each for each in {HEAVY!r} if each in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
