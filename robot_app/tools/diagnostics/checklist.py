"""All checks in order: what builds on something that failed is not checked."""

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from robot_app.core.errors import VectorDetectorError
from robot_app.robots.vector.identity import VectorIdentity
from robot_app.tools.diagnostics import machine_checks, network_checks
from robot_app.tools.diagnostics.findings import CheckFailed, Finding, Status


@dataclass(frozen=True, slots=True)
class CheckTarget:
    """What is examined.

    Attributes:
        config: file in which the robot is looked for.
        read_identity: reads the robot's section of it; raises `ConfigError`.
        is_emulated: it announces no name.
        model: model file.
        folder: where recordings would go.
    """

    config: Path
    read_identity: Callable[[], VectorIdentity]
    is_emulated: bool
    model: Path
    folder: Path


@dataclass(frozen=True, slots=True)
class Check:
    """`run` tells what was found, or raises `CheckFailed`; `needs` are the names of those that must not have failed."""

    name: str
    run: Callable[[CheckTarget], str]
    needs: tuple[str, ...] = ()


def _service() -> ModuleType:
    # The SDK may be the very thing that is broken, so nothing that needs it is imported before.
    return importlib.import_module("robot_app.tools.diagnostics.robot_checks")


def _config(case: CheckTarget) -> str:
    if case.is_emulated:
        case.read_identity()  # says better than the check below that none is running
    return network_checks.check_config_file(case.config)


def _identify(case: CheckTarget) -> str:
    identity = case.read_identity()
    return f"{identity.serial} is {identity.name}"


def _name(case: CheckTarget) -> str:
    if case.is_emulated:
        return "an emulated robot announces none"
    return network_checks.check_name(case.read_identity())


CHECKS = (
    Check("SDK", lambda case: machine_checks.check_versions()),
    Check("configuration", _config),
    Check("serial", _identify, ("configuration",)),
    Check("name", _name, ("serial",)),
    Check("address", lambda case: network_checks.check_address(case.read_identity()), ("serial",)),
    Check("port", lambda case: network_checks.check_port(case.read_identity()), ("address",)),
    Check("certificate", lambda case: network_checks.check_certificate(case.read_identity()), ("port",)),
    Check("token", lambda case: str(_service().check_token(case.read_identity())), ("SDK", "certificate")),
    Check("protocol", lambda case: str(_service().check_protocol(case.read_identity())), ("token",)),
    Check("control", lambda case: str(_service().check_control(case.read_identity())), ("protocol",)),
    Check("camera", lambda case: str(_service().check_camera(case.read_identity())), ("protocol",)),
    Check("model", lambda case: machine_checks.check_model(case.model)),
    Check("speed", lambda case: machine_checks.check_speed(case.model), ("model",)),
    Check("disk", lambda case: machine_checks.check_disk(case.folder)),
)


def examine(case: CheckTarget) -> Iterator[Finding]:
    """Run the checks one after the other and yield what each has found."""
    without: set[str] = set()
    for check in CHECKS:
        missing = [name for name in check.needs if name in without]
        if missing:
            finding = Finding(check.name, Status.NOT_CHECKED, f"needs: {', '.join(missing)}")
        else:
            finding = _run(check, case)
        if finding.status in (Status.FAILED, Status.NOT_CHECKED):
            without.add(check.name)
        yield finding


def _run(check: Check, case: CheckTarget) -> Finding:
    try:
        return Finding(check.name, Status.SOUND, check.run(case))
    except CheckFailed as trouble:
        status = Status.FAILED if trouble.is_fatal else Status.DOUBTFUL
        return Finding(check.name, status, str(trouble), trouble.hint)
    except VectorDetectorError as error:
        text, _, hint = str(error).partition("; ")
        return Finding(check.name, Status.FAILED, text, hint)
