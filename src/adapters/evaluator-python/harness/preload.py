"""Imports what a tree needs from its folder of dependencies once, so that no fork has to do it again."""

from __future__ import annotations

import ast
import importlib
import importlib.machinery
from pathlib import Path

import inspect_tree


def imported_names(root: Path) -> set[str]:
    """Modules that the tree's files import by name; nothing of the tree is run."""
    names = set()
    for path in inspect_tree.python_files(root):
        try:
            tree = ast.parse(path.read_bytes(), str(path))
        except (SyntaxError, ValueError, RecursionError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names.add(node.module)
    return names


def preload(names: set[str], folder: str) -> None:
    """Imports those of the modules that are in the folder, which must be on the path of imports, and the tree not."""
    for name in sorted(names):
        first, *rest = name.split(".")
        if "__main__" in rest or importlib.machinery.PathFinder.find_spec(first, [folder]) is None:
            continue
        try:
            importlib.import_module(name)
        except (Exception, SystemExit):
            pass  # the forks will say why
