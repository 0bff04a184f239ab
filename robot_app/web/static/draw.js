// The camera's own JPEG on a canvas, and the boxes over it.
const CYAN = "#28dcff";
const GREY = "#9a9a9a";
const WHITE = "rgba(255, 255, 255, 0.55)";

export async function drawPicture(canvas, jpeg, picture) {
  const bitmap = await createImageBitmap(jpeg);
  if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
  }
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const unit = canvas.width / 640;
  const textUnit = Math.max(unit, canvas.width / (canvas.clientWidth || canvas.width) * 0.8); // readable on a phone
  for (const box of picture.boxes_px) outline(context, box, WHITE, unit);
  for (const track of picture.tracks) {
    const colour = track.seen ? CYAN : GREY;
    outline(context, track.box_px, colour, (track.seen ? 3 : 1) * unit);
    label(context, track.text, track.box_px, colour, textUnit);
  }
}

function outline(context, [x1, y1, x2, y2], colour, width) {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.strokeRect(x1, y1, x2 - x1, y2 - y1);
}

function label(context, text, [x1, y1, , y2], colour, unit) {
  const height = 22 * unit;
  context.font = `600 ${15 * unit}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  const width = context.measureText(text).width + 10 * unit;
  const left = Math.max(0, Math.min(x1, context.canvas.width - width));
  const above = y1 - height;
  const top = above >= 0 ? above : Math.min(y2, context.canvas.height - height);
  context.fillStyle = colour;
  context.fillRect(left, top, width, height);
  context.fillStyle = "#10161b";
  context.fillText(text, left + 5 * unit, top + height / 2);
}
