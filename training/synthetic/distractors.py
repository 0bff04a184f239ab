"""Random things that are no Vector, many chosen because a careless detector would take them for one."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from robot_app.core.frame import Image
from robot_app.simulation.rooms import COVERS, random_colour
from robot_app.simulation.scene import Bgr, Eyes, PlacedRobot, Prop, Shape
from robot_app.simulation.shading import draw_screen
from training.synthetic.rasteriser import MAX_PROPS

Vector3 = NDArray[np.float64]
"""float64 (3,): extents in mm, or a BGR colour."""

_MAKER_SHARES = (0.34, 0.24, 0.08, 0.1, 0.08, 0.06, 0.10)


EYE_COLOURS_BGR: tuple[Bgr, ...] = (
    (1.0, 0.85, 0.05),
    (0.75, 0.9, 0.1),
    (0.05, 0.35, 1.0),
    (0.05, 0.8, 1.0),
    (0.1, 1.0, 0.5),
    (1.0, 0.25, 0.05),
    (1.0, 0.1, 0.5),
    (0.3, 1.0, 0.2),
)
"""The teal of a new robot, then the colours that its owner can choose."""


def sample_eyes(random: np.random.Generator) -> Eyes:
    """A face: mostly open eyes of the usual colours, sometimes shut, dark or with a caption."""
    kind = random.random()
    colour = EYE_COLOURS_BGR[0 if random.random() < 0.5 else int(random.integers(len(EYE_COLOURS_BGR)))]
    red, green, blue = (float(np.clip(c * random.normal(1, 0.1), 0, 1.2)) for c in colour[::-1])
    return Eyes(
        colour_bgr=(blue, green, red),
        openness=random.uniform(0.1, 0.6) if random.random() < 0.3 else random.uniform(0.7, 1.1),
        look_x=float(random.normal(0, 0.5)),
        look_y=float(random.normal(0, 0.5)),
        size=random.uniform(0.7, 1.15),
        brightness=0.0 if kind < 0.06 else 10 ** random.uniform(-0.9, 0.3),
        caption=str(random.choice(["!", "FAC", "11", "12:45", "21C", "?"])) if kind > 0.95 else "",
    )


def sample_props(random: np.random.Generator, robots: tuple[PlacedRobot, ...]) -> tuple[Prop, ...]:
    """Up to twelve things on the floor around, and now and then one in front of a robot."""
    props: list[Prop] = []
    for _ in range(int(random.choice([0, 1, 2, 3, 5], p=[0.22, 0.25, 0.25, 0.18, 0.1]))):
        distance, bearing = 10 ** random.uniform(2.0, 3.1), random.uniform(-0.9, 0.9)
        spot = (float(distance * np.cos(bearing)), float(distance * np.sin(bearing)))
        if all(np.hypot(spot[0] - r.pose.x_mm, spot[1] - r.pose.y_mm) > 90 for r in robots):
            maker = _MAKERS[int(random.choice(len(_MAKERS), p=_MAKER_SHARES))]
            props += maker(random, spot)
    if robots and random.random() < 0.16:
        props.append(_occluder(random, robots[0]))
    return tuple(props[:MAX_PROPS])


def _thing(random: np.random.Generator, spot: tuple[float, float]) -> list[Prop]:
    """Any household thing: a box, a ball, a cup, a pebble-like form, of any colour."""
    shape = Shape(int(random.choice([Shape.BOX, Shape.BALL, Shape.CYLINDER, Shape.PEBBLE])))
    size = 10 ** random.uniform(1.2, 2.3, 3)
    if shape is Shape.BALL:
        size[:] = size[0]
    dark = random.random() < 0.5
    colour = random_colour(random, 0.8) / 255
    colour = colour**2.2 * (0.08 if dark else 1.0)
    texture: Image | None = None
    if random.random() < 0.35 and shape in (Shape.BOX, Shape.CYLINDER):
        texture = COVERS[int(random.integers(len(COVERS)))](random, 128)
    rough = 10 ** random.uniform(-1.2, 0)
    prop = Prop(shape, (*spot, 0.0), triple(size), colour=triple(colour), roughness=rough, texture=texture)
    return [_standing(random, prop)]


def _black_gloss(random: np.random.Generator, spot: tuple[float, float]) -> list[Prop]:
    """Round, black and shiny: loudspeakers, mice, cups, headphones."""
    black = 10 ** random.uniform(-2.3, -1.4) * np.ones(3)
    size = random.uniform(0.6, 1.4, 3) * 10 ** random.uniform(1.5, 2.2)
    rough = random.uniform(0.05, 0.5)
    shape = Shape(int(random.choice([Shape.BALL, Shape.PEBBLE, Shape.CYLINDER, Shape.RING, Shape.BOX])))
    look = Prop(shape, (*spot, 0.0), triple(size), colour=triple(black), roughness=rough)
    props = [_standing(random, look)]
    if random.random() < 0.5:
        near = (spot[0] + random.uniform(-60, 60), spot[1] + random.uniform(-60, 60), 0.0)
        other = Shape(int(random.choice([Shape.BALL, Shape.PEBBLE, Shape.CYLINDER, Shape.RING])))
        smaller = triple(size * random.uniform(0.3, 0.9))
        props.append(_standing(random, replace(look, shape=other, centre_mm=near, size_mm=smaller)))
    return props


def _toy_car(random: np.random.Generator, spot: tuple[float, float]) -> list[Prop]:
    """A low body on four wheels, as long as a Vector."""
    heading = random.uniform(0, 2 * np.pi)
    dark = random.random() < 0.6
    colour = (random_colour(random, 0.9) / 255) ** 2.2 * (0.1 if dark else 1.0)
    length, width, height = random.uniform(60, 120), random.uniform(40, 60), random.uniform(20, 45)
    forward, left = np.array([np.cos(heading), np.sin(heading)]), np.array([-np.sin(heading), np.cos(heading)])
    rough = random.uniform(0.1, 0.6)

    def part(shape: Shape, along: float, aside: float, up: float, size: tuple[float, float, float]) -> Prop:
        x, y = np.array(spot) + along * forward + aside * left
        return Prop(shape, (float(x), float(y), up), size, heading, 0.0, triple(colour), rough)

    props = [part(Shape.BOX, 0, 0, 12 + height / 2, (length, width, height))]
    props.append(part(Shape.PEBBLE, -length * 0.1, 0, 12 + height, (length * 0.55, width * 0.9, height)))
    props += [part(Shape.BALL, a * length * 0.35, s * width * 0.5, 13, (26, 14, 26)) for a in (-1, 1) for s in (-1, 1)]
    return props


def _cable(random: np.random.Generator, spot: tuple[float, float]) -> list[Prop]:
    size = (random.uniform(150, 700), random.uniform(100, 400), random.uniform(150, 300))
    colour = (random_colour(random, 0.3) / 255) ** 2.2 * random.choice([0.05, 1.0])
    return [Prop(Shape.CABLE, (*spot, 3.0), size, random.uniform(0, 6.3), 0.0, triple(colour), 0.6)]


def _cube(random: np.random.Generator, spot: tuple[float, float]) -> list[Prop]:
    """The light cube, with the colours of its lights at its corners."""
    size = random.uniform(42, 47)
    texture = np.full((64, 64, 3), random.uniform(12, 40), np.uint8)
    light = random_colour(random, 1.0)
    for corner in ((0, 0), (0, 52), (52, 0), (52, 52)):
        texture[corner[0] : corner[0] + 12, corner[1] : corner[1] + 12] = light
    prop = Prop(Shape.CUBE, (*spot, 0.0), (size, size, size), colour=(1.0, 1.0, 1.0), roughness=0.4, texture=texture)
    return [_standing(random, prop)]


def _charger(random: np.random.Generator, spot: tuple[float, float]) -> list[Prop]:
    """Vector's charger without a Vector: a flat tray and a low back."""
    heading = random.uniform(0, 2 * np.pi)
    grey = 10 ** random.uniform(-2, -1.2) * np.ones(3)
    back = np.array(spot) + 45 * np.array([np.cos(heading), np.sin(heading)])
    return [
        Prop(Shape.BOX, (*spot, 5.0), (95.0, 66.0, 10.0), heading, 0.0, triple(grey), 0.5),
        Prop(Shape.PEBBLE, (float(back[0]), float(back[1]), 20.0), (24.0, 66.0, 42.0), heading, 0.0, triple(grey), 0.4),
    ]


def _glowing_box(random: np.random.Generator, spot: tuple[float, float]) -> list[Prop]:
    """A display or device with two bright marks that are no eyes of a Vector."""
    texture = np.full((96, 184, 3), random.uniform(3, 40), np.uint8)
    if random.random() < 0.5:
        texture = np.maximum(texture, (np.clip(draw_screen(sample_eyes(random)), 0, 1) * 240).astype(np.uint8))
    else:
        for _ in range(int(random.integers(1, 6))):
            y, x = int(random.integers(0, 80)), int(random.integers(0, 150))
            texture[y : y + int(random.integers(4, 30)), x : x + int(random.integers(4, 60))] = random_colour(random, 1)
    size = (random.uniform(5, 40), random.uniform(30, 220), random.uniform(25, 160))
    prop = Prop(Shape.BOX, (*spot, 0.0), size, colour=(1.0, 1.0, 1.0), roughness=0.2, texture=texture)
    prop = _standing(random, prop)
    lit = random.uniform(0.2, 1.5) if random.random() < 0.5 else 0.0
    return [replace(prop, heading_rad=float(random.normal(0, 0.6)), emission=lit)]


def _occluder(random: np.random.Generator, robot: PlacedRobot) -> Prop:
    """Something between the camera and a robot, that hides a part of it."""
    share = random.uniform(0.45, 0.8)
    x, y = robot.pose.x_mm * share, robot.pose.y_mm * share + random.uniform(-35, 35)
    size = (random.uniform(8, 50), random.uniform(8, 50), random.uniform(15, 90))
    colour = (random_colour(random, 0.8) / 255) ** 2.2
    shape = Shape(int(random.choice([Shape.BOX, Shape.CYLINDER, Shape.BALL, Shape.PEBBLE])))
    return _standing(random, Prop(shape, (x, y, 0.0), size, colour=triple(colour), roughness=random.uniform(0.1, 1)))


def _standing(random: np.random.Generator, prop: Prop) -> Prop:
    """The same thing on the floor below its centre, turned at random; cylinders and rings may lie."""
    tilt = random.choice([0.0, np.pi / 2]) if prop.shape in (Shape.CYLINDER, Shape.RING) else 0.0
    centre = (*prop.centre_mm[:2], (prop.size_mm[0] if tilt else prop.size_mm[2]) / 2)
    return replace(prop, centre_mm=centre, heading_rad=random.uniform(0, 2 * np.pi), tilt_rad=float(tilt))


def triple(values: Vector3) -> tuple[float, float, float]:
    """As scenes hold colours and sizes."""
    first, second, third = values.tolist()
    return first, second, third


_MAKERS = (_thing, _black_gloss, _toy_car, _cable, _cube, _charger, _glowing_box)
