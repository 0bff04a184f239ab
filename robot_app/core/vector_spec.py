"""What is known of Vector's body, its camera and its limits. Each fact stands here once, with its unit and source.

Sources: *firmware* is the robot's published software, *SDK* the package `wirepod-vector-sdk`, *model* the 3D model in
it (`opengl/assets/vector.obj`, drawn by `opengl/opengl_vector.py`), *measured* a measurement of ours. Axes: x ahead, y
to the left, z up, from the model's origin. Plain numbers, so that behaviours and the guard process may import this.

Some quantities differ although they look alike: the head's axis counted from the model's origin or from the floor, the
outline that touches things and the block whose shadow looks right.
"""

import math

# Camera

FRAME_HW = (360, 640)
"""Height and width in pixels of the streamed frames; SDK."""

CALIBRATION_WIDTHS_PX = (640, 1280)
"""Width of the frames that a calibration may be given for: streamed frames or single photos; SDK. Both are 16 to 9."""

FOCAL_PX = 320.0
"""Nominal focal length in pixels of a streamed frame: 90 degrees of width; SDK."""

VECTOR_FPS = 15.0
"""About what the camera streams per second with the SDK connected; measured."""

# Wheels

TRACK_WIDTH_MM = 48.0
"""Between the centres of the treads; firmware."""

TURN_CENTRE_MM = -20.0
"""The body turns about this point, behind its origin; firmware."""

MAX_WHEEL_MM_S = 220.0
"""Firmware."""

MAX_TURN_RAD_S = math.radians(300)
"""Of a turn in place; firmware."""

# Head and lift

MODEL_BELOW_FLOOR_MM = 0.5
"""How far the model's treads reach below its origin; model."""

MIN_HEAD_RAD, MAX_HEAD_RAD = math.radians(-22), math.radians(45)
"""Down and up from level; SDK."""

HEAD_SPEED_RAD_S, HEAD_ACCELERATION_RAD_S2 = 10.0, 10.0
"""What the SDK asks for when the head is to look somewhere."""

MIN_LIFT_MM, MAX_LIFT_MM = 32.0, 92.0
"""Height of the fork above the floor; SDK."""

HEAD_PIVOT_MM = (-11.0, 0.0, 47.5)
"""The head's axis, from the model's origin, as rendering and true outlines need it; model."""

CAMERA_IN_HEAD_MM = (8.0, 0.0, 39.0)
"""The lens, below the screen, with the head level; measured on the model."""

HEAD_PIVOT_ABOVE_FLOOR_MM = 48.0
"""The same axis from the floor, as distances are estimated from there: the model stands 0.5 mm higher than its origin
(`MODEL_BELOW_FLOOR_MM`)."""

CAMERA_FROM_PIVOT_MM = (19.0, -8.5)
"""The lens from the head's axis, ahead and up, with the head level: the difference of the two above."""

UPPER_ARM_PIVOT_MM, LOWER_ARM_PIVOT_MM = (-37.3, 0.0, 44.7), (-37.4, 0.0, 32.7)
"""Axes of the two bars of the lift's arm on the body; model."""

FORK_PIVOT_MM = (30.0, 0.0, 34.0)
"""Axis of the fork at the end of the arm; model."""

LIFT_ARM_LENGTH_MM, LIFT_PIVOT_HEIGHT_MM = 66.0, 45.0
"""From the height of the fork to the angle of the arm; model."""

LIFT_ANGLE_AT_REST_RAD = -0.1136
"""Angle of the arm as the model is drawn; model."""

# Outline

REAR_MM, FRONT_MM, SIDE_MM = -58.7, 38.9, 29.3
"""How far the robot reaches along its own axes with the lift down, for what touches and what is where; model."""

MIDDLE_MM = (REAR_MM + FRONT_MM) / 2
"""The middle of the outline on the x axis."""

RADIUS_MM = math.hypot((FRONT_MM - REAR_MM) / 2, SIDE_MM)
"""From the middle to a corner."""

SHADOW_SIZE_MM, SHADOW_CENTRE_MM, SHADOW_HEIGHT_MM = (80.0, 56.0), (-14.0, 0.0), 65.0
"""Size, centre and height of the block whose soft shadow looks right, chosen by eye; smaller than the outline."""

# Display

SCREEN_HW = (96, 184)
"""Pixels; SDK."""

SCREEN_SIDE_MM, SCREEN_BOTTOM_MM, SCREEN_TOP_MM = 10.9, 46.4, 58.0
"""Half its width, and its height range, with the head level; measured on the model."""

# Sensors

CLIFF_SENSORS_MM = ((2.0, 14.0), (2.0, -14.0), (-50.0, 14.0), (-50.0, -14.0))
"""x and y of front left, front right, rear left, rear right; firmware."""

PROXIMITY_MM = 10.0
"""The distance sensor on the x axis, which looks ahead; firmware."""

PROXIMITY_BEAM_RAD = math.radians(25)
"""Its whole field of view; SDK."""

PROXIMITY_NEAREST_MM, PROXIMITY_FARTHEST_MM = 30.0, 400.0
"""Its useful range; firmware."""
