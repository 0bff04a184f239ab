import dataclasses

import pytest

from robot_app.core.errors import InputError
from tests.support.labelled import write_rectangles
from training.data.dataset import join, read_coco


@pytest.fixture
def parts(tmp_path):
    return [read_coco(write_rectangles(tmp_path / name, 3, seed=i, hw=(90, 160))) for i, name in enumerate("ab")]


def test_joined_data_sets_are_one_in_the_order_given(parts):
    joined = join(parts)
    assert joined.name == "a + b"
    assert [image.path for image in joined.images] == [image.path for part in parts for image in part.images]
    assert joined.sha256 not in {part.sha256 for part in parts}
    assert joined.sha256 != join(parts[::-1]).sha256


def test_one_data_set_stays_what_it_is(parts):
    assert join(parts[:1]) is parts[0]


def test_other_classes_are_refused(parts):
    other = dataclasses.replace(parts[1], class_names=("cube",))
    with pytest.raises(InputError, match="b: its classes cube differ from those of a: vector"):
        join([parts[0], other])
