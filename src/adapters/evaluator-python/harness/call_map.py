"""Which tests call which function, so that a mutant meets first the tests that can notice it, the quick ones before the slow."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import pytest


# Tests that start processes take long, and wait for the others in every order.
PROCESSES = "processes"
# All tests, the quickest first.
QUICKEST = "quickest"


def key(path: str, line: int) -> str:
    return f"{path}:{line}"


class Recorder:
    """A plugin that writes, at the end of a session, the tests that called each function of `modules`."""

    def __init__(self, target: Path, modules: Iterable[Path]) -> None:
        self.target = target
        self.modules = {str(path) for path in modules}
        self.calls: dict[str, set[str]] = {}
        self.seconds: dict[str, float] = {}
        self.test = ""

    def pytest_sessionstart(self) -> None:
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
        began = time.perf_counter()
        sys.settrace(self._called)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            self.seconds[item.nodeid] = time.perf_counter() - began
            self.test = ""

    def pytest_sessionfinish(self) -> None:
        threading.settrace(None)
        # Other threads may still be at work.
        found = {name: sorted(tests) for name, tests in [*self.calls.items()]}
        found[QUICKEST] = sorted(self.seconds, key=self.seconds.__getitem__)
        self.target.write_text(json.dumps(found), "utf-8")


class First:
    """A plugin that runs some tests first and others last, each group in the order of `quickest` where that has them."""

    def __init__(self, first: Iterable[str] = (), last: Iterable[str] = (), quickest: Iterable[str] = ()) -> None:
        self.first = set(first)
        self.last = set(last)
        self.rank = {test: place for place, test in enumerate(quickest)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items) -> None:
        def place(item) -> tuple[bool, bool, int]:
            test = item.nodeid
            return test in self.last, test not in self.first, self.rank.get(test, len(self.rank))

        items.sort(key=place)


def order(calls: dict[str, list[str]], path: str, function: int) -> First:
    """The order for a mutant in the function that begins in this line, or, outside of all that ran, in the file."""
    first = calls.get(key(path, function))
    if first is None:
        first = [test for name, tests in calls.items() if name.rpartition(":")[0] == path for test in tests]
    return First(first, calls.get(PROCESSES, ()), calls.get(QUICKEST, ()))


def read(path: Path) -> dict[str, list[str]]:
    """The recorded map; empty when the tests spoilt it, for it only saves time."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
