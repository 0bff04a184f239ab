"""What the robot reports of itself, as we know it."""

from anki_vector.messaging import protocol

from robot_app.robot import RobotState


def as_state(reported: protocol.RobotState) -> RobotState:
    """The part that we know; control, link and battery are not in it."""

    def says(bit: int) -> bool:
        return bool(reported.status & bit)

    return RobotState(
        head_angle_rad=reported.head_angle_rad,
        lift_height_mm=reported.lift_height_mm,
        heading_rad=reported.pose_angle_rad,
        on_charger=says(protocol.ROBOT_STATUS_IS_ON_CHARGER),
        cliff_detected=says(protocol.ROBOT_STATUS_CLIFF_DETECTED),
        picked_up=says(protocol.ROBOT_STATUS_IS_PICKED_UP),
    )
