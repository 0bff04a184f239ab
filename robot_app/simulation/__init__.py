"""A rendered world: the SDK's 3D model of Vector in a room, seen by a camera like Vector's. Needs the `simulation` extra."""
