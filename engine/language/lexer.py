"""The tokens of a SQL text: its quotes and parentheses match, and every sign is allowed."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sqlglot.errors import SqlglotError
from sqlglot.parser import Parser
from sqlglot.tokenizer_core import Token, TokenType
from sqlglot.tokens import Tokenizer

from engine.faults import TextFault, TextFaults, raise_if_any
from engine.language.functions import FUNCTION_NAMES
from engine.language.remedies import suggest_instead
from engine.suggestions import suggest_name

MAX_CHARACTERS = 10_000
MAX_DEPTH = 50
# Tokens after which nesting begins anew: everything else may be a prefix that the parser recurses on.
OPERANDS = frozenset((TokenType.VAR, TokenType.NUMBER, TokenType.STRING, TokenType.IDENTIFIER, TokenType.R_PAREN))
# What may stand in SQL beside names, numbers and texts.
SYMBOLS = frozenset((*"(),.+-*/=<>]}", "==", "<>", "!=", "<=", ">=", "||", "::"))
PLACEHOLDERS = frozenset("?:@${")
NUMBER = re.compile(r"[0-9]*\.?[0-9]*([eE][-+]?[0-9]+)?", re.ASCII)
# A date as people write it who have forgotten its quotes.
BARE_DATE = re.compile(r"((?:19|20|21)\d\d)-(\d\d?)-(\d\d?)", re.ASCII)
ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
QUOTED_OR_COMMENT = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--|/\*|'|\"""")


def tokenize_sql(text: str, inside: str) -> list[Token]:
    """Split a text into tokens, all of which may stand in SQL. Raises TextFaults."""
    raise_if_any(find_surface_faults(text))
    try:
        tokens = Tokenizer().tokenize(text)
    except SqlglotError as error:
        raise TextFaults(TextFault(0, "sql-syntax", "not a SQL expression: it cannot be read")) from error
    raise_if_any((*find_unbalanced_tokens(tokens), *find_unfinished_branches(tokens)))
    raise_if_any(find_forbidden_tokens(tokens, text, inside))
    return tokens


def find_surface_faults(text: str) -> Iterable[TextFault]:
    """Find what needs no tokens: a text too long, a comment, an unclosed quote."""
    if len(text) > MAX_CHARACTERS:
        yield TextFault(0, "sql-limits", f"longer than {MAX_CHARACTERS:,} characters; make a `sql:` table of it")
        return
    for match in QUOTED_OR_COMMENT.finditer(text):
        if match[0] in ("--", "/*"):
            yield TextFault(match.start(), "sql-comment", "a comment may not stand in SQL; use a YAML comment (#)")
            return
        if match[0] in ("'", '"'):
            yield TextFault(match.start(), "sql-syntax", "this quote is never closed")
            return


def find_unbalanced_tokens(tokens: list[Token]) -> Iterable[TextFault]:
    """Find unmatched parentheses, too many of them, and a second statement."""
    opened: list[Token] = []
    run = 0
    for token in tokens:
        run = 0 if token.token_type in OPERANDS else run + 1
        if token.token_type is TokenType.SEMICOLON:
            yield TextFault(token.start, "sql-statement", "one statement is all; remove the ; and what follows")
            return
        if token.token_type is TokenType.L_PAREN:
            opened.append(token)
        elif token.token_type is TokenType.R_PAREN:
            if not opened:
                yield TextFault(token.start, "sql-syntax", "this ) closes nothing; remove it")
                return
            opened.pop()
        if len(opened) > MAX_DEPTH or run > MAX_DEPTH:
            yield TextFault(token.start, "sql-limits", f"nested more than {MAX_DEPTH} deep; make a `sql:` table of it")
            return
    if opened:
        yield TextFault(opened[-1].start, "sql-syntax", "this ( is never closed")


def find_unfinished_branches(tokens: list[Token]) -> Iterable[TextFault]:
    """Find a WHEN without its THEN, which the parser accepts."""
    waiting: list[Token] = []
    for token in tokens:
        if token.token_type in (TokenType.CASE, TokenType.WHEN):
            waiting.append(token)
        elif token.token_type in (TokenType.THEN, TokenType.END) and waiting:
            begun = waiting.pop()
            if begun.token_type is TokenType.WHEN and token.token_type is TokenType.END:
                yield TextFault(begun.start, "sql-syntax", "THEN is missing after this WHEN")
                return


def find_forbidden_tokens(tokens: list[Token], text: str, inside: str) -> Iterable[TextFault]:
    """Find symbols that no expression needs, and functions without parentheses."""
    if tokens and tokens[0].text == "=":
        yield TextFault(tokens[0].start, "sql-syntax", "SQL begins without =; remove it")
        return
    quoted = False
    for index, token in enumerate(tokens):
        symbol = text[token.start]
        if token.token_type is TokenType.NUMBER:
            if (day := read_bare_date(tokens[index : index + 5], text)) is not None:
                yield TextFault(token.start, "not-comparable", f"a date stands in quotes; write '{day}'")
            yield from find_malformed_number(token, tokens[index + 1] if index + 1 < len(tokens) else None)
            continue
        if symbol == "`":
            quoted = not quoted
            if not quoted:
                continue  # It closes what is reported already.
        if token.token_type in Parser.NO_PAREN_FUNCTIONS:
            yield make_forbidden_function_fault(token.start, token.text.lower())
        elif symbol.isalnum() or symbol in "_'\"" or token.text in SYMBOLS:
            continue
        elif token.token_type is TokenType.COLON and index == 1:
            yield TextFault(tokens[0].start, "sql-syntax", f"a space is missing after '{tokens[0].text}:'")
        elif symbol == "%" and index and tokens[index - 1].token_type in (TokenType.LIKE, TokenType.ILIKE):
            yield TextFault(token.start, "sql-syntax", "text stands in single quotes; write like '%…%'")
            return
        elif symbol in PLACEHOLDERS:
            yield TextFault(token.start, "sql-forbidden", "a placeholder is not allowed; write the value")
            return
        else:
            message = f"{symbol} is not allowed in {inside}{suggest_instead(symbol)}"
            yield TextFault(token.start, "sql-forbidden", message)


def read_bare_date(tokens: list[Token], text: str) -> str | None:
    """Return the date that these tokens are without its quotes, such as `2025-01-31` for 2025-1-31."""
    found = BARE_DATE.fullmatch(text[tokens[0].start : tokens[-1].end + 1])
    return f"{found[1]}-{int(found[2]):02}-{int(found[3]):02}" if found else None


def find_malformed_number(number: Token, following: Token | None) -> Iterable[TextFault]:
    """Find a number without the digits of its exponent, or with letters at its end."""
    if not NUMBER.fullmatch(number.text):
        message = f"{number.text!r} is not a number: digits are missing after its e; write 1e6, say"
        yield TextFault(number.start, "sql-syntax", message)
    elif following and following.start == number.end + 1 and following.token_type in (TokenType.VAR, TokenType.NUMBER):
        written = number.text + following.text
        message = f"{written!r} is not a number; write digits only, such as 1000, 0.5 or 1e6"
        yield TextFault(number.start, "sql-syntax", message)


def find_call_before(tokens: list[Token], closing: int) -> Token | None:
    """Return the name of the function whose parentheses end at this token."""
    depth = 0
    for index in range(closing, 0, -1):
        depth += {TokenType.R_PAREN: 1, TokenType.L_PAREN: -1}.get(tokens[index].token_type, 0)
        if depth == 0:
            return tokens[index - 1]
    return None


def make_forbidden_function_fault(offset: int, name: str) -> TextFault:
    # A short name resembles many: only a near miss is worth naming.
    likely = suggest_instead(name) or suggest_name(
        name, FUNCTION_NAMES, f"; there are {', '.join(FUNCTION_NAMES)}", cutoff=0.78
    )
    return TextFault(offset, "forbidden-function", f"the function {name!r} is not allowed{likely}")
