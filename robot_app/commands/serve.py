"""`robot-app serve`: detection for other programs."""

import argparse
import sys

from robot_app.detection import Detector
from robot_app.errors import MissingPartError


def command(args: argparse.Namespace) -> None:
    """Serve until Ctrl-C."""
    try:
        import uvicorn  # noqa: PLC0415 - the extra may be missing, which is to be told in one line

        from robot_app.view.access import reachable_host  # noqa: PLC0415
        from robot_app.view.server import configure, listen  # noqa: PLC0415
        from robot_app.view.service import build_service  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MissingPartError(
            f"serve needs the package {error.name}; install this software with its extra: pip install '.[view]'"
        ) from error
    # Every candidate, as each request names its own least score.
    detector = Detector.load(args.model, 0.0)
    listener = listen(args.host, args.port)
    host, port = reachable_host(args.host), listener.getsockname()[1]
    sys.stdout.write(f"model    {detector.card.name} {detector.card.version} on {detector.provider}\n")
    sys.stdout.write(f"serve    http://{host}:{port}/\n")
    sys.stdout.flush()
    with listener:
        uvicorn.Server(configure(build_service(detector))).run(sockets=[listener])
