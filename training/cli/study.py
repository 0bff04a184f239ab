"""`robot-train study`: starts, strategies and amounts of data, compared over several seeds."""

import argparse
import os
from pathlib import Path

from robot_app.core.errors import ConfigError
from training.cli.options import Commands, say


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    command = commands.add_parser(
        "study",
        help="compare starts, strategies and amounts of data",
        description="Train and test every arm of a comparison with every seed, and write a report. "
        "The same command continues a study that was stopped, and with further arms or seeds it adds to it.",
    )
    command.set_defaults(run=run)
    command.add_argument("config", type=Path, help="TOML file that says what is compared")
    command.add_argument("--output", type=Path, required=True, help="folder for runs/ and report/")
    command.add_argument(
        "--jobs", type=int, default=1, help="runs at the same time; they share the cores, GPUs in turn (default: 1)"
    )
    command.add_argument(
        "--ray", metavar="ADDRESS", help="hand the runs to this Ray cluster; all nodes must see the same folders"
    )


def run(options: argparse.Namespace) -> int:
    """Run the command and give the exit code."""
    from training.study.config import read_config
    from training.study.executors import local_executor, ray_executor
    from training.study.report.bundle import write_report
    from training.study.runner import REPORT_NAME, run_study

    cores = os.cpu_count() or 1
    if not 1 <= options.jobs <= cores:
        raise ConfigError(f"--jobs: expected 1 to {cores} (the number of cores), found {options.jobs}")
    config = read_config(options.config)
    executor = ray_executor(options.ray, cores // options.jobs) if options.ray else local_executor(options.jobs)
    with executor as running:
        run_study(config, options.output.absolute(), running, write_report)
    say(f"wrote {options.output / REPORT_NAME / 'report.html'} and report.md beside it")
    return 0
