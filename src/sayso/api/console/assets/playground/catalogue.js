// Which models a project may use, and what each costs.

import { all, get } from "../core/api.js";

/** `{ chat, speech, rates }`: names by kind, and `rates(model)`, dollars for one of each meter's units. */
export async function catalogue(project) {
  const [models, snapshots, books] = await Promise.all([
    get("/models", {}, { project }),
    all("/organization/snapshots"),
    all("/organization/price_books"),
  ]);
  const kinds = new Map();
  for (const one of snapshots) for (const name of [one.id, ...one.aliases]) kinds.set(name, one.kind);
  const names = models.data.map((one) => one.id);
  const kind = (name) => kinds.get(name) ?? "chat"; // a dedicated instance's, or another server's
  return {
    chat: names.filter((name) => kind(name) === "chat"),
    speech: names.filter((name) => kind(name) === "speech"),
    rates: (model) => rates(inForce(books), model, kind(model)),
  };
}

function inForce(books) {
  const now = Date.now() / 1000;
  return books.filter((one) => one.effective_from <= now).reduce((a, b) => (b.effective_from >= a.effective_from ? b : a)).prices;
}

function rates(prices, model, kind) {
  const found = {};
  for (const name of [`*${kind}`, model]) {
    for (const one of prices) {
      if (one.model === name) found[one.meter] = { each: one.nano_usd / one.unit_size / 1e9, increment: one.increment, minimum: one.minimum };
    }
  }
  return found;
}

/** Dollars for an amount of a meter, rounded up as the ledger does. */
export function cost(rate, amount) {
  if (!rate) return 0;
  return rate.each * Math.max(rate.minimum, Math.ceil(amount / rate.increment) * rate.increment);
}

/** Dollars for a chat's usage. */
export const chatCost = (found, usage) =>
  cost(found.prompt_tokens, usage.prompt_tokens) + cost(found.completion_tokens, usage.completion_tokens);
