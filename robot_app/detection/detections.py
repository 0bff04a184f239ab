"""What a detector found in one frame."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """N objects as parallel arrays, best score first.

    Attributes:
        boxes_px: float32 (N, 4), xyxy in the frame's pixels, origin at the top left corner of the image.
        scores: float32 (N,), 0 to 1.
        labels: int64 (N,), indices into the model card's class names.

    Raises:
        ValueError: shapes or dtypes differ from these.
    """

    boxes_px: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        n = len(self.scores)
        for name, array, shape, dtype in (
            ("boxes_px", self.boxes_px, (n, 4), np.float32),
            ("scores", self.scores, (n,), np.float32),
            ("labels", self.labels, (n,), np.int64),
        ):
            if array.shape != shape or array.dtype != dtype:
                expected = f"{np.dtype(dtype).name} {shape}"
                raise ValueError(f"{name}: expected {expected}, found {array.dtype} {array.shape}")

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def empty(cls) -> Self:
        """No objects."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))

    def select(self, index: NDArray[np.bool_] | NDArray[np.intp]) -> "Detections":
        """Those at `index` (a mask or positions)."""
        return Detections(self.boxes_px[index], self.scores[index], self.labels[index])

    def above(self, score: float) -> "Detections":
        """Those with at least this score."""
        return self.select(self.scores >= score)
