"""Are the examples of the pages true? Reads a marker from standard input; prints it and one JSON object.

console: each `$ command` runs in a shell and must print what follows it. The commands of a page run in order in one
empty folder. pycon, and python with `>>>`: runs as doctest, all blocks of a page in one process. python, json, yaml,
toml, sh: must parse. The README at the root has a check of its own.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import sources  # noqa: E402

COMMAND_SECONDS_MAX = 20
EXAMPLES_MAX = 2_000
LISTED_MAX = 50
SHELLS = {"sh", "bash", "shell"}
DOCTEST = """
import doctest, json, sys

blocks, names = json.load(sys.stdin), {}
failed = 0
for name, line, text in blocks:
    test = doctest.DocTestParser().get_doctest(text, names, name, name, line - 1)
    names = test.globs
    runner = doctest.DocTestRunner(verbose=False)
    failed += runner.run(test, clear_globs=False).failed
    names = test.globs
sys.exit(1 if failed else 0)
"""


def shell(command: list[str], folder: str, given: str = "") -> tuple[int | None, str]:
    try:
        ran = subprocess.run(
            command,
            cwd=folder,
            input=given,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=COMMAND_SECONDS_MAX,
        )
    except subprocess.TimeoutExpired:
        return None, f"took more than {COMMAND_SECONDS_MAX} s"
    return ran.returncode, f"{ran.stdout}{ran.stderr}"


def console(block: sources.Block, folder: str) -> list[tuple[int, str | None]]:
    """One verdict for each command: its line, and what is wrong with it."""
    commands: list[list] = []
    for offset, line in enumerate(block.text.splitlines()):
        if line.startswith("$ "):
            commands.append([block.line + offset, line[2:], []])
        elif commands:
            commands[-1][2].append(line)
    verdicts: list[tuple[int, str | None]] = []
    for line, command, said in commands:
        _, printed = shell(["/bin/sh", "-c", command], folder)
        expected = "\n".join(said).rstrip()
        true = printed.rstrip() == expected
        verdicts.append((line, None if true else f"$ {command}\nsays:\n{expected}\nprints:\n{printed.rstrip()}"))
    return verdicts or [(block.line, "is a console block without a `$ command`")]


def parse(block: sources.Block) -> str | None:
    """What is wrong with a block that must only parse; None when nothing is."""
    try:
        if block.language == "json":
            json.loads(block.text)
        elif block.language in ("yaml", "yml"):
            import yaml  # the project's own: the review environment has none

            list(yaml.safe_load_all(block.text))
        elif block.language == "toml":
            tomllib.loads(block.text)
        elif block.language == "python":
            compile(block.text, "example", "exec", dont_inherit=True)
        elif block.language in SHELLS:
            code, said = shell(["/bin/sh", "-n"], "/", block.text)
            return None if code == 0 else said
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def is_session(block: sources.Block) -> bool:
    return block.language == "pycon" or (block.language == "python" and bool(re.search(r"^>>> ", block.text, re.M)))


def sessions(blocks: list[sources.Block], name: str, folder: str) -> list[tuple[int, str | None]]:
    if not blocks:
        return []
    given = json.dumps([(name, block.line, block.text) for block in blocks])
    code, said = shell([sys.executable, "-c", DOCTEST], folder, given)
    if code == 0:
        return [(block.line, None) for block in blocks]
    failed = {int(line) for line in re.findall(rf'File "{re.escape(name)}", line (\d+)', said)}
    last = [next((b.line for b in reversed(blocks) if b.line <= line), blocks[0].line) for line in failed]
    wrong = set(last) or {blocks[-1].line}
    return [(block.line, said if block.line in wrong else None) for block in blocks]


def examine(path: Path, name: str) -> list[tuple[int, str | None]]:
    found = list(sources.blocks(path.read_text("utf-8", errors="replace")))
    verdicts: list[tuple[int, str | None]] = []
    with tempfile.TemporaryDirectory() as folder:
        for block in found:
            if block.language == "console":
                verdicts += console(block, folder)
            elif block.language in {"json", "yaml", "yml", "toml", "python", *SHELLS} and not is_session(block):
                verdicts.append((block.line, parse(block)))
        verdicts += sessions([block for block in found if is_session(block)], name, folder)
    return verdicts


def main() -> None:
    marker = sys.stdin.readline().strip()
    root = Path.cwd()
    total = good = 0
    failures = []
    for path in sources.files(root, ".md"):
        name = path.relative_to(root).as_posix()
        if name == "README.md" or total > EXAMPLES_MAX:
            continue
        for line, fault in examine(path, name):
            total += 1
            good += fault is None
            if fault is not None:
                failures.append(f"{name}:{line}: {fault[:2_000]}")
    print(f"{marker}{json.dumps({'examples': total, 'good': good, 'failures': failures[:LISTED_MAX]})}")


if __name__ == "__main__":
    main()
