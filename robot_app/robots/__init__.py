"""Robots behind one interface: a real or emulated Vector over gRPC, and recorded footage."""
