"""`python -m tests.docs` writes again what the docs show of commands and definitions.

That is the generated parts of docs/metrics.md, the outputs in docs/tutorial.md, the answers in docs/cookbook.md, and
docs/images/validate.svg.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.docs import cookbook, pictures, reference, tutorial

reference.PAGE.write_text(reference.regenerate_page(reference.PAGE.read_text(encoding="utf-8")), encoding="utf-8")
with TemporaryDirectory() as folder:
    text = tutorial.execute_page(tutorial.PAGE.read_text(encoding="utf-8"), Path(folder))
tutorial.PAGE.write_text(text, encoding="utf-8")
with TemporaryDirectory() as folder:
    text = cookbook.regenerate_page(cookbook.PAGE.read_text(encoding="utf-8"), Path(folder))
cookbook.PAGE.write_text(text, encoding="utf-8")
with TemporaryDirectory() as folder:
    pictures.PICTURE.write_text(pictures.terminal(Path(folder)), encoding="utf-8")
