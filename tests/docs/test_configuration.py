"""docs/configuration.md lists every setting with its default, and every extra with its packages."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from engine.extras import PACKAGES
from runtime.settings import Settings
from tests.support.paths import DOCS

PAGE = (DOCS / "configuration.md").read_text(encoding="utf-8")
SETTINGS = dict(re.findall(r"^\| `([A-Z][A-Z0-9_]+)` \| (.+?) \| .+ \|$", PAGE, re.MULTILINE))
EXTRAS = dict(re.findall(r"^\| `([a-z]+)` \| (.+?) \|$", PAGE.partition("## Extras")[2], re.MULTILINE))


def format_default(default: object) -> str | None:
    """Return a default as the page has it; None where it is nothing, which the page puts into words."""
    match default:
        case None | ():
            return None
        case SecretStr():
            return f"`{default.get_secret_value()}`"
        case ZoneInfo(key=key):
            return f"`{key}`"
    return f"`{default}`"


def test_every_setting_is_listed_with_its_default() -> None:
    quoted = {name: cell if cell.startswith("`") else None for name, cell in SETTINGS.items()}
    assert quoted == {name.upper(): format_default(field.default) for name, field in Settings.model_fields.items()}


def test_every_extra_is_listed_with_its_packages() -> None:
    assert {extra: tuple(cell.strip("`").split("` `")) for extra, cell in EXTRAS.items()} == PACKAGES
