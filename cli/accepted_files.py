"""The metric files that workers serve: a copy of the last valid ones, for a worker may start at any time."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from tempfile import mkdtemp

from engine import MetricEngineError
from insights.config.load import load_catalog
from runtime.rejected import REJECTED_FILE, list_rejected, write_rejected

PATTERNS = ("*.yaml", "*.j2")

logger = logging.getLogger("metric_engine.cli.accepted_files")


class AcceptedFiles:
    """Takes valid files of a folder into service, and tells the workers of the problems of others.

    A worker reads METRICS_DIR when it starts, which names the copy.
    """

    def __init__(self, folder: Path, shared: Path) -> None:
        self.folder = folder
        self.shared = shared
        self.copies: list[Path] = []
        os.environ[REJECTED_FILE] = str(shared / "rejected.json")

    def accept_newest(self) -> bool:
        """Serve the files as they are now to workers that start from now on, if they are valid."""
        try:
            # First where they are, so that a problem names the file that can be mended.
            load_catalog(self.folder)
            copy = self.copy_files()
            load_catalog(copy)
        except (MetricEngineError, OSError) as error:
            write_rejected(list_rejected(error))
            logger.error("the metric files are invalid, the last good ones serve on:\n%s", error)
            return False
        self.copies.append(copy)
        # A worker that is just starting may still read the copy before.
        if len(self.copies) > 2:
            shutil.rmtree(self.copies.pop(0).parent, ignore_errors=True)
        os.environ["METRICS_DIR"] = str(copy)
        write_rejected(())
        return True

    def copy_files(self) -> Path:
        copy = Path(mkdtemp(prefix="files-", dir=self.shared)) / self.folder.resolve().name
        copy.mkdir()
        for path in (path for pattern in PATTERNS for path in self.folder.glob(pattern)):
            shutil.copy2(path, copy)
        return copy
