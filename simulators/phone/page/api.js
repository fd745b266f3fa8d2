// The few requests of the page. Everything goes to the origin that served it.

/** What went wrong, in words for the person who holds the phone. `status` is HTTP's, 0 where nobody answered. */
export class Trouble extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

/** Ask `/phone/api`; return its JSON, or null where the answer has no body. Throws Trouble. */
export async function ask(method, path, value, { atTheEnd = false } = {}) {
  const options = { method, keepalive: atTheEnd };
  if (value !== undefined) {
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(value);
  }
  let reply;
  try {
    reply = await fetch("/phone/api" + path, options);
  } catch {
    throw new Trouble(0, "Madzi does not answer. Is the demo still running?");
  }
  if (!reply.ok) throw new Trouble(reply.status, (await reply.text()).trim());
  return reply.status === 204 ? null : reply.json();
}
