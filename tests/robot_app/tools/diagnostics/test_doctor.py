"""Each thing that can be wrong, made wrong, and named by the doctor."""

import importlib
import importlib.metadata
import json
import shutil
import socket
import sys
from dataclasses import replace
from importlib.metadata import version
from types import SimpleNamespace

import pytest
from anki_vector.messaging import protocol

from robot_app.cli.main import main
from robot_app.core.errors import pip_command
from robot_app.emulator import server
from robot_app.emulator.faults import Fault
from robot_app.emulator.grpc_service import VectorService
from robot_app.emulator.server import make_certificate
from robot_app.perception.detector import Detector
from robot_app.robots.vector.driver import VectorRobot
from robot_app.robots.vector.identity import read_sdk_config, write_sdk_config
from robot_app.tools.diagnostics import machine_checks, network_checks, robot_checks
from robot_app.tools.diagnostics.checklist import CHECKS, CheckTarget, examine
from robot_app.tools.model_info import runtime_packages
from tests.support.vector import emulated

ORDER = ["SDK", "configuration", "serial", "name", "address", "port", "certificate", "token", "protocol", "control"]

ORDER += ["camera", "model", "ONNX Runtime", "speed", "disk"]


@pytest.fixture(scope="module")
def emulator():
    with emulated(count=200, fps=20) as emulator:
        yield emulator


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(robot_checks, "CAMERA_STARTS_S", 2.0)
    monkeypatch.setattr(robot_checks, "CAMERA_WATCHED_S", 0.4)
    monkeypatch.setattr(robot_checks, "TIMEOUT_S", 1.5)
    monkeypatch.setattr(robot_checks, "LEAST_CAMERA_HZ", 0.0)  # the machine may be busy
    monkeypatch.setattr(machine_checks, "CAMERA_PERIOD_MS", 1e6)


@pytest.fixture(autouse=True)
def announced(monkeypatch, emulator):
    """The names that mDNS knows."""
    known, ask = {f"{emulator.identity.name}.local": "127.0.0.1"}, socket.getaddrinfo

    def answer(host, *arguments, **options):
        if str(host).endswith(".local"):
            if host not in known:
                raise socket.gaierror(-2, "Name or service not known")
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (known[host], 0))]
        return ask(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return known


@pytest.fixture
def diagnose(emulator, tmp_path, vision_model):
    """What is found with this configuration, by the name of the check."""

    def run(identity=None, serial=None, model=vision_model):
        path = tmp_path / "sdk_config.ini"
        write_sdk_config(path, identity or emulator.identity)
        case = CheckTarget(path, lambda: read_sdk_config(path, serial), False, model, tmp_path)
        findings = list(examine(case))
        assert [finding.check for finding in findings] == ORDER
        assert emulator.identity.guid not in repr(findings)
        return {finding.check: finding for finding in findings}

    return run


def only_trouble(findings):
    """The one check that did not end well by itself."""
    (found,) = [f for f in findings.values() if f.status in ("failed", "doubtful")]
    return found


def test_all_is_well(diagnose):
    findings = diagnose()
    assert [f.status for f in findings.values()] == ["sound"] * len(CHECKS), findings
    assert findings["SDK"].text.startswith("wirepod-vector-sdk ")
    assert "made out to Vector-E1A2, valid from 20" in findings["certificate"].text
    assert "firmware 2.0.1.6091-emulated, protocol 5" in findings["protocol"].text
    assert "64 x 36 px" in findings["camera"].text
    assert "colour-finder 1" in findings["model"].text


def test_nothing_that_builds_on_a_fault_is_checked(diagnose, emulator):
    findings = diagnose(replace(emulator.identity, ip="vector.invalid"))
    found = findings["address"]
    assert "vector.invalid: " in found.text
    assert "awake" in found.hint
    statuses = [findings[name].status for name in ORDER]
    assert statuses == ["sound"] * 3 + ["doubtful", "failed"] + ["not checked"] * 6 + ["sound"] * 4


def test_the_sdk_is_missing(diagnose, monkeypatch):
    def missing(name):
        if name == machine_checks.SDK:
            raise importlib.metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    found = only_trouble(diagnose())
    assert (found.check, found.text) == ("SDK", "wirepod-vector-sdk is not installed")


def test_the_old_sdk_is_there_as_well(diagnose, monkeypatch):
    old = SimpleNamespace(name="anki_vector", metadata={"Name": "anki_vector"}, read_text=lambda _: "anki_vector")
    installed = list(importlib.metadata.distributions())
    monkeypatch.setattr(importlib.metadata, "distributions", lambda: [*installed, old])
    found = only_trouble(diagnose())
    assert (found.check, found.status) == ("SDK", "doubtful")
    assert found.hint.startswith(pip_command("uninstall anki_vector"))


def test_protobuf_does_not_fit(diagnose, monkeypatch):
    load = importlib.import_module

    def fail(name):
        if name == "anki_vector.messaging.protocol":
            raise TypeError("Descriptors cannot be created directly.\nIf this call came from a _pb2.py file, ...")
        return load(name)

    monkeypatch.setattr(machine_checks.importlib, "import_module", fail)
    found = only_trouble(diagnose())
    assert "cannot be imported (Descriptors cannot be created directly.)" in found.text


def test_others_can_read_the_token(diagnose, monkeypatch, tmp_path):
    monkeypatch.setattr("tests.robot_app.tools.diagnostics.test_doctor.write_sdk_config", write_openly)
    found = only_trouble(diagnose())
    assert (found.check, found.status) == ("configuration", "doubtful")
    assert found.hint == f"chmod 600 {tmp_path / 'sdk_config.ini'}"


def write_openly(path, identity, write=write_sdk_config):
    write(path, identity)
    path.chmod(0o644)


def test_another_serial(diagnose):
    found = only_trouble(diagnose(serial="00e29999"))
    assert found.check == "serial"
    assert 'no robot with serial "00e29999"' in found.text


def test_a_name_that_nobody_announces_is_a_doubt_only(diagnose, announced):
    announced.clear()
    found = only_trouble(diagnose())
    assert (found.check, found.status) == ("name", "doubtful")
    assert "Vector-E1A2.local is not found by mDNS" in found.text


def test_the_robot_has_got_another_address(diagnose, announced):
    announced["Vector-E1A2.local"] = "192.168.7.7"
    found = only_trouble(diagnose())
    assert found.text == "Vector-E1A2.local is at 192.168.7.7, configured is 127.0.0.1"
    assert "correct ip" in found.hint


def test_an_address_that_cannot_be_one(diagnose, emulator):
    found = diagnose(replace(emulator.identity, ip="a..b"))["address"]
    assert (found.status, found.text) == ("failed", "a..b is no address and no name of a machine")


def test_nobody_listens_at_the_port(diagnose, emulator):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    found = only_trouble(diagnose(replace(emulator.identity, port=port)))
    assert found.check == "port"
    assert f"refuses connections at port {port}" in found.text


def test_a_certificate_of_before_the_reset(diagnose, emulator, tmp_path):
    (tmp_path / "old.cert").write_bytes(make_certificate(emulator.identity.name)[1])
    found = only_trouble(diagnose(replace(emulator.identity, certificate=tmp_path / "old.cert")))
    assert found.check == "certificate"
    assert "shows another certificate than" in found.text
    assert "made out to the same name" in found.text
    assert f"{sys.executable} -m anki_vector.configure" in found.hint


def test_a_certificate_that_has_ended(diagnose, emulator, tmp_path, monkeypatch):
    monkeypatch.setattr(server, "VALID_DAYS", -0.5)
    (tmp_path / "old.cert").write_bytes(make_certificate(emulator.identity.name)[1])
    found = only_trouble(diagnose(replace(emulator.identity, certificate=tmp_path / "old.cert")))
    assert found.check == "certificate"
    assert found.text.endswith(", not today")
    assert "clock" in found.hint


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_a_certificate_file_that_is_none(diagnose, emulator, tmp_path, content):
    if content:
        (tmp_path / "bad.cert").write_bytes(content)
    found = only_trouble(diagnose(replace(emulator.identity, certificate=tmp_path / "bad.cert")))
    assert found.check == "certificate"
    assert "bad.cert" in found.text


def test_the_name_of_another_robot(diagnose, emulator, announced):
    announced["Vector-ZZ99.local"] = "127.0.0.1"
    found = only_trouble(diagnose(replace(emulator.identity, name="Vector-ZZ99")))
    assert found.check == "certificate"
    assert "made out to Vector-E1A2, not to Vector-ZZ99" in found.text


def test_a_token_that_is_refused(diagnose, emulator):
    findings = diagnose(replace(emulator.identity, guid="hunter2"))
    found = only_trouble(findings)
    assert (found.check, found.text) == ("token", "the robot refuses it")
    assert "hunter2" not in repr(findings)


def test_a_robot_of_another_age(diagnose, monkeypatch):
    answer = protocol.ProtocolVersionResponse(result=protocol.ProtocolVersionResponse.UNSUPPORTED, host_version=1)
    monkeypatch.setattr(VectorService, "ProtocolVersion", lambda *_: answer)
    with emulated() as old:
        found = only_trouble(diagnose(old.identity))
    assert found.check == "protocol"
    assert "protocol 1, the SDK speaks 0 to 5" in found.text


def test_another_program_is_connected_and_keeps_its_control(diagnose, emulator):
    with VectorRobot(emulator.identity) as other:
        found = only_trouble(diagnose())
        assert other.state.has_control
    assert found.check == "control"
    assert "another program is connected" in found.text


def test_a_robot_that_keeps_control_to_itself(diagnose, emulator):
    emulator.faults.start(Fault.LOSE_CONTROL)
    try:
        found = only_trouble(diagnose())
    finally:
        emulator.faults.end(Fault.LOSE_CONTROL)
    assert found.check == "control"
    assert "does not hand over control within 1.5 s" in found.text


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (Fault.SILENT, "no picture within 2 s"),
        (Fault.SAME_PICTURE, "the same picture again and again"),
        (Fault.CORRUPT, "cannot be read"),
    ],
)
def test_a_camera_that_shows_nothing(diagnose, emulator, fault, text):
    emulator.faults.start(fault)
    try:
        found = only_trouble(diagnose())
    finally:
        emulator.faults.end(fault)
    assert (found.check, found.status) == ("camera", "failed")
    assert text in found.text


def test_a_model_that_is_damaged(diagnose, tmp_path, vision_model):
    (tmp_path / "cut.onnx").write_bytes(vision_model.read_bytes()[:300])
    findings = diagnose(model=tmp_path / "cut.onnx")
    assert only_trouble(findings).check == "model"
    assert findings["speed"].status == "not checked"


def test_which_onnx_runtime_is_in_and_what_it_runs_on(diagnose, vision_model):
    found = diagnose()["ONNX Runtime"]
    (package,) = runtime_packages()
    assert found.text.startswith(f"{package} {version(package)} (")
    assert found.text.endswith(f"CPU); the model runs on {Detector.load(vision_model).provider}")


def test_two_onnx_runtimes_are_one_too_many(diagnose, monkeypatch):
    both = {"onnxruntime": ["onnxruntime", "onnxruntime-gpu"]}
    monkeypatch.setattr(importlib.metadata, "packages_distributions", lambda: both)
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "1.31.1")
    found = only_trouble(diagnose())
    assert (found.check, found.status) == ("ONNX Runtime", "doubtful")
    assert found.hint == f"{pip_command('uninstall onnxruntime onnxruntime-gpu')}, then install one of them"


def test_a_machine_that_is_too_slow(diagnose, monkeypatch):
    monkeypatch.setattr(machine_checks, "CAMERA_PERIOD_MS", 0.001)
    found = only_trouble(diagnose())
    assert (found.check, found.status) == ("speed", "doubtful")


@pytest.mark.parametrize(("free", "status"), [(2e6, "failed"), (1e9, "doubtful")])
def test_a_disk_that_is_full(diagnose, monkeypatch, free, status):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    found = only_trouble(diagnose())
    assert (found.check, found.status) == ("disk", status)


def test_the_command_tells_people_and_machines(emulator, vision_model, capsys):
    arguments = ["doctor", "--emulator", emulator.identity.address, "--model", str(vision_model)]
    assert main(arguments) == 0
    told = capsys.readouterr().out
    assert all(f"✓ {name}" in told for name in ORDER)
    assert main([*arguments, "--json"]) == 0
    report = capsys.readouterr().out
    assert [check["check"] for check in json.loads(report)["checks"]] == ORDER
    assert emulator.identity.guid not in told + report


def test_the_command_ends_with_the_first_fault(vision_model, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert main(["doctor", "--model", str(vision_model)]) == 2
    told, complaint = capsys.readouterr()
    assert "✗ configuration" in told
    assert "- camera" in told
    assert complaint.startswith("error: configuration: ")
    assert network_checks.HOW_TO_CREATE in complaint
