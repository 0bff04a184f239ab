"""What can be typed after `robot-app`. Light: the module of a command is imported only when it runs."""

import argparse
import math
from pathlib import Path
from typing import TypeAlias

from robot_app.arguments import (
    add_behaviour,
    add_config,
    add_model,
    add_robot,
    add_view,
    port,
    positive_number,
    score,
    seconds_from_start,
)
from robot_app.paths import DEFAULT_MODEL

FAULTS = (
    "freeze",
    "same-picture",
    "silent",
    "end",
    "mid-frame",
    "corrupt",
    "other-size",
    "out-of-order",
    "clock-jump",
    "stall",
    "cut",
    "new-certificate",
    "new-token",
    "lose-control",
    "battery-low",
    "no-answer",
)
"""Names of `robot_app.emulator.Fault`, here so that help needs no gRPC."""

SCENE = "scene"
"""The world that is rendered; a folder of this name can be given as ./scene."""

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

SOURCE_HELP = "recording (.mcap), video file, or folder of pictures"


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands. Each stores as `module` where its function `command(args)` is."""
    parser = argparse.ArgumentParser(
        prog="robot-app",
        description="Gives Anki's Vector the sense to recognise, and react to, another Vector.",
        epilog="Try first: robot-app demo",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_demo(commands)
    _add_run(commands)
    _add_record(commands)
    _add_replay(commands)
    _add_detect(commands)
    _add_emulate(commands)
    _add_inspect(commands)
    _add_bench(commands)
    _add_doctor(commands)
    _add_serve(commands)
    return parser


def _add(commands: Commands, name: str, help_line: str, description: str, examples: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=help_line,
        description=description,
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(module=f"robot_app.commands.{name}")
    return parser


def _add_demo(commands: Commands) -> None:
    parser = _add(
        commands,
        "demo",
        "see it work without a robot: an emulated Vector meets others on a table",
        "Starts an emulated Vector, connects to it through the real SDK over TLS on loopback, detects the other\n"
        "Vectors that its camera sees, drives up to one and follows it, and writes an annotated video and a recording.",
        "  robot-app demo\n  robot-app demo --view --seconds 120",
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="new folder (default: output/demo-DATE-TIME)")
    parser.add_argument("--seconds", type=positive_number, default=20.0, metavar="S", help="length (default: 20)")
    add_model(parser)
    add_view(parser)


def _add_run(commands: Commands) -> None:
    parser = _add(
        commands,
        "run",
        "look through a robot's camera and react to other Vectors",
        "Connects to a Vector, prints who appears and leaves, and greets, or does as --behaviour says. Ctrl-C stops\n"
        "the wheels and ends.\n"
        "Robots are found in ~/.anki_vector/sdk_config.ini, which the SDK's `python -m anki_vector.configure` writes.",
        "  robot-app run\n"
        "  robot-app run --serial 00e20100 --record walk.mcap\n"
        "  robot-app run --behaviour follow --events events.jsonl\n"
        "  robot-app run --behaviour my_module:my_function\n"
        "  robot-app run --view\n"
        "  robot-app run --emulator 127.0.0.1:8443     after `robot-app emulate --port 8443` elsewhere",
    )
    add_robot(parser)
    add_model(parser)
    add_config(parser)
    add_behaviour(parser)
    parser.add_argument("--record", type=Path, metavar="MCAP", help="write everything to this new recording")
    add_view(parser)


def _add_record(commands: Commands) -> None:
    parser = _add(
        commands,
        "record",
        "collect footage of what a robot sees, for labelling",
        "Writes the camera's pictures and the robot's state to a recording, until Ctrl-C. Needs no model and does not\n"
        "take control: the robot goes on with what it does, and another program may drive it meanwhile. Record the\n"
        "empty room as well: pictures without a Vector teach a model what is none.",
        "  robot-app record walk.mcap\n  robot-app record empty-room.mcap --seconds 60\n"
        "  robot-train label walk.mcap --output data/walk --model models/vector.onnx",
    )
    parser.add_argument("output", type=Path, metavar="MCAP", help="new recording")
    parser.add_argument("--seconds", type=positive_number, metavar="S", help="length (default: until Ctrl-C)")
    add_robot(parser)


def _add_replay(commands: Commands) -> None:
    parser = _add(
        commands,
        "replay",
        "run the same loop over a recording, a video or a folder of pictures",
        "Detects, tracks and decides as on the robot, as fast as it goes, and prints what happens. With the model and\n"
        "the settings of the recording it comes to the same decisions. With --compare, two models look at the same\n"
        "frames; with --compare-config, two behaviours decide about the same detections. Then it is printed what\n"
        "differs between them instead.",
        "  robot-app replay walk.mcap\n  robot-app replay holiday.mp4 --video seen.mp4\n"
        "  robot-app replay walk.mcap --from 60 --to 90 --realtime\n"
        "  robot-app replay walk.mcap --compare mine.onnx --video both.mp4\n"
        "  robot-app replay walk.mcap --compare-config shy.toml --video both.mp4",
    )
    parser.add_argument("source", type=Path, metavar="SOURCE", help=SOURCE_HELP)
    add_model(parser)
    add_config(parser)
    add_behaviour(parser)
    versions = parser.add_mutually_exclusive_group()
    versions.add_argument("--compare", type=Path, metavar="ONNX", help="a second model, to compare frame by frame")
    versions.add_argument(
        "--compare-config", type=Path, metavar="TOML", help="a second file with settings, to compare decisions"
    )
    parser.add_argument(
        "--from", type=seconds_from_start, default=0.0, dest="from_s", metavar="S", help="begin so many seconds in"
    )
    parser.add_argument(
        "--to", type=seconds_from_start, default=math.inf, dest="to_s", metavar="S", help="end before this time"
    )
    parser.add_argument("--realtime", action="store_true", help="at the speed at which it was recorded")
    parser.add_argument(
        "--video", type=Path, metavar="MP4", help="write an annotated video; in a comparison side by side"
    )
    add_view(parser)


def _add_detect(commands: Commands) -> None:
    parser = _add(
        commands,
        "detect",
        "find Vectors in images, videos and recordings",
        "Prints, or writes as JSON, what the model finds: a list of\n"
        '{"file_name", "bbox": [x, y, width, height] in pixels, "score", "category"}; for a video, file_name is\n'
        "NAME#FRAMEINDEX.",
        "  robot-app detect photo.jpg\n  robot-app detect photos/ --output results.json --score 0.05",
    )
    parser.add_argument("source", type=Path, metavar="SOURCE", help=f"image, or {SOURCE_HELP}")
    parser.add_argument("--output", type=Path, metavar="JSON", help="write the results to this file")
    parser.add_argument("--score", type=score, metavar="S", help="least score, 0 to 1 (default: the model's own)")
    add_model(parser)


def _add_emulate(commands: Commands) -> None:
    parser = _add(
        commands,
        "emulate",
        "be a Vector on this machine, on a table with others or with footage as its camera",
        "Serves Vector's own protocol over TLS on loopback until Ctrl-C. Touches no settings of real robots.\n"
        "It has a body: it drives about on a table with other Vectors as it is told, its camera shows what it would\n"
        "see from there, and it feels the table's edge. With footage as its world it sees that, whatever it does.",
        "  robot-app emulate --port 8443                then, elsewhere: robot-app run --emulator 127.0.0.1:8443\n"
        "  robot-app emulate --world photos/            shows each picture for a second",
    )
    parser.add_argument(
        "--world",
        type=Path,
        default=Path(SCENE),
        metavar="SOURCE",
        help=f"{SCENE} (default), or what the camera sees, over and over: {SOURCE_HELP}",
    )
    parser.add_argument("--port", type=port, default=0, metavar="P", help="port to listen at (default: any free one)")
    parser.add_argument("--fault", choices=FAULTS, help="what goes wrong, once the camera has started")
    parser.add_argument(
        "--fault-after", type=positive_number, default=1.0, metavar="S", help="how long after that (default: 1 s)"
    )
    parser.add_argument("--fault-for", type=positive_number, metavar="S", help="how long it lasts (default: for ever)")


def _add_inspect(commands: Commands) -> None:
    parser = _add(
        commands,
        "inspect",
        "show what a model file says of itself",
        "Prints the model's card: classes, input, threshold, how it was trained and how good it is.",
        "  robot-app inspect models/vector.onnx",
    )
    parser.add_argument(
        "model", type=Path, nargs="?", default=DEFAULT_MODEL, metavar="ONNX", help="default: the shipped model"
    )


def _add_bench(commands: Commands) -> None:
    parser = _add(
        commands,
        "bench",
        "measure how fast this machine detects",
        "Times the way from JPEG to detections against the bare network, interleaved, and prints a table of ratios.",
        "  robot-app bench",
    )
    add_model(parser)


def _add_doctor(commands: Commands) -> None:
    parser = _add(
        commands,
        "doctor",
        "find out what is wrong between this machine and a robot",
        "Checks software, configuration, network, certificate, token, control, camera, model, speed and disk, in this\n"
        "order, and says what to do about the first thing that fails. Secrets are never shown.",
        "  robot-app doctor\n  robot-app doctor --serial 00e20100 --json > report.json",
    )
    add_robot(parser)
    add_model(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, to be attached to a bug report")


def _add_serve(commands: Commands) -> None:
    parser = _add(
        commands,
        "serve",
        "offer detection to other programs over HTTP",
        "POST an image to /detect and get JSON. The address itself, opened in a browser, shows how.\n"
        "Runs until Ctrl-C; requests under way are answered first.",
        "  robot-app serve\n  curl --data-binary @photo.jpg http://127.0.0.1:8089/detect",
    )
    add_model(parser)
    parser.add_argument(
        "--host", default="127.0.0.1", metavar="H", help="where to listen; 0.0.0.0 for everyone (default: 127.0.0.1)"
    )
    parser.add_argument("--port", type=port, default=8089, metavar="P", help="0 for any free one (default: 8089)")
