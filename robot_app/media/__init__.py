"""Pictures and steps, in and out of files."""
