"""How a report writes numbers and names in Markdown."""

import math
import re
from collections.abc import Callable, Sequence

from training.study.results import Arm
from training.study.statistics import Estimate, Interval

FREEZE_WORDS = {
    "none": "all trains",
    "backbone": "backbone frozen",
    "backbone+neck": "head only",
    "features": "head on stored features",
}
ABSENT = "–"  # noqa: RUF001 - an en dash is what tables use


def escape(text: str) -> str:
    """Text from elsewhere as Markdown that shows it as it is, on one line."""
    return re.sub(r"([\\`*<>|\[\]])", r"\\\1", " ".join(text.split()))


def arm_words(arm: Arm) -> str:
    """An arm's name, told apart from the sentence around it."""
    return f"*{escape(arm.name)}*"


def plural(count: int, noun: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def join_words(words: Sequence[str]) -> str:
    """`a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def score(value: float) -> str:
    """A score from 0 to 1."""
    return f"{value:.3f}" if math.isfinite(value) else ABSENT


def signed(value: float) -> str:
    """A difference of scores, with its sign."""
    return f"{value:+.3f}".replace("-", "\N{MINUS SIGN}") if math.isfinite(value) else ABSENT


def percent(value: float) -> str:
    """A part as percent without the sign, one decimal: as in published tables."""
    return f"{100 * value:.1f}" if math.isfinite(value) else ABSENT


def count(value: float) -> str:
    """Epochs or seconds: one decimal below 100."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == round(value) else f"{value:.1f}"


def p_value(value: float) -> str:
    """Three decimals; smaller ones as such."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def seconds_words(seconds: float) -> str:
    """Seconds, minutes or hours, whatever is easiest to read."""
    if not math.isfinite(seconds):
        return ABSENT
    if seconds < 120:
        return f"{count(round(seconds, 1))} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def between(interval: Interval, written: Callable[[float], str] = score) -> str:
    """`0.790 to 0.834`; a dash without an interval."""
    return f"{written(interval.low)} to {written(interval.high)}" if math.isfinite(interval.low) else ABSENT


def estimated(found: Estimate, runs: int, written: Callable[[float], str] = score) -> str:
    """A mean and its interval over seeds, and of how many runs where it is not all of `runs`."""
    if found.n == 0:
        return ABSENT
    text = written(found.mean)
    if found.n > 1:
        text += f" ({between(found.interval, written)})"
    return text if found.n == runs else f"{text}, n = {found.n}"
