// A list of any length of which only the rows in sight are elements.

import { clock, duration, element, hintOf, instrumentsOf, nameOf, percent, sensors } from "./text.js";
import { drawSpark } from "./spark.js";

const OVERSCAN = 8;

export class List {
  items = [];
  selected = null; // id of a row
  #box;
  #all;
  #template = document.getElementById("row");
  #pool = [];
  #height = 44; // of a row
  #boxHeight = 0;
  #store;

  constructor(box, store, onOpen) {
    this.#box = box;
    this.#all = box.firstElementChild;
    this.#store = store;
    box.addEventListener("scroll", () => this.draw(), { passive: true });
    box.addEventListener("click", (event) => {
      const item = this.items[event.target.closest(".row")?.dataset.index];
      if (item?.id !== undefined) onOpen(item);
    });
    box.addEventListener("keydown", (event) => this.#key(event, onOpen));
    new ResizeObserver(() => this.measure()).observe(box);
  }

  // Takes the heights as they are now: rows are higher in a narrow window.
  measure() {
    const before = this.#height;
    this.#boxHeight = this.#box.clientHeight;
    this.#height = parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--row"));
    const top = this.#box.scrollTop * this.#height / before;
    if (this.#height !== before) for (const row of this.#pool) row.index = null;
    this.show(this.items);
    // What is at the top stays there; to scroll draws.
    if (this.#height !== before) this.#box.scrollTop = top;
  }

  // Lists other items, at the same place of the list.
  show(items) {
    this.items = items;
    this.#all.style.height = `${items.length * this.#height}px`;
    this.draw();
  }

  // Draws every row anew, in the colours of another scheme.
  redraw() {
    for (const row of this.#pool) row.item = null;
    this.draw();
  }

  draw() {
    const first = Math.max(0, Math.floor(this.#box.scrollTop / this.#height) - OVERSCAN);
    const inSight = Math.ceil(this.#boxHeight / this.#height) + 2 * OVERSCAN;
    while (this.#pool.length < inSight) this.#pool.push(this.#made());
    // Of a row that stays in sight, the element stays too.
    const last = Math.min(this.items.length, first + inSight);
    for (let index = first; index < first + this.#pool.length; index++) {
      const row = this.#pool[index % this.#pool.length];
      row.hidden = index >= last;
      if (!row.hidden) this.#fill(row, index);
    }
    const active = this.#pool.find((row) => !row.hidden && row.item.id !== undefined && row.item.id === this.selected);
    this.#box.setAttribute("aria-activedescendant", active?.id ?? "");
  }

  #made() {
    const row = this.#template.content.firstElementChild.cloneNode(true);
    const [machine, sensor, since, confidence, instrument, seen, spark] = row.children;
    row.setAttribute("aria-selected", row.isSelected = false);
    row.parts = { machine, sensor, since, confidence, instrument, seen, spark };
    this.#all.append(row);
    return row;
  }

  #fill(row, index) {
    const item = this.items[index];
    if (row.index !== index) {
      row.index = index;
      row.id = `row-${index}`;
      row.dataset.index = index;
      row.style.transform = `translateY(${index * this.#height}px)`;
      row.setAttribute("aria-setsize", this.items.length);
      row.setAttribute("aria-posinset", index + 1);
    }
    const isSelected = item.id !== undefined && item.id === this.selected;
    if (row.isSelected !== isSelected) row.setAttribute("aria-selected", row.isSelected = isSelected);
    if (row.item !== item) {
      row.item = item;
      if (item.group === undefined) this.#fillSensor(row, item);
      else this.#fillGroup(row, item);
    }
    if (item.group === undefined) this.#fillTimes(row, item);
  }

  #fillGroup(row, item) {
    row.className = "row group";
    const worst = item.members.filter((each) => each.rank >= 4).length;
    const text = `${item.group || "no source"}: ${sensors(item.members.length)}`;
    row.replaceChildren(element("span", {}, worst ? `${text}, ${worst} need attention` : text));
    row.isGroup = true;
  }

  #fillSensor(row, item) {
    const parts = row.parts;
    if (row.isGroup) row.replaceChildren(...Object.values(parts));
    row.isGroup = false;
    row.className = `row is-${item.machine}`;
    parts.machine.querySelector("use").setAttribute("href", `#${item.machine}`);
    const hint = hintOf(item);
    parts.machine.lastElementChild.replaceChildren(nameOf(item.machine), ...(hint ? [" ", element("i", {}, hint)] : []));
    parts.sensor.firstElementChild.textContent = item.channel ? `${item.sensor} ${item.channel}` : item.sensor;
    parts.sensor.lastElementChild.textContent = item.source;
    parts.confidence.replaceChildren(percent(item.probability), " ", element("small", {}, item.decided_by));
    parts.instrument.replaceChildren(...instrumentsOf(item).map((each) => element("span", { class: "badge" }, each)));
    drawSpark(parts.spark, item);
  }

  #fillTimes(row, item) {
    const now = this.#store.now();
    const since = `${item.since_at_least ? "> " : ""}${duration(now - item.since)}`;
    if (row.parts.since.textContent !== since) {
      row.parts.since.textContent = since;
      row.parts.since.title = clock(item.since);
    }
    const seen = now - item.seen < 2 ? "now" : `${duration(now - item.seen)} ago`;
    if (row.parts.seen.textContent !== seen) row.parts.seen.textContent = seen;
  }

  #key(event, onOpen) {
    const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: 10, PageUp: -10 }[event.key];
    const at = this.items.findIndex((item) => item.id !== undefined && item.id === this.selected);
    if (event.key === "Enter" && at >= 0) onOpen(this.items[at]);
    else if (event.key === "Home") this.#select(0, 1);
    else if (event.key === "End") this.#select(this.items.length - 1, -1);
    else if (step) this.#select(Math.min(this.items.length - 1, Math.max(0, at + step)), Math.sign(step));
    else return;
    event.preventDefault();
  }

  // Selects the sensor at a place, or the next one in a direction.
  #select(index, direction) {
    while (this.items[index] && this.items[index].id === undefined) index += direction;
    if (!this.items[index]) return;
    this.selected = this.items[index].id;
    const top = index * this.#height;
    const bottom = top + this.#height - this.#boxHeight;
    if (this.#box.scrollTop > top) this.#box.scrollTop = top;
    else if (this.#box.scrollTop < bottom) this.#box.scrollTop = bottom;
    this.draw();
  }
}
