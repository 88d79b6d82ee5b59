"""The Markdown of a tree: where the site's sources are, and the fenced blocks of a page."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FILES_MAX = 5_000
LEFT_OUT = {"node_modules", "__pycache__", "build", "dist", "venv", "_build"}
CONFIGURATIONS = ("docs/conf.py", "docs/source/conf.py", "doc/conf.py", "source/conf.py", "conf.py")
FENCE = re.compile(r"^(?P<indent>\s*)(?P<fence>`{3,}|~{3,})\s*(?P<info>.*?)\s*$")
LINK = re.compile(r"(?<![!\\])\[(?:[^\]\\]|\\.)*\]\((?P<target>[^)\s<>]+)\)")
DIRECTIVE = re.compile(r"\{(?P<name>[\w:-]+)\}\s*(?P<argument>\S*)")
CODE_DIRECTIVES = {"code-block", "code", "sourcecode", "doctest"}
OPTIONS = re.compile(r"(?::[\w-]+:.*\n)*\n?")


@dataclass(frozen=True)
class Block:
    """A fenced block. `line` is that of its first line of text, from 1; `text` ends with a line break unless empty."""

    line: int
    info: str
    language: str
    text: str


def configuration(root: Path) -> Path | None:
    """Sphinx's conf.py; the folder it lies in is the site's source."""
    found = (root / path for path in CONFIGURATIONS)
    return next((path for path in found if path.is_file() and not path.is_symlink()), None)


def files(root: Path, *suffixes: str) -> list[Path]:
    """Regular files of the project with one of these suffixes, in a fixed order."""
    found = []
    for folder, names, entries in os.walk(root):
        names[:] = sorted(name for name in names if name not in LEFT_OUT and not name.startswith("."))
        paths = (Path(folder, name) for name in sorted(entries) if name.endswith(suffixes))
        found += [path for path in paths if path.is_file() and not path.is_symlink()]
        if len(found) > FILES_MAX:
            raise SystemExit(f"more than {FILES_MAX} files")
    return found


def blocks(text: str, first: int = 1) -> Iterator[Block]:
    """Fenced blocks in order, those inside directives too. An open fence at the end reaches to the end."""
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        opening = FENCE.match(lines[at])
        at += 1
        if opening is None:
            continue
        start = at
        while at < len(lines) and not _closes(lines[at], opening["fence"]):
            at += 1
        body = textwrap.dedent("".join(f"{line}\n" for line in lines[start:at]))
        yield from _read(opening["info"], body, first + start)
        at += 1


def prose(text: str) -> str:
    """The text without its fenced blocks."""
    within = {
        number for block in blocks(text) for number in range(block.line - 1, block.line + block.text.count("\n") + 1)
    }
    return "\n".join(line for number, line in enumerate(text.splitlines(), 1) if number not in within)


def _read(info: str, body: str, line: int) -> Iterator[Block]:
    directive = DIRECTIVE.match(info)
    if directive is None:
        yield Block(line, info, info.split(" ")[0], body)
    elif directive["name"] in CODE_DIRECTIVES:
        options = OPTIONS.match(body)[0] if body.startswith(":") else ""
        language = "pycon" if directive["name"] == "doctest" else directive["argument"]
        yield Block(line + options.count("\n"), info, language, body[len(options) :])
    else:
        yield Block(line, info, "", body)
        yield from blocks(body, line)


def _closes(line: str, fence: str) -> bool:
    stripped = line.strip()
    return stripped.startswith(fence) and not stripped.strip(fence[0])
