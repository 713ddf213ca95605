// The parameters of a chat, as a form.

import { Field, html } from "../core/ui.js";
import { t } from "../core/words.js";

const SAMPLING = [
  ["temperature", { min: 0, max: 2, step: 0.1 }],
  ["top_p", { min: 0, max: 1, step: 0.05 }],
  ["max_tokens", { min: 1, step: 1 }],
  ["seed", { step: 1 }],
  ["presence_penalty", { min: -2, max: 2, step: 0.1 }],
  ["frequency_penalty", { min: -2, max: 2, step: 0.1 }],
  ["n", { min: 1, max: 8, step: 1 }],
];
const FORMATS = ["text", "json_object", "json_schema"];
const CHOICES = ["auto", "none", "required"];

const EXAMPLE_SCHEMA = `{
  "type": "object",
  "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
  "required": ["name", "age"],
  "additionalProperties": false
}`;
const EXAMPLE_TOOLS = `[{
  "type": "function",
  "function": {
    "name": "weather",
    "description": "The weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
  }
}]`;

export function Settings({ form, change, error }) {
  const set = (name) => (event) => change({ ...form, [name]: event.currentTarget.value });
  const check = (name) => (event) => change({ ...form, [name]: event.currentTarget.checked });
  const area = (name, rows, example) => html`<${Field} label=${t(`playground.${name}`)} hint=${t(`playground.${name}_hint`)} error=${error}
    names=${NAMES[name] ?? [name]} control=${(more) => html`<textarea ...${more} class="mono" rows=${rows} spellcheck=${false} placeholder=${example}
      value=${form[name]} onInput=${set(name)}></textarea>`} />`;
  const pick = (name, options) => html`<${Field} label=${t(`playground.${name}`)} error=${error} names=${NAMES[name] ?? [name]}
    control=${(more) => html`<select ...${more} value=${form[name]} onChange=${set(name)}>
      ${options.map((one) => html`<option value=${one}>${one}</option>`)}</select>`} />`;
  const tick = (name) => html`<label class="choice"><input type="checkbox" checked=${form[name]} onChange=${check(name)} /> ${t(`playground.${name}`)}</label>`;
  return html`<div class="settings">
    <div class="fields">
      ${SAMPLING.map(([name, limits]) => html`<${Field} label=${t(`playground.${name}`)} error=${error} names=${[name]}
        control=${(more) => html`<input ...${more} ...${limits} type="number" placeholder=${t("playground.default")} value=${form[name]} onInput=${set(name)} />`} />`)}
    </div>
    ${area("stop", 2, "")}
    ${pick("format", FORMATS)}
    ${form.format === "json_schema" && area("schema", 7, EXAMPLE_SCHEMA)}
    <details open=${Boolean(form.tools)}>
      <summary>${t("playground.tools")}</summary>
      ${area("tools", 8, EXAMPLE_TOOLS)}
      ${pick("tool_choice", CHOICES)}
    </details>
    <details>
      <summary>${t("playground.more_title")}</summary>
      ${tick("logprobs")} ${tick("store")}
      ${area("more", 3, '{"metadata": {"project": "demo"}}')}
    </details>
  </div>`;
}

const NAMES = { format: ["response_format"], schema: ["schema", "response_format.json_schema"], stop: ["stop"] };
export const FIELDS = [...SAMPLING.map(([name]) => name), "stop", "response_format", "schema", "tools", "tool_choice", "more"];
