"""Builds the site with warnings as errors, then reads what was built: links, anchors, images, headings, navigation.

Reads a marker from standard input; prints it and one JSON object on the last line. Sphinx runs in a process of its own,
for the project's configuration is a program. Nothing is written into the tree.
"""

from __future__ import annotations

import ast
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import site_page  # noqa: E402
import sources  # noqa: E402

BUILD_SECONDS_MAX = 90
LISTED_MAX = 50
PAGES_MAX = 5_000
# Settings of Sphinx that hide what is wrong with a site.
HIDING = ("suppress_warnings", "nitpick_ignore", "nitpick_ignore_regex", "show_warning_types")
# Pages that readers reach in another way.
UNLISTED = {"404.html"}


def hiding(configuration: Path) -> list[str]:
    try:
        module = ast.parse(configuration.read_bytes())
    except (SyntaxError, ValueError) as error:
        return [f"conf.py: {error}"]
    names = {node.id for node in ast.walk(module) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return [f"conf.py sets {name}, which hides warnings." for name in HIDING if name in names]


def build(configuration: Path, site: Path) -> dict:
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-q", "-W", "--keep-going", "-n", "-E", "--no-color"]
    settings = ["-D", "suppress_warnings=", "-d", str(site.with_name("doctrees"))]
    began = time.perf_counter()
    try:
        ran = subprocess.run(
            [*command, *settings, str(configuration.parent), str(site)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=BUILD_SECONDS_MAX,
        )
        code, said = ran.returncode, f"{ran.stdout}{ran.stderr}"
    except subprocess.TimeoutExpired:
        code, said = None, f"The build took more than {BUILD_SECONDS_MAX} s."
    root = f"{configuration.parent}{os.sep}"
    return {
        "exit_code": code,
        "duration_ms": (time.perf_counter() - began) * 1000,
        "output": said.replace(root, "")[-20_000:],
        "warnings": sum(": WARNING: " in line or ": ERROR: " in line for line in said.splitlines()),
        "problems": hiding(configuration),
    }


def document_links(root: Path) -> list[tuple[str, str | None]]:
    """Links of the repository's own documents, such as its README, to files: where they stand and what is wrong."""
    links: list[tuple[str, str | None]] = []
    for path in sorted(root.glob("*.md")):
        text = path.read_text("utf-8", errors="replace") if path.is_file() and not path.is_symlink() else ""
        for match in sources.LINK.finditer(sources.prose(text)):
            url = urlsplit(match["target"])
            if not url.scheme and not url.netloc and url.path:
                there = (root / unquote(url.path)).exists()
                links.append((f"{path.name}: {match['target']}", None if there else "leads to nowhere"))
    return links


def check_links(root: Path, site: Path, pages: dict[str, site_page.Page]) -> dict:
    """Every reference of every page, to files and to anchors. What leads elsewhere is counted and left alone."""
    documents = document_links(root)
    total, external = len(documents), 0
    broken = [f"{where}: {reason}" for where, reason in documents if reason is not None]
    for name, page in pages.items():
        for link in page.links:
            url = urlsplit(link.target)
            if url.scheme or url.netloc:
                external += 1
                continue
            total += 1
            reason = broken_link(site, pages, name, url)
            if reason is not None:
                broken.append(f"{name}:{link.line}: {link.target}: {reason}")
    return {"total": total, "external": external, "broken": broken[:LISTED_MAX], "failed": len(broken)}


def resolve(site: Path, name: str, path: str) -> str:
    """The file below `site` that a path on the page `name` means."""
    base = "" if path.startswith("/") else os.path.dirname(name)
    target = os.path.normpath(os.path.join(base, unquote(path).lstrip("/"))) if path else name
    return os.path.normpath(f"{target}/index.html") if (site / target).is_dir() else target


def broken_link(site: Path, pages: dict[str, site_page.Page], name: str, url) -> str | None:
    target = resolve(site, name, url.path)
    if target.startswith("..") or not (site / target).is_file():
        return "leads to nowhere"
    fragment = unquote(url.fragment)
    if fragment in ("", "top") or target not in pages or fragment in pages[target].ids:
        return None
    return f"{target} has no such anchor"


def check_structure(source: Path, site: Path, pages: dict[str, site_page.Page]) -> dict:
    """One h1 a page, no skipped level, alternative texts, title and description, and a way from the start page."""
    reachable = reached(site, pages)
    problems: dict[str, list[str]] = {}
    titles: dict[str, str] = {}
    written = sources.files(source, ".md", ".rst")
    for path in written:
        parts = path.relative_to(source).with_suffix(".html")
        if any(part.startswith("_") for part in parts.parts):
            continue
        name = parts.as_posix()
        page = pages.get(name)
        found = ["is not built"] if page is None else page_problems(page)
        if page is not None and name not in reachable and name not in UNLISTED:
            found.append("can't be reached from the start page by the navigation")
        if page is not None and titles.setdefault(page.title, name) != name:
            found.append(f"has the same title as {titles[page.title]}")
        problems[name] = found
    lines = [f"{name}: {problem}" for name, found in problems.items() for problem in found]
    good = sum(not found for found in problems.values())
    return {"pages": len(problems), "good": good, "problems": lines[:LISTED_MAX]}


def page_problems(page: site_page.Page) -> list[str]:
    levels = page.headings
    skipped = next((f"h{a} is followed by h{b}" for a, b in itertools.pairwise(levels) if b > a + 1), None)
    return [
        *([f"has {levels.count(1)} h1"] if levels.count(1) != 1 else []),
        *(["does not begin with its h1"] if levels and levels[0] != 1 else []),
        *([f"skips a level: {skipped}"] if skipped else []),
        *(["has no title"] if not page.title else []),
        *(["has no description"] if not page.description else []),
        *(f"image {source} has no alternative text" for source, alt in page.images if not alt or alt in source),
    ]


def reached(site: Path, pages: dict[str, site_page.Page]) -> set[str]:
    seen = {"index.html"} & pages.keys()
    waiting = list(seen)
    while waiting:
        name = waiting.pop()
        for link in pages[name].links:
            url = urlsplit(link.target)
            if not link.navigation or url.scheme or url.netloc:
                continue
            target = resolve(site, name, url.path)
            if target in pages and target not in seen:
                seen.add(target)
                waiting.append(target)
    return seen


def survey(root: Path) -> dict:
    configuration = sources.configuration(root)
    if configuration is None:
        return {"error": f"There is no site: Sphinx's configuration is none of {', '.join(sources.CONFIGURATIONS)}."}
    site = Path(tempfile.mkdtemp()) / "site"
    built = build(configuration, site)
    found = sorted(site.rglob("*.html"))[:PAGES_MAX] if site.is_dir() else []
    pages = {path.relative_to(site).as_posix(): site_page.read_page(path) for path in found}
    return {
        "build": {**built, "pages": len(pages)},
        "links": check_links(root, site, pages),
        "structure": check_structure(configuration.parent, site, pages),
    }


def main() -> None:
    marker = sys.stdin.readline().strip()
    print(f"{marker}{json.dumps(survey(Path.cwd()))}")


if __name__ == "__main__":
    main()
