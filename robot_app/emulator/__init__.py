"""A server that speaks a Vector's gRPC protocol, so that the real SDK client connects to it."""
