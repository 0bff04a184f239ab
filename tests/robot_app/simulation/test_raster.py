import numpy as np

from robot_app.simulation.raster import nearest_triangles, observer_pinhole
from robot_app.simulation.vector_model import RobotPose

VIEW = observer_pinhole(RobotPose())


def look(*triangles):
    """Triangles by their corners in camera axes: x ahead, y left, z up."""
    return nearest_triangles(np.array(triangles, float).transpose(1, 0, 2), VIEW)


def test_a_triangle_covers_the_pixels_whose_centres_lie_in_it():
    # At 320 mm a millimetre is a pixel: a right angle at the centre, 40 to the right and 20 down.
    seen = look([(320, 0, 0), (320, -40, 0), (320, 0, -20)])
    row, column = np.divmod(seen.pixel, 640)
    y, x = np.mgrid[:360, :640] + 0.5
    expected = (x > 320) & (y > 180) & ((x - 320) / 40 + (y - 180) / 20 < 1)
    covered = np.zeros((360, 640), bool)
    covered[row, column] = True
    assert (covered != expected).sum() <= 2


def test_neighbours_leave_no_gap_and_the_nearer_wins():
    far = [(400, 100, 100), (400, -100, 100), (400, -100, -100)], [(400, 100, 100), (400, -100, -100), (400, 100, -100)]
    near = [(200, 10, 10), (200, -10, 10), (200, 0, -10)]
    seen = look(*far, near)
    assert len(seen.pixel) == 160 * 160
    assert (seen.triangle == 2).sum() > 400
    alone = look(near)
    np.testing.assert_array_equal(seen.pixel[seen.triangle == 2], alone.pixel)


def test_a_triangle_that_reaches_behind_the_camera_is_cut_off_there():
    floor = [(-1000, 0, -50), (1000, 500, -50), (1000, -500, -50)]
    row, column = np.divmod(look(floor).pixel, 640)
    assert row.min() == 180 + 50 * 320 // 1000
    assert row.max() == 359
    assert (column.min(), column.max()) == (0, 639)
    assert len(look([(-1000, 0, -50), (-10, 500, -50), (-10, -500, -50)]).pixel) == 0


def test_weights_are_those_of_the_place_in_space():
    triangle = [(200, 100, 0), (400, -100, 50), (300, 0, -80)]
    seen = look(triangle)
    which = np.arange(len(seen.pixel))
    ray = VIEW.rays().reshape(-1, 3)[seen.pixel]
    place = seen.weights(which, ray) @ np.array(triangle, float)
    np.testing.assert_allclose(VIEW.project(place)[:, 0] - 0.5, seen.pixel % 640, atol=0.02)
    np.testing.assert_allclose(np.cross(place, ray), 0, atol=0.05)
