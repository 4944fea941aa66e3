// The alarms, above the fleet: what is active or not acknowledged, and what is shelved.

import { clock, count, duration, element, moment, nameOf } from "./text.js";

const MOST = 200; // rows of a list; a flood has more than anyone reads

// What nobody has acknowledged first, then the most severe, then what was raised first: that may
// have caused the others.
const order = (a, b) => a.acked - b.acked || b.rank - a.rank || a.since - b.since || (a.id < b.id ? -1 : 1);

const isOf = (alarm, { source, sensor, channel }) =>
  alarm.source === source && alarm.sensor === sensor && (alarm.channel ?? null) === (channel ?? null);

export class Alarms {
  #alarms = new Map();
  #rows = new Map(); // id → the row, and the alarm that it shows
  #rowsOfSensor = [];
  #status = null;
  #parts;
  #may;
  #onAct;
  #onOpen;

  // `parts` has the elements; `may` is whether the person may act; `onAct(action, alarm)` and
  // `onOpen(alarm)` are called for a chosen alarm.
  constructor(parts, may, onAct, onOpen) {
    this.#parts = parts;
    this.#may = may;
    this.#onAct = onAct;
    this.#onOpen = onOpen;
  }

  // Applies an event of the stream.
  apply(update, isReset, now) {
    const changed = isReset || update.alarms.length > 0 || update.removed_alarms.length > 0;
    if (isReset) this.#alarms.clear();
    for (const id of update.removed_alarms) this.#alarms.delete(id);
    for (const alarm of update.alarms) {
      this.#alarms.set(alarm.id, { acked: false, active: false, since: null, shelved: null, ...alarm });
    }
    this.#status = update.status.alarms;
    if (changed) this.#draw();
    this.#note();
    this.tick(now);
  }

  // The rows of a sensor's alarms, for its own view.
  rowsOf(key, now) {
    const found = [...this.#alarms.values()].filter((alarm) => isOf(alarm, key)).sort(order);
    this.#rowsOfSensor = found.map((alarm) => this.#made(alarm));
    this.tick(now);
    return this.#rowsOfSensor;
  }

  // Shows how long ago each alarm was raised.
  tick(now) {
    for (const { row } of this.#rows.values()) showTime(row, now);
    for (const row of this.#rowsOfSensor) showTime(row, now);
  }

  #draw() {
    const { machines, instruments, shelved } = this.#parts;
    const sorted = [...this.#alarms.values()].sort(order);
    const lists = [
      [machines, sorted.filter((each) => shows(each) && !each.is_instrument)],
      [instruments, sorted.filter((each) => shows(each) && each.is_instrument)],
      [shelved, sorted.filter((each) => !shows(each))],
    ];
    const focused = document.activeElement?.closest(".alarm") && document.activeElement;
    for (const [box, alarms] of lists) {
      const list = box.querySelector("ul");
      box.hidden = alarms.length === 0;
      box.querySelector(".total").textContent = count(alarms.length);
      list.replaceChildren(...alarms.slice(0, MOST).map((alarm) => this.#row(alarm)));
      if (alarms.length > MOST) {
        list.append(element("li", {}, `and ${count(alarms.length - MOST)} more: see \`bearing-stream alarms list\``));
      }
    }
    for (const id of this.#rows.keys()) if (!this.#alarms.has(id)) this.#rows.delete(id);
    // A row that was drawn anew, or moved, has lost the focus.
    if (focused && document.activeElement !== focused) {
      const row = this.#rows.get(focused.closest(".alarm").dataset.id)?.row;
      (row?.querySelector(`[data-action="${focused.dataset.action}"]`) ?? row?.querySelector("a"))?.focus();
    }
  }

  // The row of an alarm; the same element for as long as the alarm is the same.
  #row(alarm) {
    const known = this.#rows.get(alarm.id);
    if (known?.alarm === alarm) return known.row;
    const row = this.#made(alarm);
    this.#rows.set(alarm.id, { alarm, row });
    return row;
  }

  #made(alarm) {
    const key = new URLSearchParams({ source: alarm.source, sensor: alarm.sensor });
    if (alarm.channel) key.set("channel", alarm.channel);
    const link = element("a", { href: `/?${key}`, title: alarm.source },
      alarm.channel ? `${alarm.sensor} ${alarm.channel}` : alarm.sensor);
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.#onOpen(alarm);
    });
    const row = element("li", { class: alarm.is_instrument ? "alarm is-instrument" : "alarm", "data-id": alarm.id },
      element("span", { class: `severity severity-${alarm.severity}` }, alarm.severity),
      element("span", { class: "kind" }, alarm.kind, ...(alarm.label ? [": ", element("b", {}, nameOf(alarm.label))] : [])),
      link,
      element("span", { class: "alarm-state" }, stateOf(alarm)),
      element("span", { class: "raised" }),
      element("span", { class: "acts" }, ...this.#buttons(alarm)));
    row.alarm = alarm;
    return row;
  }

  #buttons(alarm) {
    if (!this.#may) return [];
    const actions = [
      ...(alarm.acked ? [] : [["acknowledge", "Acknowledge"]]),
      alarm.shelved ? ["unshelve", "Unshelve"] : ["shelve", "Shelve"],
    ];
    return actions.map(([action, name]) => {
      const button = element("button", { type: "button", "data-action": action, "aria-label": `${name} ${alarm.id}` }, name);
      button.addEventListener("click", () => this.#onAct(action, alarm));
      return button;
    });
  }

  // What is known where no alarm is listed: that there is none, or why that is not known.
  #note() {
    const { state, topic, detail, cut } = this.#status;
    const shown = [...this.#alarms.values()].filter(shows).length;
    const texts = {
      missing: `not raised: there is no topic ${topic}. Start \`bearing-stream alarms --create-topics\`.`,
      refused: `not shown: ${detail}`,
      reading: "being read …",
      read: shown ? "" : `none in ${topic}`,
    };
    const parts = [
      texts[state],
      ...(cut ? ["Too many to show all: the most severe are listed."] : []),
      ...(shown && !this.#may ? ["To acknowledge or shelve them here, start the page with --token."] : []),
    ];
    const text = parts.filter(Boolean).join(" ");
    if (this.#parts.note.textContent !== text) this.#parts.note.textContent = text;
    this.#parts.section.classList.toggle("refused", state === "refused");
  }
}

// The states that are displayed; the other alarms here are shelved.
const shows = (alarm) => ["off-delay", "latched", "active"].includes(alarm.state);

// What a person must know of it in words: whether it still holds, and who has seen it.
function stateOf(alarm) {
  const texts = [
    alarm.state === "shelved" ? "" : alarm.state,
    alarm.active ? "" : "cleared",
    alarm.acked ? "acknowledged" : "not acknowledged",
    alarm.data === "live" ? "" : `sensor ${alarm.data}`,
  ];
  const { shelved } = alarm;
  if (shelved) {
    const end = `until ${moment(shelved.until)}${shelved.once ? " or cleared" : ""}`;
    texts.push(`shelved ${end} by ${shelved.by}${shelved.reason && `: ${shelved.reason}`}`);
  }
  return texts.filter(Boolean).join(", ");
}

function showTime(row, now) {
  const { since, count: raised } = row.alarm;
  const place = row.querySelector(".raised");
  const age = since === null ? "" : `${duration(now - since)} ago`;
  const text = [age, raised > 1 ? `${count(raised)} times` : ""].filter(Boolean).join(", ");
  if (place.textContent === text) return;
  place.textContent = text;
  place.title = since === null ? "" : `raised ${moment(since)} (${clock(since)})`;
}
