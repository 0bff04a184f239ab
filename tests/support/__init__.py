"""What several tests need: a small model file and painted frames."""
