"""`VectorRobot`: a Vector over gRPC, the real one or the emulated one, which the SDK's client cannot tell apart."""

import asyncio
import logging
import math
import threading
import time
import weakref
from collections.abc import Coroutine, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Any

import grpc
from anki_vector.messaging import protocol
from annotated_types import Interval

from robot_app.core.actions import Action, Stop
from robot_app.core.camera import CameraModel
from robot_app.core.deadlines import (
    BATTERY_EVERY_S,
    BATTERY_TIMEOUT_S,
    CAMERA_FROZEN_AFTER_S,
    CAMERA_PAUSE_STOP_S,
    STATE_TIMEOUT_S,
    STOP_CONFIRM_TIMEOUT_S,
)
from robot_app.core.errors import FrameTimeout, RobotError, RobotLost
from robot_app.core.frame import Frame, NewestFrame
from robot_app.core.robot import RobotState, Supervision
from robot_app.core.step import Closable
from robot_app.core.validation import settings_class
from robot_app.robots.vector.actuation import ActionSender
from robot_app.robots.vector.camera_stream import FrozenFrameDetector, TransportDelay, fetch_calibration
from robot_app.robots.vector.connection import VectorConnection, connect
from robot_app.robots.vector.identity import VectorIdentity

CALIBRATION_TIMEOUT_S = 2.0

logger = logging.getLogger(__name__)


@settings_class
class VectorSettings:
    """How long to wait for a robot.

    Attributes:
        connect_timeout_s: for each step of connecting.
        first_frame_timeout_s: for the camera to start.
        stop_after_s: without a new frame, until the wheels are stopped.
        frame_timeout_s: without a new frame, until the robot is given up. Radio links pause for a second or two.
        stop_timeout_s: for the robot to confirm that its wheels were stopped.
        battery_every_s: how often the battery is asked for.
    """

    connect_timeout_s: Annotated[float, Interval(ge=0.1, le=120)] = 10.0
    first_frame_timeout_s: Annotated[float, Interval(ge=0.1, le=120)] = 5.0
    stop_after_s: Annotated[float, Interval(ge=0.05, le=60)] = CAMERA_PAUSE_STOP_S
    frame_timeout_s: Annotated[float, Interval(ge=0.05, le=60)] = 5.0
    stop_timeout_s: Annotated[float, Interval(ge=0.1, le=10)] = 2.5
    battery_every_s: Annotated[float, Interval(ge=0.1, le=3600)] = 5.0


LIVE = VectorSettings(
    connect_timeout_s=3.0,
    first_frame_timeout_s=3.0,
    frame_timeout_s=3.0,
    stop_timeout_s=STOP_CONFIRM_TIMEOUT_S,
    battery_every_s=BATTERY_EVERY_S,
)
"""Shorter waits than for a first connection, since it is tried again and again."""


class VectorRobot(Closable):
    """A Vector that is looked through and told what to do; see `robot_app.core.robot.Robot` for the contract.

    While the robot does not give us control, actions are not sent; `state.has_control` tells. When it takes control for
    a need of its own it stops its wheels first; when another program takes it, they are that program's. A robot that is
    only looked through (`take_control=False`) is sent nothing at all, not even a stop, so that whoever drives it is not
    disturbed.
    """

    def __init__(
        self, identity: VectorIdentity, settings: VectorSettings | None = None, *, take_control: bool = True
    ) -> None:
        self._identity = identity
        self._take_control = take_control
        self._settings = settings or VectorSettings()
        self._connection: VectorConnection | None = None
        self._sender: ActionSender | None = None
        self._streams: dict[str, Future[None]] = {}
        self._mailbox = NewestFrame()
        self._frozen = FrozenFrameDetector()
        self._calibration: CameraModel | None = None
        self._reported = RobotState()  # changed on the connection's loop only
        self._reported_at_s = -math.inf
        self._has_reported = threading.Event()

    def open(self) -> None:
        """Connect, and take control unless it is only looked through.

        Raises:
            ConfigError: the configured certificate cannot be read.
            RobotUnreachable, RobotIdentityError, RobotError: as `robot_app.robots.vector.connection.connect` tells.
        """
        connection = connect(self._identity, self._settings.connect_timeout_s, take_control=self._take_control)
        self._connection, self._sender = connection, ActionSender(connection, self._identity.name)
        try:
            self._mailbox, self._frozen = NewestFrame(), FrozenFrameDetector()
            timeout_s = min(self._settings.connect_timeout_s, CALIBRATION_TIMEOUT_S)
            asking = fetch_calibration(connection.grpc_interface, self._identity.name, timeout_s)
            self._calibration = connection.submit(asking).result()
            self._begin("event", self._follow_events())
            self._begin("battery", self._follow_battery())
            stop_at_interpreter_exit(self)
        except BaseException:  # such as Ctrl-C: nobody leaves what was not entered
            self.abort()
            raise

    def close(self) -> None:
        """Stop the wheels and close the connection.

        Raises:
            RobotLost: the robot has not confirmed the stop.
        """
        connection = self._connection
        if connection is None:
            return
        try:
            self.stop()
        finally:
            self._connection = None
            self._disconnect(connection)

    def abort(self) -> None:
        """The same when another error is on its way: a stop that is not confirmed is only logged."""
        try:
            self.close()
        except RobotLost as lost:
            logger.error("%s", lost)

    def frames(self) -> Iterator[Frame]:
        """New frames, the newest each time; `index` is the camera's image id.

        Ends when the camera ends its stream in good order, as an emulated one does with footage that is not repeated.

        Raises:
            FrameTimeout: nothing new came for too long, or the same image again and again. The wheels were stopped
                well before.
            RobotLost: the link broke.
        """
        self._connected()
        self._has_reported.wait(self._settings.first_frame_timeout_s)  # a frame means little without the robot's state
        if "camera" not in self._streams:
            self._mailbox = NewestFrame()
            self._begin("camera", self._follow_camera())
        while (frame := self._next_frame()) is not None:
            yield frame

    def do(self, action: Action) -> None:
        """Pass on an action and return at once; what the robot refuses is logged."""
        self._connected()
        assert self._sender is not None
        if self._take_control:
            self._sender.send(action)

    def stop(self) -> None:
        """Stop the wheels and wait for its confirmation, at most `stop_timeout_s`.

        Raises:
            RobotLost: the robot has not confirmed it.
        """
        self._connected()
        assert self._sender is not None
        if not self._take_control:
            return
        try:
            self._sender.stop().result(timeout=self._settings.stop_timeout_s)
        except (grpc.RpcError, TimeoutError, CancelledError) as error:
            raise RobotLost(
                f"{self._identity}: has not confirmed that its wheels stopped ({_reason(error)}); look after the robot"
            ) from error

    def take_control(self) -> None:
        """Ask for control, as after it was lost or released; see `VectorConnection.take_control`."""
        self._connected().take_control(self._settings.connect_timeout_s)

    def release_control(self) -> None:
        """Stop the wheels and give control back; see `VectorConnection.give_back_control`."""
        self.stop()
        self._connected().give_back_control(self._settings.connect_timeout_s)

    def now_s(self) -> float:
        """This machine's monotonic clock."""
        return time.monotonic()

    @property
    def state(self) -> RobotState:
        """The newest state that the robot reported, with whether it obeys us."""
        connection = self._connection
        has_control = connection is not None and connection.has_control
        return replace(self._reported, has_control=has_control, camera=self._calibration)

    @property
    def supervision(self) -> Supervision:
        """Whether the robot still reports its state, and whether its camera still changes."""
        silent_s = time.monotonic() - self._reported_at_s
        return Supervision(
            connected=self.is_linked and silent_s <= STATE_TIMEOUT_S,
            camera_frozen=self._frozen.lasted_s > CAMERA_FROZEN_AFTER_S,
        )

    @property
    def identity(self) -> VectorIdentity:
        """Which robot it is; while there is a connection, with the certificate that was checked."""
        return self._identity if self._connection is None else self._connection.identity

    @property
    def is_linked(self) -> bool:
        return self._connection is not None

    def _connected(self) -> VectorConnection:
        if self._connection is None:
            raise RobotError(f"{self._identity}: not connected; use the robot inside of its `with` block")
        return self._connection

    def _next_frame(self) -> Frame | None:
        settings = self._settings
        timeout_s = settings.first_frame_timeout_s
        if self._mailbox.has_started:
            timeout_s = settings.frame_timeout_s
            with suppress(TimeoutError):
                return self._mailbox.take(min(settings.stop_after_s, timeout_s))
            self.do(Stop())  # and no waiting for the answer: the link may only pause
        try:
            return self._mailbox.take(timeout_s)
        except TimeoutError:
            self.stop()
            raise FrameTimeout(
                f"{self._identity}: the camera has sent no new frame for {timeout_s:g} s; check the network, "
                "or restart the robot"
            ) from None

    def _begin(self, name: str, stream: Coroutine[Any, Any, None]) -> None:
        self._streams[name] = self._connected().submit(self._watch(name, stream))

    async def _watch(self, name: str, stream: Coroutine[Any, Any, None]) -> None:
        """Run one of the streams; when it breaks, the one who waits for frames gets the error."""
        try:
            await stream
        except grpc.RpcError as error:
            reason = f"the {name} stream broke off ({_reason(error)})"
            self._mailbox.end(RobotLost(f"{self._identity}: {reason}; check the network and connect again"))
        except Exception as error:
            logger.exception("the %s stream failed", name)
            self._mailbox.end(RobotLost(f"{self._identity}: the {name} stream failed: {error!r}"))

    async def _follow_camera(self) -> None:
        stream = self._connected().grpc_interface.CameraFeed(protocol.CameraFeedRequest())
        try:
            delay, received_at_s = TransportDelay(), 0.0
            async for picture in stream:
                now_s, captured_at_s = time.monotonic(), picture.frame_time_stamp / 1000
                received_at_s = max(received_at_s, now_s - delay.measure(captured_at_s, now_s))
                self._frozen.look(picture.data, now_s)
                self._mailbox.put(Frame(picture.image_id, captured_at_s, received_at_s, picture.data))
            self._mailbox.end()
        finally:
            stream.cancel()

    async def _follow_events(self) -> None:
        request = protocol.EventRequest(connection_id=self._identity.name.encode())
        stream = self._connected().grpc_interface.EventStream(request)
        try:
            async for response in stream:
                if response.event.WhichOneof("event_type") == "robot_state":
                    self._reported = state_from_proto(response.event.robot_state, self._reported)
                    self._reported_at_s = time.monotonic()
                    self._has_reported.set()
            self._mailbox.end(RobotLost(f"{self._identity}: stopped reporting its state; connect again"))
        finally:
            stream.cancel()

    async def _follow_battery(self) -> None:
        interface = self._connected().grpc_interface
        while True:
            with suppress(grpc.RpcError):  # the streams tell of a lost link
                answer = await interface.BatteryState(protocol.BatteryStateRequest(), timeout=BATTERY_TIMEOUT_S)
                self._reported = replace(
                    self._reported,
                    battery_low=answer.battery_level == protocol.BATTERY_LEVEL_LOW,
                    battery_volts=answer.battery_volts,
                )
            await asyncio.sleep(self._settings.battery_every_s)

    def _disconnect(self, connection: VectorConnection) -> None:
        self._mailbox.end()
        try:
            connection.submit(self._end_streams()).result(timeout=self._settings.stop_timeout_s)
        except TimeoutError:
            logger.warning("%s: the streams did not end in time", self._identity)
        connection.close()
        self._streams, self._sender = {}, None

    async def _end_streams(self) -> None:
        assert self._sender is not None
        await self._sender.drop_all()
        for stream in self._streams.values():
            stream.cancel()


def _reason(error: BaseException) -> str:
    if isinstance(error, grpc.RpcError):
        return f"{error.code().name}: {(error.details() or 'no details').splitlines()[0]}"
    return "no answer in time"


def state_from_proto(reported: protocol.RobotState, before: RobotState) -> RobotState:
    """What the robot reports in its stream of states; the rest stays as it was before."""

    def says(bit: int) -> bool:
        return bool(reported.status & bit)

    return replace(
        before,
        head_angle_rad=reported.head_angle_rad,
        lift_height_mm=reported.lift_height_mm,
        heading_rad=reported.pose_angle_rad,
        on_charger=says(protocol.ROBOT_STATUS_IS_ON_CHARGER),
        cliff_detected=says(protocol.ROBOT_STATUS_CLIFF_DETECTED),
        picked_up=says(protocol.ROBOT_STATUS_IS_PICKED_UP),
    )


def stop_at_interpreter_exit(robot: VectorRobot) -> None:
    """Stop the wheels when the interpreter ends with the `with` block still open, as in a thread that was forgotten.

    `atexit` would be too late: the interpreter first waits for the threads in which gRPC streams are read, for ever.
    """
    reference = weakref.ref(robot)

    def leave() -> None:
        robot = reference()
        if robot is not None:
            robot.close()

    threading._register_atexit(leave)  # type: ignore[attr-defined]
