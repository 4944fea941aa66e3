// What the browser knows of the fleet, and which of it is listed.

import { INSTRUMENTS, MACHINES, instrumentsOf } from "./text.js";

const segments = (source) => source.split("/").filter(Boolean);

// The worst first; among equals the one whose state is newest, so that rows keep their places.
const worse = (a, b) => b.rank - a.rank || b.since - a.since || a.id - b.id;

export class Store {
  rows = new Map();
  groups = new Map();
  status = null;
  #offset = 0;

  // Applies an event, and returns whether the order or the number of rows may have changed.
  apply(update, isReset) {
    let moved = isReset || update.removed.length > 0;
    if (isReset) {
      this.rows.clear();
      this.groups.clear();
    }
    for (const id of update.removed) this.rows.delete(id);
    for (const name of update.removed_groups) this.groups.delete(name);
    for (const [name, counts] of Object.entries(update.groups)) this.groups.set(name, counts);
    for (const row of update.rows) {
      const before = this.rows.get(row.id);
      row.text = before?.text ?? `${row.sensor} ${row.source} ${row.channel ?? ""}`.toLowerCase();
      row.path = before?.path ?? segments(row.source).join("/");
      row.states = new Set([row.machine, ...instrumentsOf(row)]);
      moved ||= !before || before.rank !== row.rank || before.since !== row.since
        || before.states.size !== row.states.size || [...row.states].some((each) => !before.states.has(each));
      this.rows.set(row.id, row);
    }
    this.status = update.status;
    this.#offset = update.status.now - Date.now() / 1000;
    return moved;
  }

  // Seconds since the epoch by the server's clock.
  now() {
    return Date.now() / 1000 + this.#offset;
  }

  find(source, sensor, channel) {
    for (const row of this.rows.values()) {
      if (row.sensor === sensor && row.source === source && (row.channel ?? null) === channel) return row;
    }
    return null;
  }

  // The rows to list, the worst first; with `grouped`, each source's after an item that names it.
  list({ search, group, states, grouped }) {
    const words = search.toLowerCase().split(/\s+/).filter(Boolean);
    const machines = MACHINES.filter((each) => states.has(each));
    const instruments = INSTRUMENTS.filter((each) => states.has(each));
    const chosen = [];
    for (const row of this.rows.values()) {
      if (group && row.path !== group && !row.path.startsWith(`${group}/`)) continue;
      if (machines.length && !machines.includes(row.machine)) continue;
      if (instruments.length && !instruments.some((each) => row.states.has(each))) continue;
      if (words.every((word) => row.text.includes(word))) chosen.push(row);
    }
    chosen.sort(worse);
    return grouped ? this.#grouped(chosen) : chosen;
  }

  #grouped(rows) {
    const groups = new Map();
    for (const row of rows) {
      const path = row.path.slice(0, Math.max(0, row.path.lastIndexOf("/"))) || row.path;
      if (!groups.has(path)) groups.set(path, []);
      groups.get(path).push(row);
    }
    // The rows are sorted, and so are the groups by their worst.
    return [...groups].flatMap(([path, members]) => [{ group: path, members }, ...members]);
  }
}
