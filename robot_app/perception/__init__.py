"""From a frame to what is in it: one model file, one pre-processing, one result type."""
