"""Every time between a hazard and standing wheels, in seconds, in the order in which each takes effect.

Each line says what the time bounds and where the value comes from: *chosen* (by us, for the reason given), *measured*
(on the emulated robot; see the fault table of the documentation) or *firmware* (of the robot; nothing here is: its
protocol knows no wheel command that ends by itself).
"""

# --- The loop: no motion is decided on what is stale -----------------------------------------------------------------

MAX_FRAME_AGE_S = 0.3
"""From receiving a frame to the decision on it. Chosen: 12 mm at 40 mm/s; a setting, `[motion] max_frame_age_s`."""

CAMERA_FROZEN_AFTER_S = 0.25
"""Of nothing but one picture, until the camera counts as frozen. Chosen: below `MAX_FRAME_AGE_S`; several frames."""

STATE_TIMEOUT_S = 1.0
"""Without a report of the robot's state, until the link counts as down. Chosen: reports come many times a second."""

BATTERY_EVERY_S = 0.3
"""How often a supervised robot's battery is asked for, as its stream of states does not tell it. Chosen."""

BATTERY_TIMEOUT_S = 2.0
"""For the robot to answer about its battery. Chosen; the streams notice a lost link much earlier."""

# --- The watchdog: a thread that stops the wheels when the loop does not ask for pictures ----------------------------

WATCHDOG_MARGIN_S = 0.05
"""Added to the largest frame age. Chosen: the loop, which knows the reason of a stop, comes before the watchdog."""

STOP_RETRY_EVERY_S = 0.1
"""Between the watchdog's attempts at a stop that the robot has not confirmed. Chosen."""

# --- The driver: the camera pauses, the robot does not confirm -------------------------------------------------------

CAMERA_PAUSE_STOP_S = 0.5
"""Without a new frame, until the driver stops the wheels, with or without a watchdog. Chosen."""

STOP_CONFIRM_TIMEOUT_S = 1.0
"""For a supervised robot to confirm a stop, before the stop counts as failed and is repeated. Chosen."""

LONGEST_TURN_S = 5.0
"""For a turn to end by itself; then it is cancelled. A drive goes on until it is stopped. Chosen: at the
emulated robot's 2 rad/s a whole turn takes 3.2 s."""

WHEEL_CALL_TIMEOUT_S = 1.0
"""For the answer to one call about the wheels. Chosen: the robot answers wheel speeds at once."""

CANCEL_TURN_EVERY_S = 0.1
"""How often a turn that may have begun after its cancellation is cancelled again. Chosen: a tenth of the above."""

ACTION_TIMEOUT_S = 30.0
"""For speech, animations and head movements, which answer when they are done and move no wheels. Chosen."""

CONNECTION_CLOSE_TIMEOUT_S = 1.0
"""For each step of closing a connection, and on top of the SDK's own limit for control. Chosen."""

RECONNECT_EVERY_S = 0.5
"""Between attempts to reach a robot that was lost; one that is back is stopped first. Chosen."""

# --- The guard: a process that stops the wheels when this one cannot -------------------------------------------------

HEARTBEAT_EVERY_S = 0.06
"""How often the watchdog tells the guard that it lives, while wheels may run. Chosen: five in `HEARTBEAT_TIMEOUT_S`."""

HEARTBEAT_TIMEOUT_S = 0.3
"""Without a heartbeat, until the guard acts. Chosen; measured: wheels stand 0.41 to 0.45 s after a freeze."""

HEARTBEAT_SILENCE_S = 0.15
"""Without a heartbeat, until the guard says that the program does not answer. Chosen; only the wording hangs on it."""

GUARD_MARGIN_S = 0.03
"""From a stop that the watchdog owes to the guard's acting, unless the robot has confirmed it. Nothing puts it off:
not a failed stop, not a lost link, not the program's end. Measured: a stop is confirmed in 0.01 to 0.03 s, and wheels
stand 0.06 to 0.12 s after the guard begins to act."""

GUARD_SIGN_EVERY_S = 0.06
"""How often the guard shows that it lives. Chosen: five in `GUARD_SILENCE_S`."""

GUARD_SILENCE_S = 0.35
"""Without such a sign, until motion is refused as if there were no guard. Chosen."""

GUARD_FROZEN_S = 1.0
"""Without such a sign, until the guard is taken for frozen and replaced. Chosen."""

GUARD_CHECK_EVERY_S = 0.5
"""How often the watchdog looks after the guard while the wheels stand. Chosen."""

GUARD_RECHECK_S = 0.02
"""A guard that was itself held up reads what has come meanwhile before it believes in a silence. Chosen."""

GUARD_CONTROL_TIMEOUT_S = 1.0
"""For the robot to give the guard control. Chosen; without it the attempt counts as failed and is repeated."""

GUARD_CONNECT_TIMEOUT_S = 2.0
"""For each step of the guard's own connection. Chosen; measured: connecting takes 0.14 s."""

GUARD_RETRY_EVERY_S = 0.1
"""Between the guard's attempts to connect or to stop the wheels. Chosen."""

GUARD_GIVE_UP_S = 60.0
"""For the guard to stop the wheels of a program that is gone. Chosen: no guard stays behind for ever."""

GUARD_START_TIMEOUT_S = 10.0
"""For the guard to be ready before the first motion; meanwhile, and after it, motion is refused without one. Chosen."""

GUARD_RESTART_S = 0.2
"""From the end of a guard to the start of the next one; motion is refused meanwhile. Chosen."""

GUARD_END_TIMEOUT_S = 2.0
"""For a guard to end with the program; one that has to act may take longer, alone. Chosen."""
