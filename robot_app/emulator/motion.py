# ruff: noqa: N802, D102 - the calls are named and documented by the protocol
"""The calls that move the emulated robot or make it heard."""

import math
import threading
import time
from collections.abc import Callable

import grpc
from anki_vector.messaging import client, protocol
from google.protobuf.message import Message

from robot_app.emulator.body import STRAIGHT_SPEED_MM_S, TURN_SPEED_RAD_S, Body
from robot_app.emulator.commands import CommandLog
from robot_app.emulator.control import Control
from robot_app.emulator.faults import Fault, Faults
from robot_app.emulator.legs import Leg, straight, turn

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

    def _go(self, leg: Leg, tag: int) -> protocol.ActionResult:
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
