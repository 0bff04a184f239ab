"""`robot-app serve`: detection for other programs."""

import argparse
import sys

from robot_app.cli.options import add_model, port
from robot_app.core.commandline import Commands, add_command


def add_parser(commands: Commands) -> None:
    parser = add_command(
        commands,
        run,
        help_line="offer detection to other programs over HTTP",
        description=(
            "POST an image to /detect and get JSON. The address itself, opened in a browser, shows how.\n"
            "Runs until Ctrl-C; requests under way are answered first."
        ),
        examples="  robot-app serve\n  curl --data-binary @photo.jpg http://127.0.0.1:8089/detect",
    )
    add_model(parser)
    parser.add_argument(
        "--host", default="127.0.0.1", metavar="H", help="where to listen; 0.0.0.0 for everyone (default: 127.0.0.1)"
    )
    parser.add_argument("--port", type=port, default=8089, metavar="P", help="0 for any free one (default: 8089)")


def run(args: argparse.Namespace) -> None:
    from robot_app.perception.detector import Detector
    from robot_app.web.detection_api import build_service
    from robot_app.web.http_server import Server, configure, listen, reachable_host

    # Every candidate, as each request names its own least score.
    detector = Detector.load(args.model, 0.0)
    listener = listen(args.host, args.port)
    host, port = reachable_host(args.host), listener.getsockname()[1]
    sys.stdout.write(f"model    {detector.card.name} {detector.card.version} on {detector.provider}\n")
    sys.stdout.write(f"serve    http://{host}:{port}/\n")
    sys.stdout.flush()
    with listener:
        Server(configure(build_service(detector))).run(sockets=[listener])
