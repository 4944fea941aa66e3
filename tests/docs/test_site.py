"""The site builds without a warning and loads nothing from another host."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.paths import ROOT

pytestmark = pytest.mark.slow

LOADING = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "object": "data",
    "link": "href",
}
"""Elements that make a browser load something → the attribute that names it."""


class _Loaded(HTMLParser):
    """Collects what a page makes a browser load, and the ids of its elements."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.classes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if address := given.get(LOADING.get(tag, "")):
            self.addresses.append(address)
        self.classes |= set((given.get("class") or "").split())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    ran = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    return folder


def pages_of(site: Path) -> dict[str, _Loaded]:
    pages = {}
    for file in site.rglob("*.html"):
        parser = _Loaded()
        parser.feed(file.read_text(encoding="utf-8"))
        pages[file.relative_to(site).as_posix()] = parser
    return pages


def test_every_page_is_there(site: Path) -> None:
    pages = {path.with_suffix(".html").name for path in (ROOT / "docs").glob("*.md")}
    assert pages - {path.name for path in site.glob("*.html")} == set()
    assert (site / "asyncapi.yaml").read_text(encoding="utf-8").startswith("asyncapi: 3.0.0\n")
    assert (site / "diagnosis.schema.json").exists()


def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    loaded = [
        (name, address)
        for name, page in pages_of(site).items()
        for address in page.addresses
        if re.match(r"\w+:|//", address)
    ]
    assert loaded == []


def test_styles_load_nothing_from_another_host(site: Path) -> None:
    styles = list(site.rglob("*.css"))
    assert styles
    found = [
        re.findall(r"(?:url\(|@import)\s*[\"']?\w*:?//\S*", file.read_text()) for file in styles
    ]
    assert [addresses for addresses in found if addresses] == []


def test_no_page_has_a_diagram_whose_renderer_comes_from_elsewhere(site: Path) -> None:
    # Material's script loads mermaid from a CDN where a page has such a block.
    assert [name for name, page in pages_of(site).items() if "mermaid" in page.classes] == []


def test_nothing_is_left_to_be_generated(site: Path) -> None:
    left = [file.name for file in site.rglob("*.html") if "<!-- generated" in file.read_text()]
    assert left == []


def test_what_a_page_loads_is_on_the_site(site: Path) -> None:
    missing = [
        (name, address)
        for name, page in pages_of(site).items()
        for address in page.addresses
        if name != "404.html" and not (site / name).parent.joinpath(address.split("?")[0]).exists()
    ]
    assert missing == []
