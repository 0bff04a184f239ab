import functools
import multiprocessing
import os
import signal

import cv2
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from robot_app.core.vector_spec import FRAME_HW
from tests.support.labelled import write_rectangles
from training.data.augmentation import (
    MIN_VISIBLE,
    Augmentation,
    LabelledFrame,
    augmentation_named,
    draw_window,
    drop_slivers,
    place,
)
from training.data.dataset import read_coco
from training.data.loader import Draw, FrameDataset, ResumableBatches, collate, training_loader


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("frames")
    other_size = read_coco(write_rectangles(folder / "tall", 4, seed=4, hw=(400, 400)))
    return (*read_coco(write_rectangles(folder / "frames", 4, seed=3)).images, *other_size.images)


def place_only(frame, random):
    return drop_slivers(place(frame, random, scale=(0.5, 1.8), stretch=1.12))


def test_boxes_stay_on_their_objects_whatever_is_done_to_the_image(images):
    placed = FrameDataset(images, FRAME_HW, Augmentation(place_only, changed_epochs=99), seed=0)
    cut = 0
    for draw in (Draw(epoch, image) for epoch in range(8) for image in range(len(images))):
        sample = placed[draw]
        bright = (sample.inputs.numpy().min(2) > 180).astype(np.uint8)
        found = [stats[:4] for stats in cv2.connectedComponentsWithStats(bright)[2][1:] if stats[4] > 30]
        expected = sorted([x, y, x + w, y + h] for x, y, w, h in found)
        assert np.allclose(sorted(sample.boxes.tolist()), expected, atol=2.5)
        cut += sum(box[0] == 0 or box[1] == 0 or box[2] == 640 or box[3] == 360 for box in sample.boxes.tolist())
    assert cut > 5


def test_boxes_of_a_mosaic_hold_its_objects_and_nothing_else(images):
    augmentation = Augmentation(place_only, 8, lambda frame, _: drop_slivers(frame), mosaic_epochs=8)
    dataset = FrameDataset(images, FRAME_HW, augmentation, seed=0)
    most = 0
    for draw in (Draw(epoch, image) for epoch in range(8) for image in range(len(images))):
        sample = dataset[draw]
        bright = sample.inputs.numpy().min(2) > 180
        elsewhere = bright.copy()
        for x1, y1, x2, y2 in sample.boxes.round().int().tolist():
            assert bright[y1 + 3 : y2 - 3, x1 + 3 : x2 - 3].all()
            elsewhere[max(0, y1 - 3) : y2 + 3, max(0, x1 - 3) : x2 + 3] = False
        assert elsewhere.sum() < 30
        most = max(most, len(sample.boxes))
    assert most > max(len(image.labels) for image in images)


def test_no_placement_leaves_a_sliver_of_an_object(images):
    boxes = torch.from_numpy(images[1].boxes_px)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    placement = functools.partial(place, scale=(1.7, 1.8), stretch=1.0)
    dataset = FrameDataset((images[1],), FRAME_HW, Augmentation(placement, changed_epochs=99), seed=0)
    for epoch in range(40):
        seen = dataset[Draw(epoch, 0)].boxes
        visible = (seen[:, 2] - seen[:, 0]) * (seen[:, 3] - seen[:, 1])
        smallest = float(areas.min()) * 1.6**2 * MIN_VISIBLE
        assert ((visible == 0) | (visible > smallest)).all()


@pytest.mark.parametrize("name", ["camera", "mosaic"])
def test_a_sample_follows_from_seed_epoch_and_image_alone(images, name):
    first = FrameDataset(images, FRAME_HW, augmentation_named(name, epochs=6), seed=0)
    again = FrameDataset(images, FRAME_HW, augmentation_named(name, epochs=6), seed=0)
    other = FrameDataset(images, FRAME_HW, augmentation_named(name, epochs=6), seed=1)
    wanted = first[Draw(2, 1)]
    again[Draw(0, 0)]
    assert torch.equal(again[Draw(2, 1)].inputs, wanted.inputs)
    assert torch.equal(again[Draw(2, 1)].boxes, wanted.boxes)
    assert not torch.equal(again[Draw(3, 1)].inputs, wanted.inputs)
    assert not torch.equal(other[Draw(2, 1)].inputs, wanted.inputs)


def test_worker_gives_the_same_samples_and_reads_each_image_once(tmp_path):
    images = read_coco(write_rectangles(tmp_path / "frames", 4, seed=3)).images
    dataset = FrameDataset(images, FRAME_HW, augmentation_named("mosaic", epochs=9), seed=0)
    batches = ResumableBatches(image_count=4, batch_size=2, seed=0)
    loader = DataLoader(dataset, batch_sampler=batches, collate_fn=collate, num_workers=1, persistent_workers=True)
    expected = {draw: dataset[draw] for draw in (Draw(epoch, image) for epoch in range(3) for image in range(4))}
    for epoch in range(3):
        batches.epoch = epoch
        draws = [draw for batch in batches for draw in batch]
        samples = [sample for batch in loader for sample in zip(*batch, strict=True)]
        for draw, sample in zip(draws, samples, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(sample, expected[draw], strict=True))
        for image in images:
            image.path.unlink(missing_ok=True)


@pytest.mark.parametrize("name", ["camera", "mosaic"])
def test_augmented_samples_are_whole_frames_with_boxes_inside(images, name):
    dataset = FrameDataset(images, FRAME_HW, augmentation_named(name, epochs=6), seed=0)
    for draw in (Draw(epoch, image) for epoch in range(6) for image in range(len(images))):
        frame, boxes, labels = dataset[draw]
        assert (frame.shape, frame.dtype, len(boxes)) == ((*FRAME_HW, 3), torch.uint8, len(labels))
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2:] <= torch.tensor([640, 360])).all()
        assert (boxes[:, 2:] - boxes[:, :2] >= 2).all()


def test_an_epoch_continued_in_the_middle_has_the_batches_that_were_left():
    batches = ResumableBatches(image_count=10, batch_size=3, seed=5)
    batches.epoch = 2
    whole = list(batches)
    batches.start = 1
    assert list(batches) == whole[1:]
    assert len(batches) == 2
    assert len({draw.image for batch in whole for draw in batch}) == 9
    batches.epoch, batches.start = 3, 0
    assert list(batches) != whole


def test_ctrl_c_leaves_the_loading_of_the_present_step_alone(images):
    before = multiprocessing.active_children()
    batches = ResumableBatches(image_count=len(images), batch_size=1, seed=0)
    loaded = iter(
        training_loader(FrameDataset(images, FRAME_HW, augmentation_named("none", 1), seed=0), batches, on_gpu=False)
    )
    next(loaded)
    workers = [process for process in multiprocessing.active_children() if process not in before]
    assert workers
    for worker in workers:
        os.kill(worker.pid, signal.SIGINT)
    assert len(list(loaded)) == len(images) - 1
    assert all(worker.is_alive() for worker in workers)


def test_last_epochs_have_no_mosaics(images):
    augmentation = augmentation_named("mosaic", epochs=20)
    random = np.random.default_rng(0)
    counts = [[augmentation.draw_count(epoch, random) for _ in range(20)] for epoch in range(20)]
    assert all({*of_epoch} == {1, 4} for of_epoch in counts[:17])
    assert all({*of_epoch} == {1} for of_epoch in counts[17:])


@pytest.mark.parametrize("name", ["camera", "mosaic"])
def test_the_very_last_epochs_show_images_as_they_are(images, name):
    changed = FrameDataset(images, FRAME_HW, augmentation_named(name, epochs=20), seed=0)
    plain = FrameDataset(images, FRAME_HW, augmentation_named("none", epochs=20), seed=0)
    for image in range(len(images)):
        expected = plain[Draw(0, image)]
        for epoch, is_plain in ((0, False), (17, False), (18, True), (19, True)):
            sample = changed[Draw(epoch, image)]
            assert torch.equal(sample.inputs, expected.inputs) == is_plain
            assert not is_plain or torch.equal(sample.boxes, expected.boxes)


def test_a_crowd_that_every_window_would_cut_is_shown_whole_and_undistorted():
    step = np.arange(0, 360, 8, dtype=np.float32)
    corners = np.stack(np.meshgrid(step, step), axis=-1).reshape(-1, 2)
    boxes = np.concatenate([corners, corners + 40], axis=1)
    frame = LabelledFrame(np.zeros((400, 400, 3), np.uint8), boxes, np.zeros(len(boxes), np.int64))
    window = draw_window(frame, (120, 240), np.random.default_rng(0), scale=(0.5, 1.5), stretch=1.12)
    assert (window.width, window.height) == (800, 400)
    assert (window.left, window.top) == (-200, 0)
