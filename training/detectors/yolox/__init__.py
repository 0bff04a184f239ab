"""YOLOX (Ge et al. 2021, arXiv 2107.08430), with the parameter names and shapes of the published checkpoints."""

from training.detectors.yolox.detector import SIZES, Yolox

__all__ = ["SIZES", "Yolox"]
