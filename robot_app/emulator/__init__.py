"""A server that speaks a Vector's gRPC protocol, so that the real SDK client connects to it."""

from robot_app.emulator.body import Sensors
from robot_app.emulator.commands import Command
from robot_app.emulator.dynamics import BodyState
from robot_app.emulator.faults import Fault, Faults
from robot_app.emulator.folder import parse_address, read_emulator_config
from robot_app.emulator.server import Emulator
from robot_app.emulator.world import FootageWorld, World

__all__ = [
    "BodyState",
    "Command",
    "Emulator",
    "Fault",
    "Faults",
    "FootageWorld",
    "Sensors",
    "World",
    "parse_address",
    "read_emulator_config",
]
