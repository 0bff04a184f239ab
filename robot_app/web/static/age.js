// How old the shown picture is, although server and browser have different clocks.
export class Age {
  forget() {
    this.clockGapMs = Infinity;
    this.pictureMs = null;
  }

  constructor() {
    this.forget();
  }

  // The smallest gap between the clocks that was ever seen stands for a message without delay;
  // what a message came later than that, it was under way.
  received(ageMs, sentMs) {
    const nowMs = performance.now();
    this.clockGapMs = Math.min(this.clockGapMs, nowMs - sentMs);
    this.pictureMs = sentMs + this.clockGapMs - ageMs;
  }

  // Milliseconds since the robot's picture reached the server; null before the first.
  now() {
    return this.pictureMs === null ? null : performance.now() - this.pictureMs;
  }
}
