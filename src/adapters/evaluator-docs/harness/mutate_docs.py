"""Negative control: do the project's own checks notice when its documentation is broken?

Reads one JSON object from standard input: {"marker", "mutants_max", "seed", "wall_ms", "changed": [path], "workers",
"packages": folder | null, "python_harness": folder}. Each mutant is a copy of the tree with one change, and a fork of
this process that runs the tests there. The packages that the tests import are imported here once, after a clean run
has named them; nothing of the tree ever runs in this process. Among the mutants are controls, unchanged copies: checks
that fail on one prove nothing. Prints the marker and one JSON object on the last line.
"""

from __future__ import annotations

import gc
import importlib.machinery
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import doc_mutations  # noqa: E402
import sources  # noqa: E402

MUTANT_SECONDS_MIN = 5.0
CLEAN_FACTOR = 5
CLEAN_SECONDS_MAX = 90.0
POLL_SECONDS = 0.005
CONTROLS = 2
TREE_BYTES_MAX = 20_000_000
# Exit codes of pytest that say that a check failed: a test, or the reading of what it would check.
NOTICED = (1, 2)
DATA = (".json",)


@dataclass(frozen=True)
class Mutant:
    path: Path | None
    text: str
    change: str


@dataclass
class Running:
    mutant: Mutant
    pid: int
    deadline: float
    folder: Path


def draw(root: Path, changed: set[str], limit: int, seed: int) -> list[Mutant]:
    """A seeded sample: changed files first, then every kind of mistake in turn."""
    order = random.Random(seed)
    configuration = sources.configuration(root)
    folder = configuration.parent if configuration is not None else root / "docs"
    paths = [root / "README.md", *sources.files(folder, ".md", *DATA)]
    ranked = []
    for path in (path for path in paths if path.is_file() and not path.is_symlink()):
        name = path.relative_to(root).as_posix()
        for site in doc_mutations.sites(name, path.read_text("utf-8", errors="replace")):
            mutant = Mutant(path.relative_to(root), site.text, f"{name}:{site.line}: {site.kind}: {site.change}")
            ranked.append((name not in changed, order.random(), site.kind, mutant))
    seen: dict[tuple[bool, str], int] = {}
    turns = []
    for unchanged, chance, kind, mutant in sorted(ranked, key=lambda one: one[:2]):
        seen[unchanged, kind] = seen.get((unchanged, kind), 0) + 1
        turns.append(((unchanged, seen[unchanged, kind], chance), mutant))
    return [mutant for _, mutant in sorted(turns, key=lambda one: one[0])[:limit]]


def start(mutant: Mutant, root: Path, limit: float, imported: Path | None = None) -> Running:
    folder = Path(tempfile.mkdtemp(prefix="mutant-"))
    pid = os.fork()
    if pid == 0:
        code = 3
        try:
            os.setpgid(0, 0)
            code = check(mutant, root, folder, imported)
        finally:
            os._exit(code)
    return Running(mutant, pid, time.monotonic() + limit, folder)


def check(mutant: Mutant, root: Path, folder: Path, imported: Path | None) -> int:
    import pytest
    import pytest_session

    tree = folder / "tree"
    left_out = shutil.ignore_patterns(".git", "__pycache__", "node_modules")
    shutil.copytree(root, tree, symlinks=True, ignore=left_out)
    if mutant.path is not None:
        (tree / mutant.path).write_text(mutant.text, "utf-8")
    os.chdir(tree)
    pytest_session.prepare_environment(tree)
    extra = ["-x", "--tb=no", "--assert=plain", f"--basetemp={folder / 'tmp'}"]
    code = int(pytest.main(pytest_session.arguments(tree, extra)))
    if imported is not None:
        imported.write_text(json.dumps([*sys.modules]), "utf-8")
    return code


def finish(running: Running) -> int | None | str:
    """The exit code, `timeout`, or None while it runs. Kills what a mutant started and removes its folder."""
    pid, status = os.waitpid(running.pid, os.WNOHANG)
    if pid == 0 and time.monotonic() < running.deadline:
        return None
    try:
        os.killpg(running.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    if pid == 0:
        os.waitpid(running.pid, 0)
    shutil.rmtree(running.folder, ignore_errors=True)
    return "timeout" if pid == 0 else os.waitstatus_to_exitcode(status)


def run_all(
    mutants: list[Mutant], root: Path, limit: float, end: float, workers: int
) -> list[tuple[Mutant, int | str]]:
    waiting = list(reversed(mutants))
    running: list[Running] = []
    outcomes = []
    while running or (waiting and time.monotonic() < end):
        while waiting and len(running) < workers and time.monotonic() < end:
            running.append(start(waiting.pop(), root, limit))
        for one in [*running]:
            outcome = finish(one)
            if outcome is not None:
                outcomes.append((one.mutant, outcome))
                running.remove(one)
        time.sleep(POLL_SECONDS)
    return outcomes


def preload(names: list[str], packages: str) -> None:
    """Imports what belongs to the project's packages, so that no fork has to."""
    for name in names:
        own = importlib.machinery.PathFinder.find_spec(name.partition(".")[0], [packages]) is not None
        if own and not name.endswith("__main__"):
            try:
                importlib.import_module(name)
            except Exception:
                pass  # then the forks import it
    gc.collect()
    gc.freeze()  # keeps the parent's pages shared


def run_clean(root: Path, packages: str | None) -> tuple[int | str, float]:
    """The unchanged tree, once to learn what is imported and once for the time."""
    imported = Path(tempfile.mkdtemp()) / "imported.json"
    outcome: int | str | None = None
    began = 0.0
    for first in (True, False):
        began = time.monotonic()
        running = start(Mutant(None, "", "control"), root, CLEAN_SECONDS_MAX, imported if first else None)
        while (outcome := finish(running)) is None:
            time.sleep(POLL_SECONDS)
        if outcome != 0:
            break
        if first and packages is not None and imported.is_file():
            preload(json.loads(imported.read_text("utf-8")), packages)
    return outcome or 0, time.monotonic() - began


def examine(root: Path, request: dict) -> dict:
    began = time.monotonic()
    size = sum(path.lstat().st_size for path in root.rglob("*"))
    if size > TREE_BYTES_MAX:
        return {"error": f"The tree has {size} bytes; mutants are drawn from at most {TREE_BYTES_MAX}."}
    mutants = draw(root, set(request["changed"]), request["mutants_max"], request["seed"])
    if not mutants:
        return {"error": "There is nothing to mutate."}
    clean, seconds = run_clean(root, request["packages"])
    if clean != 0:
        return {"error": f"The tests don't pass on an unchanged copy of the tree (pytest: {clean})."}
    # A control takes the place of a mutant somewhere in the order.
    order = [*mutants, *(Mutant(None, "", "control") for _ in range(CONTROLS))]
    random.Random(request["seed"]).shuffle(order)
    limit = max(MUTANT_SECONDS_MIN, CLEAN_FACTOR * seconds)
    outcomes = run_all(order, root, limit, began + request["wall_ms"] / 1000, request["workers"])
    real = [(mutant, outcome) for mutant, outcome in outcomes if mutant.path is not None]
    killed = [mutant for mutant, outcome in real if outcome in NOTICED]
    survivors = sorted(mutant.change for mutant, outcome in real if outcome in (0, 5))
    # What a limit or a crash ended has decided nothing.
    inconclusive = [mutant.change for mutant, outcome in real if outcome not in (0, 5, *NOTICED)]
    return {
        "clean_ms": seconds * 1000,
        "drawn": len(mutants),
        "mutants": len(real),
        "killed": len(killed),
        "survived": len(survivors),
        "inconclusive": len(inconclusive),
        "controls_failed": sum(1 for mutant, outcome in outcomes if mutant.path is None and outcome != 0),
        "survivors": survivors[:60],
        "timeouts": inconclusive[:20],
    }


def main() -> None:
    request = json.loads(sys.stdin.read())
    report = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.set_inheritable(report.fileno(), False)
    root = Path.cwd()
    sys.path.insert(0, request["python_harness"])
    import pytest_session  # noqa: F401

    # What the tests could import must be the tree's or the packages', never the harness's.
    own = (HERE, request["python_harness"], str(root), "")
    sys.path[:] = [path for path in sys.path if path not in own and not path.startswith(f"{root}{os.sep}")]
    import pytest  # noqa: F401

    result = examine(root, request)
    report.write(f"{request['marker']}{json.dumps(result)}\n")
    report.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
