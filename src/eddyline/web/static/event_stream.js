// Reads the event stream of the server (SSE) by fetch, which unlike EventSource can name the last event
// after any failure, sees the status of a refusal, and notices a connection that has silently died.

const SILENCE_MS = 50_000; // the server sends a comment at least every 15 s
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
const KEPT = 1000;

export class EventStream {
  /** `onEvent(event)` receives {sequence, kind, at, asset, body}; `onState(state)` "open", "lost" or "refused";
   * `onGap()` is called where events are missing. */
  constructor(url, { onEvent, onState, onGap }) {
    this.url = url;
    this.onEvent = onEvent;
    this.onState = onState;
    this.onGap = onGap;
    this.last = null;
    this.first = null; // the sequence after which all events are in `kept`
    this.kept = [];
    this.state = "connecting";
    this.failures = 0;
    this.run = null; // the running loop; another object after each start
  }

  get running() {
    return this.run !== null;
  }

  /** Start after the event `since` (null: from now on), or continue; the first caller decides. */
  start(since) {
    if (this.running) return;
    if (this.last === null) {
      this.last = since;
      this.first = since;
    }
    this.run = {};
    this.loop(this.run);
  }

  stop() {
    this.run = null;
    this.abort?.abort();
  }

  /** The kept events after `since`; null if some of them were dropped. */
  after(since) {
    if (since === null) return [];
    if (this.first === null || since < this.first) return null;
    return this.kept.filter((event) => event.sequence > since);
  }

  async loop(run) {
    while (this.run === run) {
      await this.connect();
      if (this.run !== run) return;
      const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.failures);
      this.failures += 1;
      await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random() / 2)));
    }
  }

  async connect() {
    const abort = new AbortController();
    this.abort = abort;
    let watchdog;
    const alive = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => abort.abort(), SILENCE_MS);
    };
    try {
      alive();
      const response = await fetch(this.url, {
        headers: {
          accept: "text/event-stream",
          ...(this.last === null ? {} : { "last-event-id": String(this.last) }),
        },
        cache: "no-store",
        signal: abort.signal,
      });
      if (response.status === 401 || response.status === 403) {
        this.run = null;
        this.setState("refused");
        return;
      }
      if (!response.ok) throw new Error(`status ${response.status}`);
      this.setState("open");
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      const parser = new Parser((fields) => this.receive(fields));
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        alive();
        this.failures = 0;
        parser.push(value);
      }
    } catch {
      // Lost: the loop connects again after the last event.
    } finally {
      clearTimeout(watchdog);
      abort.abort();
    }
    this.setState("lost");
  }

  receive({ id, event: kind, data }) {
    if (kind === "reset") {
      // Events that were missed are deleted on the server.
      if (id) this.last = Number(id);
      this.first = null;
      this.kept = [];
      this.onGap();
      return;
    }
    let event;
    try {
      event = JSON.parse(data);
    } catch {
      return;
    }
    const sequence = Number(id || event.sequence);
    if (!Number.isFinite(sequence) || (this.last !== null && sequence <= this.last)) return;
    this.first ??= sequence - 1;
    this.last = sequence;
    this.kept.push({ ...event, sequence });
    if (this.kept.length > KEPT) this.first = this.kept.shift().sequence;
    this.onEvent({ ...event, sequence });
  }

  setState(state) {
    if (state === this.state) return;
    this.state = state;
    this.onState(state);
  }
}

/** Splits the text of an event stream into events (WHATWG HTML, section 9.2.6). */
export class Parser {
  constructor(onFields) {
    this.onFields = onFields;
    this.rest = "";
    this.fields = {};
  }

  push(text) {
    const lines = (this.rest + text).split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop();
    for (const line of lines) this.line(line);
  }

  line(line) {
    if (line === "") {
      if (this.fields.data !== undefined) this.onFields(this.fields);
      this.fields = {};
      return;
    }
    if (line.startsWith(":")) return;
    const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line);
    if (name === "data" && this.fields.data !== undefined) this.fields.data += `\n${value}`;
    else this.fields[name] = value;
  }
}
