"""An export's bytes → records: its encoding, its separator, and what stands before its header."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from itertools import chain, islice, takewhile
from pathlib import Path
from shutil import copyfileobj
from tempfile import NamedTemporaryFile
from typing import TextIO
from weakref import finalize

from engine.authoring.loading.csv_values import parse_day

SEPARATORS = (",", ";", "\t")
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
COMMENT = re.compile(r'\s*"?#')
# Google Analytics writes the days of a report above it, in its user's language: `# Start date: 20250101` and the like,
# or `# 20250101-20250131`.
DAY = r"(\d{8}|\d{4}-\d\d-\d\d)"
COMMENTED_DAYS = re.compile(rf'\s*"?#(?:[^:：]*[:：])?\s*{DAY}(?:\s*[-–—]\s*{DAY})?"?[\s,;]*', re.ASCII)
# Records that show what the fields of a file are.
SAMPLE_SIZE = 5
# Lines that the header is looked for in.
MAX_HEADER_LINES = 20
BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


class MalformedCsv(ValueError):
    """A file that cannot be read as CSV, from this line on."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        super().__init__(message)


@dataclass(slots=True)
class CsvPreamble:
    """What stands before the header: comments, the separator, the report's title.

    `days` are the days that the comments name. `line_count` lines were read for it, and `pending` ones of them belong
    to the records.
    """

    separator: str = ","
    title: str = ""
    days: list[date] = field(default_factory=list)
    days_line: int = 1
    line_count: int = 0
    comment_count: int = 0
    pending: list[str] = field(default_factory=list)


class CsvFile:
    """A file with a header: UTF-8 or UTF-16, with commas, semicolons or tabs.

    The header's line, its fields, the preamble and a sample of the records are read at once. Raises MalformedCsv.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.readable = path if path.is_file() else self.copy_pipe()
        self.encoding = find_encoding(self.readable)
        self.preamble = CsvPreamble()
        records = self.iter_records()
        self.header_line, self.header = next(records, (1, []))
        self.sample: list[list[str]] = []
        # What is wrong below the header is reported when all of it is read.
        with suppress(MalformedCsv):
            self.sample += (record for _, record in islice(records, SAMPLE_SIZE))

    def copy_pipe(self) -> Path:
        """Copy what can be read only once; the copy lives as long as this does."""
        with NamedTemporaryFile(prefix="metric-engine-", delete=False) as copy, self.path.open("rb") as pipe:
            finalize(self, Path(copy.name).unlink, missing_ok=True)
            copyfileobj(pipe, copy)
        return Path(copy.name)

    def iter_records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the header and the records that are not blank, each with the line that it begins on.

        Raises MalformedCsv.
        """
        with self.readable.open(encoding=self.encoding, newline="") as file:
            try:
                self.preamble = read_preamble(file)
                yield from read_records(file, self.preamble)
            except UnicodeDecodeError:
                name = "UTF-16" if self.encoding.startswith("utf-16") else "UTF-8"
                message = f"the line is not {name}; save the file as UTF-8"
                raise MalformedCsv(self.find_undecodable_line(), message) from None

    def find_undecodable_line(self) -> int:
        """Find the first line that cannot be decoded; the decoder works on blocks, not on lines."""
        with self.readable.open(encoding=self.encoding, errors="replace", newline="") as file:
            return next((number for number, line in enumerate(file, 1) if "\ufffd" in line), 1)


def find_encoding(path: Path) -> str:
    """Return the encoding of a file: by its byte order mark, or by the NUL of UTF-16's first letter."""
    with path.open("rb") as file:
        head = file.read(2)
    if head in BYTE_ORDER_MARKS:
        return BYTE_ORDER_MARKS[head]
    if len(head) == 2 and 0 in head and head != b"\0\0":
        return "utf-16-le" if head[1] == 0 else "utf-16-be"
    return "utf-8-sig"


def read_preamble(file: TextIO) -> CsvPreamble:
    """Read up to the line of the header."""
    preamble = CsvPreamble()
    is_stated = False
    for line in file:
        preamble.line_count += 1
        if not preamble.pending and (not line.strip() or COMMENT.match(line)):
            read_comment(preamble, line)
        elif not preamble.pending and not is_stated and (stated := SEPARATOR_LINE.fullmatch(line)):
            preamble.separator, is_stated = stated[1], True
        else:
            preamble.pending.append(line)
            if len(preamble.pending) == MAX_HEADER_LINES:
                break
    separators = (preamble.separator,) if is_stated else SEPARATORS
    preamble.separator, start = find_header(preamble.pending, separators)
    if start:
        # Lines of one field above one of several are the name of the report, and its days.
        preamble.title = preamble.pending[0].strip().strip('"').strip()
        preamble.pending = preamble.pending[start:]
    return preamble


def find_header(lines: Sequence[str], separators: Sequence[str]) -> tuple[str, int]:
    """Return the separator that most records agree on, and the number (from 0) of the first line with several fields.

    A title may hold commas, and the fields of a file with tabs may, too: neither has as many of them in each record.
    """
    best = (0, 0, 0), separators[0], 0
    for separator in separators:
        widths = list(iter_widths(lines, separator))
        counts = Counter(width for _, width in widths if width > 1)
        if not counts:
            continue
        width, count = max(counts.items(), key=lambda item: (item[1], item[0]))
        # Below a header there is no record of one field, but maybe a last line.
        below = list(takewhile(lambda each: each > 1, (each for _, each in reversed(widths))))
        score = below.count(width), count, width
        # Of equally many the first separator has them.
        if score > best[0]:
            best = score, separator, next(line for line, each in widths if each > 1)
    return best[1], best[2]


def iter_widths(lines: Sequence[str], separator: str) -> Iterator[tuple[int, int]]:
    """Yield the line (from 0) and the number of fields of each record, as far as the lines are CSV."""
    reader = csv.reader(lines, delimiter=separator)
    with suppress(csv.Error):
        before = 0
        for record in reader:
            yield before, len(record)
            before = reader.line_num


def read_comment(preamble: CsvPreamble, line: str) -> None:
    """Count a line that is skipped, and keep the day that it may tell."""
    preamble.comment_count += bool(line.strip())
    told = COMMENTED_DAYS.fullmatch(line)
    if told:
        try:
            preamble.days += [parse_day(each) for each in told.groups() if each]
        except ValueError:
            return
        preamble.days_line = preamble.line_count


def read_records(file: TextIO, preamble: CsvPreamble) -> Iterator[tuple[int, list[str]]]:
    """Yield the records after the preamble. Raises MalformedCsv."""
    before = preamble.line_count - len(preamble.pending)
    reader = csv.reader(chain(preamble.pending, file), delimiter=preamble.separator, strict=True)
    while True:
        line = before + reader.line_num + 1
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise MalformedCsv(line, f"is not CSV: {error}") from None
        if not is_blank(record):
            yield line, record


def is_blank(record: Sequence[str]) -> bool:
    return not any(map(str.strip, record))
