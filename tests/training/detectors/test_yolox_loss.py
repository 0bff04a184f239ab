"""Which cells learn which object."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torchvision.ops import box_iou

from training.detectors.trainable import Targets
from training.detectors.yolox_loss import Anchors, Assignment, CellOutputs, assign, pad_targets, yolox_loss

STRIDE = 8

GRID = 8

CELLS = GRID * GRID

FAR_AWAY = torch.tensor([1000.0, 1000.0, 1010.0, 1010.0])

ANCHORS = Anchors(
    torch.cartesian_prod(torch.arange(GRID), torch.arange(GRID)).flip(1) * float(STRIDE),
    torch.full((CELLS,), float(STRIDE)),
)


def cell(x: int, y: int) -> int:
    return y * GRID + x


def predictions(boxes: dict[int, Tensor], classes: dict[int, Tensor] | None = None) -> CellOutputs:
    """One image where all cells predict a box far away, but for those given; undecided about everything else."""
    all_boxes = FAR_AWAY.repeat(1, CELLS, 1)
    logits = torch.zeros(1, CELLS, 2)
    for index, box in boxes.items():
        all_boxes[0, index] = box
    for index, values in (classes or {}).items():
        logits[0, index] = values
    return CellOutputs(all_boxes, torch.zeros(1, CELLS), logits)


def target(*boxes: list[float], labels: list[int] | None = None) -> Targets:
    return Targets(torch.tensor(boxes).reshape(-1, 4), torch.tensor(labels or [0] * len(boxes), dtype=torch.int64))


def run(given: CellOutputs, *targets: Targets) -> Assignment:
    return assign(given, ANCHORS, pad_targets(list(targets), given.boxes.device))


def learning(assignment: Assignment, image: int = 0) -> dict[int, int]:
    """Cell to object."""
    return {i: int(assignment.owner[image, i]) for i in assignment.foreground[image].nonzero()[:, 0].tolist()}


BOX = [16.0, 16.0, 48.0, 48.0]

PERFECT = torch.tensor(BOX)

HALF = torch.tensor([16.0, 16.0, 48.0, 32.0])


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ({cell(3, 3): PERFECT}, {cell(3, 3)}),
        ({cell(3, 3): PERFECT, cell(4, 3): PERFECT, cell(4, 4): PERFECT}, {cell(3, 3), cell(4, 3), cell(4, 4)}),
        ({cell(3, 3): HALF, cell(4, 4): PERFECT}, {cell(4, 4)}),
        ({cell(3, 3): HALF, cell(3, 4): HALF, cell(4, 4): PERFECT}, {cell(4, 4), cell(3, 3)}),
        ({cell(7, 7): PERFECT, cell(3, 3): HALF}, {cell(3, 3)}),
    ],
    ids=["one", "three overlaps of 1", "1.5 rounds down", "2.0 gives two", "too far from the object"],
)
def test_as_many_cells_as_the_overlaps_sum_to(boxes: dict[int, Tensor], expected: set[int]) -> None:
    learners = learning(run(predictions(boxes), target(BOX)))
    assert len(learners) == len(expected)
    # Of equally good cells any may be taken.
    assert set(learners) == expected or set(learners) - {cell(3, 4)} == expected - {cell(3, 3)}


def test_object_without_any_overlap_still_gets_one_cell_near_its_centre() -> None:
    learners = learning(run(predictions({}), target(BOX)))
    assert len(learners) == 1
    assert (ANCHORS.centres[next(iter(learners))] - 32).abs().max() < 2.5 * STRIDE


def test_object_smaller_than_a_cell_gets_one() -> None:
    assert len(learning(run(predictions({}), target([33.0, 33.0, 35.0, 35.0])))) == 1


def test_cell_with_the_right_class_is_preferred() -> None:
    right, wrong = torch.tensor([-4.0, 4.0]), torch.tensor([4.0, -4.0])
    given = predictions({cell(3, 3): HALF, cell(4, 4): HALF}, {cell(3, 3): wrong, cell(4, 4): right})
    assert set(learning(run(given, target(BOX, labels=[1])))) == {cell(4, 4)}


def test_contested_cell_goes_to_the_object_it_fits_better() -> None:
    other = [16.0, 16.0, 56.0, 56.0]
    learners = learning(run(predictions({cell(3, 3): PERFECT}), target(other, BOX)))
    assert learners[cell(3, 3)] == 1


def test_images_of_a_batch_do_not_influence_each_other() -> None:
    one = predictions({cell(3, 3): PERFECT, cell(4, 3): HALF})
    batch = CellOutputs(*(part.repeat(3, *[1] * (part.ndim - 1)) for part in one))
    assignment = run(batch, target(BOX), target(), target(BOX, [0.0, 0.0, 20.0, 20.0]))
    assert learning(assignment, 0) == learning(run(one, target(BOX)))
    assert learning(assignment, 1) == {}
    assert learning(assignment, 2) == learning(run(one, target(BOX, [0.0, 0.0, 20.0, 20.0])))


def plain_simota(given: CellOutputs, objects: Targets) -> dict[int, int]:
    """The definition in loops, one object and one cell at a time."""
    owners: dict[int, tuple[float, int]] = {}
    for number, (box, label) in enumerate(zip(objects.boxes, objects.labels, strict=True)):
        costs, overlaps = {}, []
        for index, (x, y) in enumerate(ANCHORS.centres.tolist()):
            in_box = box[0] < x < box[2] and box[1] < y < box[3]
            offset = max(abs(x - (box[0] + box[2]) / 2), abs(y - (box[1] + box[3]) / 2))
            in_centre = offset < 2.5 * STRIDE
            if not (in_box or in_centre):
                continue
            iou = box_iou(box[None], given.boxes[0, index][None]).item()
            overlaps.append(iou)
            p = (given.classes[0, index].sigmoid() * given.objectness[0, index].sigmoid()).sqrt()
            one_hot = functional.one_hot(label, len(p)).float()
            cost = functional.binary_cross_entropy(p, one_hot, reduction="sum").item()
            cost -= 3 * torch.tensor(iou + 1e-8).log().item()
            costs[index] = cost + (0 if in_box and in_centre else 1e5)
        wanted = max(1, int(sum(sorted(overlaps)[-10:])))
        for index in sorted(costs, key=costs.__getitem__)[:wanted]:
            owners[index] = min(owners.get(index, (float("inf"), -1)), (costs[index], number))
    return {index: number for index, (_, number) in owners.items()}


@pytest.mark.parametrize("seed", range(6))
def test_equals_the_definition_in_loops(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(3, 2, generator=generator) * 40
    boxes = torch.cat((corner, corner + 6 + torch.rand(3, 2, generator=generator) * 40), 1).clamp(max=64)
    objects = Targets(boxes, torch.tensor([0, 1, 2]))
    near = boxes[torch.randint(0, 3, (CELLS,), generator=generator)]
    given = CellOutputs(
        (near + torch.rand(CELLS, 4, generator=generator) * 4)[None],
        torch.randn(1, CELLS, generator=generator),
        torch.randn(1, CELLS, 3, generator=generator),
    )
    assert learning(run(given, objects)) == plain_simota(given, objects)


def test_loss_vanishes_for_the_right_answer_and_not_for_a_wrong_one() -> None:
    sure = torch.tensor([12.0, -12.0])
    given = predictions({cell(3, 3): PERFECT}, {cell(3, 3): sure})
    objectness = torch.full((1, CELLS), -20.0)
    objectness[0, cell(3, 3)] = 20.0
    given = given._replace(objectness=objectness)
    assert yolox_loss(given, ANCHORS, [target(BOX)]).total.item() == pytest.approx(0, abs=1e-3)
    assert yolox_loss(given, ANCHORS, [target(BOX, labels=[1])]).classes.item() > 10
    assert yolox_loss(given, ANCHORS, [target()]).objectness.item() > 10
    smaller = [16.0, 16.0, 48.0, 32.0]
    assert yolox_loss(given, ANCHORS, [target(smaller)]).box.item() == pytest.approx(5 * (1 - 0.5**2))
