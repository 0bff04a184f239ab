"""`robot-app emulate`: a Vector without a robot, for the SDK's clients and for ours."""

import argparse
import shlex
import sys

from robot_app.commands.world import load_world
from robot_app.emulator import Emulator, Fault
from robot_app.emulator.scene import SceneWorld, lively_scene
from robot_app.parser import SCENE


def command(args: argparse.Namespace) -> None:
    """Serve until Ctrl-C."""
    world = SceneWorld(lively_scene()) if str(args.world) == SCENE else load_world(args.world, loop=True)
    fault = None if args.fault is None else Fault(args.fault)
    with Emulator(
        world, port=args.port, fault=fault, fault_after_s=args.fault_after, fault_for_s=args.fault_for
    ) as emulator:
        identity = emulator.identity
        sys.stdout.write(
            f"{identity} is up; Ctrl-C ends it\n"
            f"  see through it:          robot-app run --emulator {identity.address}\n"
            f"  any program of the SDK:  HOME={shlex.quote(str(emulator.sdk_home))} python prog.py\n"
        )
        sys.stdout.flush()
        emulator.wait()
