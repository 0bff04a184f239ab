"""Fine-tunes detectors on images of a Vector and exports them for `robot_app`. Runs on a workstation, with torch."""
