"""Checks of the robot itself, through its gRPC service: token, versions, control, camera."""

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
from anki_vector.messaging import client, protocol

from robot_app.core.errors import InputError
from robot_app.core.frame import decode_image
from robot_app.robots.vector.identity import HOW_TO_CREATE, VectorIdentity, read_certificate
from robot_app.tools.diagnostics.findings import CheckFailed

TIMEOUT_S = 3.0
CAMERA_STARTS_S = 5.0
CAMERA_WATCHED_S = 2.0
LEAST_CAMERA_HZ = 5.0
RESTART = "restart the robot (hold its button on the charger)"


def check_token(identity: VectorIdentity) -> str:
    """The robot accepts our token. The token itself is never shown."""
    with _service(identity) as service:
        try:
            service.ProtocolVersion(_version_request(), timeout=TIMEOUT_S)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.UNAUTHENTICATED:
                raise CheckFailed(
                    "the robot refuses it",
                    f"after a reset or a new owner it needs a new one: {HOW_TO_CREATE}",
                ) from error
            raise _no_answer(error) from error
    return "accepted"


def check_protocol(identity: VectorIdentity) -> str:
    """The robot's software speaks a protocol that the SDK knows."""
    with _service(identity) as service:
        try:
            answer = service.ProtocolVersion(_version_request(), timeout=TIMEOUT_S)
            firmware = service.VersionState(protocol.VersionStateRequest(), timeout=TIMEOUT_S).os_version
        except grpc.RpcError as error:
            raise _no_answer(error) from error
    spoken = f"firmware {firmware or 'unknown'}, protocol {answer.host_version}"
    is_known = answer.host_version >= protocol.PROTOCOL_VERSION_MINIMUM
    if answer.result != protocol.ProtocolVersionResponse.SUCCESS or not is_known:
        raise CheckFailed(
            f"{spoken}, the SDK speaks {protocol.PROTOCOL_VERSION_MINIMUM} to {protocol.PROTOCOL_VERSION_CURRENT}",
            "update the robot, and wirepod-vector-sdk here",
        )
    return spoken


def check_control(identity: VectorIdentity) -> str:
    """No other program is connected, and the robot hands control over. It is given back at once."""
    with _service(identity) as service:
        events = service.EventStream(protocol.EventRequest(connection_id=b"doctor"), timeout=TIMEOUT_S)
        try:
            first = next(events)
            if first.event.HasField("connection_response") and not first.event.connection_response.is_primary:
                raise CheckFailed(
                    "another program is connected to the robot and may hold control of it",
                    "end the other program; control was not asked for, since that would take it away",
                )
            if not _is_granted(service):
                raise CheckFailed(
                    f"the robot does not hand over control within {TIMEOUT_S:g} s",
                    "put it on the floor, upright and awake; it keeps control while it is held, in trouble or low on "
                    "battery",
                )
        except grpc.RpcError as error:
            raise _no_answer(error) from error
        finally:
            events.cancel()
    return "free; granted and given back"


def check_camera(identity: VectorIdentity) -> str:
    """Pictures come, differ and can be read."""
    with _service(identity) as service:
        pictures, rate_hz = _watch_camera(service)
    if not pictures:
        raise CheckFailed(f"no picture within {CAMERA_STARTS_S:g} s", RESTART)
    try:
        height, width = decode_image(pictures[-1], "picture").shape[:2]
    except InputError as error:
        raise CheckFailed("the pictures that come cannot be read", RESTART) from error
    if len(pictures) > 2 and len(set(pictures)) == 1:
        raise CheckFailed(f"the same picture again and again, {rate_hz:.0f} times a second", RESTART)
    text = f"{width} x {height} px, {rate_hz:.1f} frames/s"
    if rate_hz < LEAST_CAMERA_HZ:
        raise CheckFailed(text, "the network is slow; bring the robot nearer to the access point", is_fatal=False)
    return text


def _watch_camera(service: client.ExternalInterfaceStub) -> tuple[list[bytes], float]:
    """The pictures of a short time, and how many come in a second."""
    stream = service.CameraFeed(protocol.CameraFeedRequest())
    timer = threading.Timer(CAMERA_STARTS_S, stream.cancel)
    timer.start()
    pictures: list[bytes] = []
    first_s = last_s = 0.0
    try:
        for answer in stream:
            last_s = time.monotonic()
            first_s = first_s or last_s
            pictures.append(answer.data)
            if last_s - first_s > CAMERA_WATCHED_S:
                break
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.CANCELLED:
            raise _no_answer(error) from error
    finally:
        timer.cancel()
        stream.cancel()
    return pictures, (len(pictures) - 1) / (last_s - first_s) if last_s > first_s else 0.0


def _is_granted(service: client.ExternalInterfaceStub) -> bool:
    requests: queue.Queue[protocol.BehaviorControlRequest | None] = queue.Queue()
    wanted = protocol.ControlRequest(priority=protocol.ControlRequest.DEFAULT)
    requests.put(protocol.BehaviorControlRequest(control_request=wanted))
    stream = service.BehaviorControl(iter(requests.get, None), timeout=TIMEOUT_S)
    try:
        return any(answer.WhichOneof("response_type") == "control_granted_response" for answer in stream)
    except grpc.RpcError as error:
        if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            return False
        raise
    finally:
        requests.put(None)
        stream.cancel()


@contextmanager
def _service(identity: VectorIdentity) -> Iterator[client.ExternalInterfaceStub]:
    read_certificate(identity.certificate)
    credentials = grpc.composite_channel_credentials(
        grpc.ssl_channel_credentials(identity.certificate.read_bytes()),
        grpc.access_token_call_credentials(identity.guid),
    )
    options = (("grpc.ssl_target_name_override", identity.name),)
    with grpc.secure_channel(identity.address, credentials, options=options) as channel:
        yield client.ExternalInterfaceStub(channel)


def _version_request() -> protocol.ProtocolVersionRequest:
    return protocol.ProtocolVersionRequest(
        client_version=protocol.PROTOCOL_VERSION_CURRENT, min_host_version=protocol.PROTOCOL_VERSION_MINIMUM
    )


def _no_answer(error: grpc.RpcError) -> CheckFailed:
    return CheckFailed(f"the robot accepts connections but does not answer ({error.code().name})", RESTART)
