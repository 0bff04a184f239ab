"""The emulated robot as programs meet it: through the SDK's own `Robot`, and through plain gRPC."""

import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import grpc
import pytest
from anki_vector.messaging import client, protocol

from robot_app.core.errors import ConfigError, InputError
from robot_app.emulator.discovery import parse_address, read_emulator_config
from robot_app.emulator.dynamics import BodyState
from robot_app.emulator.footage_world import FootageWorld
from robot_app.emulator.server import Emulator
from robot_app.robots.vector.connection import VectorConnection, connect
from robot_app.robots.vector.driver import VectorRobot
from robot_app.robots.vector.identity import read_sdk_config
from tests.support.vector import emulated, pictures, wait_for_command, wait_until


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with emulated() as emulator:
        yield emulator


def call_directly(emulator: Emulator, guid: str) -> client.ExternalInterfaceStub:
    identity = emulator.identity
    credentials = grpc.composite_channel_credentials(
        grpc.ssl_channel_credentials(identity.certificate.read_bytes()), grpc.access_token_call_credentials(guid)
    )
    options = (("grpc.ssl_target_name_override", identity.name),)
    return client.ExternalInterfaceStub(grpc.secure_channel(identity.address, credentials, options=options))


ORDINARY_PROGRAM = """
import anki_vector

from anki_vector.util import degrees

with anki_vector.Robot(default_logging=False) as robot:
    robot.behavior.set_head_angle(degrees(20))
    robot.behavior.say_text("hi")
    print(robot.camera.capture_single_image().raw_image.size)
    print(robot.get_battery_state().battery_level)
    print("GreetAfterLongTime" in robot.anim.anim_trigger_list)
"""


def test_an_ordinary_program_of_the_sdk_runs_with_the_emulators_folder_as_its_home(emulator: Emulator):
    environment = {**os.environ, "HOME": str(emulator.sdk_home)}
    program = [sys.executable, "-c", ORDINARY_PROGRAM]
    result = subprocess.run(program, timeout=120, check=False, capture_output=True, text=True, env=environment)
    assert (result.returncode, result.stdout.splitlines()) == (0, ["(64, 36)", "2", "True"])
    assert wait_for_command(emulator, "SayText", 1).obeyed
    assert emulator.body.state.head_angle_rad == pytest.approx(0.349, abs=0.01)


def test_a_call_without_the_token_is_refused(emulator: Emulator):
    with pytest.raises(grpc.RpcError) as caught:
        call_directly(emulator, "wrong").ProtocolVersion(protocol.ProtocolVersionRequest(), timeout=5)
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_a_call_that_it_does_not_know_is_unimplemented(emulator: Emulator):
    stub = call_directly(emulator, emulator.identity.guid)
    with pytest.raises(grpc.RpcError) as caught:
        stub.DriveOnCharger(protocol.DriveOnChargerRequest(), timeout=5)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_client_without_control_moves_nothing(emulator: Emulator):
    stub = call_directly(emulator, emulator.identity.guid)
    stub.DriveWheels(protocol.DriveWheelsRequest(left_wheel_mmps=50, right_wheel_mmps=50), timeout=5)
    answer = stub.TurnInPlace(protocol.TurnInPlaceRequest(angle_rad=1.0), timeout=5)
    assert answer.status.code == protocol.ResponseStatus.FORBIDDEN
    assert [command.obeyed for command in emulator.commands.all] == [False, False]
    assert emulator.body.state == BodyState()


def test_the_state_comes_at_least_ten_times_a_second(emulator: Emulator):
    stream = call_directly(emulator, emulator.identity.guid).EventStream(protocol.EventRequest(), timeout=10)
    states = (answer for answer in stream if answer.event.WhichOneof("event_type") == "robot_state")
    arrived_s = [(next(states), time.monotonic())[1] for _ in range(20)]
    stream.cancel()
    # The median: a machine that is busy holds some of them up.
    assert statistics.median(later - earlier for earlier, later in pairwise(arrived_s)) < 0.1


def test_the_camera_keeps_its_rate(emulator: Emulator):
    stream = call_directly(emulator, emulator.identity.guid).CameraFeed(protocol.CameraFeedRequest(), timeout=10)
    next(stream)
    started = time.monotonic()
    received = [next(stream) for _ in range(20)]
    stream.cancel()
    assert 0.4 < time.monotonic() - started < 1.5  # half a second, and time for a busy machine
    assert all(picture.data == pictures()[picture.image_id % 20] for picture in received)


def test_another_process_finds_it_by_its_port_until_it_ends():
    with emulated() as emulator:
        host, port = parse_address(emulator.identity.address)
        assert read_emulator_config(host, port) == emulator.identity
    assert not emulator.config_path.parent.exists()
    with pytest.raises(ConfigError, match=f"no emulator of this user at port {port}"):
        read_emulator_config(host, port)


@pytest.mark.parametrize("text", ["8443", "localhost:", ":8443", "localhost:https", "localhost:0", "localhost:99999"])
def test_an_address_of_another_form_is_refused(text: str):
    with pytest.raises(ConfigError, match="expected HOST:PORT"):
        parse_address(text)


def test_a_folder_of_ones_own_keeps_what_else_is_in_it(tmp_path: Path):
    (tmp_path / "mine.txt").write_text("keep")
    with Emulator(FootageWorld(pictures()), folder=tmp_path) as emulator:
        assert emulator.config_path.is_relative_to(tmp_path)
        with VectorRobot(read_sdk_config(emulator.config_path)) as robot:
            next(robot.frames())
    assert [path.name for path in tmp_path.rglob("*")] == ["mine.txt"]


def test_a_port_that_is_taken_is_told_in_one_line():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ConfigError, match=f"cannot listen at 127.0.0.1:{port}: taken"):
            Emulator(FootageWorld(pictures()), port=port).__enter__()


def test_two_emulators_never_share_a_port(emulator: Emulator):
    with pytest.raises(ConfigError, match="cannot listen"):
        Emulator(FootageWorld(pictures()), port=emulator.identity.port).__enter__()
    with emulated() as other:
        assert other.identity.port != emulator.identity.port


def test_footage_plays_once_or_over_and_over():
    body = BodyState()
    once, again = FootageWorld([b"a", b"b"], 10), FootageWorld([b"a", b"b"], 10, loop=True)
    assert [once.picture(i, body) for i in range(3)] == [b"a", b"b", None]
    assert [again.picture(i, body) for i in range(3)] == [b"a", b"b", b"a"]


@pytest.mark.parametrize(("footage", "fps", "message"), [([], 10, "is empty"), ([b"a"], 0, "cannot run at 0")])
def test_a_world_that_shows_nothing_is_refused(footage: list[bytes], fps: float, message: str):
    with pytest.raises(InputError, match=message):
        FootageWorld(footage, fps)


def test_wheels_run_on_when_their_client_goes(emulator: Emulator):
    connection = connect(emulator.identity, 5.0)
    request = protocol.DriveWheelsRequest(left_wheel_mmps=40, right_wheel_mmps=40)
    drive_as(connection, request)
    wait_until(lambda: emulator.body.state.left_mm_s == 40)
    connection.close()
    left_at_mm = emulator.body.state.x_mm
    wait_until(lambda: emulator.body.state.x_mm > left_at_mm + 8)  # 0.2 s later
    assert emulator.body.state.left_mm_s == 40


def drive_as(connection: VectorConnection, request: protocol.DriveWheelsRequest) -> None:
    async def call() -> None:
        await connection.grpc_interface.DriveWheels(request)

    connection.submit(call()).result(timeout=5)


def test_any_client_that_ends_its_control_stream_ends_control():
    with emulated() as emulator, VectorRobot(emulator.identity) as first:
        with VectorRobot(emulator.identity) as second:
            wait_until(lambda: not first.state.has_control)
            first.take_control()
            wait_until(lambda: not second.state.has_control)
            assert first.state.has_control
        wait_until(lambda: not first.state.has_control)
