"""The loop, the session around it, the settings, and the sinks that people and programs read."""
