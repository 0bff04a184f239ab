"""What people read about a version: its faults, its leaks, and what it is made of."""

from collections.abc import Sequence

from robot_app.core.text import plural
from training.data.sources.contents import SPLITS, Fault, count_faults
from training.data.version_plan import Gathered, VersionPlan
from training.data.version_store import CorrectionsEntry, Manifest


def fault_lines(faults: Sequence[Fault], most: int | None = None) -> list[str]:
    """One line for each fault, of the first `most` ones, and one with the counts; `no faults` without any."""
    if not faults:
        return ["no faults"]
    counts = ", ".join(f"{count} {kind}" for kind, count in count_faults(faults).items())
    return [*_listed("fault", faults, most), f"{plural(len(faults), 'fault')}: {counts}"]


def leak_lines(plan: VersionPlan, most: int | None = None) -> list[str]:
    """One line for each leak, of the first `most` ones, after one with the counts."""
    known_as = [f"{entry.split}/{entry.name}" for entry in plan.manifest.images]
    leaks = [f"{known_as[leak.second]} and {known_as[leak.first]}: {leak.why}" for leak in plan.leaks]
    return [_leak_summary(plan.manifest), *_listed("leak", leaks, most)]


def _listed(kind: str, found: Sequence[object], most: int | None) -> list[str]:
    lines = [f"{kind}: {one}" for one in found[:most]]
    return [*lines, f"{kind}: … and {len(found) - len(lines)} more"] if len(found) > len(lines) else lines


def manifest_lines(manifest: Manifest) -> list[str]:
    """A version in words."""
    sizes = ", ".join(f"{split} {manifest.count(split)}" for split in SPLITS if manifest.count(split))
    rule = "as given" if manifest.split_rule == "keep" else f"{manifest.split_rule}, seed {manifest.seed}"
    dropped = ", ".join(f"{count} {kind}" for kind, count in manifest.dropped) or "nothing"
    groups = len({image.group for image in manifest.images})
    return [
        f"version   {manifest.id}" + (f", made from {manifest.parent}" if manifest.parent else ""),
        *(f"source    {source.name}, {source.format}, sha256 {source.sha256[:12]}" for source in manifest.sources),
        *([f"sample    {manifest.sample} of the sources' images, seed {manifest.seed}"] if manifest.sample else []),
        *([_corrections_line(manifest.corrections)] if manifest.corrections else []),
        f"images    {len(manifest.images)} in {groups} groups of like images: {sizes}; split {rule}",
        f"classes   {', '.join(manifest.class_names)}",
        *(f"renamed   {old} to {new}" for old, new in manifest.class_map),
        *(f"prepared  {step}" for step in manifest.steps),
        f"left out  {dropped}",
        f"leaks     {_leak_summary(manifest)}",
    ]


def _corrections_line(entry: CorrectionsEntry) -> str:
    return f"corrected {plural(entry.labels, 'label')} by {entry.name}, sha256 {entry.sha256[:12]}"


def full_report(gathered: Gathered, plan: VersionPlan) -> str:
    """Everything, for the file beside the images."""
    lines = manifest_lines(plan.manifest) + list(gathered.notes)
    return "\n".join([*lines, *fault_lines(gathered.faults), *leak_lines(plan)]) + "\n"


def _leak_summary(manifest: Manifest) -> str:
    held_out = manifest.count("valid") + manifest.count("test")
    if not held_out:
        return "no images are held out"
    return (
        f"{manifest.leaked} of {plural(held_out, 'held-out image')} have their like in an earlier part; "
        f"{manifest.leaked_at_random} would after a random split, on average"
    )
