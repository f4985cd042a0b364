/** The way to the gateway: the session, what comes by the stream, and what goes by the outbox. */

import { Api, Problem } from "./api.js";
import { Condition } from "./condition.js";
import { Outbox } from "./outbox.js";
import { Session } from "./session.js";
import { Stream } from "./stream.js";

export class Connection {
  condition = new Condition();
  #tell;
  #stream;
  #token = null;
  #followed = false;

  /**
   * `page()` gives what the gateway should know of the page, `after()` the number of the last line
   * that is here. `tell` hears: `received(name, data)`, `pending(item)`, `made(answer)` of a new
   * session, `over(again)` of one that is no more, `changed()` how it stands, `broken(error)`.
   */
  constructor(base, identity, { page, after, tell }) {
    this.#tell = tell;
    this.api = new Api(base);
    this.session = new Session(this.api, page, identity);
    this.outbox = new Outbox({
      owner: this.session.subject,
      post: (body) => this.#post(body),
      changed: (item) => { if (!item.event) tell.pending(item); },
    });
    this.#stream = new Stream({
      connect: async (signal) => this.api.stream(await this.#present(), after(), signal),
      poll: async (signal, known) => this.api.poll(await this.#present(), after(), known, signal),
      receive: (name, data) => {
        this.condition.heard(name === "status" ? data.state : "");
        tell.received(name, data);
      },
      lost: (error) => this.#lost(error),
    });
  }

  /** Is the conversation followed, if not at this moment? */
  get followed() {
    return this.#followed;
  }

  /** A tab nobody looks at holds no connection; it catches up when it is looked at again. */
  follow() {
    this.#followed = true;
    if (!document.hidden) this.#stream.start();
  }

  pause() {
    this.#stream.stop();
  }

  restart() {
    if (!this.#followed) return;
    this.#stream.stop();
    this.#stream.start();
  }

  /** A connection that lived through an outage may be dead without saying so: begin a new one. */
  online() {
    if (this.#stream.running) this.restart();
    this.outbox.retry();
  }

  retry() {
    this.outbox.retry();
    this.#stream.hurry();
  }

  /** The session's token; where there is none, of a new one. */
  hold() {
    return this.session.token((answer) => {
      this.condition.begin(answer.state);
      this.#tell.made(answer);
    });
  }

  /** Whose session it was has gone, or is somebody else: it opens nothing any more. */
  end(session) {
    if (session) this.api.endSession(session.token).catch(() => {}); // it ends by itself, later
  }

  /** Nobody is here, and nothing of them is left to be sent. */
  leave() {
    this.#stream.stop();
    this.#followed = false;
    this.session.forget();
    this.outbox.clear(null);
  }

  stop() {
    this.#stream.stop();
    this.outbox.stop();
  }

  async #present() {
    this.#tell.changed();
    return this.#token = await this.hold();
  }

  async #post(body) {
    const token = await this.hold();
    try {
      return await this.api.send(token, body);
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 401) throw error;
      this.session.renew(token);
      this.#tell.over(true);
      return this.api.send(await this.hold(), body);
    }
  }

  #lost(error) {
    if (error instanceof Problem && error.status === 401) {
      this.session.renew(this.#token);
      this.#tell.over(false);
      return undefined;
    }
    if (this.condition.lost(error)) this.#tell.broken(error);
    this.#tell.changed();
    return error?.retryAfter ? error.retryAfter * 1000 : undefined;
  }
}
