"""uvicorn's workers as forks of their server: as new processes they would each take a second to import it."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Mapping
from multiprocessing.process import BaseProcess
from types import SimpleNamespace
from typing import Any

import prometheus_client.values
import uvicorn._subprocess
from uvicorn.supervisors.multiprocess import SIGNALS

FORKS = multiprocessing.get_context("fork")


def fork_workers() -> None:
    """Let uvicorn fork the workers of this process, where it would spawn them."""
    uvicorn._subprocess.spawn = SimpleNamespace(Process=make_fork)  # type: ignore[assignment]


def make_fork(*, target: Callable[..., None], kwargs: Mapping[str, Any]) -> BaseProcess:
    return FORKS.Process(target=run_as_new, args=(target, kwargs))


def run_as_new(target: Callable[..., None], kwargs: Mapping[str, Any]) -> None:
    """Run what a new process would run, without what this one has of its server."""
    for number in SIGNALS:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    # The library reads at its import whether processes count as one, and the server has imported it before it knows.
    prometheus_client.values.ValueClass = prometheus_client.values.get_value_class()  # type: ignore[no-untyped-call]
    target(**kwargs)
