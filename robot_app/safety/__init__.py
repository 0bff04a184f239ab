"""What may reach the wheels, and what stops them.

Vector's protocol has no wheel command that ends by itself, so a drive goes on until something stops it. The gate
decides for every frame whether a behaviour's motion may be sent. All the others stop wheels, each where those above it
cannot; the controls and the actuation also withhold what was decided before a stop. Their times are in
`robot_app.core.deadlines`.

| what stops the wheels | when | of whom |
|---|---|---|
| `safety.gate` | no link, guard or control; frame old or frozen; edge, lifted, charger, battery, hold | every session |
| `runtime.loop` | no frame can be decoded for too long; the loop ends | every session |
| `safety.operator_controls` | a person says stop or pause, or releases control | sessions with a page |
| `safety.watchdog`, a thread | the loop takes no new frame: a pause of the camera, or it hangs | a supervised Vector |
| `safety.guard`, a process | this program is killed or frozen, or no stop is confirmed in time | a supervised Vector |
| `robots.reconnecting` | a robot is back whose link was lost | a supervised Vector |
| `robots.vector.driver` | no new frame comes; the `with` block or the interpreter ends | a Vector that we control |
| `robots.vector.actuation` | a turn does not end in time | a Vector that we control |
| the robot's firmware | its cliff sensors, its own needs | every Vector |

Ctrl-C, SIGTERM and errors end the `with` block. A robot without wheels, a recording and a simulation need no more than
the gate. `supervised` puts a supervised Vector together.
"""
