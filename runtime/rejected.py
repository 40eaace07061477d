"""The problems of rejected metric files: one process finds them, and all that serve tell of them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

# The file in which the parent of several workers writes the problems of the newest files, by code.
REJECTED_FILE = "METRICS_REJECTED_FILE"


def write_rejected(counts: Mapping[str, int]) -> None:
    """Tell every worker of these problems; of none where the newest files are served."""
    path = Path(os.environ[REJECTED_FILE])
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(dict(counts)))
    draft.replace(path)


def read_rejected() -> Mapping[str, int]:
    """Return the problems by code; none where this process is nobody's worker."""
    name = os.environ.get(REJECTED_FILE)
    try:
        counts: dict[str, int] = json.loads(Path(name).read_text()) if name else {}
    except FileNotFoundError:
        return {}
    return counts
