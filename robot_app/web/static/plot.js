// The last minute of one figure as a line, from zero to the largest of it.
const SPAN_MS = 60000;

export class Plot {
  constructor(canvas, colour) {
    this.canvas = canvas;
    this.colour = colour;
    this.points = [];
    setInterval(() => this.draw(), 250);
  }

  add(value) {
    this.points.push([performance.now(), value]);
  }

  draw() {
    const nowMs = performance.now();
    this.points = this.points.filter(([ms]) => nowMs - ms < SPAN_MS);
    const { canvas, points } = this;
    const scale = window.devicePixelRatio || 1;
    canvas.width = canvas.clientWidth * scale;
    canvas.height = canvas.clientHeight * scale;
    const context = canvas.getContext("2d");
    context.scale(scale, scale);
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    const top = Math.max(1, ...points.map(([, value]) => value)) * 1.15;
    context.strokeStyle = "#36404a";
    context.strokeRect(0.5, 0.5, width - 1, height - 1);
    context.beginPath();
    for (const [ms, value] of points) {
      context.lineTo(width * (1 - (nowMs - ms) / SPAN_MS), height * (1 - value / top));
    }
    context.strokeStyle = this.colour;
    context.lineWidth = 1.5;
    context.stroke();
    context.fillStyle = "#a3b0bb";
    context.font = "11px system-ui, sans-serif";
    context.fillText(top.toFixed(0), 4, 12);
    context.fillText("60 s", 4, height - 5);
  }
}
