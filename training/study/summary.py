"""The figures of a study as JSON, for programs; NaN and infinity become null."""

import hashlib
import json
import math
from dataclasses import asdict
from typing import Any

from training.study.analysis import Analysis
from training.study.comparisons import Comparison
from training.study.results import RunResult, StudyResults


def summary_json(analysis: Analysis) -> str:
    """Figures of each arm, all comparisons, and time to the final score of scratch."""
    results = analysis.results
    content = {
        "title": results.title,
        "data": {name: asdict(getattr(results, name)) for name in ("train", "validation", "test")},
        "recipe": results.recipe,
        "runs": {"done": len(results.runs), "planned": results.planned},
        "best_final_validation_ap50_95": analysis.best,
        "bootstrap_samples": analysis.resamples,
        "arms": [asdict(arm) for arm in analysis.arms],
        "comparisons": [_comparison(c) for c in analysis.comparisons],
        "to_final_score_of_scratch": [
            asdict(c) | {"arm": c.arm.name, "scratch": c.scratch.name} for c in analysis.catch_ups
        ],
        "remarks": analysis.remarks,
    }
    return json.dumps(_plain(content), indent=1, ensure_ascii=False) + "\n"


def images_json(results: StudyResults) -> str:
    """Which images each run was trained on: names once, then for each different choice their places in that list."""
    names = sorted({name for run in results.runs for name in run.image_names})
    place = {name: i for i, name in enumerate(names)}
    choices = {_choice(run): [place[name] for name in run.image_names] for run in results.runs}
    runs = [{"arm": run.arm.name, "seed": run.seed, "choice": _choice(run)} for run in results.runs]
    lists = ",\n".join(f"  {json.dumps(key)}: {json.dumps(places)}" for key, places in choices.items())
    return (
        f'{{\n "images": {json.dumps(names, ensure_ascii=False)},\n'
        f' "choices": {{\n{lists}\n }},\n "runs": {json.dumps(runs, ensure_ascii=False)}\n}}\n'
    )


def _choice(run: RunResult) -> str:
    return hashlib.sha256("\n".join(run.image_names).encode()).hexdigest()[:12]


def _comparison(comparison: Comparison) -> dict[str, Any]:
    content = asdict(comparison)
    pair = comparison.pair
    del content["pair"]
    return {"factor": pair.factor, "first": pair.first.name, "second": pair.second.name} | content


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
