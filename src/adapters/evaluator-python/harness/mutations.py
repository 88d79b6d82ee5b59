"""The mutation operators: `sites(tree)` lists every small change that tests should notice, `mutate` makes one of them.

Left out is what can change without changing behaviour: annotations, docstrings, decorators, `__all__` and other dunder
names, `if TYPE_CHECKING`, `if __name__ == "__main__"`, and the help texts of argparse.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

HELP_KEYWORDS = {"help", "description", "epilog", "metavar", "usage", "title", "doc"}
TYPE_CALLS = {"TypeVar", "NewType", "ParamSpec", "cast", "NamedTuple", "TypedDict"}
TEXT_MAX = 60

COMPARISONS = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
ARITHMETIC = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
}


@dataclass(frozen=True)
class Site:
    """One possible change: where it is, what it does, and the function that does it in place."""

    line: int
    old: ast.AST | str
    new: ast.AST | str
    apply: Callable[[], None]

    @property
    def change(self) -> str:
        """Before and after, for a person; not computed for the many sites that are never shown."""
        return f"{_text(self.old)} → {_text(self.new)}"


def sites(tree: ast.Module) -> list[Site]:
    """All sites of a module in a fixed order, so that an index names the same change in every process."""
    found: list[Site] = []
    for parent, field, index, node in _walk(tree):
        found.extend(_sites_of(parent, field, index, node))
    return found


def mutate(source: str | bytes, path: str, index: int) -> ast.Module:
    """The tree of `source` with change number `index` made; a negative index changes nothing."""
    tree = ast.parse(source, path)
    if index >= 0:
        sites(tree)[index].apply()
        ast.fix_missing_locations(tree)
    return tree


def functions(tree: ast.Module) -> list[tuple[int, int, int]]:
    """First and last line of each function's body, and the line by which its code object is known."""
    return [
        (
            node.body[0].lineno,
            node.end_lineno or node.lineno,
            min([node.lineno, *(d.lineno for d in node.decorator_list)]),
        )
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]


def enclosing(found: list[tuple[int, int, int]], line: int) -> int:
    """Line of the innermost function around `line`; 0 for the module itself."""
    around = [(last - first, known) for first, last, known in found if first <= line <= last]
    return min(around)[1] if around else 0


def _walk(node: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """Every node that behaviour depends on, with its place in its parent."""
    for field, value in ast.iter_fields(node):
        if _irrelevant(node, field):
            continue
        children = value if isinstance(value, list) else [value]
        for index, child in enumerate(children):
            if not isinstance(child, ast.AST) or _skipped(node, field, index, child):
                continue
            yield node, field, index if isinstance(value, list) else None, child
            yield from _walk(child)


def _irrelevant(node: ast.AST, field: str) -> bool:
    return (
        field in ("annotation", "returns", "decorator_list", "type_params", "type_comment")
        or (isinstance(node, ast.Subscript) and field == "slice" and _is_type(node.value))
        or (isinstance(node, ast.JoinedStr) and field == "format_spec")
        or (isinstance(node, ast.FormattedValue) and field == "format_spec")
    )


def _is_type(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and (node.id[:1].isupper() or node.id in ("list", "dict", "tuple", "set", "type"))


def _skipped(parent: ast.AST, field: str, index: int, node: ast.AST) -> bool:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True  # docstrings, `...`
    if isinstance(node, ast.If) and _is_guard(node.test):
        return True
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(isinstance(target, ast.Name) and target.id.startswith("__") for target in targets):
            return True
    if isinstance(node, ast.keyword):
        return node.arg in HELP_KEYWORDS
    if isinstance(node, ast.Call):
        return _called(node) in TYPE_CALLS
    return isinstance(node, (ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal))


def _is_guard(test: ast.AST) -> bool:
    names = {node.id for node in ast.walk(test) if isinstance(node, ast.Name)}
    names |= {node.attr for node in ast.walk(test) if isinstance(node, ast.Attribute)}
    return bool(names & {"__name__", "TYPE_CHECKING"})


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def _sites_of(parent: ast.AST, field: str, index: int | None, node: ast.AST) -> Iterator[Site]:
    def replace(new: ast.AST) -> Callable[[], None]:
        def apply() -> None:
            if index is None:
                setattr(parent, field, new)
            else:
                getattr(parent, field)[index] = new

        return apply

    def swapped(new: ast.AST) -> Site:
        return Site(getattr(node, "lineno", 0), node, new, replace(ast.copy_location(new, node)))

    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            if type(operator) in COMPARISONS:
                operators = [*node.ops]
                operators[place] = COMPARISONS[type(operator)]()
                yield swapped(ast.Compare(node.left, operators, node.comparators))
    elif (
        isinstance(node, ast.BinOp)
        and type(node.op) in ARITHMETIC
        and not _is_text(node.left)
        and not _is_text(node.right)
    ):
        yield swapped(ast.BinOp(node.left, ARITHMETIC[type(node.op)](), node.right))
    elif isinstance(node, ast.AugAssign) and type(node.op) in ARITHMETIC:
        yield swapped(ast.AugAssign(node.target, ARITHMETIC[type(node.op)](), node.value))
    elif isinstance(node, ast.BoolOp):
        yield swapped(ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
        yield swapped(node.operand)
    elif isinstance(node, ast.Constant):
        yield from _constant_sites(parent, node, swapped)
    elif isinstance(node, ast.IfExp):
        yield swapped(ast.IfExp(node.test, node.orelse, node.body))
    elif isinstance(node, ast.If):
        if not isinstance(node.test, (ast.Compare, ast.UnaryOp, ast.BoolOp)):
            negated = ast.UnaryOp(ast.Not(), node.test)
            new = ast.copy_location(ast.If(negated, node.body, node.orelse), node)
            yield Site(node.lineno, node.test, negated, replace(new))
        yield Site(node.lineno, node.test, "False", replace(_never(node)))
    elif isinstance(node, (ast.Raise, ast.Continue, ast.Break)) and isinstance(parent, ast.stmt | ast.ExceptHandler):
        new = (
            ast.Pass()
            if isinstance(node, ast.Raise)
            else ast.Break()
            if isinstance(node, ast.Continue)
            else ast.Continue()
        )
        yield swapped(new)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield swapped(ast.Pass())
    elif isinstance(node, ast.Return) and node.value is not None and not isinstance(node.value, ast.Constant):
        yield swapped(ast.Return(ast.Constant(None)))


def _never(node: ast.If) -> ast.AST:
    return ast.copy_location(ast.If(ast.Constant(False), node.body, node.orelse), node)


def _constant_sites(parent: ast.AST, node: ast.Constant, swapped: Callable[[ast.AST], Site]) -> Iterator[Site]:
    value = node.value
    if isinstance(value, bool):
        yield swapped(ast.Constant(not value))
    elif isinstance(value, (int, float)):
        yield swapped(ast.Constant(value + 1))
    elif isinstance(value, str) and not isinstance(parent, ast.FormattedValue):
        if isinstance(parent, ast.JoinedStr) and not value.strip():
            return
        yield swapped(ast.Constant(f"XX{value}XX"))


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)))


def _text(node: ast.AST | str) -> str:
    if isinstance(node, str):
        return node
    text = " ".join(ast.unparse(node).split()) if not isinstance(node, ast.Constant) else repr(node.value)
    return text if len(text) <= TEXT_MAX else text[: TEXT_MAX - 1] + "…"
