"""What every part speaks; imports nothing else of this software."""
