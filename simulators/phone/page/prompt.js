// The PIN prompt of the simulated wallet, over the screen. The PIN never leaves the page.

import { ask } from "./api.js";

const PIN = "1234";
const LEASE_S = 90; // a page that is closed without a word lets the number answer by itself after this
const RENEW_MS = 20_000;
const WALLETS = { mtn: "MTN MoMo", daraja: "M-PESA", airtel: "Airtel Money", zamtel: "Zamtel Kwacha" };
const TOLD = {
  approve: "PIN prompt: approved.",
  cancel: "PIN prompt: cancelled.",
  wrong_pin: "PIN prompt: wrong PIN.",
  no_balance: "PIN prompt: too little money in the wallet.",
};

/** Shows prompts of one number; `phone()` is the phone in use, `tell` shows a note, `changed` is told of each. */
export class Prompt {
  #shown = null;
  #before = null; // what had the focus
  #passed = new Set(); // ignored, or answered and not settled yet
  #renewedAt = -Infinity;

  constructor({ dialog, title, text, pin, form, cancel, ignore }, phone, tell, changed) {
    Object.assign(this, { dialog, title, text, pin, phone, tell, changed });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#approve();
    });
    cancel.addEventListener("click", () => this.cancel());
    ignore.addEventListener("click", () => this.#ignore());
  }

  get isOpen() {
    return this.#shown !== null;
  }

  /** Show what is open now, close what is over; keep the simulated person's hands off meanwhile. */
  async look() {
    await this.#hold();
    const { msisdn } = this.phone();
    const rows = await ask("GET", `/prompts?msisdn=${encodeURIComponent(msisdn)}`);
    if (msisdn !== this.phone().msisdn) return;
    const open = rows.find((row) => row.state === "open" && !this.#passed.has(row.id));
    if (this.#shown && this.#shown !== open?.id) this.#over(rows.find((row) => row.id === this.#shown));
    if (open && !this.#shown) this.#show(open);
  }

  /** Answer with Cancel. */
  async cancel() {
    await this.#answer("cancel");
  }

  /** Let the number that is being put down answer by itself again. */
  async leave({ msisdn, answers }, atTheEnd = false) {
    this.#close();
    this.#renewedAt = -Infinity;
    if (answers !== "me") return;
    try {
      await ask("DELETE", `/people/${msisdn.slice(1)}`, undefined, { atTheEnd });
    } catch {
      // Nobody is there to be told; what was asked for lapses by itself.
    }
  }

  async #hold() {
    const { msisdn, answers } = this.phone();
    if (answers !== "me" || performance.now() - this.#renewedAt < RENEW_MS) return;
    this.#renewedAt = performance.now();
    await ask("POST", "/people", { msisdn, answer: "ask", for_s: LEASE_S });
  }

  #show(row) {
    this.#shown = row.id;
    this.title.textContent = WALLETS[row.provider] ?? row.provider;
    this.text.textContent = row.text;
    this.pin.value = "";
    this.dialog.show();
    this.dialog.scrollIntoView({ block: "nearest" });
    this.#before = document.activeElement;
    this.pin.focus();
    this.changed();
  }

  #over(row) {
    this.#close();
    this.tell(row?.state === "answered" ? TOLD[row.answer] ?? "" : "PIN prompt: it has expired.");
  }

  #close() {
    if (!this.#shown) return;
    this.#shown = null;
    this.dialog.close();
    this.#before?.focus();
    this.changed();
  }

  async #approve() {
    if (!this.pin.value) {
      this.tell("Type the PIN first: 1234.");
      this.pin.focus();
      return;
    }
    const right = this.phone().wallet === "empty" ? "no_balance" : "approve";
    await this.#answer(this.pin.value === PIN ? right : "wrong_pin");
  }

  async #answer(answer) {
    const id = this.#shown;
    if (!id) return;
    this.#passed.add(id);
    this.#close();
    try {
      await ask("POST", `/prompts/${id}/answer`, { answer });
      this.tell(TOLD[answer]);
    } catch (trouble) {
      this.tell(trouble.status === 409 ? "PIN prompt: too late, it was over." : trouble.message);
    }
  }

  #ignore() {
    this.#passed.add(this.#shown);
    this.#close();
    this.tell("PIN prompt: ignored. It expires by itself.");
  }
}
