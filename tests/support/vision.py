"""A tiny model file of our contract, and frames in which it sees something. Needs no training and no torch.

The graph finds the bounding box of the cyan pixels and that of the red pixels. Each is a `vector` whose score is
the filled part of its box (times 0.95 for cyan and 0.9 for red), or 0 where the colour is absent.
"""

from pathlib import Path

import cv2
import numpy as np
import onnx
import onnx.parser
from onnx import helper

from robot_app.core.frame import Frame, Image, encode_jpeg
from robot_app.core.tracks import XyxyPx
from robot_app.core.vector_spec import FRAME_HW
from robot_app.perception.card import CARD_KEY, DataVersion, Metrics, ModelCard, Parity, StartWeights

CYAN_BGR = (255, 255, 0)

RED_BGR = (0, 0, 255)

CARD = ModelCard(
    name="colour-finder",
    version="1",
    architecture="bounding-box-of-a-colour",
    class_names=("vector",),
    frame_hw=FRAME_HW,
    network_hw=FRAME_HW,
    score_threshold=0.5,
    nms_iou=0.65,
    start=StartWeights("scratch", ""),
    data=DataVersion("none", "", 0),
    metrics=(Metrics("none", 1, 1, 1.0, 0.9, 1.0, 1.0, 0.5),),
    parity=Parity(1, 0.0, 0.0, 0.0),
    licence="Apache-2.0",
)

_GRAPH = """
<ir_version: 10, opset_import: ["" : 21]>
colour_finder (uint8[360, 640, 3] image) => (float[2, 4] boxes, float[2] scores, int64[2] labels)
<float[2, 1, 1, 3] colours = {255, 255, 0, 0, 0, 255}, float[2, 1] weights = {0.95, 0.9}, float one = {1},
 float tolerance = {90}, int64[1] last = {3}, int64[1] columns = {2}, int64[1] rows = {1}, int64[1] flat = {-1},
 int64[2] plane = {1, 2}, int64[1] k = {2}, int64[2] zeros = {0, 0}>
{
    pixels = Cast <to = 1> (image)
    difference = Sub (pixels, colours)
    distance = Abs (difference)
    worst = ReduceMax <keepdims = 0> (distance, last)
    near = Less (worst, tolerance)
    mask = Cast <to = 1> (near)
    in_row = ReduceMax <keepdims = 0> (mask, columns)
    in_column = ReduceMax <keepdims = 0> (mask, rows)
    left = ArgMax <axis = 1> (in_column)
    top = ArgMax <axis = 1> (in_row)
    right = ArgMax <axis = 1, select_last_index = 1> (in_column)
    bottom = ArgMax <axis = 1, select_last_index = 1> (in_row)
    x1 = Cast <to = 1> (left)
    y1 = Cast <to = 1> (top)
    x2_inside = Cast <to = 1> (right)
    y2_inside = Cast <to = 1> (bottom)
    x2 = Add (x2_inside, one)
    y2 = Add (y2_inside, one)
    found = Concat <axis = 1> (x1, y1, x2, y2)
    width = Sub (x2, x1)
    height = Sub (y2, y1)
    area = Mul (width, height)
    count_plane = ReduceSum <keepdims = 0> (mask, plane)
    count = Unsqueeze (count_plane, rows)
    filled = Div (count, area)
    score_column = Mul (filled, weights)
    score_row = Reshape (score_column, flat)
    scores, order = TopK (score_row, k)
    boxes = Gather <axis = 0> (found, order)
    labels = Identity (zeros)
}
"""


def save_vision_model(path: Path, card: ModelCard | None = CARD) -> Path:
    """Write the model; with `card=None` it is an ONNX file like any other."""
    model = onnx.parser.parse_model(_GRAPH)
    if card is not None:
        helper.set_model_props(model, {CARD_KEY: card.to_json()})
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    return path


def paint_scene(cyan: XyxyPx | None = None, red: XyxyPx | None = None, hw: tuple[int, int] = FRAME_HW) -> Image:
    """A dim room, uint8 (H, W, 3) BGR, with filled boxes (xyxy in pixels) that the model sees."""
    ramp = np.linspace(30, 90, hw[1], dtype=np.uint8)
    image = np.ascontiguousarray(np.broadcast_to(ramp[None, :, None], (*hw, 3)))
    for box, colour in ((cyan, CYAN_BGR), (red, RED_BGR)):
        if box is not None:
            x1, y1, x2, y2 = (round(side) for side in box)
            cv2.rectangle(image, (x1, y1), (x2 - 1, y2 - 1), colour, cv2.FILLED)
    return image


def scene_frame(index: int, cyan: XyxyPx | None = None, red: XyxyPx | None = None, fps: float = 30.0) -> Frame:
    """`paint_scene` as frame number `index` of a camera that began at 100 s of its own and 10 s of our clock."""
    return Frame(index, 100.0 + index / fps, 10.0 + index / fps, encode_jpeg(paint_scene(cyan, red), quality=95))


def save_video(path: Path, count: int, fps: float, hw: tuple[int, int] = (120, 160)) -> Path:
    """A video file of so many pictures, each a little brighter than the one before."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, hw[::-1])
    for index in range(count):
        writer.write(np.full((*hw, 3), 10 + 200 * index // count, np.uint8))
    writer.release()
    return path
