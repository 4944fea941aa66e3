// What the page shows, kept in the address, so that a link leads to the same.

const KINDS = { search: "q", group: "group" };

export function read() {
  const query = new URLSearchParams(location.search);
  const sensor = query.get("sensor");
  return {
    search: query.get(KINDS.search) ?? "",
    group: query.get(KINDS.group) ?? "",
    states: new Set((query.get("state") ?? "").split(",").filter(Boolean)),
    grouped: query.has("by"),
    open: sensor === null ? null
      : { sensor, source: query.get("source") ?? "", channel: query.get("channel") },
  };
}

function address(view) {
  const query = new URLSearchParams();
  if (view.search) query.set(KINDS.search, view.search);
  if (view.group) query.set(KINDS.group, view.group);
  if (view.states.size) query.set("state", [...view.states].join(","));
  if (view.grouped) query.set("by", "source");
  if (view.open) {
    query.set("source", view.open.source);
    query.set("sensor", view.open.sensor);
    if (view.open.channel) query.set("channel", view.open.channel);
  }
  const text = query.toString();
  return text ? `/?${text}` : "/";
}

// Keeps the view; `isNew` makes it a step to which the browser's button leads back.
export function keep(view, isNew) {
  const place = address(view);
  if (place === location.pathname + location.search) return;
  if (isNew) history.pushState(null, "", place);
  else history.replaceState(null, "", place);
}
