"""Negative control: do the tests notice when the program is broken?

Reads one JSON object from standard input: {"marker", "mutants_max", "seed", "wall_ms", "changed": [path], "workers",
"dependencies": folder | null}. Pytest, and what the tree imports from the folder of dependencies, are imported and
warmed up once; every mutant is a fork that installs an import hook for one module and runs the tests with `-x`, those
first that call the mutated function when nothing is broken. The tree is on the path of imports in forks only, and the
interpreter must be started without it, or the tree could replace what judges it. Among the mutants are controls,
unchanged programs loaded by the same hook: tests that fail on one are telling the harness from the program, and prove
nothing. Prints the marker and one JSON object on the last line.
"""

from __future__ import annotations

import ast
import contextlib
import gc
import json
import math
import os
import random
import resource
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import call_map  # noqa: E402
import mutant_import  # noqa: E402
import mutations  # noqa: E402
import preload  # noqa: E402
import pytest_session  # noqa: E402

# A mutant that loops is ended by its time on the processor, which other work on the machine does not shorten; one that
# waits, by the clock.
CPU_SECONDS_MIN = 3
WALL_SECONDS_MIN = 15.0
CLEAN_FACTOR = 5
CLEAN_SECONDS_MAX = 60.0
# A busy machine may not get to half of the sample in time, without which there is no verdict. The sandbox allows more.
DECIDED_SHARE_MIN = 0.5
GRACE_SECONDS = 60.0
POLL_SECONDS = 0.002
CONTROLS = 2
TEST_FAILED = 1


@dataclass(frozen=True)
class Mutant:
    path: Path
    index: int
    line: int
    function: int
    change: str


@dataclass(frozen=True)
class Limit:
    """Seconds that a fork may take; each process that it starts may take as much of the processor."""

    wall: float
    cpu: int


CLEAN_LIMIT = Limit(CLEAN_SECONDS_MAX, int(CLEAN_SECONDS_MAX))


@dataclass
class Running:
    mutant: Mutant
    pid: int
    deadline: float


def module_files(root: Path) -> list[Path]:
    """Modules of the program: below `src`, or below the root without tests."""
    source = root / "src" if (root / "src").is_dir() else root
    left_out = {"tests", "test", "build", "dist", ".venv", "venv"}
    return [
        path
        for path in sorted(source.rglob("*.py"))
        if not path.is_symlink() and not left_out & set(path.relative_to(root).parts) and path.name != "conftest.py"
    ]


def draw(root: Path, changed: set[str], limit: int, seed: int) -> list[Mutant]:
    """A seeded sample: changed files first, then one change a line before a second one on the same line."""
    ranked = []
    order = random.Random(seed)
    for path in module_files(root):
        name = path.relative_to(root).as_posix()
        seen: dict[int, int] = {}
        tree = ast.parse(path.read_bytes(), str(path))
        functions = mutations.functions(tree)
        found = list(enumerate(mutations.sites(tree)))
        order.shuffle(found)
        for index, site in found:
            seen[site.line] = seen.get(site.line, 0) + 1
            function = mutations.enclosing(functions, site.line)
            mutant = Mutant(path, index, site.line, function, f"{name}:{site.line}: {site.change}")
            ranked.append(((name not in changed, seen[site.line], order.random()), mutant))
    return [mutant for _, mutant in sorted(ranked, key=lambda pair: pair[0])[:limit]]


def start(mutant: Mutant, root: Path, limit: Limit, plugin: object) -> Running:
    pid = os.fork()
    if pid == 0:
        try:
            os.setpgid(0, 0)
            resource.setrlimit(resource.RLIMIT_CPU, (limit.cpu, limit.cpu + 1))
            sys.path.insert(0, pytest_session.source_folder(root))
            mutant_import.install(str(mutant.path), mutant.index)
            import pytest

            # Only the verdict counts here, so asserts need no rewriting.
            extra = ["-x", "--tb=no", "--assert=plain", "-p", "no:unraisableexception"]
            code = int(pytest.main(pytest_session.arguments(root, extra), plugins=[plugin]))
        except BaseException:
            code = TEST_FAILED  # the module can't even be imported
        finally:
            os._exit(code)
    return Running(mutant, pid, time.monotonic() + limit.wall)


def finish(running: Running) -> int | None | str:
    """The exit code, `timeout`, or None while it runs. Kills what a mutant started."""
    pid, status = os.waitpid(running.pid, os.WNOHANG)
    if pid == 0 and time.monotonic() < running.deadline:
        return None
    try:
        os.killpg(running.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    if pid == 0:
        os.waitpid(running.pid, 0)
        return "timeout"
    return os.waitstatus_to_exitcode(status)


def run_clean(module: Path, root: Path) -> tuple[int | str, float, float, dict[str, list[str]]]:
    """The unchanged program through the same hook: once to map calls and fill the byte-code cache, once for the time.

    Returns the outcome, seconds, seconds on the processor, and the map.
    """
    map_file = Path(tempfile.mkdtemp()) / "calls.json"
    code: int | str | None = None
    began = used = 0.0
    for plugin in (call_map.Recorder(map_file, module_files(root)), call_map.First()):
        began, used = time.monotonic(), children_cpu_seconds()
        running = start(Mutant(module, -1, 0, 0, "control"), root, CLEAN_LIMIT, plugin)
        while (code := finish(running)) is None:
            time.sleep(POLL_SECONDS)
        if code != 0:
            return code, 0.0, 0.0, {}
    return code, time.monotonic() - began, children_cpu_seconds() - used, call_map.read(map_file)


def children_cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run_all(
    mutants: list[Mutant], root: Path, calls: dict[str, list[str]], limit: Limit, end: float, workers: int
) -> list[tuple[Mutant, int | str]]:
    waiting = list(reversed(mutants))
    running: list[Running] = []
    outcomes: list[tuple[Mutant, int | str]] = []

    def in_time() -> bool:
        few = len(outcomes) < DECIDED_SHARE_MIN * len(mutants) + CONTROLS
        return time.monotonic() < end + (GRACE_SECONDS if few else 0)

    while running or (waiting and in_time()):
        while waiting and len(running) < workers and in_time():
            mutant = waiting.pop()
            plugin = call_map.order(calls, str(mutant.path), mutant.function)
            running.append(start(mutant, root, CLEAN_LIMIT if mutant.index < 0 else limit, plugin))
        for one in [*running]:
            outcome = finish(one)
            if outcome is not None:
                outcomes.append((one.mutant, outcome))
                running.remove(one)
        time.sleep(POLL_SECONDS)
    return outcomes


def with_controls(mutants: list[Mutant], seed: int) -> list[Mutant]:
    """The mutants in a seeded order with controls among the first half, so that a run that counts has met them.

    A control takes the place, and so the order of tests, of a mutant.
    """
    order = [*mutants]
    chance = random.Random(seed)
    chance.shuffle(order)
    for i in range(CONTROLS):
        control = replace(mutants[len(mutants) * i // CONTROLS], index=-1)
        order.insert(chance.randrange(len(mutants) // 2 + 1), control)
    return order


def examine(root: Path, request: dict) -> dict:
    began = time.monotonic()
    mutants = draw(root, set(request["changed"]), request["mutants_max"], request["seed"])
    if not mutants:
        return {"error": "There is nothing to mutate.", "clean_exit_code": None}
    clean, seconds, cpu_seconds, calls = run_clean(mutants[0].path, root)
    if clean != 0:
        return {"error": f"The tests don't pass on the unchanged program (pytest: {clean}).", "clean_exit_code": clean}
    limit = Limit(
        wall=max(WALL_SECONDS_MIN, CLEAN_FACTOR * seconds),
        cpu=max(CPU_SECONDS_MIN, math.ceil(CLEAN_FACTOR * cpu_seconds)),
    )
    end = began + request["wall_ms"] / 1000
    outcomes = run_all(with_controls(mutants, request["seed"]), root, calls, limit, end, request["workers"])
    real = [(mutant, outcome) for mutant, outcome in outcomes if mutant.index >= 0]
    survivors = sorted((m for m, outcome in real if outcome == 0), key=lambda m: (str(m.path), m.line, m.index))
    # Killed is what a failing test says. A crash of the interpreter counts too; a limit or a kill from outside does not.
    inconclusive = [m for m, outcome in real if outcome in ("timeout", -signal.SIGKILL, -signal.SIGXCPU)]
    return {
        "clean_exit_code": 0,
        "clean_ms": seconds * 1000,
        "drawn": len(mutants),
        "mutants": len(real),
        "survived": len(survivors),
        "inconclusive": len(inconclusive),
        "killed": len(real) - len(survivors) - len(inconclusive),
        "controls_failed": sum(1 for mutant, outcome in outcomes if mutant.index < 0 and outcome != 0),
        "survivors": [mutant.change for mutant in survivors[:60]],
        "timeouts": [mutant.change for mutant in inconclusive[:20]],
    }


def warm_up(names: set[str], dependencies: str | None) -> None:
    """Runs pytest on one small test of ours and imports dependencies, so that no fork has to do it again."""
    import pytest

    # Away from the tree, so that nothing reads its files because they are in the current folder.
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path(folder, "test_warm_up.py").write_text(
            "def test_ok(capsys, tmp_path, monkeypatch):\n    assert True\n", "utf-8"
        )
        pytest.main(["-c", os.devnull, f"--rootdir={folder}", "-q", "-p", "no:cacheprovider", folder])
        if dependencies is not None:
            sys.path.insert(0, dependencies)
            preload.preload(names, dependencies)
    sys.modules.pop("test_warm_up", None)
    sys.path[:] = [path for path in sys.path if path != folder]
    # The first fork leaves byte code for the others, outside the tree. What pytest needs is imported already.
    sys.pycache_prefix = os.path.join(os.environ.get("TMPDIR", "/tmp"), "pyc")
    sys.dont_write_bytecode = False
    gc.collect()
    gc.freeze()  # keeps the parent's pages shared


def main() -> None:
    request = json.loads(sys.stdin.read())
    report = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.set_inheritable(report.fileno(), False)
    root = Path.cwd()
    site = os.path.join(HERE, "site")
    dependencies = request["dependencies"]
    # For the processes that tests start.
    paths = [site, str(root / "src"), *([] if dependencies is None else [dependencies])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    pytest_session.set_options()
    sys.path[:] = [path for path in sys.path if path != HERE]
    warm_up(preload.imported_names(root), dependencies)
    result = examine(root, request)
    report.write(f"{request['marker']}{json.dumps(result)}\n")
    report.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
