"""What a study shows, in sentences that say no more than its comparisons do, and how its report writes numbers."""

import math
import re
from collections.abc import Callable, Sequence

from robot_app.core.text import plural
from training.study.analysis import Analysis, Comparison, Factor, Measure, Pair, Verdict
from training.study.arms import BelowStart, CatchUp, Continuation
from training.study.results import BUDGET, FREEZE_WORDS, Arm
from training.study.statistics import FEWEST_SEEDS, Estimate, Interval

ABSENT = "–"  # noqa: RUF001 - an en dash is what tables use
CLAIMED = (Verdict.HIGHER, Verdict.LOWER)
_TITLES = {
    Factor.START: "Other starts",
    Factor.FREEZE: "Frozen parts",
    Factor.IMAGES: "The number of labelled images",
    Factor.REFERENCE: "Beside a reference",
}
_FACTORS = "start, frozen parts or number of images"
_COMMON = "those common to all"
_ON_VALIDATION = {Measure.FIRST_EPOCH: "after epoch 1", Measure.AREA: "area under the curve"}


def escape(text: str) -> str:
    """Text from elsewhere as Markdown that shows it as it is, on one line."""
    return re.sub(r"([\\`*<>|\[\]])", r"\\\1", " ".join(text.split()))


def arm_words(arm: Arm) -> str:
    """An arm's name, told apart from the sentence around it."""
    return f"*{escape(arm.name)}*"


def join_words(words: Sequence[str]) -> str:
    """`a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def score(value: float) -> str:
    """A score from 0 to 1."""
    return f"{value:.3f}" if math.isfinite(value) else ABSENT


def signed(value: float) -> str:
    """A difference of scores, with its sign."""
    return f"{value:+.3f}".replace("-", "\N{MINUS SIGN}") if math.isfinite(value) else ABSENT


def percent(value: float) -> str:
    """A part as percent without the sign, one decimal: as in published tables."""
    return f"{100 * value:.1f}" if math.isfinite(value) else ABSENT


def count(value: float) -> str:
    """Epochs or seconds: one decimal below 100."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == round(value) else f"{value:.1f}"


def p_value(value: float) -> str:
    """Three decimals; smaller ones as such."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def seconds_words(seconds: float) -> str:
    """Seconds, minutes or hours, whatever is easiest to read."""
    if not math.isfinite(seconds):
        return ABSENT
    if seconds < 120:
        return f"{count(round(seconds, 1))} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def between(interval: Interval, written: Callable[[float], str] = score) -> str:
    """`0.790 to 0.834`; a dash without an interval."""
    return f"{written(interval.low)} to {written(interval.high)}" if math.isfinite(interval.low) else ABSENT


def estimated(found: Estimate, runs: int, written: Callable[[float], str] = score) -> str:
    """A mean and its interval over seeds, and of how many runs where it is not all of `runs`."""
    if found.n == 0:
        return ABSENT
    text = written(found.mean)
    if found.n > 1:
        text += f" ({between(found.interval, written)})"
    return text if found.n == runs else f"{text}, n = {found.n}"


def what_this_shows(analysis: Analysis) -> str:
    """Markdown: for each question that the study asks what is claimed and what is not."""
    if not analysis.arms:
        return "No run is done yet."
    paragraphs = [
        _overall(analysis),
        _by_amount(analysis),
        *(_about(factor, analysis.comparisons) for factor in Factor),
        _beside_own_start(analysis),
    ]
    compared = {arm for c in analysis.comparisons for arm in (c.pair.first, c.pair.second)}
    alone = [arm_words(a.arm) for a in analysis.arms if a.arm not in compared]
    if alone:
        paragraphs.append(
            f"Compared with none, because no other arm that is done differs in {_FACTORS} only: {join_words(alone)}."
        )
    return "\n\n".join(text for text in paragraphs if text)


def _overall(analysis: Analysis) -> str:
    main = [
        c for c in analysis.comparisons if c.measure is Measure.TEST_AP50_95 and c.pair.factor is not Factor.REFERENCE
    ]
    if not main:
        return ""
    claimed = sum(c.verdict in CLAIMED for c in main)
    return (
        f"Of {plural(len(main), 'pair')} of arms that differ in {_FACTORS}, {claimed} scored differently on the "
        f"test images (AP50-95) by more than noise over seeds and over images explains."
        + (" Where it is within noise, which arm is better is not known." if claimed < len(main) else "")
        + (" What else two arms differ in is said with them." if any(also_differs(c.pair) for c in main) else "")
    )


def _about(factor: Factor, comparisons: Sequence[Comparison]) -> str:
    """A line for each contrast of which something is claimed; the others together."""
    of_factor = [c for c in comparisons if c.pair.factor is factor and not _is_by_amount(c)]
    contrasts = {name: [c for c in of_factor if _contrast(c) == name] for name in map(_contrast, of_factor)}
    if not contrasts:
        return ""
    claims = [f"- {name}: {_findings(group)}." for name, group in contrasts.items() if _any_claimed(group)]
    rest = {name: group for name, group in contrasts.items() if not _any_claimed(group)}
    noise = [name for name, group in rest.items() if not any(c.verdict is Verdict.UNTESTED for c in group)]
    if noise:
        claims.append(f"- Within noise, wherever compared: {'; '.join(noise)}.")
    partly = {n: [c for c in group if c.measure is Measure.TEST_AP50_95] for n, group in rest.items() if n not in noise}
    claims += [f"- {name}: {_undecided(group)}." for name, group in partly.items() if group]
    return f"**{_TITLES[factor]}.**\n\n" + "\n".join(claims)


def _any_claimed(group: Sequence[Comparison]) -> bool:
    return any(c.verdict in CLAIMED for c in group)


def _findings(group: Sequence[Comparison]) -> str:
    """Of one contrast: test AP50-95 in full, AP50 where its verdicts differ, validation measures where claimed."""
    by = {measure: [c for c in group if c.measure is measure] for measure in Measure}
    main, other = by[Measure.TEST_AP50_95], by[Measure.TEST_AP50]
    found = [f"test AP50-95 {_verdicts(main)}"]
    if [c.verdict for c in main] != [c.verdict for c in other]:
        found.append(f"test AP50 {_verdicts(other)}")
    on_validation = [
        f"{name} {_verdicts([c for c in by[measure] if c.verdict in CLAIMED])}"
        for measure, name in _ON_VALIDATION.items()
        if _any_claimed(by[measure])
    ]
    if on_validation:
        found.append(f"on these validation images, tested over seeds only: {', '.join(on_validation)}")
    return "; ".join(found)


def _verdicts(group: Sequence[Comparison]) -> str:
    claims = [
        f"{verdict} {_cases([c for c in group if c.verdict is verdict], differences=True)}"
        for verdict in CLAIMED
        if any(c.verdict is verdict for c in group)
    ]
    undecided = _undecided([c for c in group if c.verdict not in CLAIMED])
    return ", ".join([*claims, undecided] if undecided else claims)


def _undecided(group: Sequence[Comparison]) -> str:
    noise = [c for c in group if c.verdict is Verdict.NOISE]
    untested = [c for c in group if c.verdict is Verdict.UNTESTED]
    words = [f"within noise {_cases(noise)}"] if noise else []
    words += [f"within noise for want of {FEWEST_SEEDS} common seeds {_cases(untested)}"] if untested else []
    return ", ".join(words)


def also_differs(pair: Pair) -> str:
    """`, epochs 75 instead of 300`: in what two arms differ besides that for which they are compared."""
    before, now = dict(pair.first.changes), dict(pair.second.changes)
    words = [
        f"{name} {now.get(name, _COMMON)} instead of {before.get(name, _COMMON)}"
        for name in BUDGET
        if now.get(name) != before.get(name)
    ]
    if pair.factor is Factor.FREEZE and "features" in (pair.first.freeze, pair.second.freeze):
        words.append("stored features without augmentation")
    return "".join(f", {word}" for word in words)


def _contrast(comparison: Comparison) -> str:
    first, second, factor = comparison.pair.first, comparison.pair.second, comparison.pair.factor
    also = escape(also_differs(comparison.pair))
    if factor is Factor.REFERENCE:
        return f"{arm_words(second)} instead of {arm_words(first)}"
    if factor is Factor.START:
        return f"*{escape(second.start)}* instead of *{escape(first.start)}* ({escape(_how(first))}{also})"
    if factor is Factor.FREEZE:
        ways = f"*{FREEZE_WORDS[second.freeze]}* instead of *{FREEZE_WORDS[first.freeze]}*"
        return f"{ways} (start {escape(first.start)}{escape(_conditions(first))}{also})"
    return f"more images (start {escape(way_words(first))}{also})"


def way_words(arm: Arm) -> str:
    """Start, freeze, and what else is not as in the other arms: `coco, all trains, augmentation none`."""
    return f"{arm.start}, {_how(arm)}"


def _how(arm: Arm) -> str:
    return FREEZE_WORDS[arm.freeze] + _conditions(arm)


def _conditions(arm: Arm) -> str:
    own = [f"{name} {value}" for name, value in arm.changes if name not in BUDGET]
    own += ["other data"] if arm.train or arm.validation else []
    return "".join(f", {words}" for words in own)


def _cases(group: Sequence[Comparison], differences: bool = False) -> str:
    """`by 0.340 with 59 and 0.389 with 148 images`, or `with 59 and 148 images`."""
    by_images = group[0].pair.factor is Factor.IMAGES
    words = []
    for number, c in enumerate(group):
        amount = f"from {c.pair.first.images} to {c.pair.second.images}" if by_images else f"{c.pair.second.images}"
        preposition = "" if by_images or (number and not differences) else "with "
        words.append((f"{abs(c.difference):.3f} " if differences else "") + preposition + amount)
    one = not by_images and group[-1].pair.second.images == 1
    return ("by " if differences else "") + join_words(words) + (" image" if one else " images")


def _is_by_amount(c: Comparison) -> bool:
    """Whether it is told by amount: another start beside scratch, where all is trained."""
    return c.pair.factor is Factor.START and (c.pair.first.start, c.pair.first.freeze) == ("scratch", "none")


def _by_amount(analysis: Analysis) -> str:
    """A line for each amount of images and each start other than scratch: all three skills."""
    main = [c for c in analysis.comparisons if c.measure is Measure.TEST_AP50_95 and _is_by_amount(c)]
    lines = [f"- {_skills(c, analysis)}." for c in sorted(main, key=lambda c: c.pair.first.images)]
    title = "**The start, by amount of data**, where everything is trained."
    return f"{title}\n\n" + "\n".join(lines) if lines else ""


def _skills(main: Comparison, analysis: Analysis) -> str:
    """`**590 images**, *coco* instead of *scratch*: +0.045 (…) test AP50-95 at convergence; …`."""
    first, second = main.pair.first, main.pair.second
    others = {c.measure: c for c in analysis.comparisons if c.pair == main.pair}
    catch_up = next((c for c in analysis.catch_ups if (c.arm, c.scratch) == (second, first)), None)
    parts = [f"{_gain(main, 'test AP50-95')} {_when(main, analysis)}", _catch_up_words(catch_up)]
    if Measure.FIRST_EPOCH in others:
        parts.append(_gain(others[Measure.FIRST_EPOCH], "validation AP50-95 after epoch 1"))
    beside = escape(_conditions(first) + also_differs(main.pair))
    ways = f"*{escape(second.start)}* instead of *{escape(first.start)}*{beside}"
    return f"**{plural(first.images, 'image')}**, {ways}: {'; '.join(parts)}"


def _gain(c: Comparison, name: str) -> str:
    """A difference that is claimed, with the wider of its intervals; else that it is not."""
    found = between(widest(c), signed)
    if c.verdict in CLAIMED:
        return f"{signed(c.difference)} ({found}) {name}"
    why = f"({found})" if c.verdict is Verdict.NOISE else f"for want of {FEWEST_SEEDS} common seeds"
    return f"{name} within noise {why}"


def widest(c: Comparison) -> Interval:
    """The wider of the intervals over seeds and over images."""
    known = [i for i in (c.over_seeds, c.over_images) if math.isfinite(i.low)]
    return max(known, key=lambda i: i.high - i.low, default=c.over_seeds)


def _when(c: Comparison, analysis: Analysis) -> str:
    """Whether the scores compared are those at convergence."""
    pair = (c.pair.first, c.pair.second)
    rising = [
        f"*{escape(a.arm.start)}* in {len(a.seeds) - a.converged} of {plural(len(a.seeds), 'run')}"
        for a in analysis.arms
        if a.arm in pair and not a.has_converged
    ]
    return f"when training ended (not converged: {join_words(rising)})" if rising else "at convergence"


def _catch_up_words(c: CatchUp | None) -> str:
    if c is None:
        return "scratch learned next to nothing, so there is no score of it to reach"
    if c.reached < c.seeds:
        return f"reached scratch's final validation score in {c.reached} of {plural(c.seeds, 'run')}"
    if not c.is_faster:
        return f"time to scratch's final validation score within noise: {part_of_time(c)} of its time"
    return f"reached scratch's final validation score in {part_of_time(c)} of its time"


def part_of_time(c: CatchUp | None) -> str:
    """`0.21 (0.18 to 0.25)`: the part of scratch's time in the median over seeds, and the range over them."""
    if c is None or not math.isfinite(c.ratio):
        return ABSENT
    if c.reached < c.seeds:
        return f"reached in {c.reached} of {plural(c.seeds, 'run')}"
    found = f"{c.ratio:.2f}"
    return found if c.seeds == 1 else f"{found} ({min(c.ratios):.2f} to {max(c.ratios):.2f})"


def _beside_own_start(analysis: Analysis) -> str:
    """A line for each arm that goes on with a model: whether training ever made it worse than that."""
    lines = [
        f"- {arm_words(c.arm)}, from *{escape(c.arm.start)}*: AP50 {_never_below(c.ap50, c)}; "
        f"AP50-95 {_never_below(c.ap50_95, c)}."
        for c in analysis.continuations
    ]
    title = "**Continued training.** Never below its start on the same validation images, from the first epoch on:"
    return f"{title}\n\n" + "\n".join(lines) if lines else ""


def _never_below(found: BelowStart, c: Continuation) -> str:
    scores = f"(start {score(found.start)}, lowest {score(found.lowest)})"
    if found.runs == 0:
        return f"**yes**, in {'the one run' if c.runs == 1 else f'all {c.runs} runs'} {scores}"
    where = f"below in {found.runs} of {plural(c.runs, 'run')}, after {found.epochs} of {plural(c.epochs, 'epoch')}"
    return f"**no**, {where}, by {score(found.most)} at most {scores}"
