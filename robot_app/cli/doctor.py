"""`robot-app doctor`: what is wrong, if anything, between this machine and a robot."""

import argparse
import sys
from pathlib import Path

from robot_app.cli.options import add_model, add_vector
from robot_app.core.commandline import Commands, add_command
from robot_app.core.errors import RobotError


def add_parser(commands: Commands) -> None:
    parser = add_command(
        commands,
        run,
        help_line="find out what is wrong between this machine and a robot",
        description=(
            "Checks software, configuration, network, certificate, token, control, camera, model, runtime, speed and\n"
            "disk, in this order, and says what to do about the first thing that fails. Secrets are never shown."
        ),
        examples="  robot-app doctor\n  robot-app doctor --serial 00e20100 --json > report.json",
    )
    add_vector(parser)
    add_model(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, to be attached to a bug report")


def run(args: argparse.Namespace) -> None:
    """Print what was found.

    Raises:
        RobotError: a check has failed; the message names the first.
    """
    # All of these do without the SDK, which may be what is broken.
    from robot_app.emulator.discovery import CONFIG_NAME, emulator_folder, parse_address, read_emulator_config
    from robot_app.robots.vector.identity import default_config_path, read_sdk_config
    from robot_app.tools.diagnostics.checklist import CheckTarget, examine
    from robot_app.tools.diagnostics.findings import Status, findings_as_json, format_findings

    config, read_identity = default_config_path(), lambda: read_sdk_config(serial=args.serial)
    if args.emulator is not None:
        host, port = parse_address(args.emulator)
        config, read_identity = emulator_folder(port) / CONFIG_NAME, lambda: read_emulator_config(host, port)
    target = CheckTarget(config, read_identity, args.emulator is not None, args.model, Path.cwd())
    findings = list(examine(target))
    report = findings_as_json(findings) if args.json else format_findings(findings)
    sys.stdout.write(f"{report}\n")
    failed = next((finding for finding in findings if finding.status is Status.FAILED), None)
    if failed is not None:
        raise RobotError(f"{failed.check}: {failed.text}; {failed.hint or 'see above'}")
