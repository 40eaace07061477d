"""The oracle's expressions, value by value as SQL has them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from tests.support.oracle.expressions import evaluate_group, evaluate_row, is_additive
from tests.support.oracle.syntax import parse_expression

ROW = {"a": 7, "b": 2, "zero": 0, "none": None, "text": " It's ", "half": 2.5}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3 - 4 / 8", 6.5),
        ("(1 + 2) * 3", 9),
        ("1 / 2", 0.5),
        ("-a % 4", -3),
        ("- - a", 7),
        ("a - -b", 9),
        ("8 / 4 / 2", 1),
        ("a / zero", None),
        ("a % zero", None),
        ("a + none", None),
        (".5 + 1e1", 10.5),
        ("a > b and none is null", True),
        ("a = 7 and none = 1", None),
        ("a = 8 and none = 1", False),
        ("a = 7 or none = 1", True),
        ("a = 8 or none = 1", None),
        ("not (none = 1)", None),
        ("not a = 8", True),
        ("true or false and false", True),
        ("a <> 7 or a != 7", False),
        ("a in (1, 7)", True),
        ("a in (1, null)", None),
        ("a not in (1, null)", None),
        ("none in (1)", None),
        ("a between 2 and 7 and b not between 3 and 4", True),
        ("text like ' it%'", False),
        ("text like ' _t''s_'", True),
        ("'a%b' not like 'a.b'", True),
        ("case when none = 1 then 1 when a > 6 then 2 else 3 end", 2),
        ("case a when none then 1 when 7 then 2 end", 2),
        ("case b when 7 then 1 end", None),
        ("coalesce(none, null, b)", 2),
        ("nullif(zero, 0)", None),
        ("nullif(a, none)", 7),
        ("abs(-3)", 3),
        ("round(half)", 3),
        ("round(-half)", -3),
        ("round(1.25, 1)", 1.3),
        ("round(1250, -2)", 1300),
        ("floor(-half) + ceil(half)", 0),
        ("greatest(a, none, 9)", 9),
        ("least(a, none, b)", 2),
        ("greatest(none, null)", None),
        ("upper(trim(text))", "IT'S"),
        ("lower('AB') || 'c'", "abc"),
        ("length('a\N{GRINNING FACE}')", 2),
        ("concat('a', none)", None),
        ('"a"', 7),
    ],
)
def test_scalars(text: str, expected: Any) -> None:
    found = evaluate_row(parse_expression(text), ROW)
    assert (float(found) if isinstance(found, Fraction) else found) == expected
    assert isinstance(found, bool) is isinstance(expected, bool)


ROWS: list[dict[str, Any]] = [{"x": 1, "s": "b"}, {"x": 1, "s": "a"}, {"x": None, "s": None}, {"x": 4, "s": "a"}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sum(x)", 6),
        ("count(*)", 4),
        ("count(x)", 3),
        ("count(distinct x)", 2),
        ("COUNT(DISTINCT s)", 2),
        ("sum(distinct x)", 5),
        ("avg(x)", 2),
        ("min(x) + max(x)", 5),
        ("sum(x * 2 - 1)", 9),
        ("sum(case when s = 'a' then x else 10 end)", 25),
        ("sum(x / (x - 1))", Fraction(4, 3)),
        ("1000 * sum(x) / count(*)", 1500),
        ("case when sum(x) > 5 then max(x) end", 4),
        ("sum(case when s = 'c' then x end)", None),
    ],
)
def test_aggregates(text: str, expected: Any) -> None:
    assert evaluate_group(parse_expression(text), ROWS) == expected


def test_no_rows() -> None:
    assert evaluate_group(parse_expression("count(*) + count(distinct x)"), []) == 0
    assert evaluate_group(parse_expression("sum(x)"), []) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sum(x)", True),
        ("count(*) - count(x)", True),
        ("sum(case when s = 'a' then x end) / 4 + -2 * sum(x * y)", True),
        ("sum(x) * (1000 / 2)", True),
        ("sum(users)", False),
        ("sum(x + users)", False),
        ("count(distinct x)", False),
        ("sum(distinct x)", False),
        ("avg(x)", False),
        ("sum(x) / sum(y)", False),
        ("sum(x) * sum(y)", False),
        ("2 / sum(x)", False),
        ("sum(x) + 1", False),
        ("coalesce(sum(x), 0)", False),
        ("round(sum(x))", False),
    ],
)
def test_additive(text: str, expected: bool) -> None:
    assert is_additive(parse_expression(text), frozenset({"users"})) is expected


@pytest.mark.parametrize("text", ["", "1 +", "(1", "1 2", "a ; b", "case when 1 then 2", "a not 3", "sum("])
def test_what_is_not_an_expression(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|did not expect|cannot read"):
        parse_expression(text)


def test_columns_belong_inside_aggregates_and_aggregates_outside_rows() -> None:
    with pytest.raises(ValueError, match="outside an aggregate"):
        evaluate_group(parse_expression("sum(x) + x"), ROWS)
    with pytest.raises(ValueError, match="inside a row expression"):
        evaluate_group(parse_expression("sum(max(x))"), ROWS)
