/**
 * Keeps the log flowing: server-sent events read by fetch, resumed by number, with back-off. Where
 * something between the page and the gateway holds the stream back, it asks again and again.
 */

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
const SILENCE_MS = 45_000; // three heartbeats of the gateway
const FIRST_WORD_MS = 3_000; // the gateway speaks at once: who hears nothing is behind a buffer

/** The events in a stream of text chunks, as {name, data}. */
export async function* parse(chunks) {
  let buffer = "";
  let name = "message";
  let data = [];
  for await (const chunk of chunks) {
    buffer += chunk;
    const lines = buffer.split(/\r\n|\n|\r(?!$)/);
    buffer = lines.pop();
    for (const line of lines) {
      if (line === "") {
        if (data.length) yield { name, data: data.join("\n") };
        name = "message";
        data = [];
      } else if (line.startsWith("event:")) name = line.slice(6).trim();
      else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
    }
  }
}

async function* read(response, alive) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      alive();
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

export class Stream {
  #connect;
  #poll;
  #receive;
  #lost;
  #held = false;
  #abort = null;
  #wake = null;

  /**
   * `connect(signal)` gives the response, `poll(signal, known)` a list of events instead,
   * `receive(name, data)` takes an event, and `lost(error)` hears of each break and may give the
   * milliseconds to wait.
   */
  constructor({ connect, poll, receive, lost }) {
    this.#connect = connect;
    this.#poll = poll;
    this.#receive = receive;
    this.#lost = lost;
  }

  get running() {
    return this.#abort !== null;
  }

  start() {
    if (this.running) return;
    this.#abort = new AbortController();
    this.#run(this.#abort);
  }

  stop() {
    this.#abort?.abort();
    this.#abort = null;
    this.hurry();
  }

  /** Ends the present wait, as when the network is back. */
  hurry() {
    this.#wake?.();
  }

  async #run(life) {
    let pause = FIRST_PAUSE_MS;
    while (!life.signal.aborted) {
      let error = null;
      try {
        const arrived = () => { pause = FIRST_PAUSE_MS; };
        if (this.#held) await this.#ask(life.signal, arrived);
        else await this.#follow(life.signal, arrived);
      } catch (problem) {
        error = problem;
      }
      if (life.signal.aborted) return;
      const asked = this.#lost(error);
      await this.#wait(asked ?? pause * (0.75 + Math.random() / 2));
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
  }

  async #follow(signal, arrived) {
    const silence = new AbortController();
    let timer;
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
    };
    alive();
    try {
      const response = await this.#connect(AbortSignal.any([signal, silence.signal]));
      clearTimeout(timer);
      timer = setTimeout(() => { this.#held = true; silence.abort(); }, FIRST_WORD_MS);
      for await (const event of parse(read(response, alive))) {
        if (signal.aborted) return;
        arrived();
        this.#receive(event.name, JSON.parse(event.data));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async #ask(signal, arrived) {
    for (let known = false; ; known = true) {
      const patience = AbortSignal.any([signal, AbortSignal.timeout(SILENCE_MS)]);
      const events = await this.#poll(patience, known);
      if (signal.aborted) return;
      arrived();
      for (const [name, data] of events) this.#receive(name, data);
    }
  }

  #wait(milliseconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => { clearTimeout(timer); resolve(); };
    });
  }
}
