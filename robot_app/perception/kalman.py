"""A box that moves steadily: Kalman filters of constant velocity (Bar-Shalom et al. 2001, chapter 6.2)."""

import math
from dataclasses import dataclass, replace
from typing import Self

from robot_app.core.tracks import XyxyPx
from robot_app.perception.card import TrackingAssumptions

ASIDE_ACCELERATION, UPWARD_ACCELERATION = 2.0, 0.7
"""1 sigma, in frame widths per s²: other robots hardly accelerate, but our own turns, and our head, begin suddenly."""

SIZE_ACCELERATION = 3.0
"""1 sigma of the second derivative of the logarithm of a box's side, per s²."""

START_RATE_WIDTHS, START_SIZE_RATE = 0.5, 0.5
"""1 sigma of the velocity of a box seen for the first time: frame widths per s, and for the logarithm of its sides."""

SMALLEST_SIDE_PX = 1.0


@dataclass(frozen=True, slots=True)
class ConstantVelocityFilter:
    """A value that changes at a nearly constant rate, with the covariance of both."""

    value: float
    rate: float
    value_var: float
    cov: float
    rate_var: float

    @classmethod
    def first(cls, measured: float, sigma: float, rate_sigma: float) -> Self:
        """The state after one measurement: a rate of 0 with this standard deviation."""
        return cls(measured, 0.0, sigma**2, 0.0, rate_sigma**2)

    def predict(self, seconds: float, acceleration_sigma: float) -> "ConstantVelocityFilter":
        """The state so much later, without a measurement."""
        dt, power = seconds, acceleration_sigma**2
        return ConstantVelocityFilter(
            self.value + self.rate * dt,
            self.rate,
            self.value_var + 2 * dt * self.cov + dt**2 * self.rate_var + power * dt**4 / 4,
            self.cov + dt * self.rate_var + power * dt**3 / 2,
            self.rate_var + power * dt**2,
        )

    def update(self, measured: float, sigma: float) -> "ConstantVelocityFilter":
        """The state corrected by a measurement of this moment."""
        gain = self.value_var / (self.value_var + sigma**2)
        rate_gain = self.cov / (self.value_var + sigma**2)
        error = measured - self.value
        return ConstantVelocityFilter(
            self.value + gain * error,
            self.rate + rate_gain * error,
            self.value_var * (1 - gain),
            self.cov * (1 - gain),
            self.rate_var - rate_gain * self.cov,
        )

    def resting(self) -> "ConstantVelocityFilter":
        """The same value with a rate of 0."""
        return ConstantVelocityFilter(self.value, 0.0, self.value_var, 0.0, self.rate_var)


@dataclass(frozen=True, slots=True)
class BoxFilter:
    """Centre in pixels, and the logarithms of width and height in pixels."""

    x: ConstantVelocityFilter
    y: ConstantVelocityFilter
    log_width: ConstantVelocityFilter
    log_height: ConstantVelocityFilter

    @classmethod
    def first(cls, box_px: XyxyPx, frame_width_px: float, model: TrackingAssumptions) -> Self:
        """A box that was detected for the first time, so that its motion is unknown."""
        x, y, width, height = _centre_and_size(box_px)
        rate, size_rate = START_RATE_WIDTHS * frame_width_px, START_SIZE_RATE
        return cls(
            ConstantVelocityFilter.first(x, model.centre.sigma_px(width), rate),
            ConstantVelocityFilter.first(y, model.centre.sigma_px(height), rate),
            ConstantVelocityFilter.first(math.log(width), model.size.relative(width), size_rate),
            ConstantVelocityFilter.first(math.log(height), model.size.relative(height), size_rate),
        )

    def predict(self, seconds: float, frame_width_px: float) -> "BoxFilter":
        """Where it is expected so much later."""
        return BoxFilter(
            self.x.predict(seconds, ASIDE_ACCELERATION * frame_width_px),
            self.y.predict(seconds, UPWARD_ACCELERATION * frame_width_px),
            self.log_width.predict(seconds, SIZE_ACCELERATION),
            self.log_height.predict(seconds, SIZE_ACCELERATION),
        )

    def shifted(self, right_px: float) -> "BoxFilter":
        """Moved to the right in the picture, since the camera turned."""
        return replace(self, x=replace(self.x, value=self.x.value + right_px))

    def update(self, box_px: XyxyPx, model: TrackingAssumptions) -> "BoxFilter":
        """Corrected by the box that was detected at this moment."""
        x, y, width, height = _centre_and_size(box_px)
        return BoxFilter(
            self.x.update(x, model.centre.sigma_px(width)),
            self.y.update(y, model.centre.sigma_px(height)),
            self.log_width.update(math.log(width), model.size.relative(width)),
            self.log_height.update(math.log(height), model.size.relative(height)),
        )

    def coast(self) -> "BoxFilter":
        """Not detected at this moment: it keeps moving aside, but not up, and does not grow."""
        return BoxFilter(self.x, self.y.resting(), self.log_width.resting(), self.log_height.resting())

    @property
    def box_px(self) -> XyxyPx:
        half_width, half_height = math.exp(self.log_width.value) / 2, math.exp(self.log_height.value) / 2
        x, y = self.x.value, self.y.value
        return x - half_width, y - half_height, x + half_width, y + half_height

    @property
    def x_sigma_px(self) -> float:
        """1 sigma of the centre's column."""
        return math.sqrt(self.x.value_var)


def _centre_and_size(box_px: XyxyPx) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = box_px
    return (x1 + x2) / 2, (y1 + y2) / 2, max(x2 - x1, SMALLEST_SIDE_PX), max(y2 - y1, SMALLEST_SIDE_PX)
