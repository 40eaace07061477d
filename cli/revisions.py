"""A folder as it stands in a git revision, or another folder, to compare with."""

from __future__ import annotations

import io
import stat
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

from engine import Catalog, InvalidCatalog, InvalidSetting, load_catalog

REMEDY = "name a folder, or a revision that the repository around {folder} has (a shallow clone lacks most: fetch it)"


def load_base_catalog(base: str, folder: Path) -> Catalog:
    """Load the catalog of a folder called `base`, or else of `folder` in the git revision of that name.

    Nothing is checked out. Raises InvalidSetting, and InvalidCatalog with the places in the base.
    """
    if Path(base).is_dir():
        return load_catalog(Path(base))
    with open_revision(base, folder) as (path, name):
        try:
            return load_catalog(path)
        except InvalidCatalog as invalid:
            raise rename_files(invalid, str(path), f"{base}:{name}") from None
        except InvalidSetting as error:
            raise InvalidSetting(str(error).replace(f"METRICS_DIR: {path}", f"BASE: {base}:{name}")) from None


def rename_files(invalid: InvalidCatalog, path: str, name: str) -> InvalidCatalog:
    """Name the files as git does, not by the place they were copied to."""

    def rename(file: str) -> str:
        return str(Path(name, Path(file).relative_to(path)))

    texts: Mapping[str, Sequence[str]] = {rename(file): lines for file, lines in invalid.texts.items()}
    return InvalidCatalog([replace(each, file=rename(each.file)) for each in invalid.diagnostics], texts)


@contextmanager
def open_revision(base: str, folder: Path) -> Iterator[tuple[Path, str]]:
    """Copy the folder of a revision to a temporary one; gives its path, and its name in the repository."""
    outside = f"{base!r} is no folder, and {folder} is in no git repository; name a folder"
    top = Path(run_git(folder, "rev-parse", "--show-toplevel", problem=outside).decode().rstrip("\n"))
    prefix = run_git(folder, "rev-parse", "--show-prefix", problem=outside).decode().rstrip("\n").rstrip("/")
    missing = f"{base!r} is neither a folder nor a revision; {REMEDY.format(folder=folder)}"
    commit = run_git(folder, "rev-parse", "--verify", "--end-of-options", f"{base}^{{commit}}", problem=missing)
    lacking = f"the revision {base!r} has no folder {prefix!r}; name one that has it"
    packed = run_git(top, "archive", "--format=zip", f"{commit.decode().strip()}:{prefix}", problem=lacking)
    with TemporaryDirectory() as temporary:
        with ZipFile(io.BytesIO(packed)) as archive:
            links = [each.filename for each in archive.infolist() if stat.S_ISLNK(each.external_attr >> 16)]
            if links:
                place = f"{base}:{prefix}/{links[0]}"
                raise InvalidSetting(f"BASE: {place} is a link, which is not followed; name a folder")
            archive.extractall(temporary)
        yield Path(temporary), prefix or "."


def run_git(folder: Path, *arguments: str, problem: str) -> bytes:
    """Run git in a folder and return what it prints. Raises InvalidSetting with git's own reason."""
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True)
    except FileNotFoundError:
        raise InvalidSetting("BASE: a revision needs the program git; install it, or name a folder") from None
    if done.returncode:
        said = " ".join(done.stderr.decode(errors="replace").split())
        raise InvalidSetting(f"BASE: {problem} (git: {said})")
    return done.stdout
