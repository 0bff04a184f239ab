"""The live page of a running session, and detection as a service."""
