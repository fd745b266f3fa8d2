// Which phone this is: its number, network and language, and who answers the PIN prompt.

import { ask } from "./api.js";

const KEPT = "madzi-phone";
const FIELDS = ["number", "carrier", "wire", "language", "answers", "wallet"];

/** Reads the form; `use` is told of the phone each time one is picked up. */
export class Settings {
  phone = null;
  codes = { service_code: "", short_code: "" };
  #networks = [];
  #numbers = [];

  constructor(form, hint, use, tell) {
    Object.assign(this, { form, hint, use, tell });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#pickUp();
    });
    form.elements.whose.addEventListener("change", () => this.#offer());
    form.elements.number.addEventListener("input", () => this.#nameOwner());
  }

  /** Fill the lists and pick up the phone that this tab had before, or the first one. */
  async open() {
    const { networks, wires, ...codes } = await ask("GET", "/networks");
    this.codes = codes;
    this.#networks = networks;
    this.#numbers = await ask("GET", "/numbers");
    for (const row of networks) this.form.elements.carrier.append(new Option(networkName(row), row.code));
    for (const wire of wires) this.form.elements.wire.append(new Option(wire));
    for (const row of this.#numbers) this.form.elements.whose.append(new Option(row.who, row.number));
    this.#recall();
    await this.#pickUp();
  }

  #offer() {
    const row = this.#numbers.find(({ number }) => number === this.form.elements.whose.value);
    if (!row) return;
    this.form.elements.number.value = row.number;
    this.form.elements.answers.value = row.answers_itself ? "itself" : "me";
  }

  #nameOwner() {
    const { whose, number } = this.form.elements;
    whose.value = this.#numbers.some((row) => row.number === number.value) ? number.value : "";
  }

  #recall() {
    let kept = null;
    try {
      kept = JSON.parse(sessionStorage.getItem(KEPT));
    } catch {
      // Nothing that can be read is kept.
    }
    const first = { number: this.#numbers[0]?.number ?? "0961234567" };
    for (const [name, value] of Object.entries(kept ?? first)) {
      if (FIELDS.includes(name)) this.form.elements[name].value = value;
    }
    this.#nameOwner();
  }

  async #pickUp() {
    const chosen = Object.fromEntries(FIELDS.map((name) => [name, this.form.elements[name].value]));
    let line;
    try {
      line = await ask("GET", `/line?number=${encodeURIComponent(chosen.number)}`);
    } catch (trouble) {
      this.tell(trouble.message);
      this.form.elements.number.focus();
      return;
    }
    sessionStorage.setItem(KEPT, JSON.stringify(chosen));
    const code = chosen.carrier || line.network_code;
    const network = this.#networks.find((row) => row.code === code);
    const before = this.phone;
    this.phone = { ...chosen, msisdn: line.msisdn, networkCode: code, network: network?.name ?? code };
    this.#explain(network);
    await this.use(this.phone, before);
  }

  #explain(network) {
    if (!network) return;
    const guess = network.country === "KE" ? "" : " Networks in Zambia publish no limits: this is a guess.";
    this.hint.textContent = `${network.name} waits ${network.idle_s} s for an answer, ${network.session_s} s in all.${guess}`;
  }
}

function networkName({ name, country, code }) {
  return `${name}${country && " " + country} (${code})`;
}
