"""Ways to break documentation that a reader would notice: where a text can be broken, and how it then reads."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import sources  # noqa: E402

IMAGE = re.compile(r"!\[(?P<text>[^\]]+)\]\((?P<target>[^)\s]+)\)")
ROLE = re.compile(r"\{(?P<role>ref|doc|term|numref)\}`(?P<target>[^`]+)`")
LABEL = re.compile(r"^\((?P<label>[\w.-]+)\)=$")
HEADING = re.compile(r"^(?P<level>#{1,5}) \S")
FACT = re.compile(r"^\s*- [A-Z][\w ]*: `(?P<value>[^`]+)`")
DESCRIPTION = re.compile(r"^\s+(?:\"?description\"?): ?(?P<text>.*)$")
DATUM = re.compile(r'"(?:default|type|minimum|maximum|const)": (?P<value>[^,{}\[\]]+?),?$')
BREAKABLE = {"json": "}]", "python": ")]}:", "toml": "=", "yaml": ":", "yml": ":"}
EXTERNAL = ("http:", "https:", "mailto:", "ftp:", "tel:")


@dataclass(frozen=True)
class Site:
    """One change to one file: `text` is the whole file afterwards. Lines count from 1."""

    line: int
    kind: str
    change: str
    text: str


def different(value: str) -> str:
    """A value of the same sort that is not the same."""
    if re.fullmatch(r"-?\d+(?:\.\d+)?", value):
        return str(int(value) + 1) if value.lstrip("-").isdigit() else f"{value}1"
    swapped = {"true": "false", "false": "true", "null": "0"}
    if value in swapped:
        return swapped[value]
    return f'{value[:-1]}x"' if len(value) > 1 and value[0] == value[-1] == '"' else f"{value}x"


class _Text:
    """A file's lines, and the sites found in them."""

    def __init__(self, text: str) -> None:
        self.lines = text.splitlines(keepends=True)

    def site(self, line: int, kind: str, change: str, *, start: int, end: int, new: str) -> Site:
        """Replaces columns `start` to `end` of a line."""
        old = self.lines[line - 1]
        lines = [*self.lines[: line - 1], old[:start] + new + old[end:], *self.lines[line:]]
        return Site(line, kind, change, "".join(lines))

    def without(self, line: int, kind: str) -> Site:
        dropped = self.lines[line - 1].strip()
        return Site(line, kind, f"{dropped!r} dropped", "".join([*self.lines[: line - 1], *self.lines[line:]]))

    def group(self, line: int, kind: str, match: re.Match, name: str, new: str) -> Site:
        change = f"{match[name]!r} becomes {new!r}"
        return self.site(line, kind, change, start=match.start(name), end=match.end(name), new=new)


def sites(path: str, text: str) -> list[Site]:
    """Everything that can be broken in a Markdown page or a JSON file, in the order of the text."""
    file = _Text(text)
    if path.endswith(".json"):
        found = [(number, DATUM.search(line.rstrip("\n"))) for number, line in enumerate(file.lines, 1)]
        return [file.group(n, "datum", m, "value", different(m["value"])) for n, m in found if m is not None]
    covered: set[int] = set()
    result: list[Site] = []
    for block in sources.blocks(text):
        end = block.line + block.text.count("\n")
        outermost = block.line not in covered
        covered.update(range(block.line - 1, end + 1))
        result += _in_block(file, block, outermost)
    prose = [number for number in range(1, len(file.lines) + 1) if number not in covered]
    result += [site for number in prose for site in _in_line(file, number)]
    result += _description(file)
    return sorted(result, key=lambda site: (site.line, site.kind, site.change))


def _in_line(file: _Text, number: int) -> Iterator[Site]:
    line = file.lines[number - 1].rstrip("\n")
    if heading := HEADING.match(line):
        level = heading["level"]
        yield file.group(number, "heading", heading, "level", "##" if level == "#" else f"{level}##"[:6])
    if label := LABEL.match(line):
        yield file.group(number, "anchor", label, "label", f"{label['label']}-gone")
    if fact := FACT.match(line):
        yield file.group(number, "fact", fact, "value", different(fact["value"]))
    for role in ROLE.finditer(line):
        yield file.group(number, "reference", role, "target", _gone_reference(role["target"]))
    for link in sources.LINK.finditer(line):
        if not link["target"].startswith(EXTERNAL):
            yield file.group(number, "link", link, "target", _gone_link(link["target"]))
    for image in IMAGE.finditer(line):
        yield file.group(number, "alt", image, "text", "")
        if not image["target"].startswith(EXTERNAL):
            yield file.group(number, "image", image, "target", _gone_link(image["target"]))


def _gone_reference(target: str) -> str:
    """`text <target>` keeps its text."""
    return f"{target[:-1]}-gone>" if target.endswith(">") else f"{target}-gone"


def _gone_link(target: str) -> str:
    path, hash_, fragment = target.partition("#")
    if hash_:
        return f"{path}#{fragment}-gone"
    stem, dot, suffix = path.rpartition(".")
    return f"{stem}-gone.{suffix}" if dot and "/" not in suffix else f"{path}-gone"


def _description(file: _Text) -> Iterator[Site]:
    """The page's description in its front matter, with the lines that continue it."""
    if not file.lines or file.lines[0].strip() != "---":
        return
    for number, line in enumerate(file.lines[1:], 2):
        if line.strip() == "---":
            return
        if DESCRIPTION.match(line):
            depth = len(line) - len(line.lstrip())
            rest = file.lines[number:]
            more = next((i for i, next_ in enumerate(rest) if len(next_) - len(next_.lstrip()) <= depth), 0)
            # Its parents would be left empty, which is another mistake: the text goes, the key stays.
            text = f'{" " * depth}description: ""\n'
            lines = [*file.lines[: number - 1], text, *rest[more:]]
            yield Site(number, "description", "the page's description dropped", "".join(lines))
            return


def _in_block(file: _Text, block: sources.Block, outermost: bool) -> Iterator[Site]:
    if block.info.startswith("{toctree}"):
        yield from _entries(file, block)
    elif block.info.startswith("{glossary}"):
        yield from _terms(file, block)
    elif block.language in ("console", "pycon") or (block.language == "python" and ">>> " in block.text):
        yield from _outputs(file, block)
    elif block.language in BREAKABLE:
        yield from _broken_code(file, block)
    elif block.info.startswith("{") and outermost:
        for number in _body(block):
            yield from _in_line(file, number)


def _body(block: sources.Block) -> range:
    return range(block.line, block.line + block.text.count("\n"))


def _entries(file: _Text, block: sources.Block) -> Iterator[Site]:
    for number in _body(block):
        line = file.lines[number - 1].strip()
        if line and not line.startswith(":") and "*" not in line:
            yield file.without(number, "navigation")


def _terms(file: _Text, block: sources.Block) -> Iterator[Site]:
    for number in _body(block):
        line = file.lines[number - 1].rstrip("\n")
        if line and not line.startswith((" ", ":")):
            yield file.site(number, "term", f"{line!r} renamed", start=0, end=len(line), new=f"{line} gone")


def _outputs(file: _Text, block: sources.Block) -> Iterator[Site]:
    prompts = ("$ ", ">>> ", "... ", ">>>", "...")
    for number in _body(block):
        line = file.lines[number - 1].rstrip("\n")
        if line.strip() and not line.strip().startswith(prompts):
            start = len(line) - len(line.lstrip())
            new = different(line.strip())
            yield file.site(number, "output", f"{line.strip()!r} becomes {new!r}", start=start, end=len(line), new=new)


def _broken_code(file: _Text, block: sources.Block) -> Iterator[Site]:
    """One character that the block can't be read without; the last there is."""
    for number in reversed(_body(block)):
        line = file.lines[number - 1]
        at = max(line.rfind(character) for character in BREAKABLE[block.language])
        if at >= 0 and not line.lstrip().startswith("#") and _breaks(block, number, at):
            yield file.site(number, "code", f"{line[at]!r} dropped", start=at, end=at + 1, new="")
            return


def _breaks(block: sources.Block, number: int, at: int) -> bool:
    """YAML reads nearly everything, so a key must have another one beside it to be missed."""
    if block.language not in ("yaml", "yml"):
        return True
    keys = [re.match(r"[\w-]+:", line) is not None for line in block.text.splitlines()]
    return keys[number - block.line] and sum(keys) > 1
