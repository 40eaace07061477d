"""The reloading of served metric files: on changes, with `serve --reload`, and on SIGHUP."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Self

from runtime.services import Services

SECONDS = 0.2

Stamp = dict[str, tuple[int, int]]


class Watcher:
    """A thread that reloads the served catalog when files of a folder change.

    `seen` is the folder's stamp from before its files were read, so that no change is missed.
    """

    def __init__(self, services: Services, folder: Path, seen: Stamp) -> None:
        self.services = services
        self.folder = folder
        self.last_stamp = seen
        self.stopped = Event()
        self.reloading = Lock()
        self.thread = Thread(target=self.watch, daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stopped.set()
        self.thread.join()

    def watch(self) -> None:
        while not self.stopped.wait(SECONDS):
            try:
                stamp = stamp_folder(self.folder)
            except OSError:
                continue  # The folder is being replaced; the next look finds what it has become.
            if stamp != self.last_stamp:
                self.last_stamp = stamp
                self.reload()

    def reload(self) -> None:
        with self.reloading:
            self.services.reload_catalog()

    @contextmanager
    def reload_on_hangup(self) -> Iterator[None]:
        """Reload on SIGHUP too, in a thread, so that running requests are not interrupted."""
        if not hasattr(signal, "SIGHUP"):
            yield
            return
        before = signal.signal(signal.SIGHUP, lambda number, frame: Thread(target=self.reload, daemon=True).start())
        try:
            yield
        finally:
            signal.signal(signal.SIGHUP, before)


def stamp_folder(folder: Path) -> Stamp:
    """Return when each metric file was last written, and its size."""
    stamp: Stamp = {}
    for path in (*folder.glob("*.yaml"), *folder.glob("*.yml"), *folder.glob("*.j2"), *folder.glob("*/*.y*ml")):
        try:
            status = path.stat()
        except OSError:
            # Editors replace a file by another, so it may be missing for a moment.
            continue
        stamp[str(path)] = (status.st_mtime_ns, status.st_size)
    return stamp
