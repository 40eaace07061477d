"""Random well-typed expressions, each built as text together with a function of its value."""

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
    """An expression; if `exact`, its value is the same to the last bit on every database."""

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


def make_constant(value: Any) -> Value:
    return lambda row: value


class Author:
    """A writer of expressions over the columns; with `above`, over aggregates of them."""

    def __init__(self, random: Random, *, above: bool = False) -> None:
        self.random = random
        self.above = above

    def write(self, kind: str, depth: int, *, exact: bool = False) -> Piece:
        if depth <= 0 or self.random.random() < 0.1:
            return self.write_leaf(kind)
        ways = WAYS_ABOVE if self.above else WAYS
        piece: Piece = self.random.choice(ways[kind])(self, kind, depth - 1, exact)
        return piece

    def write_leaf(self, kind: str) -> Piece:
        names = [name for name, each in COLUMNS.items() if each == kind]
        if names and self.random.random() < 0.7 and not (self.above and kind == "boolean"):
            name = self.random.choice(names)
            return Piece(f"max({name})" if self.above else name, kind, lambda row: row[name])
        if self.random.random() < 0.05 and kind in ("text", "boolean"):
            # A plain NULL has no type, so NULL is written as an expression that has one.
            return Piece("nullif('a', 'a')", kind, make_constant(None)) if kind == "text" else self.write_null()
        text, value = self.random.choice(LITERALS[kind])
        return Piece(text, kind, make_constant(value))

    def write_null(self) -> Piece:
        return Piece("(1 / 0 > 1)", "boolean", make_constant(None))

    def write_number(self, depth: int, *, exact: bool = False) -> Piece:
        return self.write(self.random.choice(("whole", "double")), depth, exact=exact)

    def write_exact(self, kind: str, depth: int) -> Piece:
        """Write an exact expression, which may be compared or used as a condition."""
        return self.write(kind, depth, exact=True)

    def write_pair(self, depth: int) -> tuple[Piece, Piece, Callable[[Any], Any]]:
        """Write two comparable values, and return the conversion for comparing them."""
        kind = self.random.choice(("number",) if self.above else ("number", "number", "text", "date"))
        if kind != "number":
            return self.write_exact(kind, depth), self.write_exact(kind, depth), lambda value: value
        left, right = self.write_number(depth, exact=True), self.write_number(depth, exact=True)
        return left, right, choose_conversion(left, right)


def choose_conversion(*pieces: Piece) -> Callable[[Any], Any]:
    if len({piece.kind for piece in pieces}) == 1:
        return lambda value: value
    return lambda value: None if value is None else float(value)


Way = Callable[[Author, str, int, bool], Piece]


def write_arithmetic(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    sign = author.random.choice("+-*/")
    left, right = author.write_number(depth, exact=exact), author.write_number(depth, exact=exact)
    compute = NUMBERS[sign]
    return Piece(
        f"({left.text} {sign} {right.text})",
        "double",
        lambda row: compute(left.value(row), right.value(row)),
        left.exact and right.exact,
    )


def write_numeric_call(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    name = author.random.choice(("abs", "sqrt", "negative", *(() if exact else ("ln", "exp"))))
    inner, compute = author.write_number(depth, exact=exact), NUMBERS[name]
    text = f"(-{inner.text})" if name == "negative" else f"{name}({inner.text})"
    if name == "negative" and inner.text[0] in "-.0123456789":
        # A literal with a sign is still a literal, and may be a whole number.
        text = f"(-({inner.text}))"
    return Piece(text, "double", lambda row: compute(inner.value(row)), inner.exact and name not in ("ln", "exp"))


def write_step(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    """Write a function with steps, where a last bit of its argument would matter."""
    inner = author.write_number(depth, exact=True)
    name = author.random.choice(("floor", "ceil", "round", "round"))
    compute = NUMBERS[name]
    if name == "round" and author.random.random() < 0.7:
        digits = author.random.choice((-3, -2, -1, 0, 1, 2, 5))
        return Piece(f"round({inner.text}, {digits})", "double", lambda row: compute(inner.value(row), digits))
    return Piece(f"{name}({inner.text})", "double", lambda row: compute(inner.value(row)))


def write_power(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    if exact:
        return write_arithmetic(author, kind, depth, exact)
    base = author.write_number(depth, exact=True)
    text, exponent = author.random.choice((("2", 2), ("-1", -1), ("0", 0), ("0.5", 0.5), ("1000", 1000), ("3", 3)))
    name = author.random.choice(("pow", "power"))
    compute = NUMBERS["pow"]
    return Piece(f"{name}({base.text}, {text})", "double", lambda row: compute(base.value(row), exponent), False)


def write_double_cast(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    inner = author.write_number(depth, exact=exact)
    name = author.random.choice(("double", "float", "real", "decimal", "decimal(10, 2)"))
    return Piece(
        f"cast({inner.text} as {name})",
        "double",
        lambda row: None if (value := inner.value(row)) is None else float(value),
        inner.exact,
    )


def write_whole_cast(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    inner = author.write_exact(author.random.choice(("double", "whole", "boolean")), depth)
    if author.above and inner.kind == "boolean":
        inner = author.write_exact("double", depth)
    name = author.random.choice(("int", "bigint"))
    # A whole number is unchanged, however large.
    convert = (lambda value: value) if inner.kind == "whole" else functions.truncate_number
    return Piece(f"cast({inner.text} as {name})", "whole", lambda row: convert(inner.value(row)))


def write_length(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    inner, compute = author.write_exact("text", depth), TEXTS["length"]
    return Piece(f"length({inner.text})", "whole", lambda row: compute(inner.value(row)))


def write_hour(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    name, compute = author.random.choice(("at", "ts")), DATES["hour"]
    return Piece(f"hour({name})", "whole", lambda row: compute(row[name]))


def write_date_part(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    inner, name = author.write_exact("date", depth), author.random.choice(("year", "month", "day", "isodow"))
    compute = DATES[name]
    return Piece(f"{name}({inner.text})", "whole", lambda row: compute(inner.value(row)))


def write_alternatives(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    name = author.random.choice(("coalesce", "coalesce", "greatest", "least"))
    if kind == "boolean":
        name = "coalesce"
    pieces = [author.write(kind, depth, exact=exact or name != "coalesce") for _ in range(author.random.choice((2, 3)))]
    if kind == "double" and author.random.random() < 0.5:
        pieces[0] = author.write("whole", depth, exact=True)
    compute = {
        "coalesce": functions.find_first_known,
        "greatest": functions.make_extreme(max),
        "least": functions.make_extreme(min),
    }[name]
    # If whole numbers and doubles are mixed, all become doubles.
    alike = choose_conversion(*pieces)
    return Piece(
        f"{name}({', '.join(piece.text for piece in pieces)})",
        kind,
        lambda row: compute(*(alike(piece.value(row)) for piece in pieces)),
        all(piece.exact for piece in pieces),
    )


def write_nullif(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    value, other = author.write_exact(kind, depth), author.write_exact(kind, depth)

    def keep_unequal(row: Row) -> Any:
        found, refused = value.value(row), other.value(row)
        return None if found is not None and found == refused else found

    return Piece(f"nullif({value.text}, {other.text})", kind, keep_unequal)


def write_if(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    condition = author.write_exact("boolean", depth)
    yes, no = author.write(kind, depth, exact=exact), author.write(kind, depth, exact=exact)
    form = author.random.choice(("if({}, {}, {})", "case when {} then {} else {} end"))
    return Piece(
        form.format(condition.text, yes.text, no.text),
        kind,
        lambda row: (yes if condition.value(row) is True else no).value(row),
        yes.exact and no.exact,
    )


def write_case(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    subject, option, alike = author.write_pair(depth)
    result = author.write(kind, depth, exact=exact)
    compare = COMPARISONS["="]
    return Piece(
        f"case {subject.text} when {option.text} then {result.text} end",
        kind,
        lambda row: result.value(row) if compare(alike(subject.value(row)), alike(option.value(row))) is True else None,
        result.exact,
    )


def write_text_call(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    name = author.random.choice(("lower", "upper", "trim"))
    inner, compute = author.write_exact("text", depth), TEXTS[name]
    return Piece(f"{name}({inner.text})", "text", lambda row: compute(inner.value(row)))


def write_replace(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    parts = [author.write_exact("text", depth), author.write_leaf("text"), author.write_leaf("text")]
    compute = TEXTS["replace"]
    return Piece(
        f"replace({', '.join(part.text for part in parts)})",
        "text",
        lambda row: compute(*(part.value(row) for part in parts)),
    )


def write_substring(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    places = [author.random.choice((1, 2, 3)), author.random.choice((0, 1, 2, 30))][: author.random.choice((1, 2))]
    numbers = [Piece(str(place), "whole", make_constant(place)) for place in places]
    if author.random.random() < 0.4:
        numbers = [author.write_exact(author.random.choice(("whole", "double")), min(depth, 1)) for _ in places]
        # A literal position must exist in the text.
        numbers = [
            number if any(name in number.text for name in COLUMNS) else Piece("1", "whole", make_constant(1))
            for number in numbers
        ]
    parts = [author.write_exact("text", depth), *numbers]
    name = author.random.choice(("substring", "substr"))
    compute = TEXTS["substring"]
    return Piece(
        f"{name}({', '.join(part.text for part in parts)})",
        "text",
        lambda row: compute(*(part.value(row) for part in parts)),
    )


def write_concat(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    parts = [author.write_exact(author.random.choice(KINDS), depth) for _ in range(2)]
    parts = [part if part.kind != "double" else author.write_exact("text", depth) for part in parts]
    compute = TEXTS["concat"]
    form = author.random.choice(("concat({}, {})", "({} || {})"))
    return Piece(
        form.format(*(part.text for part in parts)), "text", lambda row: compute(*(part.value(row) for part in parts))
    )


def write_text_cast(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    inner = author.write_exact(author.random.choice(("whole", "boolean", "date", "text")), depth)
    name = author.random.choice(("text", "varchar"))
    return Piece(f"cast({inner.text} as {name})", "text", lambda row: functions.format_text(inner.value(row)))


def write_comparison(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    left, right, alike = author.write_pair(depth)
    sign = author.random.choice(tuple(COMPARISONS))
    compute = COMPARISONS[sign]
    return Piece(
        f"({left.text} {sign} {right.text})",
        "boolean",
        lambda row: compute(alike(left.value(row)), alike(right.value(row))),
    )


def write_between(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    value, low, _ = author.write_pair(depth)
    high = author.write_exact(value.kind, depth)
    alike = choose_conversion(value, low, high)
    least, most = COMPARISONS[">="], COMPARISONS["<="]
    negated = author.random.random() < 0.3

    def is_between(row: Row) -> bool | None:
        found = alike(value.value(row))
        inside = functions.combine_and(least(found, alike(low.value(row))), most(found, alike(high.value(row))))
        return inside if not negated or inside is None else not inside

    word = "not between" if negated else "between"
    return Piece(f"({value.text} {word} {low.text} and {high.text})", "boolean", is_between)


def write_in(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    value = author.write_exact(author.random.choice(("whole", "double") if author.above else KINDS[:3]), depth)
    options = author.random.sample(LITERALS[value.kind], 3)
    negated = author.random.random() < 0.3

    def is_member(row: Row) -> bool | None:
        found = value.value(row)
        return None if found is None else (found in [option for _, option in options]) is not negated

    word = "not in" if negated else "in"
    return Piece(f"({value.text} {word} ({', '.join(text for text, _ in options)}))", "boolean", is_member)


def write_like(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    value, pattern = author.write_exact("text", depth), author.write_leaf("text")
    negated = author.random.random() < 0.3
    compute = TEXTS["like"]

    def is_match(row: Row) -> bool | None:
        found = compute(value.value(row), pattern.value(row))
        return found if found is None else found is not negated

    return Piece(f"({value.text} {'not like' if negated else 'like'} {pattern.text})", "boolean", is_match)


def write_is_null(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    inner = author.write_exact("double" if author.above else author.random.choice(KINDS), depth)
    negated = author.random.random() < 0.5
    word = "is not null" if negated else "is null"
    return Piece(f"({inner.text} {word})", "boolean", lambda row: (inner.value(row) is None) is not negated)


def write_is_true(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    inner = author.write_exact("boolean", depth)
    word, wanted = author.random.choice((("true", True), ("false", False)))
    return Piece(f"({inner.text} is {word})", "boolean", lambda row: inner.value(row) is wanted)


def write_and_or(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    left, right = author.write_exact("boolean", depth), author.write_exact("boolean", depth)
    word = author.random.choice(("and", "or"))
    compute = functions.combine_and if word == "and" else functions.combine_or
    return Piece(
        f"({left.text} {word} {right.text})", "boolean", lambda row: compute(left.value(row), right.value(row))
    )


def write_not(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    inner = author.write_exact("boolean", depth)
    return Piece(
        f"(not {inner.text})", "boolean", lambda row: None if (value := inner.value(row)) is None else not value
    )


def write_day(author: Author, kind: str, depth: int, exact: bool) -> Piece:
    name = author.random.choice(("at", "ts", "d"))
    form = author.random.choice(("date({})", "cast({} as date)"))
    return Piece(
        form.format(name),
        "date",
        lambda row: None if (value := row[name]) is None else functions.truncate_to_day(value),
    )


CHOICES: tuple[Way, ...] = (write_alternatives, write_nullif, write_if, write_case)
CONDITIONS: tuple[Way, ...] = (
    write_comparison,
    write_comparison,
    write_between,
    write_in,
    write_is_null,
    write_and_or,
    write_not,
)
DOUBLES: tuple[Way, ...] = (
    write_arithmetic,
    write_arithmetic,
    write_numeric_call,
    write_step,
    write_power,
    write_double_cast,
)
WAYS: Mapping[str, Sequence[Way]] = {
    "whole": (write_whole_cast, write_length, write_length, write_date_part, write_hour, *CHOICES),
    "double": (*DOUBLES, *CHOICES),
    "text": (write_text_call, write_replace, write_substring, write_concat, write_text_cast, *CHOICES),
    "boolean": (*CONDITIONS, write_like, write_like, write_is_true, *CHOICES),
    "date": (write_day, write_day, *CHOICES),
}
WAYS_ABOVE: Mapping[str, Sequence[Way]] = {
    "whole": (write_whole_cast, *CHOICES),
    "double": (*DOUBLES, *CHOICES),
    "boolean": (*CONDITIONS, write_is_true),
}
