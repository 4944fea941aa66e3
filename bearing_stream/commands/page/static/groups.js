// The tree of sources: plant, line, machine, each with its sensors and how many need attention.

import { count, element } from "./text.js";

const FAULTS = ["OuterRace", "InnerRace", "Ball", "Changed"];

const MOST = 500; // entries that are drawn; deeper ones can be searched for

const needing = (counts) => FAULTS.reduce((sum, each) => sum + (counts[each] ?? 0), 0);

// Plants, and groups of several sensors, parents before their children; `""` is the whole fleet.
export function listed(groups) {
  const names = [...groups.keys()].filter((name) => name === "" || !name.includes("/") || groups.get(name).sensors > 1);
  return names.sort().slice(0, MOST);
}

export function drawGroups(nav, groups, current, onChoose) {
  const made = listed(groups).map((name) => {
    const counts = groups.get(name);
    const bad = needing(counts);
    const depth = name ? name.split("/").length : 0;
    const label = name ? name.slice(name.lastIndexOf("/") + 1) : "All sources";
    const button = element("button", { type: "button", title: name, "aria-current": String(name === current) },
      element("span", { class: "label" }, label),
      ...(bad ? [element("span", { class: "bad", title: "need attention" }, `! ${count(bad)}`)] : []),
      ...(counts.silent ? [element("span", { class: "badge", title: "silent" }, `silent ${count(counts.silent)}`)] : []),
      element("span", { class: "total" }, count(counts.sensors)));
    button.style.paddingLeft = `${0.3 + 0.8 * depth}rem`;
    button.addEventListener("click", () => onChoose(name === current ? "" : name));
    return button;
  });
  nav.replaceChildren(...made);
}
