// Twelve keys: digits, or letters by pressing a key again and again, as on a phone without a keyboard.

const KEYS = [
  ["1", ".,-'1"], ["2", "abc2"], ["3", "def3"],
  ["4", "ghi4"], ["5", "jkl5"], ["6", "mno6"],
  ["7", "pqrs7"], ["8", "tuv8"], ["9", "wxyz9"],
  ["*", "*"], ["0", " 0"], ["#", "#"],
];
const AGAIN_MS = 900;
const MODES = ["123", "ABC", "abc"];
const MODE_NAMES = { 123: "Keys type digits", ABC: "Keys type capital letters", abc: "Keys type small letters" };
const SAID = { " ": "space", ".": "full stop", ",": "comma", "-": "hyphen", "'": "apostrophe" };

/** Types into whatever field `target` returns; `say` tells a screen reader which letter came. */
export class Keypad {
  #last = { key: "", at: 0, step: 0, field: null };
  #mode = 0;
  #buttons = new Map();

  constructor(parent, modeButton, target, say) {
    this.modeButton = modeButton;
    this.target = target;
    this.say = say;
    for (const [key, letters] of KEYS) parent.append(this.#button(key, letters));
    modeButton.addEventListener("click", () => this.#setMode((this.#mode + 1) % MODES.length));
  }

  /** Type digits again. */
  reset() {
    this.#setMode(0);
  }

  /** Let the key of a character look pressed for a moment. */
  flash(character) {
    const button = this.#buttons.get(character);
    if (!button) return;
    button.classList.add("pressed");
    setTimeout(() => button.classList.remove("pressed"), 120);
  }

  #button(key, letters) {
    const shown = letters.replace(/[^a-z]/g, "");
    const button = document.createElement("button");
    const digit = document.createElement("b");
    const small = document.createElement("small");
    button.type = "button";
    digit.textContent = key;
    small.textContent = key === "0" ? "space" : shown || "\u00a0";
    button.append(digit, small);
    const name = { "*": "star", "#": "hash" }[key] ?? key;
    button.setAttribute("aria-label", shown ? `${name}, ${shown.split("").join(" ")}` : name);
    button.addEventListener("click", () => this.#press(key, letters));
    this.#buttons.set(key, button);
    return button;
  }

  #press(key, letters) {
    const field = this.target();
    const typed = MODES[this.#mode] === "123" || field.type === "password" ? key : this.#letter(key, letters, field);
    put(field, typed);
    if (typed !== key) this.say(SAID[typed] ?? typed);
  }

  #letter(key, letters, field) {
    const now = performance.now(), last = this.#last;
    const again = last.key === key && last.field === field && now - last.at < AGAIN_MS && letters.length > 1;
    const step = again ? (last.step + 1) % letters.length : 0;
    this.#last = { key, at: now, step, field };
    if (again) clearOne(field);
    return MODES[this.#mode] === "ABC" ? letters[step].toUpperCase() : letters[step];
  }

  #setMode(mode) {
    this.#mode = mode;
    this.#last.key = "";
    this.modeButton.textContent = MODES[mode];
    this.modeButton.setAttribute("aria-label", MODE_NAMES[MODES[mode]]);
  }
}

/** Put text where the caret is. */
export function put(field, text) {
  const [from, to] = [field.selectionStart, field.selectionEnd];
  if (field.value.length - (to - from) + text.length > field.maxLength) return;
  field.setRangeText(text, from, to, "end");
}

/** Remove what is selected, or the character before the caret. */
export function clearOne(field) {
  const [from, to] = [field.selectionStart, field.selectionEnd];
  field.setRangeText("", from === to ? Math.max(0, from - 1) : from, to, "end");
}
