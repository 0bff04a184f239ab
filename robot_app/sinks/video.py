"""An annotated video of a run."""

from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Self

from robot_app.drawing import CANVAS_HW, Caption, draw_step
from robot_app.sinks.captions import RecentNews
from robot_app.sinks.video_file import VideoFile
from robot_app.step import Step


class VideoSink:
    """Draws every step into an MP4 file of 1280 x 720 at 30 frames/s, in which time passes as it did in the run.

    The file is written as `VideoFile` has it: complete when the sink is left, none after an error or without a step.
    Drawing and encoding take about 12 ms, so for a live robot it is better made from the recording afterwards.

    Raises:
        InputError: on entering: the name does not end in `.mp4`, or the file cannot be written.
    """

    def __init__(self, path: Path, class_names: tuple[str, ...]) -> None:
        self._video = VideoFile(path, CANVAS_HW)
        self._class_names = class_names
        self._times_s: deque[float] = deque(maxlen=30)
        self._news = RecentNews(class_names)

    def __enter__(self) -> Self:
        self._video.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._video.__exit__(kind, error, trace)

    def write(self, step: Step) -> None:
        """Draw one step."""
        image = draw_step(step, step.frame.image(), self._class_names, self._caption(step))
        self._video.show(image, step.frame.received_at_s)

    def _caption(self, step: Step) -> Caption:
        now_s = step.frame.received_at_s
        event, actions = self._news.update(step)
        self._times_s.append(now_s)
        span_s = now_s - self._times_s[0]
        rate = f"{(len(self._times_s) - 1) / span_s:.0f} frames/s" if span_s > 0 else ""
        return Caption(
            status=f"frame {step.frame.index}   latency {step.timings.total_ms:.1f} ms   {rate}",
            event=event,
            actions=actions,
        )
