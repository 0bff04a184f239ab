"""`robot-train study`: starts, strategies and amounts of data, compared over several seeds."""

import argparse
import os
from pathlib import Path

from robot_app.core.commandline import Commands, add_command
from robot_app.core.errors import ConfigError


def add_parser(commands: Commands) -> None:
    parser = add_command(
        commands,
        run,
        help_line="compare starts, strategies and amounts of data",
        description=(
            "Trains and tests every arm of a comparison with every seed, and writes a report. The same command\n"
            "continues a study that was stopped, and with further arms or seeds it adds to it."
        ),
        examples="  robot-train study my-study.toml --output runs/study --jobs 2",
    )
    parser.add_argument("config", type=Path, help="TOML file that says what is compared")
    parser.add_argument("--output", type=Path, required=True, help="folder for runs/ and report/")
    parser.add_argument(
        "--jobs", type=int, default=1, help="runs at the same time; they share the cores, GPUs in turn (default: 1)"
    )
    parser.add_argument(
        "--ray", metavar="ADDRESS", help="hand the runs to this Ray cluster; all nodes must see the same folders"
    )


def run(args: argparse.Namespace) -> None:
    from training.study.config import read_config
    from training.study.executors import local_executor, ray_executor
    from training.study.report.bundle import write_report
    from training.study.runner import REPORT_NAME, run_study

    cores = os.cpu_count() or 1
    if not 1 <= args.jobs <= cores:
        raise ConfigError(f"--jobs: expected 1 to {cores} (the number of cores), found {args.jobs}")
    config = read_config(args.config)
    executor = ray_executor(args.ray, cores // args.jobs) if args.ray else local_executor(args.jobs)
    with executor as running:
        run_study(config, args.output.absolute(), running, write_report)
    print(f"wrote {args.output / REPORT_NAME / 'report.html'} and report.md beside it")
