// Small drawings on a canvas: the trend of RMS over a strip of states, and the strip alone.

const STATES = { n: "Normal", u: "Uncertain", c: "Changed", b: "Ball", i: "InnerRace", o: "OuterRace" };

const colours = new Map();

// A colour of the style sheet, which depends on the scheme. Reading it from there makes the browser
// compute the styles of the whole page.
export function colour(name) {
  if (!colours.has(name)) {
    colours.set(name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim());
  }
  return colours.get(name);
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => colours.clear());

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

function cleared(canvas, width, height) {
  const scale = devicePixelRatio || 1;
  const wide = Math.round(width * scale), high = Math.round(height * scale);
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide;
    canvas.height = high;
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

// Size of a sparkline in the style sheet.
const WIDTH = 160, HEIGHT = 32;

export function drawSpark(canvas, row) {
  const context = cleared(canvas, WIDTH, HEIGHT);
  const step = WIDTH / 32, left = WIDTH - row.strip.length * step;
  for (let index = 0; index < row.strip.length; index++) {
    drawLetter(context, row.strip[index], left + index * step, step - 1, HEIGHT - 8, 8);
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
    const x = left + (index + 0.5) * step, y = 2 + (HEIGHT - 14) * (1 - level / 63);
    if (isDrawing) context.lineTo(x, y);
    else context.moveTo(x, y);
    isDrawing = true;
  }
  context.stroke();
}

// The states of the whole history, each point as wide as the others.
export function drawStrip(canvas, strip) {
  const width = canvas.clientWidth, height = canvas.clientHeight;
  const context = cleared(canvas, width, height);
  const step = width / Math.max(1, strip.length);
  for (let index = 0; index < strip.length; index++) {
    drawLetter(context, strip[index], index * step, Math.max(1, step - 0.5), 0, height);
  }
}
