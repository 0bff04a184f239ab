"""From a frame to what is in it: one model file, one pre-processing, one result type."""

from robot_app.detection.card import DataVersion, Metrics, ModelCard, Parity, StartWeights
from robot_app.detection.detections import Detections
from robot_app.detection.detector import Detector

__all__ = ["DataVersion", "Detections", "Detector", "Metrics", "ModelCard", "Parity", "StartWeights"]
