"""The comparison of starts, strategies and amounts of data, over several seeds."""
