"""`python -m tests.support.scene_figures [STARTS [FILE]]`: how well it tracks and follows in the rendered scene.

What is printed is also written to FILE, as a block of a Markdown page.
"""

import math
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.scenes import (
    FARTHEST_MM,
    NEAREST_MM,
    Sighting,
    follow_from,
    identity_switches,
    passing_scene,
    ranging_scene,
    watch,
)

RANGING_SCENES, PASSING_SCENES = 24, 12

SCENE_S = 8.0

FIRST_START = 200
"""The starts before were looked at while this was built."""

BANDS_MM = ((150, 250), (250, 400), (400, 600), (600, 800))


said: list[str] = []


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
    said.append(line)


def main(starts: int = 100, table: str | None = None) -> int:
    began = time.perf_counter()
    is_good = tracking() & passing() & following(starts)
    say(f"{time.perf_counter() - began:.0f} s; {'all as wanted' if is_good else 'NOT as wanted'}")
    if table is not None:
        Path(table).write_text("\n".join(("```text", *said, "```\n")), encoding="utf-8")
    return 0 if is_good else 1


def tracking() -> bool:
    sightings = [s for i in range(RANGING_SCENES) for s in watch(f"ranging {i}", ranging_scene(i), SCENE_S)]
    in_range = [s for s in sightings if NEAREST_MM <= s.true.distance_mm <= FARTHEST_MM]
    say(f"tracks: {RANGING_SCENES} scenes, {len(in_range)} sightings from 15 to 80 cm")
    say("distance         tracked   bearing error, degrees    distance error, %        bias, %")
    say("                           median    p90    p99      median    p90    p99")
    for near, far in (*BANDS_MM, (NEAREST_MM, FARTHEST_MM)):
        band = [s for s in in_range if near <= s.true.distance_mm <= far]
        say(f"{near:3.0f} to {far:3.0f} mm {_row(band)}")
    tracked = [s for s in in_range if s.track]
    bearing = statistics.median(s.bearing_error_rad for s in tracked)
    distance = statistics.median(s.distance_error for s in tracked)
    return math.degrees(bearing) <= 2 and distance <= 0.1


def _row(band: list[Sighting]) -> str:
    tracked = [s for s in band if s.track is not None]
    if not tracked:
        return "nothing"

    def percentiles(value: Callable[[Sighting], float]) -> str:
        values = sorted(value(s) for s in tracked)
        return " ".join(f"{values[min(int(q * len(values)), len(values) - 1)]:6.2f}" for q in (0.5, 0.9, 0.99))

    bias = statistics.median(s.track.distance_mm / s.true.distance_mm - 1 for s in tracked if s.track) * 100
    bearing = percentiles(lambda s: math.degrees(s.bearing_error_rad))
    return (
        f"{100 * len(tracked) / len(band):9.1f} %  {bearing}     {percentiles(lambda s: 100 * s.distance_error)}"
        f"     {bias:+6.2f}"
    )


def passing() -> bool:
    switches, sightings = 0, 0
    for i in range(PASSING_SCENES):
        found = watch(f"passing {i}", passing_scene(i), SCENE_S)
        here = identity_switches(found)
        sightings += len(found)
        switches += here
        if here:
            say(f"  passing scene {i}: {here} identity switches")
    say(f"passing: {PASSING_SCENES} scenes, {sightings} sightings, {switches} identity switches")
    return switches == 0


def following(starts: int) -> bool:
    results = []
    for seed in range(FIRST_START, FIRST_START + starts):
        result = follow_from(seed)
        results.append(result)
        if not result.is_good:
            why = "touched the other" if result.has_collided else "fell" if result.has_fallen else "not there in time"
            end_s, end_mm, _ = result.way[-1]
            say(
                f"  start {seed}: {why}; {result.way[0][1]:.0f} mm at first, {end_mm:.0f} mm after {end_s:.1f} s, "
                f"{result.edges} times at an edge",
            )
    times = sorted(r.reached_s for r in results if r.reached_s is not None)
    there = len(times) / len(results)
    collided, fallen = sum(r.has_collided for r in results), sum(r.has_fallen for r in results)
    edges = sum(r.edges > 0 for r in results)
    say(
        f"follow: {len(results)} starts, {100 * there:.1f} % at 20 ± 3 cm within 15 s; median "
        f"{statistics.median(times):.1f} s, p90 {times[int(0.9 * len(times))]:.1f} s; {collided} touched the other, "
        f"{fallen} fell, {edges} felt an edge"
    )
    return there >= 0.97 and not collided and not fallen


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2]), *sys.argv[2:]))
