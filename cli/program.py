"""The command line's entry point; a command's module is imported when the command is called."""

from __future__ import annotations

import errno
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from io import TextIOWrapper
from typing import Any

import click
from click.exceptions import Exit

import engine
from cli.counts import format_count
from engine import InvalidCatalog, MetricEngineError, did_you_mean, find_nearest_names

# The first line of each command's own help, repeated here so that listing the commands imports none of them.
COMMANDS = {
    "serve": "Serve the API and the dashboard.",
    "validate": "Check the metric files.",
    "test": "Run the metrics' own tests.",
    "diff": "Show what a change of the metric files does to their numbers.",
    "query": "Ask a metric a question.",
    "explain": "Tell what a number rests on.",
    "insights": "Tell what happened.",
    "mcp": "Serve the metrics to an assistant.",
    "sql": "Show the SQL that a metric runs.",
    "load": "Load rows from exports.",
    "purge": "Delete an account's rows.",
    "sync": "Bring the connected accounts up to date.",
    "token": "Print a signed token.",
    "migrate": "Bring the state tables up to date.",
    "ddl": "Print the statements that make the fact tables.",
    "new": "Add a metric, a source or a table.",
    "schema": "Print the JSON Schema of a metric file.",
    "export": "Write the metric files in another format.",
    "import": "Write metric files from another format.",
}
# Those that stand in a folder, or under another name: Python has `import` for itself.
MODULES = {
    "query": "answers.query",
    "explain": "answers.explain",
    "mcp": "answers.mcp",
    "export": "exchange.export",
    "import": "exchange.import_",
}


class CommandGroup(click.Group):
    """The group of all commands; it prints the project's errors as lines on standard error."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = MODULES.get(cmd_name, cmd_name)
        with keep_imports():
            command: click.Command = getattr(import_module(f"cli.commands.{module}"), module.rpartition(".")[2])
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS:
            ctx.fail(f"no command {args[0]!r}{did_you_mean(find_nearest_names(args[0], COMMANDS))}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except MetricEngineError as error:
            click.echo(format_error(error), err=True)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise
            click.echo(f"error: {error.filename or 'the system'}: {error.strerror or error}", err=True)
        raise Exit(1)


@contextmanager
def keep_imports() -> Iterator[None]:
    """Look through nothing that is imported here for garbage: that takes a tenth of a short command's time."""
    gc.disable()
    try:
        yield
    finally:
        freeze_once()
        gc.enable()


@cache
def freeze_once() -> None:
    """Take what there is out of the collector's sight; a program that runs many commands has asked once."""
    gc.freeze()


def format_error(error: MetricEngineError) -> str:
    """Format an error in one line; for invalid files also each problem in a line of its own."""
    if not isinstance(error, InvalidCatalog):
        return f"error: {error}"
    from engine import render_text

    problems = render_text(error.diagnostics, error.texts)
    return f"{problems}\nerror: {error.subject} {format_count(len(error.diagnostics), 'problem')}"


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(engine.__version__)
@click.pass_context
def main(context: click.Context) -> None:
    """Marketing metrics, declared in YAML and answered exactly.

    \b
    Try it:
      metric-engine serve --demo
      metric-engine validate
      metric-engine COMMAND --help
    """
    if os.environ.get("NO_COLOR"):
        context.color = False
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a sparkline shows question marks instead of a traceback.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
