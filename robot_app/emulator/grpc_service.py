"""Vector's gRPC service, answered by the parts of the emulated robot.

The calls that move the emulated robot or make it heard.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator

import grpc
from anki_vector.messaging import client, protocol
from google.protobuf.message import Message

from robot_app.emulator.body import STRAIGHT_SPEED_MM_S, TURN_SPEED_RAD_S, Body, Sensors
from robot_app.emulator.camera_feed import JPEG_COLOR, Camera, StreamBrokeOff
from robot_app.emulator.control import CommandLog, Control
from robot_app.emulator.dynamics import Maneuver, straight, turn
from robot_app.emulator.faults import Fault, Faults
from robot_app.emulator.world import Proximity

POLL_S = 0.01

SPEECH_S_PER_CHARACTER = 0.06

ANIMATION_S = 1.0

ANIMATION_TRIGGERS = ("GreetAfterLongTime", "PettingBlissGetin", "GoToSleepGetOut", "LookAround", "ReactToGoodBye")

ANIMATIONS = ("anim_eyepose_happy", "anim_greeting_hello_01", "anim_pounce_success_02")

OK = protocol.ResponseStatus(code=protocol.ResponseStatus.RESPONSE_RECEIVED)

FORBIDDEN = protocol.ResponseStatus(code=protocol.ResponseStatus.FORBIDDEN)

DONE = protocol.ActionResult(code=protocol.ActionResult.ACTION_RESULT_SUCCESS)

CANCELLED = protocol.ActionResult(code=protocol.ActionResult.ACTION_RESULT_CANCELLED_WHILE_RUNNING)


class MotionService(client.ExternalInterfaceServicer):  # type: ignore[misc] # the SDK has no types
    """Carries out commands of the client that has control, and notes all of them.

    As on the robot, wheel speeds and motor stops are answered at once and turns, head and lift angles, speech and
    animations when they are done. Stopping the motors does not end a turn: that takes a cancellation by its tag. What
    a client has begun goes on when the client is gone: nothing in the published sources of the robot's software says
    otherwise.
    """

    def __init__(
        self, body: Body, control: Control, commands: CommandLog, stopping: threading.Event, faults: Faults
    ) -> None:
        self._body = body
        self._control = control
        self._commands = commands
        self._stopping = stopping
        self._faults = faults
        self._running: dict[int, threading.Event] = {}

    def DriveWheels(
        self, request: protocol.DriveWheelsRequest, context: grpc.ServicerContext
    ) -> protocol.DriveWheelsResponse:
        if self._accept("DriveWheels", request, context):
            self._body.drive(request.left_wheel_mmps, request.right_wheel_mmps)
        return protocol.DriveWheelsResponse(status=OK)

    def StopAllMotors(
        self, request: protocol.StopAllMotorsRequest, context: grpc.ServicerContext
    ) -> protocol.StopAllMotorsResponse:
        if self._accept("StopAllMotors", request, context):
            self._body.halt()
        return protocol.StopAllMotorsResponse(status=OK)

    def MoveHead(self, request: protocol.MoveHeadRequest, context: grpc.ServicerContext) -> protocol.MoveHeadResponse:
        if self._accept("MoveHead", request, context):
            speed_rad_s = request.speed_rad_per_sec
            self._body.set_head(speed_rad_s * 10.0, speed_rad_s)  # towards the end stop
        return protocol.MoveHeadResponse(status=OK)

    def MoveLift(self, request: protocol.MoveLiftRequest, context: grpc.ServicerContext) -> protocol.MoveLiftResponse:
        if self._accept("MoveLift", request, context):
            self._body.set_lift(request.speed_rad_per_sec * 1000.0)
        return protocol.MoveLiftResponse(status=OK)

    def SetHeadAngle(
        self, request: protocol.SetHeadAngleRequest, context: grpc.ServicerContext
    ) -> protocol.SetHeadAngleResponse:
        if not self._accept("SetHeadAngle", request, context):
            return protocol.SetHeadAngleResponse(status=FORBIDDEN, result=CANCELLED)
        self._body.set_head(request.angle_rad, request.max_speed_rad_per_sec)
        result = self._wait_until(lambda: self._body.head_is_there, request.id_tag)
        return protocol.SetHeadAngleResponse(status=OK, result=result)

    def SetLiftHeight(
        self, request: protocol.SetLiftHeightRequest, context: grpc.ServicerContext
    ) -> protocol.SetLiftHeightResponse:
        if not self._accept("SetLiftHeight", request, context):
            return protocol.SetLiftHeightResponse(status=FORBIDDEN, result=CANCELLED)
        self._body.set_lift(request.height_mm)
        result = self._wait_until(lambda: self._body.lift_is_there, request.id_tag)
        return protocol.SetLiftHeightResponse(status=OK, result=result)

    def TurnInPlace(
        self, request: protocol.TurnInPlaceRequest, context: grpc.ServicerContext
    ) -> protocol.TurnInPlaceResponse:
        if not self._accept("TurnInPlace", request, context):
            return protocol.TurnInPlaceResponse(status=FORBIDDEN, result=CANCELLED)
        angle_rad = request.angle_rad
        if request.is_absolute:
            angle_rad = math.remainder(angle_rad - self._body.state.heading_rad, math.tau)
        leg = turn(angle_rad, request.speed_rad_per_sec or TURN_SPEED_RAD_S)
        return protocol.TurnInPlaceResponse(status=OK, result=self._go(leg, request.id_tag))

    def DriveStraight(
        self, request: protocol.DriveStraightRequest, context: grpc.ServicerContext
    ) -> protocol.DriveStraightResponse:
        if not self._accept("DriveStraight", request, context):
            return protocol.DriveStraightResponse(status=FORBIDDEN, result=CANCELLED)
        leg = straight(request.dist_mm, request.speed_mmps or STRAIGHT_SPEED_MM_S)
        return protocol.DriveStraightResponse(status=OK, result=self._go(leg, request.id_tag))

    def SayText(self, request: protocol.SayTextRequest, context: grpc.ServicerContext) -> protocol.SayTextResponse:
        if not self._accept("SayText", request, context):
            return protocol.SayTextResponse(status=FORBIDDEN)
        self._wait_until(_after(len(request.text) * SPEECH_S_PER_CHARACTER), 0)
        return protocol.SayTextResponse(status=OK, state=protocol.SayTextResponse.FINISHED)

    def PlayAnimation(
        self, request: protocol.PlayAnimationRequest, context: grpc.ServicerContext
    ) -> protocol.PlayAnimationResponse:
        return self._play("PlayAnimation", request, context, request.animation.name in ANIMATIONS)

    def PlayAnimationTrigger(
        self, request: protocol.PlayAnimationTriggerRequest, context: grpc.ServicerContext
    ) -> protocol.PlayAnimationResponse:
        # The robot knows hundreds of triggers; which ones depends on its firmware. Any name will do here.
        return self._play("PlayAnimationTrigger", request, context, bool(request.animation_trigger.name))

    def ListAnimations(
        self, request: protocol.ListAnimationsRequest, context: grpc.ServicerContext
    ) -> protocol.ListAnimationsResponse:
        names = [protocol.Animation(name=name) for name in ANIMATIONS]
        return protocol.ListAnimationsResponse(status=OK, animation_names=names)

    def ListAnimationTriggers(
        self, request: protocol.ListAnimationTriggersRequest, context: grpc.ServicerContext
    ) -> protocol.ListAnimationTriggersResponse:
        names = [protocol.AnimationTrigger(name=name) for name in ANIMATION_TRIGGERS]
        return protocol.ListAnimationTriggersResponse(status=OK, animation_trigger_names=names)

    def CancelActionByIdTag(
        self, request: protocol.CancelActionByIdTagRequest, context: grpc.ServicerContext
    ) -> protocol.CancelActionByIdTagResponse:
        self._commands.add("CancelActionByIdTag", request, obeyed=True)
        running = self._running.get(request.id_tag)
        if running is not None:
            running.set()
        return protocol.CancelActionByIdTagResponse(status=OK)

    def cancel_all(self) -> None:
        """End every action and stop the motors, as when the robot itself takes control."""
        for running in list(self._running.values()):
            running.set()
        self._body.halt()

    def _accept(self, name: str, request: Message, context: grpc.ServicerContext) -> bool:
        obeyed = self._control.is_held_by(context.peer())
        self._commands.add(name, request, obeyed)
        return obeyed

    def _play(
        self, name: str, request: Message, context: grpc.ServicerContext, is_known: bool
    ) -> protocol.PlayAnimationResponse:
        if not is_known or not self._accept(name, request, context):
            return protocol.PlayAnimationResponse(status=FORBIDDEN, result=protocol.BEHAVIOR_WONT_ACTIVATE_STATE)
        self._wait_until(_after(ANIMATION_S), 0)
        return protocol.PlayAnimationResponse(status=OK, result=protocol.BEHAVIOR_COMPLETE_STATE)

    def _go(self, leg: Maneuver, tag: int) -> protocol.ActionResult:
        """Run a leg to its end, or until it is cancelled."""
        number = self._body.begin(leg)
        try:
            return self._wait_until(lambda: not self._body.is_under_way(number), tag)
        finally:
            self._body.end(number)

    def _wait_until(self, is_done: Callable[[], bool], tag: int) -> protocol.ActionResult:
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


def _after(seconds: float) -> Callable[[], bool]:
    ends_s = time.monotonic() + seconds
    return lambda: time.monotonic() >= ends_s


STATE_HZ = 15.0

FIRMWARE = "2.0.1.6091-emulated"


class VectorService(MotionService):
    """Connection, control, state and camera, beside the commands of `MotionService`."""

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        body: Body,
        camera: Camera,
        control: Control,
        commands: CommandLog,
        stopping: threading.Event,
        faults: Faults,
    ) -> None:
        super().__init__(body, control, commands, stopping, faults)
        self._camera = camera
        self.sensors = Sensors()
        self._streams: set[threading.Event] = set()
        self._listeners: list[threading.Event] = []

    def ProtocolVersion(
        self, request: protocol.ProtocolVersionRequest, context: grpc.ServicerContext
    ) -> protocol.ProtocolVersionResponse:
        success = protocol.ProtocolVersionResponse.SUCCESS
        return protocol.ProtocolVersionResponse(result=success, host_version=protocol.PROTOCOL_VERSION_CURRENT)

    def SDKInitialization(
        self, request: protocol.SDKInitializationRequest, context: grpc.ServicerContext
    ) -> protocol.SDKInitializationResponse:
        return protocol.SDKInitializationResponse(status=OK)

    def VersionState(
        self, request: protocol.VersionStateRequest, context: grpc.ServicerContext
    ) -> protocol.VersionStateResponse:
        return protocol.VersionStateResponse(status=OK, os_version=FIRMWARE, engine_build_id="emulated")

    def BatteryState(
        self, request: protocol.BatteryStateRequest, context: grpc.ServicerContext
    ) -> protocol.BatteryStateResponse:
        is_low = self._faults.is_active(Fault.BATTERY_LOW)
        return protocol.BatteryStateResponse(
            status=OK,
            battery_level=protocol.BATTERY_LEVEL_LOW if is_low else protocol.BATTERY_LEVEL_NOMINAL,
            battery_volts=3.5 if is_low else 3.9,
            is_charging=self._is_on_charger(),
            is_on_charger_platform=self._is_on_charger(),
        )

    def BehaviorControl(
        self, request_iterator: Iterator[protocol.BehaviorControlRequest], context: grpc.ServicerContext
    ) -> Iterator[protocol.BehaviorControlResponse]:
        peer = context.peer()
        self._on_end(context, lambda: self._control.leave(peer))
        yield from self._control.converse(peer, request_iterator)
        self._say_goodbye(context)

    def EventStream(
        self, request: protocol.EventRequest, context: grpc.ServicerContext
    ) -> Iterator[protocol.EventResponse]:
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

    def CameraFeed(
        self, request: protocol.CameraFeedRequest, context: grpc.ServicerContext
    ) -> Iterator[protocol.CameraFeedResponse]:
        ended = self._open_stream(context)
        try:
            yield from self._camera.feed(ended)
        except StreamBrokeOff:
            context.abort(grpc.StatusCode.UNAVAILABLE, "the camera feed was closed")
        self._say_goodbye(context)

    def CaptureSingleImage(
        self, request: protocol.CaptureSingleImageRequest, context: grpc.ServicerContext
    ) -> protocol.CaptureSingleImageResponse:
        picture = self._camera.single_picture() or b""
        return protocol.CaptureSingleImageResponse(status=OK, image_encoding=JPEG_COLOR, data=picture)

    def EnableImageStreaming(
        self, request: protocol.EnableImageStreamingRequest, context: grpc.ServicerContext
    ) -> protocol.EnableImageStreamingResponse:
        self._camera.is_enabled = request.enable
        return protocol.EnableImageStreamingResponse(status=OK)

    def IsImageStreamingEnabled(
        self, request: protocol.IsImageStreamingEnabledRequest, context: grpc.ServicerContext
    ) -> protocol.IsImageStreamingEnabledResponse:
        return protocol.IsImageStreamingEnabledResponse(is_image_streaming_enabled=self._camera.is_streaming)

    def GetCameraConfig(
        self, request: protocol.CameraConfigRequest, context: grpc.ServicerContext
    ) -> protocol.CameraConfigResponse:
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

    def EnableFaceDetection(
        self, request: protocol.EnableFaceDetectionRequest, context: grpc.ServicerContext
    ) -> protocol.EnableFaceDetectionResponse:
        return protocol.EnableFaceDetectionResponse(status=OK)

    def EnableMarkerDetection(
        self, request: protocol.EnableMarkerDetectionRequest, context: grpc.ServicerContext
    ) -> protocol.EnableMarkerDetectionResponse:
        return protocol.EnableMarkerDetectionResponse(status=OK)

    def EnableMotionDetection(
        self, request: protocol.EnableMotionDetectionRequest, context: grpc.ServicerContext
    ) -> protocol.EnableMotionDetectionResponse:
        return protocol.EnableMotionDetectionResponse(status=OK)

    def EnableMirrorMode(
        self, request: protocol.EnableMirrorModeRequest, context: grpc.ServicerContext
    ) -> protocol.EnableMirrorModeResponse:
        return protocol.EnableMirrorModeResponse(status=OK)

    def DeleteCustomObjects(
        self, request: protocol.DeleteCustomObjectsRequest, context: grpc.ServicerContext
    ) -> protocol.DeleteCustomObjectsResponse:
        return protocol.DeleteCustomObjectsResponse(status=OK)

    def end_streams(self) -> None:
        """Wake every stream so that it ends."""
        for ended in list(self._streams):
            ended.set()

    def _open_stream(self, context: grpc.ServicerContext) -> threading.Event:
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
    def _on_end(context: grpc.ServicerContext, call: Callable[[], None]) -> None:
        if not context.add_callback(call):  # the call has ended already
            call()

    def _say_goodbye(self, context: grpc.ServicerContext) -> None:
        """A server that goes down says so; a stream that simply ends would look like the end of the footage."""
        if self._stopping.is_set():
            context.abort(grpc.StatusCode.UNAVAILABLE, "the robot is shutting down")

    def _is_on_charger(self) -> bool:
        return self.sensors.on_charger or self._body.felt.is_on_charger

    def _robot_state(self) -> protocol.RobotState:
        body, felt, sensors = self._body.state, self._body.felt, self.sensors
        status = protocol.ROBOT_STATUS_LIFT_IN_POS | protocol.ROBOT_STATUS_HEAD_IN_POS
        for is_set, bits in (
            (body.left_mm_s or body.right_mm_s, protocol.ROBOT_STATUS_ARE_WHEELS_MOVING),
            (body.left_mm_s or body.right_mm_s, protocol.ROBOT_STATUS_IS_MOVING),
            (self._is_on_charger(), protocol.ROBOT_STATUS_IS_ON_CHARGER),
            (sensors.cliff_detected or any(felt.cliffs), protocol.ROBOT_STATUS_CLIFF_DETECTED),
            (sensors.picked_up or felt.has_fallen, protocol.ROBOT_STATUS_IS_PICKED_UP),
            (sensors.carrying_block, protocol.ROBOT_STATUS_IS_CARRYING_BLOCK),
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
            carrying_object_id=1 if sensors.carrying_block else -1,
            carrying_object_on_top_id=-1,
            head_tracking_object_id=-1,
            localized_to_object_id=-1,
            status=status,
            prox_data=_as_message(felt.proximity),
            touch_data=protocol.TouchData(),
        )


def _as_message(proximity: Proximity) -> protocol.ProxData:
    return protocol.ProxData(
        distance_mm=round(proximity.distance_mm),
        signal_quality=proximity.signal_quality,
        unobstructed=proximity.is_unobstructed,
        found_object=not proximity.is_unobstructed,
    )
