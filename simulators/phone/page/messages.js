// SMS received by this number, and those written here.

import { ask } from "./api.js";

/** Shows messages, newest first; `news` is told how many arrived while nobody looked. */
export class Messages {
  unread = 0;
  #known = new Set();
  #since = "";
  #first = true;

  constructor({ list, empty, form, text, count }, phone, news, tell) {
    Object.assign(this, { list, empty, text, phone, news, tell });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#write();
    });
    text.addEventListener("input", () => {
      count.textContent = `${text.value.length} letters`;
    });
    list.addEventListener("focus", () => this.read());
    list.addEventListener("click", () => this.read());
  }

  /** Begin anew for another number. */
  reset() {
    this.list.replaceChildren();
    this.empty.hidden = false;
    this.#known.clear();
    this.#since = "";
    this.#first = true;
    this.read();
  }

  /** Fetch what has come since the last look. */
  async look() {
    const { msisdn } = this.phone();
    const since = this.#since && `&since=${encodeURIComponent(this.#since)}`;
    const rows = await ask("GET", `/sms?to=${encodeURIComponent(msisdn)}${since}`);
    if (msisdn !== this.phone().msisdn) return;
    const fresh = rows.filter((row) => !this.#known.has(row.id));
    for (const row of fresh) this.#receive(row);
    if (fresh.length && !this.#first) {
      this.unread += fresh.length;
      this.news(this.unread);
    }
    this.#first = false;
  }

  /** Note that the person has looked. */
  read() {
    this.unread = 0;
    this.news(0);
    for (const item of this.list.querySelectorAll(".new")) item.classList.remove("new");
  }

  /** Send an SMS and show what became of it. */
  async send(text) {
    const item = this.#add("out", "To Madzi", new Date(), text);
    const fate = document.createElement("small");
    item.append(fate);
    try {
      const { statuses, retrying } = await ask("POST", "/sms", { from: this.phone().msisdn, text });
      fate.textContent = retrying ? `Not taken (${statuses.at(-1)}); tried again every minute.` : "Sent.";
    } catch (trouble) {
      fate.textContent = `Not sent: ${trouble.message}`;
    }
  }

  async #write() {
    const text = this.text.value;
    if (!text.trim()) {
      this.tell("Write something first.");
      this.text.focus();
      return;
    }
    this.text.value = "";
    this.text.dispatchEvent(new Event("input"));
    await this.send(text);
  }

  #receive(row) {
    this.#known.add(row.id);
    this.#since = row.at;
    const item = this.#add("in", `From ${row.from}`, new Date(row.at), row.text);
    item.classList.toggle("new", !this.#first);
  }

  #add(kind, who, when, text) {
    const item = document.createElement("li"), head = document.createElement("small");
    const body = document.createElement("p");
    head.textContent = `${who}, ${clock(when)}`;
    body.textContent = text;
    item.className = kind;
    item.append(head, body);
    this.list.prepend(item);
    this.empty.hidden = true;
    return item;
  }
}

function clock(moment) {
  return moment.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "Africa/Lusaka" });
}
