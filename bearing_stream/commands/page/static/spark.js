// Small drawings on a canvas: the trend of RMS over a strip of states, and the strip alone.

const STATES = { n: "Normal", u: "Uncertain", c: "Changed", b: "Ball", i: "InnerRace", o: "OuterRace" };

let colours = null;

// The colours of the style sheet, which depend on the scheme.
export function colour(name) {
  colours ??= getComputedStyle(document.documentElement);
  return colours.getPropertyValue(`--${name}`).trim();
}

// Draws a letter of a strip: full height where the diagnosis is certain, half where it is not.
function drawLetter(context, letter, x, width, top, height) {
  const state = STATES[letter.toLowerCase()] ?? "Uncertain";
  const certain = letter === letter.toUpperCase();
  context.fillStyle = colour(state);
  // Normal is low too: what stands out is what needs a person.
  const share = state === "Normal" ? 0.3 : certain ? 1 : 0.5;
  context.globalAlpha = certain ? 1 : 0.6;
  context.fillRect(x, top + height * (1 - share), width, height * share);
  context.globalAlpha = 1;
}

function cleared(canvas) {
  const scale = devicePixelRatio || 1;
  const width = canvas.clientWidth || canvas.width, height = canvas.clientHeight || canvas.height;
  const wide = Math.round(width * scale), high = Math.round(height * scale);
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide;
    canvas.height = high;
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

export function drawSpark(canvas, row) {
  const { context, width, height } = cleared(canvas);
  const step = width / 32, left = width - row.strip.length * step;
  for (let index = 0; index < row.strip.length; index++) {
    drawLetter(context, row.strip[index], left + index * step, step - 1, height - 8, 8);
  }
  if (!row.spark) return;
  context.strokeStyle = colour("text");
  context.lineWidth = 1.2;
  context.beginPath();
  let isDrawing = false;
  for (let index = 0; index < row.spark.length; index++) {
    const level = row.spark.charCodeAt(index) - 48;
    if (level < 0) {
      isDrawing = false;
      continue;
    }
    const x = left + (index + 0.5) * step, y = 2 + (height - 14) * (1 - level / 63);
    if (isDrawing) context.lineTo(x, y);
    else context.moveTo(x, y);
    isDrawing = true;
  }
  context.stroke();
}

// The states of the whole history, each point as wide as the others.
export function drawStrip(canvas, strip) {
  const { context, width, height } = cleared(canvas);
  const step = width / Math.max(1, strip.length);
  for (let index = 0; index < strip.length; index++) {
    drawLetter(context, strip[index], index * step, Math.max(1, step - 0.5), 0, height);
  }
}
