"""The messages that Foxglove draws: the camera's picture, and the boxes over it."""

from foxglove_schemas_protobuf.Color_pb2 import Color
from foxglove_schemas_protobuf.CompressedImage_pb2 import CompressedImage
from foxglove_schemas_protobuf.ImageAnnotations_pb2 import ImageAnnotations
from foxglove_schemas_protobuf.Point2_pb2 import Point2
from foxglove_schemas_protobuf.PointsAnnotation_pb2 import PointsAnnotation
from foxglove_schemas_protobuf.TextAnnotation_pb2 import TextAnnotation
from google.protobuf.timestamp_pb2 import Timestamp

from robot_app.detection.detections import Detections
from robot_app.frames import Frame
from robot_app.span import NS_PER_S

_CYAN = Color(r=0.0, g=0.9, b=1.0, a=1.0)
_BLACK = Color(r=0.0, g=0.0, b=0.0, a=0.6)


def to_ns(time_s: float) -> int:
    """A time in nanoseconds, for MCAP's and Foxglove's clocks, which know no time before 0."""
    return max(0, round(time_s * NS_PER_S))


def compressed_image(frame: Frame) -> CompressedImage:
    """The frame's own bytes as `foxglove.CompressedImage`."""
    return CompressedImage(timestamp=_timestamp(frame), frame_id="camera", data=frame.jpeg, format="jpeg")


def image_annotations(frame: Frame, detections: Detections, class_names: tuple[str, ...]) -> ImageAnnotations:
    """Boxes with class name and score as `foxglove.ImageAnnotations`."""
    stamp = _timestamp(frame)
    boxes, texts = [], []
    for (x1, y1, x2, y2), score, label in zip(
        detections.boxes_px.tolist(), detections.scores.tolist(), detections.labels.tolist(), strict=True
    ):
        corners = [Point2(x=x, y=y) for x, y in ((x1, y1), (x2, y1), (x2, y2), (x1, y2))]
        kind = PointsAnnotation.LINE_LOOP
        boxes.append(PointsAnnotation(timestamp=stamp, type=kind, points=corners, outline_color=_CYAN, thickness=2.0))
        name = class_names[label] if label < len(class_names) else str(label)
        texts.append(
            TextAnnotation(
                timestamp=stamp,
                position=Point2(x=x1, y=y1),
                text=f"{name} {score:.2f}",
                font_size=12.0,
                text_color=_CYAN,
                background_color=_BLACK,
            )
        )
    return ImageAnnotations(timestamp=stamp, points=boxes, texts=texts)


def _timestamp(frame: Frame) -> Timestamp:
    ns = to_ns(frame.received_at_s)
    return Timestamp(seconds=ns // NS_PER_S, nanos=ns % NS_PER_S)
