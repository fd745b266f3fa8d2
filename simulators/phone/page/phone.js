// Puts the phone together: screen, keys, PIN prompt, messages.

import { BUSY, ENDED, IDLE, Line, OPEN } from "./line.js";
import { clearOne, Keypad, put } from "./keypad.js";
import { Messages } from "./messages.js";
import { Prompt } from "./prompt.js";
import { Settings } from "./settings.js";

const LOOK_MS = 1000, TICK_MS = 250, HURRY_S = 10;
const at = (id) => document.getElementById(id);
const entry = at("entry"), screen = at("screen"), note = at("note"), bar = at("bar");

const line = new Line(show);
const settings = new Settings(at("settings"), at("limits"), pickUp, tell);
const prompt = new Prompt(
  {
    dialog: at("prompt"), title: at("prompt-title"), text: at("prompt-text"), pin: at("pin"),
    form: at("prompt-form"), cancel: at("prompt-cancel"), ignore: at("prompt-ignore"),
  },
  () => settings.phone, tell, nameKeys,
);
const messages = new Messages(
  { list: at("messages"), empty: at("no-messages"), form: at("compose"), text: at("sms-text"), count: at("sms-count") },
  () => settings.phone, ring, tell,
);
const keypad = new Keypad(at("keys"), at("letters"), typingInto, say);
let hurried = false;

// What is shown

function show() {
  write(line.text || (line.state === BUSY ? "Calling\u2026" : idleText()));
  note.textContent = line.note;
  document.body.dataset.state = line.state;
  screen.setAttribute("aria-busy", String(line.state === BUSY));
  nameKeys();
  at("entry-label").textContent = line.state === OPEN ? "Your answer" : "Code to dial";
  entry.placeholder = line.state === OPEN ? "Your answer" : settings.codes.service_code;
  if (line.state === OPEN || line.state === ENDED) {
    entry.value = "";
    hurried = false;
    keypad.reset();
    screen.scrollTop = 0;
  }
  tick();
}

function nameKeys() {
  const inCall = line.state === OPEN || line.state === BUSY;
  at("call").textContent = prompt.isOpen ? "Approve" : inCall ? "Send" : "Call";
  at("hang-up").textContent = prompt.isOpen ? "Cancel" : "Hang up";
}

function idleText() {
  return `Madzi\n\nDial ${settings.codes.service_code}\nor press Call.`;
}

function write(text) {
  screen.textContent = text; // never markup: names and free words are people's own
}

function tell(text) {
  note.textContent = text;
}

function say(text) {
  at("said").textContent = text;
}

function ring(unread) {
  at("envelope").hidden = unread === 0;
  at("envelope").textContent = `\u2709 ${unread}`;
  at("envelope").setAttribute("aria-label", unread === 1 ? "1 new message" : `${unread} new messages`);
}

function tick() {
  const left = line.left;
  at("patience").classList.toggle("waits", left !== null);
  at("patience").classList.toggle("hurry", left !== null && left <= HURRY_S);
  at("left").textContent = left === null ? "" : `${Math.ceil(left)} s`;
  bar.max = line.limits?.idle_s ?? 60;
  bar.value = left ?? 0;
  if (left === null) return;
  if (left <= 0) line.look();
  else if (left <= HURRY_S && !hurried) {
    hurried = true;
    say(`${HURRY_S} seconds left to answer`);
  }
}

// What the person does

function send() {
  if (line.state === BUSY || !settings.phone) return;
  const typed = entry.value;
  if (line.state === OPEN && typed) line.send(typed);
  else if (line.state === OPEN) tell("Type an answer first.");
  else {
    entry.value = "";
    line.dial(settings.phone, typed || settings.codes.service_code);
  }
}

function hangUp() {
  entry.value = "";
  keypad.reset();
  line.hangUp();
}

function typingInto() {
  return prompt.isOpen ? at("pin") : entry;
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") {
    event.preventDefault();
    if (prompt.isOpen) prompt.cancel();
    else hangUp();
    return;
  }
  keypad.flash(event.key);
  const elsewhere = event.target === document.body || event.target === screen || event.target.closest(".phone button");
  if (!elsewhere || event.target.closest("dialog")) return;
  if (event.key.length === 1 && event.key !== " ") {
    event.preventDefault();
    typingInto().focus();
    put(typingInto(), event.key);
  } else if (event.key === "Enter" && event.target.tagName !== "BUTTON") send();
}

document.addEventListener("keydown", onKey);
at("typing").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
at("call").addEventListener("click", () => (prompt.isOpen ? at("prompt-form").requestSubmit() : send()));
at("hang-up").addEventListener("click", () => (prompt.isOpen ? prompt.cancel() : hangUp()));
at("clear").addEventListener("click", () => clearOne(typingInto()));
at("envelope").addEventListener("click", () => at("messages").focus());
document.querySelector(".phone").addEventListener("pointerdown", (event) => {
  // A key that is pressed by hand leaves the caret where it is.
  if (event.target.closest("button")) event.preventDefault();
});
addEventListener("pagehide", () => {
  if (settings.phone) prompt.leave(settings.phone, true);
});

// Which phone it is

async function pickUp(phone, before) {
  const isAnother = before && before.msisdn !== phone.msisdn;
  if (isAnother) await putDown();
  if (before && (isAnother || before.answers !== phone.answers)) await prompt.leave(before);
  at("network").textContent = phone.network;
  at("owner").textContent = phone.number;
  at("short-code").textContent = `Madzi (${settings.codes.short_code})`;
  document.body.classList.add("connected");
  screen.lang = phone.language || "en";
  show();
  entry.focus({ preventScroll: true });
  if (before) document.querySelector(".phone").scrollIntoView({ block: "nearest" });
  const isOther = before && (isAnother || before.language !== phone.language);
  if (phone.language && isOther) await messages.send(`LANG ${phone.language.toUpperCase()}`);
  await look();
}

async function putDown() {
  await line.hangUp(); // ends the call, if there is one
  await line.hangUp(); // and clears the screen
  messages.reset();
}

async function look() {
  try {
    await Promise.all([messages.look(), prompt.look()]);
  } catch (trouble) {
    tell(trouble.message);
  }
}

async function lookForEver() {
  if (settings.phone) await look();
  setTimeout(lookForEver, LOOK_MS);
}

setInterval(tick, TICK_MS);
settings.open().then(lookForEver, (trouble) => tell(trouble.message));
