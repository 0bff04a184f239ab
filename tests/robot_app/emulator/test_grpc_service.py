"""Several clients at once, wrong ones, and some that vanish: plain gRPC, as any program may speak it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import Queue

import grpc
import pytest
from anki_vector.messaging import client, protocol

from robot_app.core.actions import Drive
from robot_app.emulator.dynamics import BodyState
from robot_app.emulator.scene_world import Scene, SceneWorld
from robot_app.emulator.server import Emulator
from robot_app.robots.vector.driver import VectorRobot
from tests.support.vector import IMPATIENT, emulated, wait_for_command, wait_until


class Client:
    """One program with its own connection."""

    def __init__(self, emulator: Emulator, guid: str | None = None) -> None:
        identity = emulator.identity
        credentials = grpc.composite_channel_credentials(
            grpc.ssl_channel_credentials(identity.certificate.read_bytes()),
            grpc.access_token_call_credentials(guid or identity.guid),
        )
        # A pool of its own: connections of one process are shared otherwise, and then there is but one client.
        options = (("grpc.ssl_target_name_override", identity.name), ("grpc.use_local_subchannel_pool", 1))
        self.channel = grpc.secure_channel(identity.address, credentials, options=options)
        self.stub = client.ExternalInterfaceStub(self.channel)
        self.heard: list[str] = []
        self._requests: Queue[protocol.BehaviorControlRequest | None] = Queue()

    def take_control(self) -> None:
        wanted = protocol.ControlRequest(priority=protocol.ControlRequest.DEFAULT)
        self._requests.put(protocol.BehaviorControlRequest(control_request=wanted))
        answers = self.stub.BehaviorControl(iter(self._requests.get, None))
        threading.Thread(target=self._listen, args=(answers,), daemon=True).start()
        wait_until(lambda: "control_granted_response" in self.heard)

    def _listen(self, answers: Iterator[protocol.BehaviorControlResponse]) -> None:
        with suppress(grpc.RpcError):
            for answer in answers:
                self.heard.append(answer.WhichOneof("response_type"))

    def drive(self, speed_mm_s: float) -> None:
        self.stub.DriveWheels(
            protocol.DriveWheelsRequest(left_wheel_mmps=speed_mm_s, right_wheel_mmps=speed_mm_s), timeout=5
        )

    def vanish(self) -> None:
        self.channel.close()


@contextmanager
def clients(emulator: Emulator, count: int) -> Iterator[list[Client]]:
    several = [Client(emulator) for _ in range(count)]
    try:
        yield several
    finally:
        for one in several:
            one.vanish()


def test_one_drives_and_all_see():
    with emulated() as emulator, clients(emulator, 3) as (driver, *onlookers):
        driver.take_control()
        driver.drive(40)
        for one in onlookers:
            one.drive(-90)
        seen = [one.stub.CameraFeed(protocol.CameraFeedRequest(), timeout=10) for one in (driver, *onlookers)]
        pictures = [{answer.image_id: answer.data for answer, _ in zip(feed, range(8), strict=False)} for feed in seen]
        assert all(len(each) == 8 for each in pictures)
        wait_until(lambda: emulator.body.state.left_mm_s == 40)
        assert [command.obeyed for command in emulator.commands.all] == [True, False, False]


def test_who_asks_last_has_control_and_the_one_before_learns_it():
    with emulated() as emulator, clients(emulator, 2) as (first, second):
        first.take_control()
        first.drive(40)
        wait_until(lambda: emulator.body.state.left_mm_s == 40)
        second.take_control()
        wait_until(lambda: first.heard == ["control_granted_response", "control_lost_event"])
        assert emulator.body.state.left_mm_s == 40  # nothing stops wheels that run
        first.drive(90)
        second.drive(-30)
        wait_until(lambda: emulator.body.state.left_mm_s == -30)
        assert [command.obeyed for command in emulator.commands.all] == [True, False, True]


def test_one_that_vanishes_without_a_word_leaves_running_wheels_and_free_control():
    with emulated() as emulator, clients(emulator, 2) as (first, second):
        first.take_control()
        first.drive(40)
        turn = first.stub.TurnInPlace.future(protocol.TurnInPlaceRequest(angle_rad=50.0, id_tag=7))
        wait_for_command(emulator, "TurnInPlace", 5)
        wait_until(lambda: emulator.body.state.right_mm_s > 45)
        assert not turn.done()
        first.vanish()
        second.take_control()
        assert emulator.body.state.right_mm_s > 45
        second.stub.CancelActionByIdTag(protocol.CancelActionByIdTagRequest(id_tag=7), timeout=5)
        second.drive(20)
        wait_until(lambda: emulator.body.state.left_mm_s == emulator.body.state.right_mm_s == 20)


@pytest.mark.parametrize("call", ["ProtocolVersion", "BatteryState", "CameraFeed", "EventStream", "DriveWheels"])
def test_a_wrong_token_opens_nothing(call: str):
    requests = {
        "ProtocolVersion": protocol.ProtocolVersionRequest(),
        "BatteryState": protocol.BatteryStateRequest(),
        "CameraFeed": protocol.CameraFeedRequest(),
        "EventStream": protocol.EventRequest(),
        "DriveWheels": protocol.DriveWheelsRequest(left_wheel_mmps=50),
    }
    with emulated() as emulator:
        stranger = Client(emulator, guid="a wrong one")
        with pytest.raises(grpc.RpcError) as caught:
            list(getattr(stranger.stub, call)(requests[call], timeout=5))
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        assert emulator.commands.all == ()
        stranger.vanish()


def test_at_the_edge_the_robot_takes_control_backs_off_and_gives_it_back():
    world = SceneWorld(Scene((), BodyState(x_mm=560)))
    with Emulator(world) as emulator, VectorRobot(emulator.identity, IMPATIENT) as robot:
        robot.do(Drive(100, 100))
        wait_until(lambda: not robot.state.has_control)
        wait_until(lambda: emulator.body.readings.is_reacting)
        wait_until(lambda: robot.state.has_control)
        assert not emulator.body.readings.has_fallen
        assert emulator.body.state.x_mm < 560
        robot.do(Drive(30, 40))
        wait_until(lambda: emulator.body.state.right_mm_s == 40)


def test_the_distance_sensor_is_told():
    world = SceneWorld(Scene((), BodyState()))
    with Emulator(world) as emulator:
        stream = Client(emulator).stub.EventStream(protocol.EventRequest(), timeout=10)
        states = (answer.event.robot_state for answer in stream if answer.event.HasField("robot_state"))
        assert next(states).prox_data.unobstructed
        stream.cancel()


def test_speeds_that_are_no_numbers_are_refused_and_change_nothing():
    with emulated() as emulator, clients(emulator, 1) as (driver,):
        driver.take_control()
        driver.drive(40)
        for nonsense in (float("nan"), float("inf")):
            with pytest.raises(grpc.RpcError) as refusal:
                driver.drive(nonsense)
            assert refusal.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert emulator.body._wanted == (40.0, 40.0)
