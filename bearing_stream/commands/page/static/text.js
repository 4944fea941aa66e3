// Names and numbers as people read them.

export const MACHINES = ["OuterRace", "InnerRace", "Ball", "Changed", "Uncertain", "Normal"];

export const INSTRUMENTS = ["silent", "dropout", "clipping", "jump", "mains-hum",
  "unknown-machine", "outside-baseline", "novelty"];

const NAMES = {
  OuterRace: "Outer race", InnerRace: "Inner race", Ball: "Ball", Changed: "Changed",
  Normal: "Normal", Uncertain: "Uncertain", Unknown: "unknown",
};

export const nameOf = (state) => NAMES[state] ?? state;

export const hintOf = (row) =>
  row.machine === "Uncertain" && row.hint !== "Unknown" ? `${nameOf(row.hint).toLowerCase()}?` : "";

export const instrumentsOf = (row) => [...(row.silent ? ["silent"] : []), ...(row.flags ?? [])];

export const percent = (share) => `${(100 * share).toFixed(1)} %`;

export const count = (number) => number.toLocaleString("en");

export const sensors = (number) => `${count(number)} ${number === 1 ? "sensor" : "sensors"}`;

// A duration in its largest unit: 45 s, 12 min, 3 h, 5 d.
export function duration(seconds) {
  const whole = Math.max(0, seconds);
  if (whole < 1) return whole < 0.1 ? `${Math.round(1000 * whole)} ms` : `${whole.toFixed(1)} s`;
  if (whole < 100) return `${Math.round(whole)} s`;
  if (whole < 6000) return `${Math.round(whole / 60)} min`;
  if (whole < 172800) return `${Math.round(whole / 3600)} h`;
  return `${Math.round(whole / 86400)} d`;
}

const CLOCK = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const FULL = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

export const clock = (seconds) => CLOCK.format(1000 * seconds);

export const moment = (seconds) => FULL.format(1000 * seconds);

export const number = (value, unit = "") =>
  value === null || value === undefined ? "–" : `${Number(value.toPrecision(4))}${unit && ` ${unit}`}`;

// A new element; its children are elements or text, which is never read as HTML.
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") made.className = value;
    else if (typeof value === "boolean") made.toggleAttribute(name, value);
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

// The shape of a machine's state.
export function shape(state) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#${state}`);
  svg.append(use);
  return svg;
}
