"""What commands import and load first: the process from which theirs are forked has it already."""

import gc

import alembic.autogenerate
import psycopg

import cli.commands.load
import cli.commands.migrate
import cli.commands.serve
import cli.commands.sync
from tests.support.shipped import load_shipped_catalog

__all__ = ["alembic", "cli", "psycopg"]

load_shipped_catalog()
# The garbage collector of a fork would otherwise write to each page that it shares.
gc.freeze()
