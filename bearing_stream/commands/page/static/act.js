// Asks a person for a name and a reason, sends what they ask of an alarm, and shows what comes of it.

import { element } from "./text.js";

const NAMES = { acknowledge: "Acknowledge", shelve: "Shelve", unshelve: "Unshelve" };

const DONE = { acknowledge: "Acknowledged", shelve: "Shelved", unshelve: "Unshelved" };

const HOUR = 3600;

const TIMES = [[HOUR, "1 hour"], [8 * HOUR, "8 hours"], [24 * HOUR, "24 hours"], ["", "until it clears"]];

const KEPT = "bearing-stream.name"; // the name, in the browser

export class ActDialog {
  #dialog;
  #user;
  #onDone;

  // `user` is the name that the proxy states, or null; `onDone(text)` is called with what was done.
  constructor(dialog, user, onDone) {
    this.#dialog = dialog;
    this.#user = user;
    this.#onDone = onDone;
  }

  open(action, alarm) {
    const name = element("input", { id: "act-name", required: true, maxlength: 100, autocomplete: "name" });
    name.value = this.#user ?? localStorage.getItem(KEPT) ?? "";
    name.readOnly = this.#user !== null;
    const reason = element("input", { id: "act-reason", required: true, maxlength: 1000, autocomplete: "off" });
    const time = element("select", { id: "act-time" },
      ...TIMES.map(([seconds, text]) => element("option", { value: seconds }, text)));
    const outcome = element("p", { role: "alert", class: "outcome" });
    const send = element("button", { type: "submit" }, NAMES[action]);
    const cancel = element("button", { type: "button" }, "Cancel");
    const form = element("form", {},
      element("h2", {}, `${NAMES[action]} ${alarm.id}`),
      element("p", {}, `${alarm.severity} ${alarm.kind} of ${alarm.sensor}, ${alarm.source}`),
      element("label", { for: "act-name" }, "Your name"), name,
      element("label", { for: "act-reason" }, "Reason"), reason,
      ...(action === "shelve" ? [element("label", { for: "act-time" }, "For"), time] : []),
      outcome, element("p", { class: "acts" }, send, cancel));
    cancel.addEventListener("click", () => this.#dialog.close());
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (this.#user === null) localStorage.setItem(KEPT, name.value.trim());
      send.disabled = true;
      outcome.textContent = "Sending …";
      const wish = {
        alarm_id: alarm.id, action, by: name.value, reason: reason.value,
        // What the person saw: an alarm that is worse, or raised again, is not acknowledged with it.
        severity: alarm.severity, count: alarm.count,
        ...(action === "shelve" && (time.value ? { seconds: Number(time.value) } : { once: true })),
      };
      const { isDone, text } = await sent(wish);
      send.disabled = false;
      outcome.textContent = text;
      if (!isDone) return;
      if (form.isConnected) this.#dialog.close();
      this.#onDone(`${DONE[action]} ${alarm.id}.`);
    });
    this.#dialog.replaceChildren(form);
    this.#dialog.showModal();
    (name.value ? reason : name).focus();
  }
}

async function sent(wish) {
  try {
    const response = await fetch("/api/alarms/act", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(wish),
    });
    const text = await response.text();
    if (response.status === 200) return { isDone: true, text: "" };
    const detail = detailOf(text);
    if (response.status === 202) return { isDone: false, text: detail };
    return { isDone: false, text: `Refused: ${detail}` };
  } catch (error) {
    return { isDone: false, text: `Not sent: ${error.message}` };
  }
}

// The reason in a response, which is JSON or text.
function detailOf(text) {
  try {
    return JSON.parse(text).detail ?? text;
  } catch {
    return text.trim();
  }
}
