"""`python -m metric_engine.cli`."""

from metric_engine.cli import main

main(prog_name="metric-engine")
