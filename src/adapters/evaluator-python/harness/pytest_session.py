"""One pytest session in this process, with options that the tree can't weaken and counts taken from its reports."""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path

# The tree's own options count only where they say how tests are imported or made stricter.
KEPT_OPTIONS = ("--import-mode=", "--strict-markers", "--strict-config", "--strict")


class Counts:
    """A plugin that counts outcomes of tests; set-up and tear-down errors count as errors."""

    def __init__(self) -> None:
        self.tests = self.failures = self.errors = self.skipped = 0

    def pytest_runtest_logreport(self, report) -> None:
        if report.when == "call":
            self.tests += 1
            self.failures += report.failed
            self.skipped += report.skipped
        elif report.failed:
            self.tests += report.when == "setup"
            self.errors += 1
        elif report.when == "setup" and report.skipped:
            self.tests += 1
            self.skipped += 1

    def pytest_collectreport(self, report) -> None:
        self.errors += report.failed


def kept_options(root: Path) -> list[str]:
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
        options = project["tool"]["pytest"]["ini_options"]["addopts"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []
    words = options.split() if isinstance(options, str) else options
    return [str(word) for word in words if str(word).startswith(KEPT_OPTIONS)]


def arguments(root: Path, extra: list[str]) -> list[str]:
    fixed = [f"--rootdir={root}", "-q", "-p", "no:cacheprovider", "-o", "addopts=", "--no-header", "--color=no"]
    return [*fixed, *kept_options(root), *extra]


def source_folder(root: Path) -> str:
    """Where the tree's own modules are imported from."""
    return str(root / "src") if (root / "src").is_dir() else str(root)


def set_options() -> None:
    """No plugins but pytest's own, no byte code."""
    sys.dont_write_bytecode = True
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ.pop("PYTEST_ADDOPTS", None)


def prepare_environment(root: Path) -> None:
    """For a session in this process: the tree importable, nothing of the harness importable."""
    set_options()
    sys.path.insert(0, source_folder(root))
    sys.path[:] = [path for path in sys.path if path != os.path.dirname(os.path.abspath(__file__))]
