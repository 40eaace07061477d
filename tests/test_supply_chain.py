"""What is installed is what the locks name, to the byte; and an audit that saw nothing says so."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.audit import judge_audit
from tests.support.paths import ROOT

pytestmark = pytest.mark.server

LOCKS = sorted((ROOT / "requirements").glob("*.lock"))


def list_recipe(*targets: str) -> list[str]:
    """The commands that make would run in an environment that does not exist."""
    done = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", "--always-make", "VENV=.no-such-environment", *targets],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.replace("\\\n", " ").splitlines()


def test_nothing_is_installed_unchecked() -> None:
    commands = list_recipe("run", "test", "check", "wheel")
    installs = [command for command in commands if " -m pip install " in command]
    assert len(installs) >= 3
    for command in installs:
        # The project itself, built by what was installed before, is all that has no hash.
        own = "--no-deps --no-build-isolation --editable ." in command
        assert own or "--require-hashes --requirement requirements/" in command, command


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_each_pin_has_its_hashes(lock: Path) -> None:
    _, _, text = lock.read_text().partition("make lock")
    entries = re.split(r"\n(?=[a-z0-9])", text)
    pins = [entry for entry in entries if "==" in entry]
    assert pins
    assert [entry for entry in pins if "--hash=sha256:" not in entry] == []


def test_the_pages_lock_names_packages_and_no_address() -> None:
    assert "://" not in (ROOT / "web" / "package-lock.json").read_text(encoding="utf-8")


def test_the_wheel_has_an_inventory_beside_it() -> None:
    build, inventory = list_recipe("wheel")[-2:]
    assert "pip wheel" in build
    assert "--wheel-dir dist" in build
    assert "cyclonedx-py requirements" in inventory
    assert "--output-file dist/metric-engine.cdx.json" in inventory
    assert inventory.endswith("requirements/run.lock")


def test_the_checks_audit_the_locks() -> None:
    assert any("-m tests.support.audit requirements/" in command for command in list_recipe("check"))


def write_report(*packages: Mapping[str, object]) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


SOUND = {"name": "click", "version": "8.2", "vulns": []}
UNKNOWN = {"name": "click", "skip_reason": "Dependency not found on PyPI and could not be audited: click (8.2)"}
VULNERABLE = {"name": "jinja2", "version": "2.4", "vulns": [{"id": "PYSEC-2014-8", "fix_versions": ["2.7.3"]}]}


@pytest.mark.parametrize(
    ("report", "errors", "passed", "lines"),
    [
        (write_report(SOUND), "", True, ["audited: 1 packages, 0 of them vulnerable"]),
        (
            write_report(SOUND, VULNERABLE),
            "Found 1 known vulnerability in 1 package",
            False,
            ["jinja2 2.4: PYSEC-2014-8, mended in 2.7.3", "audited: 2 packages, 1 of them vulnerable"],
        ),
        # As where the index is a mirror without the database: pip-audit says "No known vulnerabilities found".
        (
            write_report(UNKNOWN),
            "No known vulnerabilities found",
            True,
            ["not audited: 1 of 1 packages, which the database does not know"],
        ),
        (
            None,
            "Traceback …\nrequests.exceptions.ConnectionError: HTTPSConnectionPool(host='x', port=443)",
            True,
            ["not audited: the database of vulnerabilities cannot be reached"],
        ),
        (None, "ERROR:pip_audit._cli:requirement x has no hash", False, None),
    ],
)
def test_an_audit_says_what_it_saw(report: str | None, errors: str, passed: bool, lines: list[str] | None) -> None:
    result = judge_audit(report, errors)
    assert result.passed is passed
    assert lines is None or result.lines == lines
