// One sensor: what it is now, how it came to be, and its latest measurement.

import { Chart } from "./charts.js";
import { colour, drawStrip } from "./spark.js";
import { duration, element, hintOf, instrumentsOf, moment, nameOf, number, percent, shape } from "./text.js";

const REFRESH = 1000; // milliseconds between two requests at least

const PARTS = {
  outer: { name: "BPFO", turns: 1, stroke: "OuterRace", dash: [] },
  inner: { name: "BPFI", turns: 1, stroke: "InnerRace", dash: [6, 3] },
  // A damaged rolling element strikes twice a turn.
  ball: { name: "BSF", turns: 2, stroke: "Ball", dash: [2, 2] },
};

async function fetched(path, row) {
  const query = new URLSearchParams({ source: row.source, sensor: row.sensor });
  if (row.channel) query.set("channel", row.channel);
  const response = await fetch(`${path}?${query}`);
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(typeof body.detail === "string" ? body.detail : `status ${response.status}`);
  return body;
}

export class SensorView {
  #root;
  #terms;
  #onBack;
  #shown = null; // what is shown: source, sensor and channel
  #fetching = false;
  #fetchedAt = 0;
  #measured = null;
  #charts = {};
  #parts = {};

  constructor(root, terms, onBack) {
    this.#root = root;
    this.#terms = terms;
    this.#onBack = onBack;
  }

  open(key) {
    this.close();
    this.#shown = key;
    this.#build(key);
    this.#root.hidden = false;
    this.#refresh();
    this.#loadWindow();
  }

  close() {
    for (const chart of Object.values(this.#charts)) chart.destroy();
    this.#charts = {};
    this.#shown = this.#measured = null;
    this.#fetchedAt = 0;
    this.#root.hidden = true;
    this.#root.replaceChildren();
  }

  // Requests what is new, if the row of the sensor has changed.
  update(row) {
    if (!this.#shown || !row || row.measured === this.#measured) return;
    if (Date.now() - this.#fetchedAt >= REFRESH) this.#refresh();
  }

  // Shows the rows of the sensor's alarms.
  showAlarms(rows) {
    this.#parts.alarms.replaceChildren(...rows);
  }

  #build(key) {
    const back = element("button", { class: "back", type: "button" }, "← Fleet (Esc)");
    back.addEventListener("click", this.#onBack);
    const again = element("button", { class: "back", type: "button" }, "Show the latest measurement");
    again.addEventListener("click", () => this.#loadWindow());
    const parts = this.#parts = {
      title: element("h2", {}, key.sensor),
      problem: element("p", {}),
      alarms: element("ul", { class: "alarms", "aria-label": "Alarms of this sensor" }),
      facts: element("dl", { class: "facts" }),
      strip: element("canvas", { class: "strip", role: "img", "aria-label": "States over time" }),
      stripNote: element("small", {}),
      history: element("div", { class: "charts" }),
      windowNote: element("p", { class: "window-note" }),
      window: element("div", { class: "charts window" }),
    };
    const strip = element("figure", { class: "wide" },
      element("figcaption", {}, "Prediction over time ", parts.stripNote), parts.strip);
    parts.history.append(strip);
    this.#root.append(back, parts.title, parts.problem, parts.alarms, parts.facts, parts.history,
      element("h3", {}, "Latest measurement"), again, parts.windowNote, parts.window);
    this.#buildHistory();
  }

  #buildHistory() {
    const { thresholds } = this.#terms;
    const add = (name, options) => {
      const chart = this.#charts[name] = new Chart({ sync: "history", ...options });
      this.#parts.history.append(chart.figure);
      return chart;
    };
    add("probabilities", {
      title: "Probabilities", least: [0, 1],
      series: ["OuterRace", "InnerRace", "Ball", "Normal"].map((each) => ({ label: nameOf(each), stroke: each })),
    });
    add("lines", {
      title: "Fault lines", note: "standard deviations over the healthy machine", least: [0, thresholds.elsewhere + 1],
      series: [
        { label: "outer", stroke: "OuterRace" }, { label: "inner", stroke: "InnerRace" },
        { label: "ball", stroke: "Ball" },
      ],
    });
    const change = add("change", {
      title: "Change", note: "of the spectrum's shape, standard deviations", least: [0, thresholds.change + 1],
      series: [{ label: "change", stroke: "text" }],
    });
    change.thresholds = [{ name: `changed, ${thresholds.change}`, value: thresholds.change }];
    add("rms", { title: "RMS and peak", least: null, series: [{ label: "RMS", stroke: "text" }, { label: "peak", stroke: "instrument" }] });
    add("impacts", {
      title: "Kurtosis and crest factor", least: null,
      series: [{ label: "kurtosis", stroke: "text" }, { label: "crest factor", stroke: "instrument" }],
    });
    add("velocity", { title: "Velocity", note: "RMS from 10 to 1,000 Hz, mm/s", least: null, series: [{ label: "velocity", stroke: "text" }] });
    const novelty = add("novelty", { title: "Novelty", least: [0, 1.2], series: [{ label: "novelty", stroke: "text" }] });
    novelty.thresholds = [{ name: `limit, ${thresholds.novelty}`, value: thresholds.novelty }];
    add("latency", { title: "Latency", note: "ms, from Kafka's timestamp to the diagnosis", least: [0, 1], series: [{ label: "latency", stroke: "text" }] });
  }

  async #refresh() {
    if (this.#fetching) return;
    const shown = this.#shown;
    this.#fetching = true;
    this.#fetchedAt = Date.now();
    try {
      const detail = await fetched("/api/sensor", shown);
      if (shown === this.#shown) this.#show(detail);
    } catch (error) {
      if (shown === this.#shown) this.#parts.problem.textContent = `Not available: ${error.message}`;
    } finally {
      this.#fetching = false;
    }
  }

  #show({ row, diagnosis, times, strip, values }) {
    this.#measured = row.measured;
    const parts = this.#parts;
    parts.problem.textContent = "";
    parts.title.className = `is-${row.machine}`;
    const hint = hintOf(row);
    parts.title.replaceChildren(shape(row.machine), row.channel ? `${row.sensor} ${row.channel}` : row.sensor,
      ` – ${nameOf(row.machine)}${hint && `, ${hint}`}`,
      ...instrumentsOf(row).map((each) => element("span", { class: "badge", title: this.#terms.instrument[each] ?? "" }, each)));
    parts.facts.replaceChildren(...facts(row, diagnosis, this.#terms));
    parts.stripNote.textContent = times.length
      ? `${times.length} points from ${moment(times[0])} to ${moment(times.at(-1))}, older ones merged` : "";
    drawStrip(parts.strip, strip);
    const charts = this.#charts;
    charts.lines.thresholds = [lineThreshold(diagnosis, this.#terms.thresholds)];
    charts.probabilities.show(times, values.OuterRace, values.InnerRace, values.Ball, values.Normal);
    charts.lines.show(times, values.outer, values.inner, values.ball);
    charts.change.show(times, values.change);
    charts.rms.show(times, values.rms, values.peak);
    charts.rms.note.textContent = diagnosis.unit ?? "unit not stated";
    charts.impacts.show(times, values.kurtosis, values.crest_factor);
    charts.velocity.show(times, values.velocity_rms);
    charts.novelty.show(times, values.novelty);
    charts.latency.show(times, values.latency);
    // A chart of what this sensor never has would only take space.
    for (const [name, value] of [["lines", "outer"], ["change", "change"], ["velocity", "velocity_rms"], ["rms", "rms"], ["impacts", "kurtosis"]]) {
      charts[name].figure.hidden = values[value].every((each) => each === null);
    }
  }

  async #loadWindow() {
    const shown = this.#shown, parts = this.#parts;
    parts.windowNote.textContent = "Reading it from Kafka …";
    try {
      const { diagnosis, figures } = await fetched("/api/window", shown);
      if (shown === this.#shown) this.#showWindow(diagnosis, figures);
    } catch (error) {
      if (shown === this.#shown) parts.windowNote.textContent = `It cannot be shown. ${error.message}`;
    }
  }

  #showWindow(diagnosis, figures) {
    const parts = this.#parts;
    const unit = diagnosis.unit ?? "unit not stated";
    parts.windowNote.textContent = `Measured ${moment(Date.parse(diagnosis.measured_at) / 1000)}, ` +
      `${figures.samples} samples at ${number(figures.sampling_rate, "Hz")}, offset ${diagnosis.input.offset} ` +
      `of partition ${diagnosis.input.partition} of ${diagnosis.input.topic}.`;
    for (const name of ["waveform", "spectrum", "envelope"]) {
      this.#charts[name]?.destroy();
      delete this.#charts[name];
    }
    parts.window.replaceChildren();
    const add = (name, options, curve) => {
      const chart = this.#charts[name] = new Chart({ time: false, wide: true, series: [{ label: name, stroke: "text" }], ...options });
      parts.window.append(chart.figure);
      return [chart, () => chart.show(curve.x, curve.y)];
    };
    const [, drawWaveform] = add("waveform", { title: "Waveform", note: `${unit}, over seconds`, xUnit: "s" }, figures.waveform);
    const [, drawSpectrum] = add("spectrum", { title: "Spectrum", note: `amplitude, ${unit}, over Hz`, xUnit: "Hz", least: [0, 0] }, figures.spectrum);
    const note = figures.lines.length
      ? `dB over Hz, with the lines of the bearing at ${number(figures.rpm, "rpm")}`
      : "dB over Hz; the table of sensors has no bearing or no speed for this sensor, so no lines are drawn";
    const [envelope, drawEnvelope] = add("envelope", { title: "Envelope spectrum", note, xUnit: "Hz" }, figures.envelope);
    envelope.lines = figures.lines.map(({ part, multiple, hertz }) => {
      const { name, turns, stroke, dash } = PARTS[part];
      return { name: multiple * turns > 1 ? `${multiple * turns}×${name}` : name, value: hertz, stroke, dash };
    });
    drawWaveform();
    drawSpectrum();
    drawEnvelope();
  }
}

// Beyond which height the line of a race decides.
function lineThreshold(diagnosis, { race, elsewhere }) {
  if (diagnosis.reasons.includes("outside-baseline")) return { name: `a race, at this speed ${elsewhere}`, value: elsewhere };
  return { name: `a race, ${race}`, value: race };
}

function facts(row, diagnosis, terms) {
  const { evidence, model } = diagnosis;
  const found = [
    ["state", terms.machine[row.machine]],
    ["since", `${row.since_at_least ? "before " : ""}${moment(row.since)}`],
    ["confidence", `${percent(row.probability)}, decided by ${row.decided_by}`],
    ["quality", diagnosis.quality === "good" ? "good" : `${diagnosis.quality}: ${diagnosis.reasons.join(", ")}`],
    ["measured", moment(row.measured)],
    ["own interval", row.interval ? duration(row.interval) : "not known yet"],
    ["latency", number(diagnosis.latency_ms.total, "ms")],
    ["shaft speed", evidence ? `${number(evidence.shaft_speed, "rpm")} (${evidence.speed_found_by ?? "not stated how"})`
      : diagnosis.shaft_speed ? number(diagnosis.shaft_speed, "rpm, stated") : "not stated"],
    ["model", `${model.name} ${model.version}`],
    ["source", row.source],
  ];
  return found.map(([term, text]) => element("div", {}, element("dt", {}, term), element("dd", {}, text)));
}
