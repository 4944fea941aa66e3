// The page: joins the stream of events, the list, the groups, the sensor, and the keys.

import { ActDialog } from "./act.js";
import { Alarms } from "./alarms.js";
import { Connection } from "./connection.js";
import { drawGroups } from "./groups.js";
import { List } from "./list.js";
import { SensorView } from "./sensor.js";
import { Store } from "./store.js";
import { INSTRUMENTS, MACHINES, clock, count, duration, element, moment, nameOf, sensors, shape } from "./text.js";
import * as views from "./view.js";

const by = (id) => document.getElementById(id);

const terms = await (await fetch("/api/terms")).json();
const store = new Store();
let view = views.read();
const list = new List(by("list"), store, (row) => open(row));
const sensor = new SensorView(by("sensor"), terms, () => go({ open: null }, true));
const dialog = new ActDialog(by("act"), terms.acting.user, showDone);
const alarms = new Alarms({
  section: by("alarms"), note: by("alarm-note"), machines: by("machine-alarms"),
  instruments: by("instrument-alarms"), shelved: by("shelved-alarms"),
}, terms.acting.allowed, (action, alarm) => dialog.open(action, alarm), open);
let groupsDrawn = 0;

const connection = new Connection((update, isReset) => {
  const moved = store.apply(update, isReset);
  alarms.apply(update, isReset, store.now());
  if (moved) showList();
  else refreshList(update.rows);
  showCounts();
  showGroups(isReset);
  showState();
  if (view.open) {
    sensor.update(store.find(view.open.source, view.open.sensor, view.open.channel ?? null));
    if (isReset || update.alarms.length || update.removed_alarms.length) showItsAlarms();
  }
});

// States what a person's command has done, for as long as that takes to read.
function showDone(text) {
  const place = by("alarm-done");
  place.textContent = text;
  clearTimeout(showDone.timer);
  showDone.timer = setTimeout(() => { place.textContent = ""; }, 10000);
}

function showItsAlarms() {
  sensor.showAlarms(alarms.rowsOf(view.open, store.now()));
}

function showList() {
  const items = store.list(view);
  list.show(items);
  by("empty").hidden = items.length > 0 || !store.status;
  by("empty").textContent = store.rows.size
    ? "No sensor matches. Clear the search and the chosen states with Esc."
    : "No diagnosis has arrived yet. Send a measurement and start the consumer.";
}

// Draws rows that have changed and stay where they are.
function refreshList(rows) {
  const changed = new Map(rows.map((row) => [row.id, row]));
  for (let index = 0; index < list.items.length; index++) {
    const found = changed.get(list.items[index].id);
    if (found) list.items[index] = found;
  }
  list.draw();
}

function showCounts() {
  const counts = store.groups.get(view.group) ?? {};
  showCountsOf(by("machines"), MACHINES, counts, (each) => [shape(each)], terms.machine, nameOf);
  const present = INSTRUMENTS.filter((each) => each === "silent" || counts[each] || view.states.has(each));
  showCountsOf(by("instruments"), present, counts, () => [], terms.instrument, (each) => each);
}

function showCountsOf(box, states, counts, drawn, meanings, name) {
  const made = new Map([...box.children].map((each) => [each.dataset.state, each]));
  box.replaceChildren(...states.map((state) => {
    const button = made.get(state) ?? countButton(state, drawn(state), meanings[state], name(state));
    const number = counts[state] ?? 0;
    button.firstChild.textContent = count(number);
    button.classList.toggle("none", !number);
    button.setAttribute("aria-pressed", view.states.has(state));
    return button;
  }));
}

function countButton(state, drawn, meaning, name) {
  const button = element("button", { type: "button", class: `count is-${state}`, title: meaning }, element("b"), ...drawn, name);
  button.dataset.state = state;
  button.addEventListener("click", () => {
    const states = new Set(view.states);
    if (!states.delete(state)) states.add(state);
    go({ states }, false);
  });
  return button;
}

function showGroups(isNow) {
  // Many groups may change at a time, and none of them is urgent.
  if (!isNow && Date.now() - groupsDrawn < 1000) return;
  groupsDrawn = Date.now();
  const nav = by("groups");
  if (nav.contains(document.activeElement)) return;
  drawGroups(nav, store.groups, view.group, (group) => go({ group }, true));
}

function showState() {
  const { text, problem } = state();
  by("banner").hidden = !problem;
  if (by("banner").textContent !== problem) by("banner").textContent = problem;
  by("connection").className = problem ? "" : "live";
  by("connection").lastElementChild.textContent = text;
}

// What a person must know before reading the page: whether it is the truth of now.
function state() {
  const { status } = store;
  if (connection.cutOffSince !== null) {
    const since = clock(connection.cutOffSince / 1000);
    return { text: "cut off", problem: `Cut off from the server of this page since ${since}. What you see is from then; trying again.` };
  }
  if (!status) return { text: "connecting", problem: "" };
  if (status.kafka) return { text: "no Kafka", problem: `The server of this page gets nothing from Kafka, and tries again: ${status.kafka}` };
  if (status.undecided >= 60) {
    return { text: "waiting", problem: `A transaction has been open in the topic of diagnoses for ${duration(status.undecided)}. Nothing behind it can be read: see "bearing-stream transactions list".` };
  }
  if (status.rebuilt < 1) return { text: "reading the past", problem: `Reading the past: ${Math.floor(100 * status.rebuilt)} %.` };
  if (!status.current) {
    return { text: "lagging", problem: `Lagging by ${duration(status.behind)}: ${count(status.lag ?? 0)} diagnoses are still to be read.` };
  }
  const silent = store.groups.get("")?.silent ?? 0;
  if (silent && silent === status.sensors) {
    const latest = status.latest ? `, the latest since ${moment(status.latest)}` : "";
    return { text: "silent", problem: silent === 1 ? `The only sensor is silent${latest}. Does the consumer run?` : `All ${count(silent)} sensors are silent${latest}. Does the consumer run?` };
  }
  if (status.left_out) {
    return { text: `live, ${sensors(status.sensors)}`, problem: `${count(status.left_out)} more sensors send than this page may keep: they are not shown. Start it with a larger --max-sensors.` };
  }
  const removed = status.dropped ? `, ${count(status.dropped)} removed` : "";
  return { text: `live, ${sensors(status.sensors)}${removed}`, problem: "" };
}

function open(row) {
  if (typeof row.id === "number") list.selected = row.id; // an alarm's id is another
  go({ open: { source: row.source, sensor: row.sensor, channel: row.channel ?? null } }, true);
}

// Changes what is shown, and draws it.
function go(changes, isNew) {
  view = { ...view, ...changes };
  views.keep(view, isNew);
  draw("open" in changes);
}

function draw(isOpened) {
  by("search").value = view.search;
  by("grouped").checked = view.grouped;
  by("fleet").hidden = by("alarms").hidden = view.open !== null;
  if (isOpened && view.open) {
    sensor.open(view.open);
    showItsAlarms();
  } else if (isOpened) {
    sensor.close();
    if (store.status) by("list").focus();
  }
  document.title = view.open ? `${view.open.sensor} – Fleet` : "Fleet";
  showList();
  showCounts();
  showGroups(true);
}

by("search").addEventListener("input", (event) => go({ search: event.target.value }, false));
by("grouped").addEventListener("change", (event) => go({ grouped: event.target.checked }, false));
by("home").addEventListener("click", (event) => {
  event.preventDefault();
  go({ search: "", group: "", states: new Set(), open: null }, true);
});
by("help").addEventListener("click", explain);
addEventListener("popstate", () => {
  view = views.read();
  draw(true);
});
addEventListener("keydown", (event) => {
  const typing = event.target.matches("input[type=search]");
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") {
    if (view.open) go({ open: null }, true);
    else go({ search: "", states: new Set() }, false);
    event.target.blur?.();
  } else if (event.ctrlKey || event.metaKey || event.altKey) {
    return;
  } else if (event.key === "/" && !typing) {
    event.preventDefault();
    by("search").focus();
  } else if (event.key === "?" && !typing) {
    explain();
  } else if (event.key === "g" && !typing) {
    go({ grouped: !view.grouped }, false);
  } else if (["ArrowDown", "ArrowUp", "j", "k"].includes(event.key) && !view.open && document.activeElement !== by("list")
    && !(typing && event.key.length === 1)) {
    by("list").focus();
    by("list").dispatchEvent(new KeyboardEvent("keydown", { key: event.key }));
    event.preventDefault();
  }
});

function explain() {
  const box = by("explain").lastElementChild;
  const meanings = (entries, drawn) => entries.flatMap(([state, meaning]) => [
    element("dt", { class: `is-${state}` }, ...drawn(state), nameOf(state)), element("dd", {}, meaning)]);
  box.replaceChildren(
    element("h2", {}, "Machines"), element("dl", {}, ...meanings(Object.entries(terms.machine), (each) => [shape(each)])),
    element("h2", {}, "Instruments"), element("dl", {}, ...meanings(Object.entries(terms.instrument), () => [])),
    element("h2", {}, "Keys"), element("p", {},
      element("kbd", {}, "/"), " search, ", element("kbd", {}, "↑"), " ", element("kbd", {}, "↓"), " choose, ",
      element("kbd", {}, "Enter"), " open, ", element("kbd", {}, "Esc"), " back or clear, ",
      element("kbd", {}, "g"), " by source"));
  by("explain").showModal();
}

setInterval(() => {
  showState();
  alarms.tick(store.now());
  if (!view.open) list.draw();
}, 1000);

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  list.redraw();
  if (view.open) draw(true);
});

draw(true);
