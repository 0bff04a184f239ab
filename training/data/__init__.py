"""Labelled images on disk, and as training sees them."""
