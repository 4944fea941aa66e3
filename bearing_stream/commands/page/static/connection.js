// The stream of events from the server, which goes on where it was after a break.

const QUIET = 3000; // milliseconds without an event after which the page is cut off
const REOPEN = 10000; // and after which a connection that seems open is given up

export class Connection {
  cutOffSince = null;
  #source = null;
  #last = "";
  #arrived = Date.now();
  #onEvent;

  constructor(onEvent) {
    this.#onEvent = onEvent;
    this.#open();
    setInterval(() => this.#check(), 500);
  }

  #open() {
    this.#source?.close();
    const source = new EventSource(`/api/stream?last=${encodeURIComponent(this.#last)}`);
    for (const name of ["reset", "update"]) {
      source.addEventListener(name, (event) => {
        if (source !== this.#source) return;
        this.#last = event.lastEventId;
        this.#arrived = Date.now();
        this.cutOffSince = null;
        this.#onEvent(JSON.parse(event.data), name === "reset");
      });
    }
    this.#source = source;
    this.#tried = Date.now();
  }

  #tried = Date.now();

  #check() {
    const now = Date.now();
    if (now - this.#arrived > QUIET) this.cutOffSince ??= this.#arrived;
    // A browser retries by itself where a connection breaks, but not where a proxy responds with an
    // error, nor where the connection breaks without a sign.
    const closed = this.#source.readyState === EventSource.CLOSED && now - this.#tried > 2000;
    if (closed || (now - this.#arrived > REOPEN && now - this.#tried > REOPEN)) this.#open();
  }
}
