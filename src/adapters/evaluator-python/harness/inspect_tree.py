"""Reads a tree without running any of it: does it compile, and what does its metadata promise?

Prints one JSON object: {"compile": {...}, "scripts": {name: "module:attribute"}, "problems": [str], "lines": int}.
"""

from __future__ import annotations

import json
import sys
import time
import tomllib
import warnings
from pathlib import Path

FILES_MAX = 10_000
FOLDERS_LEFT_OUT = {".git", ".venv", "venv", "node_modules", "__pycache__", "build", "dist"}
# Options of pytest that leave tests out or load code from elsewhere.
DESELECTING = ("-k", "-m", "-p", "--deselect", "--ignore", "--ignore-glob", "--co", "--collect-only", "-c", "--pyargs")


def python_files(root: Path) -> list[Path]:
    """All regular .py files below `root` that belong to the project, in a fixed order."""
    found = []
    for folder, names, files in root.walk() if hasattr(root, "walk") else _walk(root):
        names[:] = sorted(name for name in names if name not in FOLDERS_LEFT_OUT)
        for name in sorted(files):
            path = folder / name
            if name.endswith(".py") and not path.is_symlink() and path.is_file():
                found.append(path)
        if len(found) > FILES_MAX:
            raise SystemExit(f"more than {FILES_MAX} Python files")
    return found


def _walk(root: Path):
    import os

    for folder, names, files in os.walk(root):
        yield Path(folder), names, files


def compile_all(root: Path, files: list[Path]) -> dict:
    """What `python -m compileall` does, but in memory: nothing is written into the tree."""
    started = time.perf_counter()
    errors = []
    lines = 0
    for path in files:
        try:
            source = path.read_bytes()
            lines += source.count(b"\n")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                compile(source, str(path.relative_to(root)), "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, OSError) as error:
            errors.append(f"{path.relative_to(root)}: {type(error).__name__}: {error}")
    duration = (time.perf_counter() - started) * 1000
    return {"files": len(files), "lines": lines, "errors": errors[:50], "failed": len(errors), "duration_ms": duration}


def read_metadata(root: Path) -> tuple[dict, list[str]]:
    path = root / "pyproject.toml"
    if path.is_symlink() or not path.is_file():
        return {}, []
    try:
        with path.open("rb") as file:
            project = tomllib.load(file)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        return {}, [f"pyproject.toml: {error}"]
    scripts = project.get("project", {}).get("scripts", {})
    pytest = project.get("tool", {}).get("pytest", {}).get("ini_options", {})
    options = pytest.get("addopts", []) if isinstance(pytest, dict) else []
    words = options.split() if isinstance(options, str) else [str(word) for word in options]
    weak = [word for word in words if word.split("=")[0] in DESELECTING or word[:2] in ("-k", "-m", "-p")]
    problems = [f"pyproject.toml: addopts leaves tests out or loads plugins: {' '.join(weak)}"] if weak else []
    return {str(name): str(target) for name, target in scripts.items()}, problems


def main() -> None:
    root = Path.cwd()
    files = python_files(root)
    scripts, problems = read_metadata(root)
    compiled = compile_all(root, files)
    print(json.dumps({"compile": compiled, "scripts": scripts, "problems": problems, "lines": compiled["lines"]}))


if __name__ == "__main__":
    sys.setrecursionlimit(5_000)
    main()
