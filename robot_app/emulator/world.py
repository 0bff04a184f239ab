"""What the emulated robot's camera shows."""

from collections.abc import Sequence
from typing import Protocol

from robot_app.camera import CameraModel
from robot_app.emulator.dynamics import BodyState
from robot_app.emulator.surroundings import Surroundings
from robot_app.errors import InputError

VECTOR_FPS = 15.0
"""About what the real camera streams with the SDK connected."""

FOOTAGE_KEPT_S = 0.5


class World(Protocol):
    """What is around the emulated robot."""

    @property
    def fps(self) -> float:
        """How many pictures the camera takes in a second."""
        ...

    @property
    def calibration(self) -> CameraModel:
        """The lens that takes the pictures, for frames of Vector's size."""
        ...

    @property
    def keeps_s(self) -> float:
        """How far back it can still show pictures, for a client that falls behind."""
        ...

    @property
    def surroundings(self) -> Surroundings:
        """What the body can touch and fall off."""
        ...

    @property
    def start(self) -> BodyState:
        """Where the body begins."""
        ...

    def picture(self, index: int, body: BodyState) -> bytes | None:
        """The JPEG that the camera takes as its `index`-th from where the body is; `None` when there are no more."""
        ...


class FootageWorld:
    """Plays pictures, whatever the robot does."""

    def __init__(
        self,
        pictures: Sequence[bytes],
        fps: float = VECTOR_FPS,
        *,
        loop: bool = False,
        calibration: CameraModel | None = None,
    ) -> None:
        """Show `pictures` (JPEG) at `fps`, over and over with `loop`; without a calibration, Vector's nominal one.

        Raises:
            InputError: no pictures, or a rate that is not positive.
        """
        if not pictures:
            raise InputError("the footage for the emulated camera is empty; expected at least one JPEG")
        if not fps > 0:
            raise InputError(f"the emulated camera cannot run at {fps:g} pictures/s; expected more than 0")
        self._pictures = pictures
        self._fps = fps
        self._loop = loop
        self._calibration = calibration or CameraModel()

    @property
    def calibration(self) -> CameraModel:
        """Of the camera that took the footage, as far as it is known."""
        return self._calibration

    @property
    def fps(self) -> float:
        """Pictures in a second."""
        return self._fps

    @property
    def keeps_s(self) -> float:
        """A little; a client that is slower than this misses pictures."""
        return FOOTAGE_KEPT_S

    @property
    def surroundings(self) -> Surroundings:
        """A floor without end."""
        return Surroundings()

    @property
    def start(self) -> BodyState:
        """The middle of it."""
        return BodyState()

    def picture(self, index: int, body: BodyState) -> bytes | None:
        """The `index`-th picture of the footage, wherever the body is."""
        if index >= len(self._pictures) and not self._loop:
            return None
        return self._pictures[index % len(self._pictures)]
