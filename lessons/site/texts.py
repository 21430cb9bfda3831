"""Pages computed of the code: theorems with their formulas, the reference from its docstrings, and the glossary."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from html import escape

from rollproof.lessons.site.engine import ROOT
from rollproof.model.glossary import glossary
from rollproof.model.theorems.properties import PROPERTIES
from rollproof.proofs.explain import explain


def theorems() -> str:
    """Return every theorem and lemma with its sentence, rules and formulas."""
    parts = [
        "<h1>Theorems</h1><p>What is proved of every state and every step of the reference's own code, for "
        "unbounded frames, "
        "any number of players and any order of delivery. Each is stated once, in Python; the formulas below are "
        "what the "
        "solver is asked.</p>"
    ]
    for kind, heading in (("theorem", "Theorems"), ("lemma", "Lemmas, which they rest on")):
        parts.append(f"<h2>{heading}</h2><dl>")
        for name, each in PROPERTIES.items():
            if each.kind != kind:
                continue
            told = explain(name, proof=False)
            parts.append(
                f'<dt id="{name}"><code>{escape(name)}</code> <span class="dim">{", ".join(each.rules)}</span></dt>'
            )
            parts.append(f"<dd>{escape(each.sentence)}</dd>")
            parts += [f"<dd><code>{escape(label)}: {escape(text)}</code></dd>" for label, text in told.formulas[:6]]
        parts.append("</dl>")
    return "\n".join(parts)


def glossary_page() -> str:
    """Return the glossary, with the words of other implementations."""
    parts = ["<h1>Glossary</h1><p>One word for one idea, and what it is called elsewhere.</p>"]
    for group in dict.fromkeys(each.group for each in glossary()):
        parts.append(f"<h2>{escape(group)}</h2><dl>")
        for each in (word for word in glossary() if word.group == group):
            also = f' <span class="dim">also {escape(", ".join(each.also))}</span>' if each.also else ""
            parts.append(f"<dt>{escape(each.name)}{also}</dt><dd>{_code(each.says)}</dd>")
            names = [f"{escape(who)}: {', '.join(map(_word, some))}" for who, some in each.elsewhere.items()]
            parts += [f'<dd class="dim">{"; ".join(names)}</dd>'] if names else []
        parts.append("</dl>")
    return "\n".join(parts)


def api() -> str:
    """Return the reference's modules, classes and functions with their docstrings."""
    parts = [
        "<h1>The reference</h1><p>Made of its docstrings. Guards and transitions carry the rules that demand them.</p>"
    ]
    for file in sorted((ROOT / "reference").glob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        shown = list(_definitions(tree))
        if shown:
            parts.append(f'<h2 id="{file.stem}">{file.stem}</h2><p>{_code(ast.get_docstring(tree) or "")}</p><dl>')
            parts += shown
            parts.append("</dl>")
    return "\n".join(parts)


def _definitions(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        said = ast.get_docstring(node) if isinstance(node, ast.ClassDef | ast.FunctionDef) else None
        if said is None or not isinstance(node, ast.ClassDef | ast.FunctionDef) or node.name.startswith("_"):
            continue
        marks = [ast.unparse(each) for each in node.decorator_list]
        kind = next((mark.partition("(")[0] for mark in marks if mark.startswith(("guard", "transition"))), "")
        arguments = f"({ast.unparse(node.args)})" if isinstance(node, ast.FunctionDef) else ""
        label = f'<span class="dim">{kind}</span> ' if kind else ""
        yield f"<dt>{label}<code>{escape(node.name + arguments)}</code></dt><dd>{_code(said)}</dd>"


def _word(name: str) -> str:
    return f"<code>{escape(name)}</code>"


def _code(text: str) -> str:
    """Return text as HTML, with what stands between backquotes as code."""
    pieces = escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if at % 2 else piece for at, piece in enumerate(pieces))
