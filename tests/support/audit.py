"""The audit of the locks by pip-audit: known vulnerabilities fail it, and what it could not look up is told.

Without a database of vulnerabilities pip-audit breaks off, or finds nothing, which looks as if nothing were wrong.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

# The last line of a traceback of requests, or of pip-audit's own classes for a service.
UNREACHABLE_WORDS = ("requests.exceptions.", "ConnectionError", "ServiceError")


@dataclass(frozen=True, slots=True)
class AuditResult:
    """Whether an audit has passed, and the lines that tell what it came to."""

    passed: bool
    lines: Sequence[str]


def audit_lock(lock: Path) -> AuditResult:
    """Run pip-audit on the packages of a lock."""
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--require-hashes", "--disable-pip"]
        more = ["--progress-spinner", "off", "--timeout", "10", "--format", "json", "--output", str(report)]
        ended = subprocess.run([*command, *more], capture_output=True, text=True, check=False)
        return judge_audit(report.read_text() if report.exists() else None, ended.stderr)


def judge_audit(report: str | None, errors: str) -> AuditResult:
    """Judge pip-audit's report, or its words where it wrote none."""
    if report is None:
        last = (errors.strip().splitlines() or ["pip-audit said nothing"])[-1]
        if any(word in last for word in UNREACHABLE_WORDS):
            return AuditResult(True, ["not audited: the database of vulnerabilities cannot be reached"])
        return AuditResult(False, [f"not audited: {last}"])
    packages = json.loads(report)["dependencies"]
    vulnerable = [package for package in packages if package.get("vulns")]
    skipped = [package for package in packages if "skip_reason" in package]
    lines = [
        f"{package['name']} {package['version']}: {fault['id']}, mended in {', '.join(fault['fix_versions']) or 'none'}"
        for package in vulnerable
        for fault in package["vulns"]
    ]
    if skipped:
        lines.append(f"not audited: {len(skipped)} of {len(packages)} packages, which the database does not know")
    if len(skipped) < len(packages):
        lines.append(f"audited: {len(packages) - len(skipped)} packages, {len(vulnerable)} of them vulnerable")
    return AuditResult(not vulnerable, lines)


def main(locks: Sequence[str]) -> int:
    """Audit each lock, and print what that came to; the exit status is 1 for a vulnerability."""
    results = {lock: audit_lock(Path(lock)) for lock in locks}
    for lock, result in results.items():
        for line in result.lines:
            print(f"{lock}: {line}")  # noqa: T201
    return 0 if all(result.passed for result in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
