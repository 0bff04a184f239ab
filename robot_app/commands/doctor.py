"""`robot-app doctor`: what is wrong, if anything, between this machine and a robot."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from robot_app.doctor.examination import Case, examine
from robot_app.doctor.findings import Finding, Status, findings_as_json, format_findings
from robot_app.errors import RobotError
from robot_app.robots.identity import default_config_path, read_sdk_config


def command(args: argparse.Namespace) -> None:
    """Check everything, tell it, and end with an error when something has failed.

    Raises:
        RobotError: a check has failed; the message names the first.
    """
    findings = list(examine(_case(args)))
    report = findings_as_json(findings) if args.json else format_findings(findings)
    sys.stdout.write(f"{report}\n")
    _raise_first(findings)


def _raise_first(findings: Iterable[Finding]) -> None:
    failed = [finding for finding in findings if finding.status is Status.FAILED]
    if failed:
        raise RobotError(f"{failed[0].check}: {failed[0].text}; {failed[0].hint or 'see above'}")


def _case(args: argparse.Namespace) -> Case:
    if args.emulator is None:
        return Case(default_config_path(), lambda: read_sdk_config(serial=args.serial), False, args.model, Path.cwd())
    # Not at the top: the emulator needs the SDK, which may be what is broken.
    from robot_app.emulator.folder import CONFIG_NAME, emulator_folder, parse_address, read_emulator_config  # noqa: PLC0415

    host, port = parse_address(args.emulator)
    return Case(
        emulator_folder(port) / CONFIG_NAME, lambda: read_emulator_config(host, port), True, args.model, Path.cwd()
    )
