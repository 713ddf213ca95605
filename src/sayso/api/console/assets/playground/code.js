// The same request as a program. Keys and addresses come from the environment: none is ever in the text.

import { useState } from "../vendor/hooks.js";
import { Dialog, html, Segments } from "../core/ui.js";
import { t } from "../core/words.js";

const LANGUAGES = [["python", "Python"], ["node", "Node"], ["curl", "curl"]];

/** Python's way to write a value that JSON can hold. */
function python(value, depth = 0) {
  const pad = "    ".repeat(depth + 1);
  const end = "    ".repeat(depth);
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const flat = JSON.stringify(value);
  const items = Array.isArray(value)
    ? value.map((one) => python(one, depth + 1))
    : Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${python(one, depth + 1)}`);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  if (flat.length < 80) return open + items.map((one) => one.replace(/\n\s*/g, " ")).join(", ") + close;
  return `${open}\n${items.map((one) => `${pad}${one},\n`).join("")}${end}${close}`;
}

const OWN = new Set(["continuous_usage_stats"]); // not an argument of the clients

function plain(body) {
  const { stream_options: options, ...rest } = body;
  const kept = Object.fromEntries(Object.entries(options ?? {}).filter(([name]) => !OWN.has(name)));
  return Object.keys(kept).length ? { ...rest, stream_options: kept } : rest;
}

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

export function chatCode(language, sent) {
  const body = plain(sent);
  if (language === "curl") {
    return `curl -N "$OPENAI_BASE_URL/chat/completions" \\
  -H "Authorization: Bearer $OPENAI_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d ${quoted(JSON.stringify(body, null, 2))}`;
  }
  if (language === "node") {
    return `import OpenAI from "openai";

const client = new OpenAI(); // OPENAI_BASE_URL and OPENAI_API_KEY
const stream = await client.chat.completions.create(${JSON.stringify(body, null, 2)});
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta.content ?? "");
}`;
  }
  const lines = Object.entries(body).map(([name, value]) => `    ${name}=${python(value, 1)},\n`);
  return `from openai import OpenAI

client = OpenAI()  # OPENAI_BASE_URL and OPENAI_API_KEY
stream = client.chat.completions.create(
${lines.join("")})
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)`;
}

/** `fields` are pairs, as a form has them; `path` is transcriptions, translations or languages. */
export function speechCode(language, path, fields, file) {
  if (language === "curl" || path === "languages") {
    const forms = fields.map(([name, value]) => `  -F ${quoted(`${name}=${value}`)}`);
    return [`curl "$OPENAI_BASE_URL/audio/${path}" \\`, '  -H "Authorization: Bearer $OPENAI_API_KEY" \\', `  -F ${quoted(`file=@${file}`)} \\`]
      .concat(forms.join(" \\\n")).join("\n");
  }
  const named = {};
  for (const [name, value] of fields) {
    if (name.endsWith("[]")) (named[name.slice(0, -2)] ??= []).push(value);
    else named[name] = name === "temperature" ? Number(value) : value;
  }
  if (language === "node") {
    const rest = Object.entries(named).map(([name, value]) => `  ${name}: ${JSON.stringify(value)},\n`);
    return `import fs from "node:fs";
import OpenAI from "openai";

const client = new OpenAI(); // OPENAI_BASE_URL and OPENAI_API_KEY
const heard = await client.audio.${path}.create({
  file: fs.createReadStream(${JSON.stringify(file)}),
${rest.join("")}});
console.log(heard.text);`;
  }
  const rest = Object.entries(named).map(([name, value]) => `        ${name}=${python(value, 2)},\n`);
  return `from openai import OpenAI

client = OpenAI()  # OPENAI_BASE_URL and OPENAI_API_KEY
with open(${JSON.stringify(file)}, "rb") as file:
    heard = client.audio.${path}.create(
        file=file,
${rest.join("")}    )
print(heard.text)`;
}

/** `write(language)` returns the program. */
export function CodeDialog({ write, close }) {
  const [language, setLanguage] = useState("python");
  const [copied, setCopied] = useState(false);
  const text = write(language);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
  };
  const choose = (one) => {
    setLanguage(one);
    setCopied(false);
  };
  return html`<${Dialog} title=${t("playground.code")} close=${close}>
    <${Segments} label=${t("playground.code_language")} value=${language} options=${LANGUAGES} onChange=${choose} />
    <pre class="code" tabindex="0"><code>${text}</code></pre>
    <p class="soft small">${t("playground.code_hint")}</p>
    <div class="buttons">
      <button type="button" onClick=${close}>${t("close")}</button>
      <button type="button" class="primary" onClick=${copy} aria-live="polite">${copied ? t("copied") : t("copy")}</button>
    </div>
  <//>`;
}
