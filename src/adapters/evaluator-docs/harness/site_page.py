"""What one HTML page of a site says of itself: ids, links, images, headings, title, description."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

VOID = set("area base br col embed hr img input link meta param source track wbr".split())
HEADINGS = {f"h{level}": level for level in range(1, 7)}
SOURCES = {"img": "src", "script": "src", "iframe": "src", "source": "src", "link": "href"}
# Hints to browsers, not files that a page needs.
RELATIONS_LEFT_OUT = {"preconnect", "dns-prefetch", "canonical"}


@dataclass
class Link:
    target: str
    line: int
    navigation: bool


@dataclass
class Page:
    ids: set[str] = field(default_factory=set)
    links: list[Link] = field(default_factory=list)
    images: list[tuple[str, str | None]] = field(default_factory=list)
    headings: list[int] = field(default_factory=list)
    title: str = ""
    description: str = ""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self.open: list[tuple[str, bool, bool]] = []  # tag, in navigation, in the page's own content
        self.content: list[tuple[int, bool]] = []

    def handle_starttag(self, tag, attributes):
        given = {name: value or "" for name, value in attributes}
        _, navigation, content = self.open[-1] if self.open else ("", False, False)
        navigation |= tag in ("nav", "aside") or given.get("role") == "navigation"
        navigation |= "toctree-wrapper" in given.get("class", "").split()
        content |= tag in ("main", "article") or given.get("role") == "main"
        self._note(tag, given, navigation, content)
        if tag not in VOID:
            self.open.append((tag, navigation, content))

    def handle_endtag(self, tag):
        if any(name == tag for name, _, _ in self.open):
            while self.open.pop()[0] != tag:
                pass

    def handle_data(self, data):
        if self.open and self.open[-1][0] == "title" and not any(name == "svg" for name, _, _ in self.open):
            self.page.title += data

    def _note(self, tag, given, navigation, content):
        page = self.page
        page.ids.update(given[name] for name in ("id", "name") if given.get(name) and (name == "id" or tag == "a"))
        if tag == "a" and "href" in given:
            page.links.append(Link(given["href"], self.getpos()[0], navigation))
        elif tag in SOURCES and given.get(SOURCES[tag]) and given.get("rel") not in RELATIONS_LEFT_OUT:
            page.links.append(Link(given[SOURCES[tag]], self.getpos()[0], False))
        if tag == "img" and content:
            page.images.append((given.get("src", ""), given.get("alt")))
        if tag in HEADINGS:
            self.content.append((HEADINGS[tag], content))
        if tag == "meta" and given.get("name") == "description":
            page.description = given.get("content", "").strip()


def read_page(path: Path) -> Page:
    """Headings are those of the page's main part where it has one, so that menus don't count."""
    reader = _Reader()
    reader.feed(path.read_text("utf-8", errors="replace"))
    reader.close()
    own = [level for level, inside in reader.content if inside]
    reader.page.headings = own or [level for level, _ in reader.content]
    reader.page.title = reader.page.title.strip()
    return reader.page
