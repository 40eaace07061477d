"""The page's files: complete, self-contained, and such that a strict Content-Security-Policy can hold."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import pytest

from tests.support.paths import ROOT

STATIC = files("web") / "static"
TEXTS = {entry.name: entry.read_text(encoding="utf-8") for entry in STATIC.iterdir() if entry.is_file()}
MODULES = sorted(name for name in TEXTS if name.endswith(".js"))
ENTRY = "dashboard.js"

# The name of a vocabulary, which no browser fetches.
SVG_NAMESPACE = "http://www.w3.org/2000/svg"
ADDRESS = re.compile(r"\b(?:https?|wss?|ftp)://[^\s\"'`<>)]*|[\"'`(=]//[^\s\"'`<>)]+", re.IGNORECASE)

IMPORT = re.compile(r'^import (?P<what>\{[^}]*\}|\* as \w+) from "(?P<place>[^"]+)";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?:async )?(?:function|class|const|let) (\w+)", re.MULTILINE)

# What turns text into markup or code, or sets a style that a policy refuses. (Intl's number styles are no such thing.)
UNSAFE = re.compile(
    r"\b(?:innerHTML|outerHTML|insertAdjacentHTML|setHTMLUnsafe|parseFromString|createContextualFragment|srcdoc|cssText"
    r"|eval|Function|importScripts)\b|document\.write|[\"']style[\"']|\bstyle: (?!\"(?:percent|currency)\")|\bimport\("
)


class PageElements(HTMLParser):
    """Every element of a page with its attributes, and the text inside scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.inline: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem and data.strip():
            self.inline.append(data)

    def values(self, attribute: str) -> list[str]:
        return [value for _, attributes in self.found if (value := attributes.get(attribute)) is not None]


@pytest.fixture
def page() -> PageElements:
    return PageElements(TEXTS["index.html"])


def list_imports(module: str) -> list[tuple[str, str]]:
    """What a module imports: the clause and the file's name."""
    return [(found["what"], str(PurePosixPath(found["place"]))) for found in IMPORT.finditer(TEXTS[module])]


def test_the_package_holds_the_page() -> None:
    folder = ROOT / "web" / "static"
    assert {"index.html", "styles.css", ENTRY} <= set(TEXTS)
    assert set(TEXTS) == {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_nothing_comes_from_elsewhere(name: str) -> None:
    assert [found for found in ADDRESS.findall(TEXTS[name]) if found != SVG_NAMESPACE] == []


@pytest.mark.parametrize(
    "text",
    ['src="https://cdn.example/x.js"', 'href="//cdn.example/x.css"', "url(//fonts.example/x)", "WSS://x.example"],
)
def test_an_address_would_be_found(text: str) -> None:
    assert ADDRESS.search(text)


def test_the_page_has_no_inline_script_or_style(page: PageElements) -> None:
    assert page.inline == []
    assert [tag for tag, _ in page.found if tag == "style"] == []
    assert [attributes for tag, attributes in page.found if tag == "script" and not attributes.get("src")] == []
    names = [name for _, attributes in page.found for name in attributes]
    assert [name for name in names if name == "style" or name.startswith("on")] == []


def test_the_page_links_only_to_files_that_are_there(page: PageElements) -> None:
    links = [urlsplit(link) for link in page.values("src") + page.values("href")]
    assert {link.path for link in links} - {""} <= set(TEXTS)
    assert {link.fragment for link in links} - {""} <= set(page.values("id"))


def test_the_ids_are_unique_and_what_refers_to_them_finds_them(page: PageElements) -> None:
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert set(page.values("aria-labelledby") + page.values("for")) <= set(ids)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_makes_no_markup_from_text(module: str) -> None:
    assert UNSAFE.findall(TEXTS[module]) == []


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_what_is_there(module: str) -> None:
    assert len(list_imports(module)) == len(re.findall(r"^import\b", TEXTS[module], re.MULTILINE))
    for what, name in list_imports(module):
        assert name in MODULES
        if what.startswith("{"):
            wanted = {part.split(" as ")[0].strip() for part in what.strip("{}").split(",")} - {""}
            assert wanted <= set(EXPORT.findall(TEXTS[name])), f"{module} imports from {name}"


@pytest.mark.parametrize("module", [name for name in MODULES if name != ENTRY])
def test_a_module_uses_what_it_imports_and_exports_what_is_used(module: str) -> None:
    importers = [(other, what) for other in MODULES for what, name in list_imports(other) if name == module]
    assert importers
    for name in EXPORT.findall(TEXTS[module]):
        own_use = len(re.findall(rf"\b{name}\b", TEXTS[module])) > 1
        assert own_use or any(re.search(rf"\b{name}\b", TEXTS[other]) for other, _ in importers), name


@pytest.mark.parametrize("module", MODULES)
def test_an_imported_name_is_used(module: str) -> None:
    body = IMPORT.sub("", TEXTS[module])
    for what, _ in list_imports(module):
        names = [what.removeprefix("* as ")] if what.startswith("*") else what.strip("{} ").split(",")
        for name in (part.split(" as ")[-1].strip() for part in names):
            assert not name or re.search(rf"\b{name}\b", body), name


def test_every_element_that_a_module_asks_for_is_on_the_page(page: PageElements) -> None:
    asked = {name for module in MODULES for name in re.findall(r'byId\("([^"]+)"\)', TEXTS[module])}
    assert asked
    assert asked <= set(page.values("id"))


def test_every_control_has_a_name(page: PageElements) -> None:
    """A control is named by itself, or stands in a label."""
    text = TEXTS["index.html"]
    labelled = "".join(re.findall(r"<label.*?</label>", text, re.DOTALL))
    for tag, attributes in page.found:
        if tag in ("input", "select"):
            assert attributes.get("aria-label") or f'id="{attributes["id"]}"' in labelled, attributes


def test_the_styles_fetch_nothing_and_know_the_readers_preferences() -> None:
    styles = TEXTS["styles.css"]
    assert re.findall(r"url\(|@import|@font-face|expression\(", styles) == []
    assert "prefers-color-scheme: dark" in styles
    assert "prefers-reduced-motion: reduce" in styles


def test_both_colour_schemes_define_the_same_colours() -> None:
    light, dark = re.findall(r":root \{(.*?)\n\s*\}", TEXTS["styles.css"], re.DOTALL)
    defined = [set(re.findall(r"(--[\w-]+):", block)) for block in (light, dark)]
    assert defined[0] == defined[1]
    used = set(re.findall(r"var\((--[\w-]+)\)", TEXTS["styles.css"]))
    assert used - {"--colour"} <= defined[0]


def test_the_token_leaves_the_address_bar_and_stays_in_the_tab() -> None:
    session = TEXTS["session.js"]
    assert "history.replaceState" in session
    assert "sessionStorage" in session
    assert [name for name in MODULES if "localStorage" in TEXTS[name] or "document.cookie" in TEXTS[name]] == []


def test_a_link_from_outside_must_be_https() -> None:
    linking = [name for name in MODULES if re.search(r"\bhref:", TEXTS[name])]
    assert linking == ["tables.js"]
    assert 'address.protocol === "https:" ? address.href : null' in TEXTS["tables.js"]


def test_a_links_token_replaces_another_only_where_somebody_says_so(page: PageElements) -> None:
    taking = TEXTS["session.js"].partition("export function takeFromAddress(onother)")[2].partition("\n}\n")[0]
    kept_at = taking.index("keep(token)")
    asked = re.search(r"if \(current\(\) !== null && current\(\) !== token\) \{\s+onother\(token\);\s+return", taking)
    assert asked is not None
    assert asked.end() < kept_at
    # Wherever a token is kept, somebody has typed it, or has pressed the button that says so.
    kept = {name: TEXTS[name].count("session.keep(") for name in MODULES}
    assert {name: count for name, count in kept.items() if count} == {"entrance.js": 2}
    assert 'if (dialog.returnValue !== "replace") return;\n    session.keep(token);' in TEXTS["entrance.js"]
    values = [attributes.get("value") for tag, attributes in page.found if tag == "button" and "value" in attributes]
    assert values == ["stay", "replace"]
