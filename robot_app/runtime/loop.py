"""The loop: see, follow, decide, act. One loop, whatever the robot is."""

import logging
import time
from collections.abc import Callable, Generator
from typing import Generic, Self, TypeVar, cast

from robot_app.behaviour import Behaviour, Decision, Refusable
from robot_app.core.actions import Action, Stop
from robot_app.core.camera import CameraModel
from robot_app.core.detections import Detections
from robot_app.core.errors import InputError, RobotError
from robot_app.core.frame import Frame, Image
from robot_app.core.robot import Robot, Supervision
from robot_app.core.step import Step, Timings
from robot_app.perception.detector import Detector
from robot_app.perception.tracker import TrackerState, Viewpoint, gate_low_scores, update_tracks
from robot_app.runtime.settings import Settings
from robot_app.safety.gate import STANDING, GatedActions, gate_motion

logger = logging.getLogger(__name__)

State = TypeVar("State")


class Loop(Generic[State]):
    """Turns a robot's frames into steps, and acts. Everything that one turn hands to the next is here.

    A replay must come to the same steps, so time and the robot's state are read once per frame, and nothing of what
    happens to a frame that cannot be decoded is remembered.

    Attributes:
        skipped_frames: frames so far that could not be decoded.
    """

    def __init__(
        self,
        robot: Robot,
        detect: Callable[[Image], Detections],
        behaviour: Behaviour[State],
        settings: Settings,
        *,
        sure_score: float = 0.0,
    ) -> None:
        """Detections below `sure_score` count only where a robot is expected; see `robot_app.perception.tracker`."""
        self.skipped_frames = 0
        self._robot = robot
        self._detect = detect
        self._behaviour = behaviour
        self._settings = settings
        self._sure_score = sure_score
        self._tracker = TrackerState()
        self._memory: State | None = None
        self._moving_until_s = STANDING
        self._last_good_s: float | None = None
        self._last_was_skipped = False
        self._has_refused = False

    @property
    def memory(self) -> State | None:
        """What the behaviour remembers now; `None` before its first decision."""
        return self._memory

    @classmethod
    def with_detector(cls, robot: Robot, detector: Detector, behaviour: Behaviour[State], settings: Settings) -> Self:
        """A loop that looks again, with less demand, where a robot is expected."""
        sure_score = detector.score_threshold
        attentive = detector.with_threshold(min(sure_score, settings.tracker.min_score))
        return cls(robot, attentive, behaviour, settings, sure_score=sure_score)

    def steps(self) -> Generator[Step, None, None]:
        """One step per frame that can be decoded, until the robot's frames end. The wheels are stopped at the end.

        The robot must have been entered. Closing the iterator, or any exception, stops the wheels as well.

        Raises:
            FrameTimeout: the camera has sent nothing new for too long.
            RobotLost: the link broke.
        """
        try:
            for frame in self._robot.frames():
                started = time.perf_counter()
                try:
                    image = frame.image()
                except InputError as error:
                    self._skip(frame, error)
                    continue
                self._last_good_s, self._last_was_skipped = frame.received_at_s, False
                yield self._step(frame, image, started)
        finally:
            # Whatever ended the loop is the error to tell; leaving the robot tries once more and raises by itself.
            self._stop()

    def _step(self, frame: Frame, image: Image, started: float) -> Step:
        decoded = time.perf_counter()
        detections = self._detect(image)
        detected = time.perf_counter()
        state, supervision = self._robot.state, self._robot.supervision
        decided_at_s = self._robot.now_s()
        camera = (self._settings.camera or state.camera or CameraModel()).for_frame(*image.shape[:2])
        view = Viewpoint(camera, state.head_angle_rad, frame.received_at_s, state.heading_rad)
        detections = gate_low_scores(self._tracker, detections, view, self._sure_score, self._settings.tracker)
        self._tracker = update_tracks(self._tracker, detections, view, self._settings.tracker)
        tracks = self._tracker.tracks
        decision = self._decide(supervision, decided_at_s)
        self._memory = decision.state
        gated = gate_motion(
            decision.actions,
            now_s=decided_at_s,
            frame_age_s=decided_at_s - frame.received_at_s,
            state=state,
            supervision=supervision,
            moving_until_s=self._moving_until_s,
            settings=self._settings.motion,
            busy_s=detected - started,
        )
        self._moving_until_s = gated.moving_until_s
        if (gated.is_motion_refused or supervision.paused) and isinstance(self._memory, Refusable):
            self._memory = self._memory.refused(at_edge=state.cliff_detected)
        if not supervision.held:  # the person knows
            self._tell(gated, decision.actions)
        for action in gated.allowed:
            self._send(action)
        timings = Timings(
            decode_ms=(decoded - started) * 1000,
            detect_ms=(detected - decoded) * 1000,
            decide_ms=(time.perf_counter() - detected) * 1000,
        )
        return Step(
            frame=frame,
            state=state,
            decided_at_s=decided_at_s,
            detections=detections,
            tracks=tracks,
            events=decision.events,
            actions=gated.allowed,
            timings=timings,
            supervision=supervision,
            motion_block_reason=gated.reason,
        )

    def _decide(self, supervision: Supervision, now_s: float) -> Decision[State]:
        """Ask the behaviour; but in a pause it is to miss nothing that it would react to, and to forget nothing."""
        if supervision.paused:
            return Decision(cast("State", self._memory))
        return self._behaviour(self._memory, self._tracker.tracks, now_s)

    def _tell(self, gated: GatedActions, wanted: tuple[Action, ...]) -> None:
        """Say once why motion is refused, and when it is allowed again."""
        if gated.reason is None:
            if self._has_refused:
                logger.warning("may move again")
            self._has_refused = False
            return
        if Stop() in gated.allowed and Stop() not in wanted:
            logger.warning("stopped: %s", gated.reason)
            self._has_refused = True
        if gated.dropped and not self._has_refused:
            logger.warning("not done: %s (%s)", ", ".join(map(str, gated.dropped)), gated.reason)
            self._has_refused = True

    def _send(self, action: Action) -> None:
        if isinstance(action, Stop):
            self._stop()
        else:
            self._robot.do(action)

    def _stop(self) -> None:
        try:
            self._robot.stop()
        except RobotError as error:
            # The frames tell whether the robot is lost; one that comes back goes on.
            logger.error("%s", error)

    def _skip(self, frame: Frame, error: InputError) -> None:
        """Count a frame that is no image; stop the wheels when there has been no good one for too long."""
        self.skipped_frames += 1
        if not self._last_was_skipped:  # one line for many frames in a row
            logger.warning("skipped: %s", error)
        self._last_was_skipped = True
        now_s, max_age_s = frame.received_at_s, self._settings.motion.max_frame_age_s
        if now_s < self._moving_until_s and (self._last_good_s is None or now_s - self._last_good_s > max_age_s):
            if not self._has_refused:
                logger.warning("stopped: no readable frame for more than %.0f ms", max_age_s * 1000)
            self._has_refused = True
            self._stop()
