"""Vector's gRPC calls, answered by the parts of the emulated robot.

As on the robot, wheel speeds and motor stops are answered at once and turns, head and lift angles, speech and
animations when they are done. Stopping the motors does not end a turn: that takes a cancellation by its tag. What a
client has begun goes on when the client is gone: nothing in the published sources of the robot's software says
otherwise. The calls have the names and types that the SDK's generated code gives them; it has no types for mypy.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator

import grpc
from anki_vector.messaging import client, protocol
from google.protobuf.message import Message
from grpc import ServicerContext as Context

from robot_app.core.vector_spec import PROXIMITY_FARTHEST_MM
from robot_app.emulator.body import STRAIGHT_SPEED_MM_S, TURN_SPEED_RAD_S, Body
from robot_app.emulator.camera_feed import JPEG_COLOR, Camera, StreamBrokeOff
from robot_app.emulator.control import CommandLog, Control
from robot_app.emulator.dynamics import Maneuver, straight, turn
from robot_app.emulator.faults import Fault, Faults

POLL_S = 0.01
STATE_HZ = 15.0
FIRMWARE = "2.0.1.6091-emulated"
SPEECH_S_PER_CHARACTER = 0.06
ANIMATION_S = 1.0
ANIMATION_TRIGGERS = ("GreetAfterLongTime", "PettingBlissGetin", "GoToSleepGetOut", "LookAround", "ReactToGoodBye")
ANIMATIONS = ("anim_eyepose_happy", "anim_greeting_hello_01", "anim_pounce_success_02")
OK = protocol.ResponseStatus(code=protocol.ResponseStatus.RESPONSE_RECEIVED)
FORBIDDEN = protocol.ResponseStatus(code=protocol.ResponseStatus.FORBIDDEN)
DONE = protocol.ActionResult(code=protocol.ActionResult.ACTION_RESULT_SUCCESS)
CANCELLED = protocol.ActionResult(code=protocol.ActionResult.ACTION_RESULT_CANCELLED_WHILE_RUNNING)


def _acknowledged(response: type[Message]) -> Callable[..., Message]:
    """A call that changes nothing here."""
    return lambda service, request, context: response(status=OK)


class VectorService(client.ExternalInterfaceServicer):  # type: ignore[misc] # the SDK has no types
    """Answers every call that our clients and the SDK's need. Commands of who has no control are noted, not obeyed."""

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        body: Body,
        camera: Camera,
        control: Control,
        commands: CommandLog,
        stopping: threading.Event,
        faults: Faults,
    ) -> None:
        self._body = body
        self._camera = camera
        self._control = control
        self._commands = commands
        self._stopping = stopping
        self._faults = faults
        self._running: dict[int, threading.Event] = {}
        control.on_withheld = self.cancel_all
        self._streams: set[threading.Event] = set()
        self._listeners: list[threading.Event] = []

    # Connection

    SDKInitialization = _acknowledged(protocol.SDKInitializationResponse)
    EnableFaceDetection = _acknowledged(protocol.EnableFaceDetectionResponse)
    EnableMarkerDetection = _acknowledged(protocol.EnableMarkerDetectionResponse)
    EnableMotionDetection = _acknowledged(protocol.EnableMotionDetectionResponse)
    EnableMirrorMode = _acknowledged(protocol.EnableMirrorModeResponse)
    DeleteCustomObjects = _acknowledged(protocol.DeleteCustomObjectsResponse)

    def ProtocolVersion(self, request: Message, context: Context) -> protocol.ProtocolVersionResponse:
        success = protocol.ProtocolVersionResponse.SUCCESS
        return protocol.ProtocolVersionResponse(result=success, host_version=protocol.PROTOCOL_VERSION_CURRENT)

    def VersionState(self, request: Message, context: Context) -> protocol.VersionStateResponse:
        return protocol.VersionStateResponse(status=OK, os_version=FIRMWARE, engine_build_id="emulated")

    def BehaviorControl(
        self, request_iterator: Iterator[protocol.BehaviorControlRequest], context: Context
    ) -> Iterator[protocol.BehaviorControlResponse]:
        peer = context.peer()
        self._on_end(context, lambda: self._control.leave(peer))
        yield from self._control.converse(peer, request_iterator)
        self._say_goodbye(context)

    # Commands

    def DriveWheels(self, request: protocol.DriveWheelsRequest, context: Context) -> protocol.DriveWheelsResponse:
        if self._accept(request, context):
            self._body.drive(request.left_wheel_mmps, request.right_wheel_mmps)
        return protocol.DriveWheelsResponse(status=OK)

    def StopAllMotors(self, request: Message, context: Context) -> protocol.StopAllMotorsResponse:
        if self._accept(request, context):
            self._body.halt()
        return protocol.StopAllMotorsResponse(status=OK)

    def MoveHead(self, request: protocol.MoveHeadRequest, context: Context) -> protocol.MoveHeadResponse:
        if self._accept(request, context):
            speed_rad_s = request.speed_rad_per_sec
            self._body.set_head(speed_rad_s * 10.0, speed_rad_s)  # towards the end stop
        return protocol.MoveHeadResponse(status=OK)

    def MoveLift(self, request: protocol.MoveLiftRequest, context: Context) -> protocol.MoveLiftResponse:
        if self._accept(request, context):
            self._body.set_lift(request.speed_rad_per_sec * 1000.0)
        return protocol.MoveLiftResponse(status=OK)

    def SetHeadAngle(self, request: protocol.SetHeadAngleRequest, context: Context) -> protocol.SetHeadAngleResponse:
        def move() -> protocol.ActionResult:
            self._body.set_head(request.angle_rad, request.max_speed_rad_per_sec)
            return self._wait_until(lambda: self._body.head_is_there, request.id_tag)

        return self._act(request, context, protocol.SetHeadAngleResponse, move)

    def SetLiftHeight(self, request: protocol.SetLiftHeightRequest, context: Context) -> protocol.SetLiftHeightResponse:
        def move() -> protocol.ActionResult:
            self._body.set_lift(request.height_mm)
            return self._wait_until(lambda: self._body.lift_is_there, request.id_tag)

        return self._act(request, context, protocol.SetLiftHeightResponse, move)

    def TurnInPlace(self, request: protocol.TurnInPlaceRequest, context: Context) -> protocol.TurnInPlaceResponse:
        def move() -> protocol.ActionResult:
            angle_rad = request.angle_rad
            if request.is_absolute:
                angle_rad = math.remainder(angle_rad - self._body.state.heading_rad, math.tau)
            return self._maneuver(turn(angle_rad, request.speed_rad_per_sec or TURN_SPEED_RAD_S), request.id_tag)

        return self._act(request, context, protocol.TurnInPlaceResponse, move)

    def DriveStraight(self, request: protocol.DriveStraightRequest, context: Context) -> protocol.DriveStraightResponse:
        def move() -> protocol.ActionResult:
            return self._maneuver(straight(request.dist_mm, request.speed_mmps or STRAIGHT_SPEED_MM_S), request.id_tag)

        return self._act(request, context, protocol.DriveStraightResponse, move)

    def SayText(self, request: protocol.SayTextRequest, context: Context) -> protocol.SayTextResponse:
        if not self._accept(request, context):
            return protocol.SayTextResponse(status=FORBIDDEN)
        self._wait_until(_after(len(request.text) * SPEECH_S_PER_CHARACTER))
        return protocol.SayTextResponse(status=OK, state=protocol.SayTextResponse.FINISHED)

    def PlayAnimation(self, request: protocol.PlayAnimationRequest, context: Context) -> protocol.PlayAnimationResponse:
        return self._play(request, context, request.animation.name in ANIMATIONS)

    def PlayAnimationTrigger(
        self, request: protocol.PlayAnimationTriggerRequest, context: Context
    ) -> protocol.PlayAnimationResponse:
        # The robot knows hundreds of triggers; which ones depends on its firmware. Any name will do here.
        return self._play(request, context, bool(request.animation_trigger.name))

    def ListAnimations(self, request: Message, context: Context) -> protocol.ListAnimationsResponse:
        names = [protocol.Animation(name=name) for name in ANIMATIONS]
        return protocol.ListAnimationsResponse(status=OK, animation_names=names)

    def ListAnimationTriggers(self, request: Message, context: Context) -> protocol.ListAnimationTriggersResponse:
        names = [protocol.AnimationTrigger(name=name) for name in ANIMATION_TRIGGERS]
        return protocol.ListAnimationTriggersResponse(status=OK, animation_trigger_names=names)

    def CancelActionByIdTag(
        self, request: protocol.CancelActionByIdTagRequest, context: Context
    ) -> protocol.CancelActionByIdTagResponse:
        self._commands.add(request, obeyed=True)
        running = self._running.get(request.id_tag)
        if running is not None:
            running.set()
        return protocol.CancelActionByIdTagResponse(status=OK)

    # State

    def BatteryState(self, request: Message, context: Context) -> protocol.BatteryStateResponse:
        is_low = self._faults.is_active(Fault.BATTERY_LOW)
        return protocol.BatteryStateResponse(
            status=OK,
            battery_level=protocol.BATTERY_LEVEL_LOW if is_low else protocol.BATTERY_LEVEL_NOMINAL,
            battery_volts=3.5 if is_low else 3.9,
            is_charging=self._is_on_charger(),
            is_on_charger_platform=self._is_on_charger(),
        )

    def EventStream(self, request: Message, context: Context) -> Iterator[protocol.EventResponse]:
        ended = self._open_stream(context)
        # The first program to listen is the primary one, until it goes.
        self._listeners.append(ended)
        self._on_end(context, lambda: self._listeners.remove(ended))
        accepted = protocol.ConnectionResponse(is_primary=self._listeners[0] is ended)
        yield protocol.EventResponse(status=OK, event=protocol.Event(connection_response=accepted))
        while not ended.is_set():
            yield protocol.EventResponse(status=OK, event=protocol.Event(robot_state=self._robot_state()))
            ended.wait(1 / STATE_HZ)
        self._say_goodbye(context)

    # Camera

    def CameraFeed(self, request: Message, context: Context) -> Iterator[protocol.CameraFeedResponse]:
        ended = self._open_stream(context)
        try:
            yield from self._camera.feed(ended)
        except StreamBrokeOff:
            context.abort(grpc.StatusCode.UNAVAILABLE, "the camera feed was closed")
        self._say_goodbye(context)

    def CaptureSingleImage(self, request: Message, context: Context) -> protocol.CaptureSingleImageResponse:
        picture = self._camera.single_picture() or b""
        return protocol.CaptureSingleImageResponse(status=OK, image_encoding=JPEG_COLOR, data=picture)

    def EnableImageStreaming(
        self, request: protocol.EnableImageStreamingRequest, context: Context
    ) -> protocol.EnableImageStreamingResponse:
        self._camera.is_enabled = request.enable
        return protocol.EnableImageStreamingResponse(status=OK)

    def IsImageStreamingEnabled(self, request: Message, context: Context) -> protocol.IsImageStreamingEnabledResponse:
        return protocol.IsImageStreamingEnabledResponse(is_image_streaming_enabled=self._camera.is_streaming)

    def GetCameraConfig(self, request: Message, context: Context) -> protocol.CameraConfigResponse:
        camera = self._camera.calibration
        focal_y_px = camera.focal_y_px or camera.focal_px
        return protocol.CameraConfigResponse(
            focal_length_x=camera.focal_px,
            focal_length_y=focal_y_px,
            center_x=camera.centre_x_px,
            center_y=camera.centre_y_px,
            fov_x=2 * math.atan(camera.width_px / 2 / camera.focal_px),
            fov_y=2 * math.atan(camera.height_px / 2 / focal_y_px),
            min_camera_exposure_time_ms=1,
            max_camera_exposure_time_ms=67,
            min_camera_gain=0.1,
            max_camera_gain=3.984375,
        )

    # For the emulator

    def cancel_all(self) -> None:
        """End every action and stop the motors, as when the robot itself takes control."""
        for running in list(self._running.values()):
            running.set()
        self._body.halt()

    def end_streams(self) -> None:
        """Wake every stream so that it ends."""
        for ended in list(self._streams):
            ended.set()

    def _accept(self, request: Message, context: Context) -> bool:
        if not all(math.isfinite(value) for _, value in request.ListFields() if isinstance(value, float)):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "a number is not finite")
        obeyed = self._control.is_held_by(context.peer())
        self._commands.add(request, obeyed)
        return obeyed

    def _act(
        self,
        request: Message,
        context: Context,
        response: Callable[..., Message],
        move: Callable[[], protocol.ActionResult],
    ) -> Message:
        """Answer when the movement is done, or refuse it."""
        if not self._accept(request, context):
            return response(status=FORBIDDEN, result=CANCELLED)
        return response(status=OK, result=move())

    def _play(self, request: Message, context: Context, is_known: bool) -> protocol.PlayAnimationResponse:
        if not is_known or not self._accept(request, context):
            return protocol.PlayAnimationResponse(status=FORBIDDEN, result=protocol.BEHAVIOR_WONT_ACTIVATE_STATE)
        self._wait_until(_after(ANIMATION_S))
        return protocol.PlayAnimationResponse(status=OK, result=protocol.BEHAVIOR_COMPLETE_STATE)

    def _maneuver(self, maneuver: Maneuver, tag: int) -> protocol.ActionResult:
        """Run a maneuver to its end, or until it is cancelled."""
        number = self._body.begin(maneuver)
        try:
            return self._wait_until(lambda: not self._body.is_under_way(number), tag)
        finally:
            self._body.end(number)

    def _wait_until(self, is_done: Callable[[], bool], tag: int = 0) -> protocol.ActionResult:
        """Wait for the end of an action, or until it is cancelled."""
        cancelled = threading.Event()
        self._running[tag or id(cancelled)] = cancelled
        never_ends = self._faults.is_active(Fault.NO_ANSWER)
        try:
            while never_ends or not is_done():
                if cancelled.wait(POLL_S) or self._stopping.is_set():
                    return CANCELLED
            return DONE
        finally:
            self._running.pop(tag or id(cancelled), None)

    def _open_stream(self, context: Context) -> threading.Event:
        """An event that is set when the client or the server goes."""
        ended = threading.Event()
        self._streams.add(ended)

        def end() -> None:
            self._streams.discard(ended)
            ended.set()

        self._on_end(context, end)
        if self._stopping.is_set():
            ended.set()
        return ended

    @staticmethod
    def _on_end(context: Context, call: Callable[[], None]) -> None:
        if not context.add_callback(call):  # the call has ended already
            call()

    def _say_goodbye(self, context: Context) -> None:
        """A server that goes down says so; a stream that simply ends would look like the end of the footage."""
        if self._stopping.is_set():
            context.abort(grpc.StatusCode.UNAVAILABLE, "the robot is shutting down")

    def _is_on_charger(self) -> bool:
        return self._body.sensors.on_charger or self._body.readings.is_on_charger

    def _robot_state(self) -> protocol.RobotState:
        body, readings, sensors = self._body.state, self._body.readings, self._body.sensors
        status = protocol.ROBOT_STATUS_LIFT_IN_POS | protocol.ROBOT_STATUS_HEAD_IN_POS
        for is_set, bits in (
            (body.left_mm_s or body.right_mm_s, protocol.ROBOT_STATUS_ARE_WHEELS_MOVING),
            (body.left_mm_s or body.right_mm_s, protocol.ROBOT_STATUS_IS_MOVING),
            (self._is_on_charger(), protocol.ROBOT_STATUS_IS_ON_CHARGER),
            (sensors.cliff_detected or any(readings.cliffs), protocol.ROBOT_STATUS_CLIFF_DETECTED),
            (sensors.picked_up or readings.has_fallen, protocol.ROBOT_STATUS_IS_PICKED_UP),
        ):
            status |= bits if is_set else 0
        half_rad = body.heading_rad / 2
        return protocol.RobotState(
            pose=protocol.PoseStruct(
                x=body.x_mm, y=body.y_mm, q0=math.cos(half_rad), q3=math.sin(half_rad), origin_id=1
            ),
            pose_angle_rad=math.remainder(body.heading_rad, math.tau),
            left_wheel_speed_mmps=body.left_mm_s,
            right_wheel_speed_mmps=body.right_mm_s,
            head_angle_rad=body.head_angle_rad,
            lift_height_mm=body.lift_height_mm,
            accel=protocol.AccelData(z=9810.0),
            gyro=protocol.GyroData(),
            carrying_object_id=-1,
            carrying_object_on_top_id=-1,
            head_tracking_object_id=-1,
            localized_to_object_id=-1,
            status=status,
            prox_data=_prox_data(readings.proximity_mm),
            touch_data=protocol.TouchData(),
        )


def _after(seconds: float) -> Callable[[], bool]:
    ends_s = time.monotonic() + seconds
    return lambda: time.monotonic() >= ends_s


def _prox_data(distance_mm: float | None) -> protocol.ProxData:
    if distance_mm is None:
        return protocol.ProxData(distance_mm=round(PROXIMITY_FARTHEST_MM), signal_quality=0.01, unobstructed=True)
    quality = min(1.0, (100.0 / distance_mm) ** 2)  # as the light that comes back; an assumption
    return protocol.ProxData(distance_mm=round(distance_mm), signal_quality=quality, found_object=True)
