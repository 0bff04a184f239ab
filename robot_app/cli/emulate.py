"""`robot-app emulate`: a Vector without a robot, for the SDK's clients and for ours."""

import argparse
import shlex
import shutil
import sys
from pathlib import Path

from robot_app.cli.options import SOURCE_HELP, port, positive_number
from robot_app.core.commandline import Commands, add_command
from robot_app.emulator.faults import Fault, Faults

SCENE = "scene"
"""The world that is rendered; a folder of this name can be given as ./scene."""


def add_parser(commands: Commands) -> None:
    parser = add_command(
        commands,
        run,
        help_line="be a Vector on this machine, on a table with others or with footage as its camera",
        description=(
            "Serves Vector's own protocol over TLS on loopback until Ctrl-C. Touches no settings of real robots.\n"
            "It has a body: it drives about on a table with other Vectors as it is told, its camera shows what it\n"
            "would see from there, and it feels the table's edge. With footage as its world it sees that,\n"
            "whatever it does."
        ),
        examples=(
            "  robot-app emulate --port 8443                then, elsewhere: robot-app run --emulator 127.0.0.1:8443\n"
            "  robot-app emulate --world photos/            shows each picture for a second"
        ),
    )
    parser.add_argument(
        "--world",
        type=Path,
        default=Path(SCENE),
        metavar="SOURCE",
        help=f"{SCENE} (default), or what the camera sees, over and over: {SOURCE_HELP}",
    )
    parser.add_argument("--port", type=port, default=0, metavar="P", help="port to listen at (default: any free one)")
    parser.add_argument(
        "--fault", choices=[fault.value for fault in Fault], help="what goes wrong, once the camera has started"
    )
    parser.add_argument(
        "--fault-after", type=positive_number, default=1.0, metavar="S", help="how long after that (default: 1 s)"
    )
    parser.add_argument("--fault-for", type=positive_number, metavar="S", help="how long it lasts (default: for ever)")


def run(args: argparse.Namespace) -> None:
    from robot_app.emulator.footage_world import load_world
    from robot_app.emulator.scene_world import SceneWorld, lively_scene
    from robot_app.emulator.server import Emulator

    world = SceneWorld(lively_scene()) if str(args.world) == SCENE else load_world(args.world, loop=True)
    fault = None if args.fault is None else Fault(args.fault)
    with Emulator(world, port=args.port, faults=Faults(fault, args.fault_after, args.fault_for)) as emulator:
        identity = emulator.identity
        program = "robot-app" if shutil.which("robot-app") else sys.argv[0]
        sys.stdout.write(
            f"{identity} is up; Ctrl-C ends it\n"
            f"  see through it:          {program} run --emulator {identity.address}\n"
            f"  any program of the SDK:  HOME={shlex.quote(str(emulator.sdk_home))} python prog.py\n"
        )
        sys.stdout.flush()
        emulator.wait()
