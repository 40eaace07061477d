"""The page's source: self-contained, and such that a strict Content-Security-Policy can hold."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import web.build
from tests.support.paths import ROOT

WEB = ROOT / "web"
# What is generated names no address either, but is no module that anybody reads.
GENERATED = WEB / "client" / "src" / "types.ts"
TEXTS = {
    prefix + str(path.relative_to(folder)): path.read_text(encoding="utf-8")
    for folder, prefix in ((WEB / "src", ""), (WEB / "client" / "src", "client/"))
    for path in sorted(folder.rglob("*"))
    if path.is_file() and path != GENERATED
}
SCRIPTS = [name for name in TEXTS if name.endswith(".ts")]

# Names of vocabularies, which no browser fetches.
NAMESPACES = {"http://www.w3.org/2000/svg"}
ADDRESS = re.compile(r"\b(?:https?|wss?|ftp)://[^\s\"'`<>)]+|[\"'`(=]//[^\s\"'`<>)]+", re.IGNORECASE)

# What turns text into markup or code, or sets a style as an attribute, which the policy refuses.
UNSAFE = re.compile(
    r"\b(?:innerHTML|outerHTML|insertAdjacentHTML|setHTMLUnsafe|parseFromString|createContextualFragment|srcdoc|cssText"
    r"|eval|Function\(|importScripts|unsafeHTML|unsafeSVG|unsafeStatic|styleMap)\b|document\.write| style=[\"$]"
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


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_nothing_comes_from_elsewhere(name: str) -> None:
    found = {address.rstrip("\\'") for address in ADDRESS.findall(TEXTS[name].replace("%3D", "="))}
    assert found - NAMESPACES == set()


@pytest.mark.parametrize(
    "text",
    ['src="https://cdn.example/x.js"', 'href="//cdn.example/x.css"', "url(//fonts.example/x)", "WSS://x.example"],
)
def test_an_address_would_be_found(text: str) -> None:
    assert ADDRESS.search(text)


def test_the_document_has_no_inline_script_or_style() -> None:
    page = PageElements(TEXTS["index.html"])
    assert page.inline == []
    assert [tag for tag, _ in page.found if tag == "style"] == []
    names = [name for _, attributes in page.found for name in attributes]
    assert [name for name in names if name == "style" or name.startswith("on")] == []


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_module_makes_no_markup_from_text(script: str) -> None:
    assert UNSAFE.findall(TEXTS[script]) == []


def test_the_styles_fetch_nothing_and_know_the_readers_preferences() -> None:
    styles = "".join(text for name, text in TEXTS.items() if name.endswith(".css"))
    assert re.findall(r"url\(|@font-face|expression\(", styles) == []
    for preference in ("prefers-reduced-motion: reduce", "forced-colors: active", "@media print", "light-dark("):
        assert preference in styles


def test_the_token_stays_in_the_tab() -> None:
    assert [name for name in SCRIPTS if re.search(r"localStorage|document\.cookie", TEXTS[name])] == []
    assert [name for name in SCRIPTS if "sessionStorage" in TEXTS[name]] == ["api/session.ts"]


def test_a_links_token_replaces_another_only_where_somebody_says_so() -> None:
    keeping = {name: TEXTS[name].count("keepToken(") for name in SCRIPTS if "keepToken(" in TEXTS[name]}
    # By the address where the tab has no other, and by `enter`, which the door's two buttons call, and the page around.
    assert keeping == {"api/session.ts": 1, "state/actions.ts": 1}
    entering = {name: TEXTS[name].count("enter(") for name in SCRIPTS if re.search(r"\benter\(", TEXTS[name])}
    assert entering == {"main.ts": 1, "parts/door.ts": 2, "state/actions.ts": 1}


def test_no_module_is_large() -> None:
    assert {name: lines for name in SCRIPTS if (lines := TEXTS[name].count("\n")) > 420} == {}


def test_the_lock_names_no_registry() -> None:
    lock = json.loads((ROOT / "web" / "package-lock.json").read_text(encoding="utf-8"))
    # The folders of this repository are linked.
    packages = {name: entry for name, entry in lock["packages"].items() if "/" in name and not entry.get("link")}
    packages.pop("client/example")
    assert packages
    assert {name for name, entry in packages.items() if "resolved" in entry or "integrity" not in entry} == set()


def test_a_build_without_node_leaves_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def find_no_node() -> Path:
        raise web.build.PageNotBuilt("No Node.js here.")

    monkeypatch.setattr(web.build, "find_node", find_no_node)
    monkeypatch.setattr(web.build, "is_built", lambda: False)
    for name, path in (("DIST", tmp_path / "dist"), ("REASON", tmp_path / "dist" / "reason.txt")):
        monkeypatch.setattr(web.build, name, path)
    web.build.build_page()
    assert (tmp_path / "dist" / "reason.txt").read_text(encoding="utf-8") == "No Node.js here.\n"
