// The same menu calls, made with a public USSD menu builder for Node: sessions and stored replies in Redis.
//
// A builder keeps the call it works on in itself, so each hop gets one of its own. What was typed and said in a
// call is read in one round trip and written in another; the client puts commands of one tick into one write.
'use strict';
const express = require('express');
const redis = require('redis');
const UssdMenu = require('ussd-menu-builder');

const [port, redisUrl] = process.argv.slice(2);
const TTL_S = 1200;
const MAIN = 'Madzi water taps\n1 Pay for a tap\n2 Balance\n3 Last payment\n4 Report a problem\n5 Language\n6 Help';
const main = { '1': 'pay', '2': 'balance', '6': 'help' };

function builder(session) {
  const menu = new UssdMenu();
  menu.sessionConfig({
    start: async () => {},
    end: async () => {},
    get: async (_id, key) => session[key],
    set: async (_id, key, value) => { session[key] = value; },
  });
  const show = (name, text) => async () => {
    await menu.session.set('state', name);
    menu.con(text);
  };
  menu.startState({ next: { '': 'language' } });
  menu.state('language', {
    run: show('language', 'Madzi\n1 English\n2 Nyanja\n3 Bemba'),
    next: { '1': 'main', '2': 'main', '3': 'main' },
  });
  menu.state('main', { run: show('main', MAIN), next: main });
  menu.state('help', {
    run: show('help', 'Dial, choose 1, type the tap number, say Yes, type your PIN when asked.\n0 Back'),
    next: { '0': 'main' },
  });
  menu.state('balance', { run: show('balance', 'You have no tap yet.\n0 Back'), next: { '0': 'main' } });
  menu.state('pay', { run: show('pay', 'Type the tap number.\n0 Back'), next: { '0': 'main' } });
  return menu;
}

async function answer(client, args) {
  const kept = `session:${args.sessionId}`, said = `reply:${args.sessionId}:${args.text}`;
  const [before, repeated] = await client.mGet([kept, said]);
  if (repeated) return repeated;
  const session = before ? JSON.parse(before) : { msisdn: args.phoneNumber };
  const reply = await new Promise((resolve) => builder(session).run(args, resolve));
  const ttl = { EX: TTL_S };
  await Promise.all([client.set(kept, JSON.stringify(session), ttl), client.set(said, reply, ttl)]);
  return reply;
}

async function serve() {
  const client = await redis.createClient({ url: redisUrl }).connect();
  const app = express(); // as the builder's own page shows it
  app.use(express.urlencoded({ extended: false }));
  app.post('/ussd/africastalking/:token', async (request, response) => {
    response.type('text/plain').send(await answer(client, request.body));
  });
  app.listen(Number(port), '127.0.0.1');
}

serve();
