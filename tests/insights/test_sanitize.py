from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insights.sanitize import ADDRESS, MENTION, find_markup, is_named, sanitize_text

PIECES = st.sampled_from(
    ["https://evil.example/x", "www.", "evil.com", "@me", "me@evil.example", "<b>", "</", ">", "[a](b)", "{{ 1 }}",
     "`", "**", "javascript:", "+1 555 123 45 67", "\x00", "\u202e", "\n", "wool", " ", ".", "/", "# ", "é", "😀", "“"]
)  # fmt: skip
TEXTS = st.one_of(st.text(), st.lists(PIECES, max_size=12).map("".join))


@pytest.mark.parametrize(
    ("written", "quoted"),
    [
        ("Organic Search", "Organic Search"),
        ("Prospecting | Lookalike 2%", "Prospecting | Lookalike 2%"),
        ("/collections/all?email=a@b.example#top", "/collections/all"),
        ("spring_sale_2025", "spring_sale_2025"),
        ("Café\u00a0corner ✨\n\nMerci!", "Café corner ✨ Merci!"),
        ("see https://evil.example/win now", "see now"),
        ("see evil-shop.com/win now", "see now"),
        ("mail me@evil.example", "mail"),
        ("found by @lena.makes", "found by"),
        ("call +1 (555) 010-9999 today", "call today"),
        ("<script>alert(1)</script>hi", "alert(1) hi"),
        ("{{ 7*7 }} [a](b) **bold**", "7 7 a (b) bold"),
        ("#wool #throws", "wool throws"),
        ("\u202eevil\u202c \ufeffx", "evil x"),
        ("ｈｔｔｐ：//evil.example", ""),
        ("https://evil.example", ""),
    ],
)
def test_what_is_left_of_a_text(written: str, quoted: str) -> None:
    assert sanitize_text(written) == quoted


def test_long_texts_are_cut_between_words() -> None:
    cut = sanitize_text("The quick brown fox jumps over the lazy dog and then it sleeps for the rest of the day")
    assert cut == "The quick brown fox jumps over the lazy dog and then it…"
    assert len(sanitize_text("x" * 5_000)) == 60


@given(TEXTS)
@pytest.mark.slow
def test_nothing_dangerous_is_left_of_any_text(written: str) -> None:
    quoted = sanitize_text(written)
    assert len(quoted) <= 60
    assert not re.search(r"[<>\[\]{}`*\\\n]", quoted)
    assert not ADDRESS.search(quoted)
    assert not MENTION.search(quoted)
    assert not any(unicodedata.category(each) in ("Cc", "Cf", "Cs", "Co") for each in quoted)
    assert quoted == " ".join(quoted.split())


def test_the_rest_is_nobody() -> None:
    assert not any(map(is_named, ("Other", "(not set)", "")))
    assert is_named("Direct")


@pytest.mark.parametrize(
    "address",
    [
        "bit.ly/abc",
        "t.me/shop",
        "example.com",
        "https://x.y",
        "a@b.example",
        "www.x",
        "shop.photography/x",
        "10.0.0.1:80",
    ],
)
def test_an_address_is_one_for_outsiders_and_analysts_alike(address: str) -> None:
    assert sanitize_text(f"see {address} now") == "see now"
    assert find_markup(f"See {address} now.") is not None


def test_a_sentence_is_no_address() -> None:
    assert find_markup("Sessions are up 12% (22,403 after 29,263; no data: 2). See “/a.b/c”, e.g. on 4 March.") is None
