"""Vector, real or emulated, through the SDK's connection."""
