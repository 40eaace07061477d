"""`python -m tests.docs` writes the generated parts of docs/metrics.md and the outputs in docs/tutorial.md again."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.docs import reference, tutorial

reference.PAGE.write_text(reference.regenerate_page(reference.PAGE.read_text(encoding="utf-8")), encoding="utf-8")
with TemporaryDirectory() as folder:
    text = tutorial.execute_page(tutorial.PAGE.read_text(encoding="utf-8"), Path(folder))
tutorial.PAGE.write_text(text, encoding="utf-8")
