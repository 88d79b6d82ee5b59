"""Negative control: do the tests notice when the program is broken?

Reads one JSON object from standard input: {"marker", "mutants_max", "seed", "wall_ms", "changed": [path], "workers",
"dependencies": folder | null}. Pytest is imported and warmed up once, and after the first clean run whatever the tests
import from the folder of dependencies; every mutant is a fork that installs an import hook for one module and runs the
tests with `-x`, those first that call the mutated function when nothing is broken. Among the mutants are controls,
unchanged programs loaded by the same hook: tests that fail on one are telling the harness from the program, and prove
nothing. Prints the marker and one JSON object on the last line.
"""

from __future__ import annotations

import ast
import gc
import importlib
import importlib.machinery
import json
import os
import random
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
import pytest_session  # noqa: E402

MUTANT_SECONDS_MIN = 2.0
CLEAN_FACTOR = 5
CLEAN_SECONDS_MAX = 60.0
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


def start(mutant: Mutant, root: Path, limit: float, plugin: object) -> Running:
    pid = os.fork()
    if pid == 0:
        try:
            os.setpgid(0, 0)
            mutant_import.install(str(mutant.path), mutant.index)
            import pytest

            # Only the verdict counts here, so asserts need no rewriting.
            extra = ["-x", "--tb=no", "--assert=plain", "-p", "no:unraisableexception"]
            code = int(pytest.main(pytest_session.arguments(root, extra), plugins=[plugin]))
        except BaseException:
            code = TEST_FAILED  # the module can't even be imported
        finally:
            os._exit(code)
    return Running(mutant, pid, time.monotonic() + limit)


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


def preload(names: list[str], folder: str, root: Path) -> None:
    """Imports the modules of `folder` among `names`, and nothing of the tree, whose code must never run in this process."""
    paths = [*sys.path]
    sys.path[:] = [path for path in paths if not Path(path).resolve().is_relative_to(root)]
    try:
        for name in sorted(names):
            own = importlib.machinery.PathFinder.find_spec(name.partition(".")[0], [folder]) is not None
            if own and not name.endswith("__main__"):
                try:
                    importlib.import_module(name)
                except Exception:
                    pass  # then the forks import it
    finally:
        sys.path[:] = paths
    gc.collect()
    gc.freeze()


def run_clean(module: Path, root: Path, dependencies: str | None) -> tuple[int | str, float, dict[str, list[str]]]:
    """The unchanged program through the same hook: once to map calls and fill the byte-code cache, once for the time."""
    map_file = Path(tempfile.mkdtemp()) / "calls.json"
    code: int | str | None = None
    began = 0.0
    for plugin in (call_map.Recorder(map_file, module_files(root)), call_map.First()):
        began = time.monotonic()
        running = start(Mutant(module, -1, 0, 0, "control"), root, CLEAN_SECONDS_MAX, plugin)
        while (code := finish(running)) is None:
            time.sleep(POLL_SECONDS)
        if code != 0:
            return code, time.monotonic() - began, {}
        if dependencies is not None and isinstance(plugin, call_map.Recorder):
            preload(call_map.read(map_file).get(call_map.IMPORTED, []), dependencies, root)
    return code, time.monotonic() - began, call_map.read(map_file)


def run_all(
    mutants: list[Mutant], root: Path, calls: dict[str, list[str]], limit: float, end: float, workers: int
) -> list[tuple[Mutant, int | str]]:
    waiting = list(reversed(mutants))
    running: list[Running] = []
    outcomes = []
    while running or (waiting and time.monotonic() < end):
        while waiting and len(running) < workers and time.monotonic() < end:
            mutant = waiting.pop()
            first = calls.get(call_map.key(str(mutant.path), mutant.function), ())
            last = calls.get(call_map.PROCESSES, ())
            plugin = call_map.First(first, last, calls.get(call_map.QUICKEST, ()))
            running.append(start(mutant, root, limit, plugin))
        for one in [*running]:
            outcome = finish(one)
            if outcome is not None:
                outcomes.append((one.mutant, outcome))
                running.remove(one)
        time.sleep(POLL_SECONDS)
    return outcomes


def examine(root: Path, request: dict) -> dict:
    began = time.monotonic()
    mutants = draw(root, set(request["changed"]), request["mutants_max"], request["seed"])
    if not mutants:
        return {"error": "There is nothing to mutate.", "clean_exit_code": None}
    clean, seconds, calls = run_clean(mutants[0].path, root, request["dependencies"])
    if clean != 0:
        return {"error": f"The tests don't pass on the unchanged program (pytest: {clean}).", "clean_exit_code": clean}
    # A control takes the place, and so the order of tests, of a mutant.
    controls = [replace(mutants[len(mutants) * i // CONTROLS], index=-1) for i in range(CONTROLS)]
    order = [*mutants, *controls]
    random.Random(request["seed"]).shuffle(order)
    limit = max(MUTANT_SECONDS_MIN, CLEAN_FACTOR * seconds)
    end = began + request["wall_ms"] / 1000
    outcomes = run_all(order, root, calls, limit, end, request["workers"])
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


def warm_up() -> None:
    """Runs pytest on one small test of ours, so that no fork has to import its plugins again."""
    import pytest

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_warm_up.py").write_text(
            "def test_ok(capsys, tmp_path, monkeypatch):\n    assert True\n", "utf-8"
        )
        pytest.main(["-c", os.devnull, f"--rootdir={folder}", "-q", "-p", "no:cacheprovider", folder])
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
    os.environ["PYTHONPATH"] = os.pathsep.join([site, os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    pytest_session.prepare_environment(root)
    sys.path[:] = [path for path in sys.path if path != HERE]
    warm_up()
    result = examine(root, request)
    report.write(f"{request['marker']}{json.dumps(result)}\n")
    report.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
