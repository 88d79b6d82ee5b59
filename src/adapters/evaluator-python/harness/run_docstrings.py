"""Docstring coverage by interrogate, as JSON: {"total", "covered", "missing": ["file:line name"]}."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from interrogate import config, coverage


def main() -> None:
    # The tree's own configuration could ignore everything, so the rules are fixed here.
    rules = config.InterrogateConfig(
        ignore_init_method=True,
        ignore_magic=True,
        ignore_nested_functions=True,
        ignore_private=True,
        ignore_semiprivate=True,
        ignore_init_module=True,
    )
    paths = [path for path in sys.argv[1:] if Path(path).is_dir()] or ["."]
    try:
        results = coverage.InterrogateCoverage(paths=paths, conf=rules).get_coverage()
    except SystemExit:  # there is no module but __init__.py, which says what the package is and not what it does
        print(json.dumps({"total": 0, "covered": 0, "missing": []}))
        raise
    missing = [
        f"{Path(file.filename).name}:{node.lineno or 1} {node.name}"
        for file in results.file_results
        for node in file.nodes
        if not node.covered
    ]
    print(json.dumps({"total": results.total, "covered": results.covered, "missing": missing[:100]}))
    sys.exit(0 if results.total > 0 and results.covered / results.total >= 0.95 else 1)


if __name__ == "__main__":
    main()
