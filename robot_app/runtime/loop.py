"""The loop: see, track, decide, act. One loop, whatever the robot is."""

import logging
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Self, TypeVar, cast

from robot_app.behaviour import Behaviour, Decision, Refusable
from robot_app.core.actions import Action, Stop
from robot_app.core.detections import Detections
from robot_app.core.errors import InputError, RobotError
from robot_app.core.frame import Frame, Image
from robot_app.core.robot import Robot, Supervision
from robot_app.core.step import Step, Timings
from robot_app.core.tracks import Track
from robot_app.perception.detector import Detector
from robot_app.perception.tracker import Tracker, Viewpoint
from robot_app.runtime.settings import Settings
from robot_app.safety.gate import STANDING, GatedActions, gate_motion

logger = logging.getLogger(__name__)

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Picture:
    """A frame, decoded to `image`, uint8 (H, W, 3) BGR; and when that began, by `time.perf_counter`."""

    frame: Frame
    image: Image
    began_s: float


def readable(frames: Iterable[Frame], on_skip: Callable[[Frame], None] = lambda _: None) -> Iterator[Picture]:
    """The frames that can be decoded. The others are counted, and logged in one line for many in a row."""
    skipped, is_told = 0, False
    for frame in frames:
        began_s = time.perf_counter()
        try:
            picture = Picture(frame, frame.image(), began_s)
        except InputError as error:
            if not is_told:
                logger.warning("skipped: %s", error)
            skipped, is_told = skipped + 1, True
            on_skip(frame)
            continue
        is_told = False
        yield picture
    if skipped:
        logger.warning("frames skipped because they could not be decoded: %d", skipped)


class Loop(Generic[State]):
    """Turns a robot's frames into steps, and acts. Everything that one turn hands to the next is here.

    A replay must come to the same steps, so the robot's state is read once per frame, the time before the behaviour is
    asked and after it has answered, and nothing of what happens to a frame that cannot be decoded is remembered.
    """

    def __init__(
        self,
        robot: Robot,
        detect: Callable[[Image], Detections],
        behaviour: Behaviour[State],
        settings: Settings,
        tracker: Tracker | None = None,
    ) -> None:
        """`detect` gives detections down to the `min_score` of `tracker`, without which any may begin a track."""
        self._robot = robot
        self._detect = detect
        self._behaviour = behaviour
        self._settings = settings
        self._tracker = tracker or Tracker(settings.tracker)
        self._memory: State | None = None
        self._moving_until_s = STANDING
        self._last_good_s: float | None = None
        self._has_refused = False
        self._told_limits: set[str] = set()

    @classmethod
    def with_detector(cls, robot: Robot, detector: Detector, behaviour: Behaviour[State], settings: Settings) -> Self:
        """A loop that sees and tracks with this model."""
        tracker = Tracker.for_model(detector.card, settings.tracker, detector.score_threshold)
        return cls(robot, lambda image: detector(image, tracker.min_score), behaviour, settings, tracker)

    def steps(self) -> Generator[Step, None, None]:
        """One step per frame that can be decoded, until the robot's frames end. The wheels are stopped at the end.

        The robot must have been entered. Closing the iterator, or any exception, stops the wheels as well.

        Raises:
            FrameTimeout: the camera has sent nothing new for too long.
            RobotLost: the link broke.
        """
        try:
            for picture in readable(self._robot.frames(), self._stop_when_blind):
                self._last_good_s = picture.frame.received_at_s
                yield self._step(picture)
        finally:
            # Whatever ended the loop is the error to tell; leaving the robot tries once more and raises by itself.
            self._stop()

    def _step(self, picture: Picture) -> Step:
        frame, decoded_s = picture.frame, time.perf_counter()
        detections = self._detect(picture.image)
        detected_s = time.perf_counter()
        state, supervision = self._robot.state, self._robot.supervision
        decided_at_s = self._robot.now_s()
        hw = picture.image.shape[:2]
        seen = self._tracker.update(detections, Viewpoint.of(frame, hw, state, self._settings.camera))
        decision = self._decide(seen.tracks, supervision, decided_at_s)
        acted_at_s = self._robot.now_s()
        gated = gate_motion(
            decision.actions,
            now_s=acted_at_s,
            frame_age_s=acted_at_s - frame.received_at_s,
            state=state,
            supervision=supervision,
            moving_until_s=self._moving_until_s,
            settings=self._settings.motion,
            busy_s=time.perf_counter() - picture.began_s,
        )
        self._moving_until_s = gated.moving_until_s
        self._memory = decision.state
        if (gated.is_motion_refused or supervision.paused) and isinstance(self._memory, Refusable):
            self._memory = self._memory.refused(at_edge=state.cliff_detected)
        if not supervision.held:  # the person knows
            self._tell(gated, decision.actions)
        for action in gated.allowed:
            self._send(action)
        return Step(
            frame=frame,
            state=state,
            decided_at_s=decided_at_s,
            detections=seen.detections,
            tracks=seen.tracks,
            events=decision.events,
            actions=gated.allowed,
            timings=Timings(
                decode_ms=(decoded_s - picture.began_s) * 1000,
                detect_ms=(detected_s - decoded_s) * 1000,
                decide_ms=(time.perf_counter() - detected_s) * 1000,
            ),
            supervision=supervision,
            motion_block_reason=gated.reason,
            memory=self._memory,
            acted_at_s=acted_at_s,
        )

    def _decide(self, tracks: tuple[Track, ...], supervision: Supervision, now_s: float) -> Decision[State]:
        """Ask the behaviour. In a pause it is left out and its memory kept, so that it reacts afterwards."""
        if supervision.paused:
            return Decision(cast("State", self._memory))
        return self._behaviour(self._memory, tracks, now_s)

    def _tell(self, gated: GatedActions, wanted: tuple[Action, ...]) -> None:
        """Say once why motion is refused, and when it is allowed again; and once of each limit that it is one."""
        for limit in gated.limits:
            if limit not in self._told_limits:
                logger.warning("the behaviour asks for too much: %s", limit)
            self._told_limits.add(limit)
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

    def _stop_when_blind(self, frame: Frame) -> None:
        """After a frame that cannot be decoded: stop the wheels when there has been no good one for too long."""
        now_s, max_age_s = frame.received_at_s, self._settings.motion.max_frame_age_s
        if now_s < self._moving_until_s and (self._last_good_s is None or now_s - self._last_good_s > max_age_s):
            if not self._has_refused:
                logger.warning("stopped: no readable frame for more than %.0f ms", max_age_s * 1000)
            self._has_refused = True
            self._stop()
