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
    """`run` returns what was found, or raises `CheckFailed`; `needs` names the checks that must not have failed."""

    name: str
    run: Callable[[CheckTarget], str]
    needs: tuple[str, ...] = ()


def _service() -> ModuleType:
    # The SDK may be the very thing that is broken, so nothing that needs it is imported before.
    return importlib.import_module("robot_app.tools.diagnostics.robot_checks")


def _config(target: CheckTarget) -> str:
    if target.is_emulated:
        target.read_identity()  # says better than the check below that none is running
    return network_checks.check_config_file(target.config)


def _identify(target: CheckTarget) -> str:
    identity = target.read_identity()
    return f"{identity.serial} is {identity.name}"


def _name(target: CheckTarget) -> str:
    if target.is_emulated:
        return "an emulated robot announces none"
    return network_checks.check_name(target.read_identity())


CHECKS = (
    Check("SDK", lambda target: machine_checks.check_versions()),
    Check("configuration", _config),
    Check("serial", _identify, ("configuration",)),
    Check("name", _name, ("serial",)),
    Check("address", lambda target: network_checks.check_address(target.read_identity()), ("serial",)),
    Check("port", lambda target: network_checks.check_port(target.read_identity()), ("address",)),
    Check("certificate", lambda target: network_checks.check_certificate(target.read_identity()), ("port",)),
    Check("token", lambda target: str(_service().check_token(target.read_identity())), ("SDK", "certificate")),
    Check("protocol", lambda target: str(_service().check_protocol(target.read_identity())), ("token",)),
    Check("control", lambda target: str(_service().check_control(target.read_identity())), ("protocol",)),
    Check("camera", lambda target: str(_service().check_camera(target.read_identity())), ("protocol",)),
    Check("model", lambda target: machine_checks.check_model(target.model)),
    Check("ONNX Runtime", lambda target: machine_checks.check_runtime(target.model), ("model",)),
    Check("speed", lambda target: machine_checks.check_speed(target.model), ("model",)),
    Check("disk", lambda target: machine_checks.check_disk(target.folder)),
)


def examine(target: CheckTarget) -> Iterator[Finding]:
    """Run the checks one after the other and yield what each has found."""
    unusable: set[str] = set()
    for check in CHECKS:
        missing = [name for name in check.needs if name in unusable]
        if missing:
            finding = Finding(check.name, Status.NOT_CHECKED, f"needs: {', '.join(missing)}")
        else:
            finding = _run(check, target)
        if finding.status in (Status.FAILED, Status.NOT_CHECKED):
            unusable.add(check.name)
        yield finding


def _run(check: Check, target: CheckTarget) -> Finding:
    try:
        return Finding(check.name, Status.SOUND, check.run(target))
    except CheckFailed as failed:
        status = Status.FAILED if failed.is_fatal else Status.DOUBTFUL
        return Finding(check.name, status, str(failed), failed.hint)
    except VectorDetectorError as error:
        text, _, hint = str(error).partition("; ")
        return Finding(check.name, Status.FAILED, text, hint)
