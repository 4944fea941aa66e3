// Charts with uPlot: curves over time or frequency, with thresholds and the lines of a bearing.

import uPlot from "./vendor/uPlot.esm.js";
import { colour } from "./spark.js";
import { element } from "./text.js";

const HEIGHT = 180;

const DASHES = [[], [6, 3], [2, 2], [8, 3, 2, 3]];

const axis = (more) => ({
  stroke: () => colour("text"),
  grid: { stroke: () => colour("line"), width: 1 },
  ticks: { stroke: () => colour("line"), width: 1 },
  ...more,
});

// Draws horizontal thresholds and vertical lines, each with its name.
function marks(chart) {
  const { ctx, bbox } = chart.u;
  ctx.save();
  ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.lineWidth = devicePixelRatio;
  for (const { name, value } of chart.thresholds) {
    const y = chart.u.valToPos(value, "y", true);
    if (!(y >= bbox.top && y <= bbox.top + bbox.height)) continue;
    ctx.strokeStyle = ctx.fillStyle = colour("text");
    ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.textAlign = "right";
    ctx.fillText(name, bbox.left + bbox.width - 4, y - 4);
  }
  chart.lines.forEach(({ name, value, stroke, dash }, index) => {
    const x = chart.u.valToPos(value, "x", true);
    if (!(x >= bbox.left && x <= bbox.left + bbox.width)) return;
    ctx.strokeStyle = ctx.fillStyle = colour(stroke);
    ctx.setLineDash(dash.map((each) => each * devicePixelRatio));
    ctx.lineWidth = 1.5 * devicePixelRatio;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.fillStyle = colour("text");
    ctx.textAlign = "left";
    // In three rows, since lines may be close to each other.
    ctx.fillText(name, x + 3, bbox.top + (12 + 13 * (index % 3)) * devicePixelRatio);
  });
  ctx.restore();
}

// A figure with a chart. `series` have a label and the name of a colour; `least` is the least range
// of the vertical axis.
export class Chart {
  thresholds = [];
  lines = [];

  constructor({ title, note = "", series, time = true, least = null, xUnit = "", sync = null, wide = false }) {
    this.note = element("small", {}, note);
    this.box = element("div");
    this.figure = element("figure", wide ? { class: "wide" } : {},
      element("figcaption", {}, title, " ", this.note), this.box);
    this.u = new uPlot({
      width: 400,
      height: HEIGHT,
      series: [
        { label: time ? "time" : xUnit },
        ...series.map(({ label, stroke, dash }, index) => ({
          label,
          stroke: () => colour(stroke),
          dash: dash ?? DASHES[index % DASHES.length],
          width: 1.5,
          spanGaps: true,
          points: { show: false },
        })),
      ],
      scales: {
        x: { time },
        y: { range: (_, low, high) => range(low, high, least) },
      },
      axes: [axis({}), axis({ size: 56 })],
      cursor: sync ? { sync: { key: sync } } : {},
      legend: { show: series.length > 1 || time, live: true },
      hooks: { draw: [() => marks(this)] },
    }, [[], ...series.map(() => [])], this.box);
    new ResizeObserver(() => this.#fit()).observe(this.box);
  }

  #fit() {
    const width = Math.floor(this.box.clientWidth);
    if (width > 0 && width !== this.u.width) this.u.setSize({ width, height: HEIGHT });
  }

  show(x, ...ys) {
    this.u.setData([x, ...ys]);
  }

  destroy() {
    this.u.destroy();
  }
}

function range(low, high, least) {
  if (low === null || high === null || !Number.isFinite(low)) return least ?? [0, 1];
  const [from, to] = [Math.min(low, least?.[0] ?? low), Math.max(high, least?.[1] ?? high)];
  const margin = 0.05 * (to - from) || Math.abs(to) * 0.05 || 1;
  return [least && from === least[0] ? from : from - margin, to + margin];
}
