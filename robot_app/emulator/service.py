# ruff: noqa: N802, D102 - the calls are named and documented by the protocol
"""Vector's gRPC service, answered by the parts of the emulated robot."""

import math
import threading
from collections.abc import Callable, Iterator

import grpc
from anki_vector.messaging import protocol

from robot_app.emulator.body import Body, Sensors
from robot_app.emulator.camera import JPEG_COLOR, Camera, StreamBrokeOff
from robot_app.emulator.commands import CommandLog
from robot_app.emulator.control import Control
from robot_app.emulator.faults import Fault, Faults
from robot_app.emulator.motion import OK, MotionService
from robot_app.emulator.surroundings import Proximity

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
