"""Which tests call which function, so that a mutant meets first the tests that can notice it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest


def key(path: str, line: int) -> str:
    return f"{path}:{line}"


class Recorder:
    """A plugin that writes, at the end of a session, the tests that called each function of `modules`."""

    def __init__(self, target: Path, modules: Iterable[Path]) -> None:
        self.target = target
        self.modules = {str(path) for path in modules}
        self.calls: dict[str, set[str]] = {}
        self.test = ""

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
        found = {name: sorted(tests) for name, tests in self.calls.items()}
        self.target.write_text(json.dumps(found), "utf-8")


class First:
    """A plugin that moves some tests to the front and leaves the order as it is otherwise."""

    def __init__(self, tests: Iterable[str]) -> None:
        self.tests = set(tests)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items) -> None:
        if self.tests:
            items.sort(key=lambda item: item.nodeid not in self.tests)


def read(path: Path) -> dict[str, list[str]]:
    """The recorded map; empty when the tests spoilt it, for it only saves time."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
