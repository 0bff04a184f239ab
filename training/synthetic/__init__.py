"""Random scenes drawn from `robot_app.simulation` as a labelled data set."""
