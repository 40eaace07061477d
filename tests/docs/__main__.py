"""`python -m tests.docs` writes the generated parts of docs/metrics.md again."""

from tests.docs.reference import PAGE, generated

PAGE.write_text(generated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
