// One line: at most one call at a time, and how long the network still waits.

import { ask } from "./api.js";

export const IDLE = "idle", BUSY = "busy", OPEN = "open", ENDED = "ended";

/** Keeps a call; tells `changed` whenever there is something new to show. */
export class Line {
  state = IDLE;
  text = "";
  note = "";
  limits = null;
  #id = null;
  #deadline = 0;
  #turn = 0; // answers to anything but the latest turn come too late to be shown
  #changed;

  constructor(changed) {
    this.#changed = changed;
  }

  /** Seconds that the network still waits for this person; null when it does not wait. */
  get left() {
    return this.state === OPEN ? Math.max(0, (this.#deadline - performance.now()) / 1000) : null;
  }

  /** Dial a code from a phone. */
  async dial({ msisdn, networkCode, wire }, code) {
    this.text = "";
    const call = { msisdn, code, network_code: networkCode, wire };
    await this.#take(() => ask("POST", "/calls", call), hangUpLate);
  }

  /** Type an answer into the session. */
  async send(input) {
    await this.#take(() => ask("POST", `/calls/${this.#id}`, { input }));
  }

  /** See whether the network has ended the session. */
  async look() {
    await this.#take(() => ask("GET", `/calls/${this.#id}`));
  }

  /** Hang up; without a call, clear the screen. */
  async hangUp() {
    const id = this.#id, inCall = this.state === BUSY || this.state === OPEN;
    this.#turn += 1;
    this.#id = null;
    this.#show(inCall ? ENDED : IDLE, "", inCall ? "You hung up. Dial again to go on where you were." : "");
    if (id) await hangUpLate({ id, continues: true });
  }

  async #take(request, tooLate = () => {}) {
    const turn = ++this.#turn;
    this.#show(BUSY, this.text, "");
    let row;
    try {
      row = await request();
    } catch (trouble) {
      if (turn !== this.#turn) return;
      this.#id = null;
      const over = trouble.status === 404;
      this.#show(ENDED, "", over ? "The session is over. Dial again to go on." : trouble.message);
      return;
    }
    if (turn === this.#turn) this.#put(row);
    else await tooLate(row);
  }

  #put(row) {
    this.#id = row.continues ? row.id : null;
    this.limits = row.limits;
    this.#deadline = performance.now() + row.left_s * 1000;
    const isCut = row.status === "Incomplete"; // a menu that nobody hears any more must not stay on the screen
    this.#show(row.continues ? OPEN : ENDED, isCut ? "" : row.text, why(row));
  }

  #show(state, text, note) {
    this.state = state;
    this.text = text;
    this.note = note;
    this.#changed();
  }
}

function why(row) {
  if (row.continues || row.status === "Success") return "";
  if (row.status === "Incomplete") return "Time is over: the network ended the session. Dial again to go on.";
  return row.error;
}

async function hangUpLate(row) {
  if (!row.continues) return;
  try {
    await ask("DELETE", `/calls/${row.id}`);
  } catch {
    // It ended by itself in the meantime.
  }
}
