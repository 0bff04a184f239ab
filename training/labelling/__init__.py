"""Labels by a model, for a person to correct: what Label Studio and CVAT import, doubtful frames first."""
