"""Runs the tree's tests once, with coverage when asked: `run_tests.py MARKER [--coverage]`.

Prints pytest's output, then MARKER and one JSON object on the last line. The real standard output is kept away from
the tests; the marker is new for every run.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pytest_session  # noqa: E402


def covered(measure, root: Path) -> dict:
    """Line share over all modules of the source folder, imported or not."""
    lines = executed = 0
    missing = []
    source = root / "src" if (root / "src").is_dir() else root
    for path in sorted(source.rglob("*.py")):
        if path.is_symlink() or "tests" in path.relative_to(root).parts or path.name == "conftest.py":
            continue
        _, statements, _, lost, text = measure.analysis2(str(path))
        lines += len(statements)
        executed += len(statements) - len(lost)
        if lost:
            missing.append(f"{path.relative_to(root)}: {text}")
    return {"lines": lines, "executed": executed, "missing": missing[:50]}


def main() -> None:
    # The marker comes by stdin: arguments can be read by the tests, and so could a forged result be marked.
    marker = sys.stdin.readline().strip()
    with_coverage = "--coverage" in sys.argv
    report = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    root = Path.cwd()
    pytest_session.prepare_environment(root)
    measure = None
    if with_coverage:
        import coverage

        data = f"{os.environ.get('TMPDIR', '/tmp')}/coverage"
        settings = Path(f"{data}.ini")
        source = root / "src" if (root / "src").is_dir() else root
        settings.write_text(f"[run]\ndata_file={data}\nparallel=true\npatch=subprocess\nsource={source}\n", "utf-8")
        measure = coverage.Coverage(config_file=str(settings), messages=False)
        measure.start()
    import pytest

    counts = pytest_session.Counts()
    started = time.perf_counter()
    code = int(pytest.main(pytest_session.arguments(root, ["--tb=short"]), plugins=[counts]))
    result = {"exit_code": code, "duration_ms": (time.perf_counter() - started) * 1000, **vars(counts)}
    if measure is not None:
        measure.stop()
        measure.save()
        measure.combine()
        result["coverage"] = covered(measure, root)
    sys.stdout.flush()
    report.write(f"{marker}{json.dumps(result)}\n")
    report.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
