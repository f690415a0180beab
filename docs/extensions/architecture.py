"""The directive ``architecture``: a picture of the packages, whose arrows are the imports in the code."""

import ast
import re
from html import escape
from pathlib import Path
from posixpath import normpath

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parents[2]
#: Each package: its folder, what it is, and its place in the picture: column and row.
PACKAGES = {
    "recorded": ("js/src/recorded", "a run without a kernel", 0, 0),
    "panel": ("js/src", "the whole screen, the pacer", 1, 0),
    "live picture": ("js/src/live", "a training", 2, 0),
    "plot": ("js/src/plot", "what lies over the chart", 0, 1),
    "training curves": ("js/src/training", "the second picture", 2, 1),
    "widget": ("autolr_widget/widget", "TunerWidget, session, chart", 1, 2),
    "runs": ("autolr_widget/engine/runs", "LRTuner: the rounds of a run", 1, 3),
    "live": ("autolr_widget/engine/live", "callback, looking again", 2, 3),
    "saved": ("autolr_widget/engine/saved", "a run in a file", 0, 4),
    "workers": ("autolr_widget/engine/workers", "paths on other machines", 1, 4),
    "measuring": ("autolr_widget/engine/measuring", "steps on copies of the model", 1, 5),
    "reading": ("autolr_widget/engine/reading", "statistics, rules, schedules", 2, 5),
    "data": ("autolr_widget/engine/data", "what a round sees of the data", 0, 5),
}
#: The parts, and the rows that they span.
PARTS = {"js/src · the browser": (0, 1), "autolr_widget/widget": (2, 2), "autolr_widget/engine": (3, 5)}
WIDTH, HEIGHT, ACROSS, DOWN, LEFT, TOP, GAP = 200, 54, 250, 100, 26, 40, 34


def imports() -> set[tuple[str, str]]:
    """Return which package imports which, among `PACKAGES`. All of the browser's use what lies in js/src itself."""
    folders = {folder: name for name, (folder, *_) in PACKAGES.items()}
    found = set()
    for folder, name in folders.items():
        for path in (ROOT / folder).glob("*.ts" if folder.startswith("js") else "*.py"):
            found |= {(name, folders[other]) for other in imported(path) & folders.keys() - {folder, "js/src"}}
    return found


def imported(path: Path) -> set[str]:
    """Return the folders of what a file imports from this repository when it is loaded."""
    source, folder = path.read_text(encoding="utf-8"), path.parent.relative_to(ROOT).as_posix()
    if path.suffix == ".ts":
        modules = re.findall(r'^import (?!type).* from "(\.[^"]+)"', source, re.MULTILINE)
        return {normpath(f"{folder}/{module}").rsplit("/", 1)[0] for module in modules}
    modules = [node.module or "" for node in ast.parse(source).body if isinstance(node, ast.ImportFrom)]
    return {module.rsplit(".", 1)[0].replace(".", "/") for module in modules}


def direct(edges: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return the edges without those that lead down where others lead too: from a to c, if b lies between them."""
    down = {(one, other) for one, other in edges if PACKAGES[one][3] < PACKAGES[other][3]}

    def below(name: str) -> set[str]:
        others = {other for one, other in down if one == name}
        return others.union(*map(below, others))

    return {
        (one, other)
        for one, other in edges
        if (one, other) not in down or all(other not in below(between) for start, between in down if start == one)
    }


def top(row: int) -> int:
    """Return the upper end of a row. Between the parts is room for their names."""
    return TOP + row * DOWN + GAP * sum(row >= first for first, _ in PARTS.values()) - GAP


def centre(name: str) -> tuple[float, float]:
    _, _, column, row = PACKAGES[name]
    return LEFT + column * ACROSS + WIDTH / 2, top(row) + HEIGHT / 2


def arrow(one: str, other: str) -> str:
    """Return a line from the edge of one box to the edge of another."""
    (x, y), (to_x, to_y) = centre(one), centre(other)
    dx, dy = to_x - x, to_y - y
    share = min(WIDTH / 2 / abs(dx) if dx else 1, HEIGHT / 2 / abs(dy) if dy else 1)
    ends = x + share * dx, y + share * dy, to_x - share * dx, to_y - share * dy
    return '<path d="M{:.0f} {:.0f}L{:.0f} {:.0f}" marker-end="url(#arrow)"/>'.format(*ends)


def forgotten() -> set[str]:
    """Return the packages that are not in the picture."""
    folders = [*ROOT.glob("autolr_widget/engine/*/*.py"), *ROOT.glob("js/src/*/*.ts")]
    return {path.parent.relative_to(ROOT).as_posix() for path in folders} - {folder for folder, *_ in PACKAGES.values()}


def picture() -> str:
    """Return the picture as SVG, in the colors of the page."""
    width, height = 2 * LEFT + 2 * ACROSS + WIDTH, top(5) + HEIGHT + 24
    shapes = []
    for name, (first, last) in PARTS.items():
        y, h = top(first) - 28, top(last) + HEIGHT + 12 - top(first) + 28
        shapes.append(f'<rect class="part" x="8" y="{y}" width="{width - 16}" height="{h}" rx="10"/>')
        shapes.append(f'<text class="name" x="{LEFT}" y="{y + 18}">{name}</text>')
    shapes += [arrow(*edge) for edge in sorted(direct(imports()))]
    x, y = centre("panel")
    _, to_y = centre("widget")
    between = f'd="M{x} {y + HEIGHT / 2 + 8}L{x} {to_y - HEIGHT / 2 - 8}"'
    shapes.append(f'<path class="wire" {between} marker-start="url(#arrow)" marker-end="url(#arrow)"/>')
    shapes.append(f'<text x="{x + 10}" y="{to_y - HEIGHT / 2 - 38}">traits and messages</text>')
    for name, (_, what, column, row) in PACKAGES.items():
        x, y = LEFT + column * ACROSS, top(row)
        shapes.append(f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>')
        shapes.append(f'<text class="name" x="{x + 10}" y="{y + 22}">{escape(name)}</text>')
        shapes.append(f'<text x="{x + 10}" y="{y + 41}">{escape(what)}</text>')
    words = "The packages of the browser, the widget and the engine. Arrows point from a package to what it imports."
    head = (
        '<marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto-start-reverse">'
    )
    return (
        f'<svg class="architecture" viewBox="0 0 {width} {height}" role="img" aria-label="{words}">'
        f'<defs>{head}<path d="M0 0L8 4L0 8z"/></marker></defs>{"".join(shapes)}</svg>'
    )


class Architecture(SphinxDirective):
    """Takes the place of the picture on the page."""

    def run(self) -> list[nodes.Node]:
        if forgotten():
            raise self.error(f"PACKAGES in {__name__}.py lacks {sorted(forgotten())}")
        return [nodes.raw("", picture(), format="html")]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("architecture", Architecture)
    return {"parallel_read_safe": True}
