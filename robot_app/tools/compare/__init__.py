"""Two models, or two behaviours, over the same footage, and what differs."""
