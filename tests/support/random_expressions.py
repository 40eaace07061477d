"""Well-typed expressions at random, each with what it is worth on a row: text and meaning grow side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any

from tests.support.oracle import functions
from tests.support.oracle.functions import COMPARISONS, DATES, NUMBERS, TEXTS

Row = Mapping[str, Any]
Value = Callable[[Row], Any]


@dataclass(frozen=True, slots=True)
class Piece:
    """An expression. `exact`: computed by steps that are the same to the last bit everywhere."""

    text: str
    kind: str
    value: Value
    exact: bool = True


COLUMNS: Mapping[str, str] = {
    "x": "whole",
    "k": "whole",
    "y": "double",
    "w": "double",
    "z": "double",
    "s": "text",
    "t": "text",
    "flag": "boolean",
    "d": "date",
    "at": "timestamptz",
    "ts": "timestamp",
}
LITERALS: Mapping[str, Sequence[tuple[str, Any]]] = {
    "whole": [("0", 0), ("1", 1), ("2", 2), ("-1", -1), ("10", 10), ("9007199254740993", 2**53 + 1)],
    "double": [("0.5", 0.5), ("0.1", 0.1), ("-2.5", -2.5), ("1e3", 1000.0), ("0.0", 0.0)],
    "text": [
        *(("''", ""), ("' '", " "), ("'a'", "a"), ("'A'", "A"), ("'Ü'", "Ü"), ("'😀'", "😀"), ("'it''s'", "it's")),
        *(("'%'", "%"), ("'_'", "_"), ("'%a%'", "%a%"), ("'_%'", "_%"), ("'\\'", "\\"), ("'\\%'", "\\%")),
        *(("'\N{NO-BREAK SPACE}'", "\N{NO-BREAK SPACE}"), ("'%(x)s'", "%(x)s"), ("':x'", ":x"), ("'$x'", "$x")),
    ],
    "boolean": [("true", True), ("false", False)],
    "date": [
        ("cast('2024-02-29' as date)", date(2024, 2, 29)),
        ("date '1999-12-31'", date(1999, 12, 31)),
        ("date('2025-01-01')", date(2025, 1, 1)),
    ],
}
KINDS = ("whole", "double", "text", "boolean", "date")


def constant(value: Any) -> Value:
    return lambda row: value


class Author:
    """Writes expressions over the columns; `above`: over aggregates of them, where there are only numbers."""

    def __init__(self, random: Random, *, above: bool = False) -> None:
        self.random = random
        self.above = above

    def write(self, kind: str, depth: int, *, exact: bool = False) -> Piece:
        if depth <= 0 or self.random.random() < 0.1:
            return self.leaf(kind)
        ways = WAYS_ABOVE if self.above else WAYS
        piece: Piece = self.random.choice(ways[kind])(self, kind, depth - 1, exact)
        return piece

    def leaf(self, kind: str) -> Piece:
        names = [name for name, each in COLUMNS.items() if each == kind]
        if names and self.random.random() < 0.7 and not (self.above and kind == "boolean"):
            name = self.random.choice(names)
            return Piece(f"max({name})" if self.above else name, kind, lambda row: row[name])
        if self.random.random() < 0.05 and kind in ("text", "boolean"):
            # What NULL is, a cast says: by itself it is of no kind.
            return Piece("nullif('a', 'a')", kind, constant(None)) if kind == "text" else self.known_null()
        text, value = self.random.choice(LITERALS[kind])
        return Piece(text, kind, constant(value))

    def known_null(self) -> Piece:
        return Piece("(1 / 0 > 1)", "boolean", constant(None))

    def number(self, depth: int, *, exact: bool = False) -> Piece:
        return self.write(self.random.choice(("whole", "double")), depth, exact=exact)

    def exact(self, kind: str, depth: int) -> Piece:
        """An expression that may decide between others."""
        return self.write(kind, depth, exact=True)

    def pair(self, depth: int) -> tuple[Piece, Piece, Callable[[Any], Any]]:
        """Two values that may be compared, and how: whole numbers and doubles as doubles."""
        kind = self.random.choice(("number",) if self.above else ("number", "number", "text", "date"))
        if kind != "number":
            return self.exact(kind, depth), self.exact(kind, depth), lambda value: value
        left, right = self.number(depth, exact=True), self.number(depth, exact=True)
        return left, right, as_compared(left, right)


def as_compared(*pieces: Piece) -> Callable[[Any], Any]:
    if len({piece.kind for piece in pieces}) == 1:
        return lambda value: value
    return lambda value: None if value is None else float(value)


Way = Callable[[Author, str, int, bool], Piece]


def arithmetic(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    sign = author.random.choice("+-*/")
    left, right = author.number(depth, exact=exact), author.number(depth, exact=exact)
    compute = NUMBERS[sign]
    return Piece(
        f"({left.text} {sign} {right.text})",
        "double",
        lambda row: compute(left.value(row), right.value(row)),
        left.exact and right.exact,
    )


def numeric(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    name = author.random.choice(("abs", "sqrt", "negative", *(() if exact else ("ln", "exp"))))
    inner, compute = author.number(depth, exact=exact), NUMBERS[name]
    text = f"(-{inner.text})" if name == "negative" else f"{name}({inner.text})"
    if name == "negative" and inner.text[0] in "-.0123456789":
        # A literal with a sign is a literal, and may be a whole number.
        text = f"(-({inner.text}))"
    return Piece(text, "double", lambda row: compute(inner.value(row)), inner.exact and name not in ("ln", "exp"))


def stepped(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    """Functions that make a step somewhere, where a last bit would decide."""
    inner = author.number(depth, exact=True)
    name = author.random.choice(("floor", "ceil", "round", "round"))
    compute = NUMBERS[name]
    if name == "round" and author.random.random() < 0.7:
        digits = author.random.choice((-3, -2, -1, 0, 1, 2, 5))
        return Piece(f"round({inner.text}, {digits})", "double", lambda row: compute(inner.value(row), digits))
    return Piece(f"{name}({inner.text})", "double", lambda row: compute(inner.value(row)))


def powered(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    if exact:
        return arithmetic(author, kind, depth, exact)
    base = author.number(depth, exact=True)
    text, exponent = author.random.choice((("2", 2), ("-1", -1), ("0", 0), ("0.5", 0.5), ("1000", 1000), ("3", 3)))
    name = author.random.choice(("pow", "power"))
    compute = NUMBERS["pow"]
    return Piece(f"{name}({base.text}, {text})", "double", lambda row: compute(base.value(row), exponent), False)


def to_double(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    inner = author.number(depth, exact=exact)
    name = author.random.choice(("double", "float", "real", "decimal", "decimal(10, 2)"))
    return Piece(
        f"cast({inner.text} as {name})",
        "double",
        lambda row: None if (value := inner.value(row)) is None else float(value),
        inner.exact,
    )


def to_whole(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    inner = author.exact(author.random.choice(("double", "whole", "boolean")), depth)
    if author.above and inner.kind == "boolean":
        inner = author.exact("double", depth)
    name = author.random.choice(("int", "bigint"))
    # A whole number is one already, however large.
    convert = (lambda value: value) if inner.kind == "whole" else functions.whole
    return Piece(f"cast({inner.text} as {name})", "whole", lambda row: convert(inner.value(row)))


def length(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    inner, compute = author.exact("text", depth), TEXTS["length"]
    return Piece(f"length({inner.text})", "whole", lambda row: compute(inner.value(row)))


def part_of_date(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    inner, name = author.exact("date", depth), author.random.choice(("year", "month", "day", "isodow"))
    compute = DATES[name]
    return Piece(f"{name}({inner.text})", "whole", lambda row: compute(inner.value(row)))


def alternatives(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    name = author.random.choice(("coalesce", "coalesce", "greatest", "least"))
    if kind == "boolean":
        name = "coalesce"
    pieces = [author.write(kind, depth, exact=exact or name != "coalesce") for _ in range(author.random.choice((2, 3)))]
    if kind == "double" and author.random.random() < 0.5:
        pieces[0] = author.write("whole", depth, exact=True)
    compute = {
        "coalesce": functions.first_known,
        "greatest": functions.extreme(max),
        "least": functions.extreme(min),
    }[name]
    # Of whole numbers and doubles, all are doubles.
    alike = as_compared(*pieces)
    return Piece(
        f"{name}({', '.join(piece.text for piece in pieces)})",
        kind,
        lambda row: compute(*(alike(piece.value(row)) for piece in pieces)),
        all(piece.exact for piece in pieces),
    )


def null_where_equal(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    value, other = author.exact(kind, depth), author.exact(kind, depth)

    def kept(row: Row) -> Any:
        found, refused = value.value(row), other.value(row)
        return None if found is not None and found == refused else found

    return Piece(f"nullif({value.text}, {other.text})", kind, kept)


def conditional(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    condition = author.exact("boolean", depth)
    yes, no = author.write(kind, depth, exact=exact), author.write(kind, depth, exact=exact)
    form = author.random.choice(("if({}, {}, {})", "case when {} then {} else {} end"))
    return Piece(
        form.format(condition.text, yes.text, no.text),
        kind,
        lambda row: (yes if condition.value(row) is True else no).value(row),
        yes.exact and no.exact,
    )


def chosen(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    subject, option, alike = author.pair(depth)
    result = author.write(kind, depth, exact=exact)
    compare = COMPARISONS["="]
    return Piece(
        f"case {subject.text} when {option.text} then {result.text} end",
        kind,
        lambda row: result.value(row) if compare(alike(subject.value(row)), alike(option.value(row))) is True else None,
        result.exact,
    )


def textual(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    name = author.random.choice(("lower", "upper", "trim"))
    inner, compute = author.exact("text", depth), TEXTS[name]
    return Piece(f"{name}({inner.text})", "text", lambda row: compute(inner.value(row)))


def replacing(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    parts = [author.exact("text", depth), author.leaf("text"), author.leaf("text")]
    compute = TEXTS["replace"]
    return Piece(
        f"replace({', '.join(part.text for part in parts)})",
        "text",
        lambda row: compute(*(part.value(row) for part in parts)),
    )


def part_of(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    places = [author.random.choice((1, 2, 3)), author.random.choice((0, 1, 2, 30))][: author.random.choice((1, 2))]
    numbers = [Piece(str(place), "whole", constant(place)) for place in places]
    if author.random.random() < 0.4:
        numbers = [author.exact(author.random.choice(("whole", "double")), min(depth, 1)) for _ in places]
        # A literal must be a place that there is.
        numbers = [
            number if any(name in number.text for name in COLUMNS) else Piece("1", "whole", constant(1))
            for number in numbers
        ]
    parts = [author.exact("text", depth), *numbers]
    name = author.random.choice(("substring", "substr"))
    compute = TEXTS["substring"]
    return Piece(
        f"{name}({', '.join(part.text for part in parts)})",
        "text",
        lambda row: compute(*(part.value(row) for part in parts)),
    )


def joined(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    parts = [author.exact(author.random.choice(KINDS), depth) for _ in range(2)]
    parts = [part if part.kind != "double" else author.exact("text", depth) for part in parts]
    compute = TEXTS["concat"]
    form = author.random.choice(("concat({}, {})", "({} || {})"))
    return Piece(
        form.format(*(part.text for part in parts)), "text", lambda row: compute(*(part.value(row) for part in parts))
    )


def to_text(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    inner = author.exact(author.random.choice(("whole", "boolean", "date", "text")), depth)
    name = author.random.choice(("text", "varchar"))
    return Piece(f"cast({inner.text} as {name})", "text", lambda row: functions.text_of(inner.value(row)))


def comparison(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    left, right, alike = author.pair(depth)
    sign = author.random.choice(tuple(COMPARISONS))
    compute = COMPARISONS[sign]
    return Piece(
        f"({left.text} {sign} {right.text})",
        "boolean",
        lambda row: compute(alike(left.value(row)), alike(right.value(row))),
    )


def between(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    value, low, _ = author.pair(depth)
    high = author.exact(value.kind, depth)
    alike = as_compared(value, low, high)
    least, most = COMPARISONS[">="], COMPARISONS["<="]
    negated = author.random.random() < 0.3

    def held(row: Row) -> bool | None:
        found = alike(value.value(row))
        inside = functions.both(least(found, alike(low.value(row))), most(found, alike(high.value(row))))
        return inside if not negated or inside is None else not inside

    word = "not between" if negated else "between"
    return Piece(f"({value.text} {word} {low.text} and {high.text})", "boolean", held)


def member(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    value = author.exact(author.random.choice(("whole", "double") if author.above else KINDS[:3]), depth)
    options = author.random.sample(LITERALS[value.kind], 3)
    negated = author.random.random() < 0.3

    def held(row: Row) -> bool | None:
        found = value.value(row)
        return None if found is None else (found in [option for _, option in options]) is not negated

    word = "not in" if negated else "in"
    return Piece(f"({value.text} {word} ({', '.join(text for text, _ in options)}))", "boolean", held)


def matching(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    value, pattern = author.exact("text", depth), author.leaf("text")
    negated = author.random.random() < 0.3
    compute = TEXTS["like"]

    def held(row: Row) -> bool | None:
        found = compute(value.value(row), pattern.value(row))
        return found if found is None else found is not negated

    return Piece(f"({value.text} {'not like' if negated else 'like'} {pattern.text})", "boolean", held)


def known(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    inner = author.exact("double" if author.above else author.random.choice(KINDS), depth)
    negated = author.random.random() < 0.5
    word = "is not null" if negated else "is null"
    return Piece(f"({inner.text} {word})", "boolean", lambda row: (inner.value(row) is None) is not negated)


def certain(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    inner = author.exact("boolean", depth)
    word, wanted = author.random.choice((("true", True), ("false", False)))
    return Piece(f"({inner.text} is {word})", "boolean", lambda row: inner.value(row) is wanted)


def connected(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    left, right = author.exact("boolean", depth), author.exact("boolean", depth)
    word = author.random.choice(("and", "or"))
    compute = functions.both if word == "and" else functions.either
    return Piece(
        f"({left.text} {word} {right.text})", "boolean", lambda row: compute(left.value(row), right.value(row))
    )


def opposite(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    inner = author.exact("boolean", depth)
    return Piece(
        f"(not {inner.text})", "boolean", lambda row: None if (value := inner.value(row)) is None else not value
    )


def day(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    name = author.random.choice(("at", "ts", "d"))
    form = author.random.choice(("date({})", "cast({} as date)"))
    return Piece(
        form.format(name), "date", lambda row: None if (value := row[name]) is None else functions.day_of(value)
    )


CHOICES: tuple[Way, ...] = (alternatives, null_where_equal, conditional, chosen)
CONDITIONS: tuple[Way, ...] = (comparison, comparison, between, member, known, connected, opposite)
DOUBLES: tuple[Way, ...] = (arithmetic, arithmetic, numeric, stepped, powered, to_double)
WAYS: Mapping[str, Sequence[Way]] = {
    "whole": (to_whole, length, length, part_of_date, *CHOICES),
    "double": (*DOUBLES, *CHOICES),
    "text": (textual, replacing, part_of, joined, to_text, *CHOICES),
    "boolean": (*CONDITIONS, matching, matching, certain, *CHOICES),
    "date": (day, day, *CHOICES),
}
WAYS_ABOVE: Mapping[str, Sequence[Way]] = {
    "whole": (to_whole, *CHOICES),
    "double": (*DOUBLES, *CHOICES),
    "boolean": (*CONDITIONS, certain),
}
