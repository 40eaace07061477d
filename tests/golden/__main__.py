"""`make golden`: write every golden file again. Read the difference before you commit it."""

from __future__ import annotations

from tests.golden import errors, statements

errors.main()
statements.main()
