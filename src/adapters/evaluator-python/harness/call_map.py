"""Which tests call which function, so that a mutant meets first the tests that can notice it, and what they import."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest


# Tests that start processes take long, and wait for the others in every order.
PROCESSES = "processes"
# Modules that were imported, whoever they belong to.
IMPORTED = "imported"


def key(path: str, line: int) -> str:
    return f"{path}:{line}"


class Recorder:
    """A plugin that writes, at the end of a session, the tests that called each function of `modules`."""

    def __init__(self, target: Path, modules: Iterable[Path]) -> None:
        self.target = target
        self.modules = {str(path) for path in modules}
        self.calls: dict[str, set[str]] = {}
        self.test = ""
        sys.addaudithook(self._audited)
        threading.settrace(self._called)  # servers answer in threads of their own

    def _audited(self, event, arguments):
        if self.test and event == "subprocess.Popen":
            self.calls.setdefault(PROCESSES, set()).add(self.test)

    def _called(self, frame, event, arg):
        code = frame.f_code
        if self.test and code.co_filename in self.modules:
            self.calls.setdefault(key(code.co_filename, code.co_firstlineno), set()).add(self.test)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        self.test = item.nodeid
        sys.settrace(self._called)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            self.test = ""

    def pytest_sessionfinish(self) -> None:
        threading.settrace(None)
        # Other threads may still be at work.
        found = {name: sorted(tests) for name, tests in [*self.calls.items()]}
        found[IMPORTED] = [*sys.modules]
        self.target.write_text(json.dumps(found), "utf-8")


class First:
    """A plugin that runs some tests first and others last, and leaves the order as it is otherwise."""

    def __init__(self, first: Iterable[str] = (), last: Iterable[str] = ()) -> None:
        self.first = set(first)
        self.last = set(last)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items) -> None:
        items.sort(key=lambda item: (item.nodeid in self.last, item.nodeid not in self.first))


def read(path: Path) -> dict[str, list[str]]:
    """The recorded map; empty when the tests spoilt it, for it only saves time."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
