"""How good a detector is, and its export to one ONNX file."""
