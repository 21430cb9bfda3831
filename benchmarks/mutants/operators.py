"""How mutants are made: one small change of the source at a time, by the kind of syntax that is changed."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

from attrs import frozen

SWAPS: dict[type[ast.AST], tuple[str, ...]] = {
    ast.Lt: ("<=",),
    ast.LtE: ("<",),
    ast.Gt: (">=",),
    ast.GtE: (">",),
    ast.Eq: ("!=",),
    ast.NotEq: ("==",),
    ast.Is: ("is not",),
    ast.IsNot: ("is",),
    ast.In: ("not in",),
    ast.NotIn: ("in",),
}
"""By comparison: what it becomes."""
OTHERS = {"min": "max", "max": "min", "any": "all", "all": "any"}
"""By function: what it becomes."""
LISTS = ("guards", "tick", "poll")
"""The keywords whose tuples lose an item."""


@frozen
class Mutant:
    """One small change of one file."""

    file: str
    """Relative to the repository."""
    where: str
    """The function or class that it is in."""
    kind: str
    line: int
    start: int
    end: int
    """What is replaced: characters of the file."""
    old: str
    new: str
    number: int = 0
    """How many with the same name come before it."""

    @property
    def name(self) -> str:
        """What it is called: the same as long as the code around it stays."""
        change = f"{' '.join(self.old.split())[:60]} -> {' '.join(self.new.split())[:60] or '(nothing)'}"
        return f"{self.file}:{self.where}:{self.kind}:{change}" + (f"#{self.number}" if self.number else "")

    def applied(self, text: str) -> str:
        """Return the text of the file with the change."""
        return text[: self.start] + self.new + text[self.end :]


Change = tuple[ast.expr | ast.stmt, str, str]
"""The node that is replaced, the kind of change, and the source that takes its place."""


def mutants(root: Path, folder: str = "reference") -> list[Mutant]:
    """Return every mutant of the Python files of a folder."""
    found: list[Mutant] = []
    for file in sorted((root / folder).glob("*.py")):
        found += _mutants_of(file.relative_to(root).as_posix(), file.read_text(encoding="utf-8"))
    return found


def _mutants_of(file: str, text: str) -> Iterator[Mutant]:
    tree = ast.parse(text)
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    seen: dict[str, int] = {}

    def offset(line: int, column: int) -> int:
        at = starts[line - 1]
        return at + len(text[at:].encode()[:column].decode())

    for where, node in _walk(tree, ""):
        for target, kind, new in _changes(node):
            start = offset(target.lineno, target.col_offset)
            end = offset(target.end_lineno or target.lineno, target.end_col_offset or target.col_offset)
            old = text[start:end]
            mutant = Mutant(file, where, kind, target.lineno, start, end, old, new)
            number = seen[mutant.name] = seen.get(mutant.name, -1) + 1
            yield Mutant(file, where, kind, mutant.line, start, end, old, new, number)


def _walk(node: ast.AST, where: str) -> Iterator[tuple[str, ast.AST]]:
    """Iterate over all nodes that do something, with the names of what they are in."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue  # a docstring
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            continue
        inner = where
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            inner = f"{where}.{child.name}" if where else child.name
            for decorator in child.decorator_list:
                yield from ((inner, each) for each in ast.walk(decorator))
            annotations = {id(child.returns)} if isinstance(child, ast.FunctionDef) else set()
            for part in ast.iter_child_nodes(child):
                if part not in child.decorator_list and id(part) not in annotations:
                    if isinstance(part, ast.arguments):
                        yield from ((inner, each) for each in (*part.defaults, *filter(None, part.kw_defaults)))
                    else:
                        yield from _inside(part, inner)
            continue
        yield from _inside(child, inner)


def _inside(node: ast.AST, where: str) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    if isinstance(node, ast.Raise | ast.Import | ast.ImportFrom | ast.JoinedStr):
        return
    yield where, node
    if isinstance(node, ast.AnnAssign):
        if node.value is not None:
            yield from _inside(node.value, where)
        return
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield from _walk(ast.Module([node], []), where)
        return
    yield from _walk(node, where)


def _changes(node: ast.AST) -> Iterator[Change]:
    for change in _CHANGES.get(type(node), ()):
        yield from change(node)


def _compared(node: ast.Compare) -> Iterator[Change]:
    for at, operator in enumerate(node.ops):
        for new in SWAPS.get(type(operator), ()):
            left = node.left if at == 0 else node.comparators[at - 1]
            first = f"{ast.unparse(left)} {new} {ast.unparse(node.comparators[at])}"
            if len(node.ops) == 1:
                yield node, "comparison", first
            else:
                rest = [
                    f"{new if other == at else ast.unparse(ast.Compare(ast.Name('x'), [op], [ast.Name('y')]))[2:-2]} "
                    f"{ast.unparse(each)}"
                    for other, (op, each) in enumerate(zip(node.ops, node.comparators, strict=True))
                ]
                yield node, "comparison", f"{ast.unparse(node.left)} {' '.join(rest)}"


def _constant(node: ast.Constant) -> Iterator[Change]:
    if isinstance(node.value, bool):
        yield node, "boolean", str(not node.value)
    elif isinstance(node.value, int):
        yield node, "number", str(node.value + 1)
        yield node, "number", str(node.value - 1)


def _joined(node: ast.BoolOp) -> Iterator[Change]:
    word = " or " if isinstance(node.op, ast.And) else " and "
    yield node, "and/or", f"({word.join(f'({ast.unparse(each)})' for each in node.values)})"
    for at in range(len(node.values)):
        kept = [ast.unparse(each) for other, each in enumerate(node.values) if other != at]
        yield node, "condition dropped", f"({(' and ' if word == ' or ' else ' or ').join(f'({it})' for it in kept)})"


def _negated(node: ast.UnaryOp) -> Iterator[Change]:
    if isinstance(node.op, ast.Not):
        yield node, "not dropped", f"({ast.unparse(node.operand)})"


def _sum(node: ast.BinOp) -> Iterator[Change]:
    if isinstance(node.op, ast.Add | ast.Sub) and not isinstance(node.left, ast.Constant | ast.JoinedStr):
        sign = "-" if isinstance(node.op, ast.Add) else "+"
        yield node, "sum", f"{ast.unparse(node.left)} {sign} {ast.unparse(node.right)}"


def _tested(node: ast.If | ast.IfExp | ast.While) -> Iterator[Change]:
    yield node.test, "condition negated", f"not ({ast.unparse(node.test)})"


UNORDERED = ("min", "max", "same", "guard", "transition")
"""What does the same with its arguments in another order: of the last two they are the rules that are cited."""


def _called(node: ast.Call) -> Iterator[Change]:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name in OTHERS:
        yield node.func, "function", OTHERS[name]
    if name == "evolve":
        for at in range(len(node.keywords)):
            kept = [each for other, each in enumerate(node.keywords) if other != at]
            yield node, "field dropped", ast.unparse(ast.Call(node.func, node.args, kept))
    if len(node.args) >= 2 and not any(isinstance(each, ast.Starred) for each in node.args):
        one, two, *rest = node.args
        if ast.unparse(one) != ast.unparse(two) and ast.unparse(node.func) not in UNORDERED:
            yield node, "arguments swapped", ast.unparse(ast.Call(node.func, [two, one, *rest], node.keywords))
    for keyword in node.keywords:
        if keyword.arg in LISTS and isinstance(keyword.value, ast.Tuple):
            yield from _shortened(keyword.value, f"{keyword.arg} dropped")
    if ast.unparse(node.func) == "Protocol.of" and isinstance(node.args[1], ast.Tuple):
        yield from _shortened(node.args[1], "transition dropped")


def _shortened(node: ast.Tuple, kind: str) -> Iterator[Change]:
    for at in range(len(node.elts)):
        kept = [ast.unparse(each) for other, each in enumerate(node.elts) if other != at]
        yield node, kind, f"({', '.join(kept)}{',' if len(kept) == 1 else ''})"


def _returned(node: ast.Return) -> Iterator[Change]:
    value = node.value
    if isinstance(value, ast.Tuple) and len(value.elts) == 2 and isinstance(value.elts[1], ast.Tuple):
        yield from _shortened(value.elts[1], "event dropped")


def _statement(node: ast.Expr) -> Iterator[Change]:
    if isinstance(node.value, ast.Call):
        yield node, "statement dropped", "pass"


def _changed(node: ast.AugAssign) -> Iterator[Change]:
    yield node, "statement dropped", "pass"


_CHANGES: dict[type[ast.AST], tuple[Callable[..., Iterator[Change]], ...]] = {
    ast.Compare: (_compared,),
    ast.Constant: (_constant,),
    ast.BoolOp: (_joined,),
    ast.UnaryOp: (_negated,),
    ast.BinOp: (_sum,),
    ast.If: (_tested,),
    ast.IfExp: (_tested,),
    ast.While: (_tested,),
    ast.Call: (_called,),
    ast.Return: (_returned,),
    ast.Expr: (_statement,),
    ast.AugAssign: (_changed,),
}
"""By syntax: what is changed of it."""
