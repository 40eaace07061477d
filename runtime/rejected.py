"""The problems of rejected metric files: one process finds them, and all that serve tell of them."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from engine import UNREADABLE, InvalidCatalog

# The file in which the parent of several workers writes the problems of the newest files.
REJECTED_FILE = "METRICS_REJECTED_FILE"


@dataclass(frozen=True, slots=True)
class RejectedFile:
    """How often a problem of this code is at a line of a rejected file; without a line, anywhere.

    Its message is left out: it quotes the file.
    """

    code: str
    count: int
    file: str | None = None
    line: int | None = None


def list_rejected(error: Exception) -> tuple[RejectedFile, ...]:
    """List the problems of metric files that cannot be served, in the order of the files."""
    if not isinstance(error, InvalidCatalog):
        return (RejectedFile(UNREADABLE, 1),)
    found = Counter(
        (each.code, Path(each.file).name, each.line) for each in error.diagnostics if each.severity == "error"
    )
    return tuple(RejectedFile(code, count, file, line) for (code, file, line), count in found.items())


def count_codes(rejected: Iterable[RejectedFile]) -> Mapping[str, int]:
    """Count the problems by code."""
    counts: Counter[str] = Counter()
    for each in rejected:
        counts[each.code] += each.count
    return counts


def write_rejected(rejected: Sequence[RejectedFile]) -> None:
    """Tell every worker of these problems; of none where the newest files are served."""
    path = Path(os.environ[REJECTED_FILE])
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps([asdict(each) for each in rejected]))
    draft.replace(path)


def read_rejected() -> tuple[RejectedFile, ...]:
    """Return the problems that the parent has found; none where this process is nobody's worker."""
    name = os.environ.get(REJECTED_FILE)
    try:
        return tuple(RejectedFile(**each) for each in json.loads(Path(name).read_text())) if name else ()
    except FileNotFoundError:
        return ()
