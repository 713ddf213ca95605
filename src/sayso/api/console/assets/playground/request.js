// From what stands in the form to the body of a request.

import { t } from "../core/words.js";

/** What a form that nobody has touched holds; everything is text, and empty means: leave it out. */
export const DEFAULTS = {
  temperature: "", top_p: "", max_tokens: "", stop: "", seed: "", presence_penalty: "", frequency_penalty: "", n: "1",
  format: "text", schema: "", tools: "", tool_choice: "auto", logprobs: false, store: false, more: "",
};

const NUMBERS = ["temperature", "top_p", "max_tokens", "seed", "presence_penalty", "frequency_penalty"];

/** A field of the form that can not be sent as it is. `param` is the field. */
export class FormError extends Error {
  constructor(param, message) {
    super(message);
    this.param = param;
  }
}

/** The body of a chat completion. Throws FormError. */
export function chatBody(model, system, messages, form) {
  const said = system.trim() ? [{ role: "system", content: system }, ...messages] : messages;
  const body = { model, messages: said };
  for (const name of NUMBERS) if (form[name] !== "") body[name] = asNumber(name, form[name]);
  if (form.n !== "1" && form.n !== "") body.n = asNumber("n", form.n);
  const stops = form.stop.split("\n").filter(Boolean).map((one) => one.replaceAll("\\n", "\n"));
  if (stops.length) body.stop = stops.length === 1 ? stops[0] : stops;
  if (form.format === "json_object") body.response_format = { type: "json_object" };
  if (form.format === "json_schema") {
    body.response_format = { type: "json_schema", json_schema: { name: "answer", strict: true, schema: asJson("schema", form.schema) } };
  }
  if (form.tools.trim()) {
    body.tools = asJson("tools", form.tools);
    if (form.tool_choice !== "auto") body.tool_choice = form.tool_choice;
  }
  if (form.logprobs) body.logprobs = true;
  if (form.store) body.store = true;
  return form.more.trim() ? { ...body, ...asJson("more", form.more) } : body;
}

/** The same as a stream that counts as it goes. */
export const streamed = (body) => ({ ...body, stream: true, stream_options: { include_usage: true, continuous_usage_stats: true } });

function asNumber(name, text) {
  const value = Number(text);
  if (!Number.isFinite(value)) throw new FormError(name, t("playground.no_number"));
  return value;
}

function asJson(name, text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FormError(name, t("playground.no_json", { error: error.message }));
  }
}
