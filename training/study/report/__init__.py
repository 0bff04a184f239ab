"""A study's results as pages, plots and figures."""
