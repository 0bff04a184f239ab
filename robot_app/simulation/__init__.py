"""A world to live in: the SDK's model of Vector in a room, seen by a camera like Vector's."""
