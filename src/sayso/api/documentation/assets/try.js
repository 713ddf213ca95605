// "Try it": sends a route's request from this page, with a key that stays in its memory.

let whole = null;
let key = "";

async function described() {
  whole ??= fetch("/openapi.json").then((answer) => answer.json());
  return whole;
}

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function field(name, said, input) {
  return element("label", {}, element("span", { textContent: name }), input, element("small", { textContent: said }));
}

function inputFor(schema, example) {
  if (schema.enum) {
    return element("select", {}, ...["", ...schema.enum].map((value) => element("option", { textContent: value })));
  }
  if (schema.format === "binary") return element("input", { type: "file" });
  return element("input", { autocomplete: "off", spellcheck: false, value: example ?? "" });
}

function plain(text) {
  return (text ?? "").replaceAll("`", "");
}

function formOf(operation, path, method) {
  const inputs = { path: {}, query: {}, form: {}, body: null };
  const form = element("form", { className: "trial" });
  if (operation.security.length) {
    const secret = element("input", { type: "password", autocomplete: "off", value: key });
    secret.addEventListener("input", () => { key = secret.value; });
    const kind = "admin_key" in operation.security[0] ? "admin key" : "key of a project";
    form.append(field(`Key (${kind})`, "Kept in this page's memory only.", secret));
  }
  for (const one of operation.parameters) {
    const input = inputFor(one.schema, one.in === "path" ? one.example : "");
    input.required = one.required;
    inputs[one.in][one.name] = input;
    form.append(field(one.name, plain(one.description), input));
  }
  const [type, content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  if (type === "application/json") {
    inputs.body = element("textarea", { value: JSON.stringify(content.example ?? {}, null, 2), spellcheck: false });
    form.append(field("Body", "JSON", inputs.body));
  } else if (type) {
    for (const [name, schema] of Object.entries(content.schema.properties)) {
      const example = name === "file" ? undefined : content.example[name];
      inputs.form[name] = inputFor(schema, example);
      inputs.form[name].required = content.schema.required.includes(name);
      form.append(field(name, plain(schema.description), inputs.form[name]));
    }
  }
  const send = element("button", { textContent: `Send ${method}` });
  const shown = element("pre", { hidden: true, tabIndex: 0 });
  shown.setAttribute("aria-live", "polite");
  form.append(send, shown);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    shown.hidden = false;
    try {
      await ask(path, method, operation, inputs, shown);
    } catch (error) {
      shown.textContent = `The request could not be sent: ${error.message}`;
    }
    send.disabled = false;
  });
  return form;
}

function address(path, inputs) {
  const filled = path.replace(/\{(\w+)\}/g, (_, name) => inputs.path[name].value.split("/").map(encodeURIComponent).join("/"));
  const query = new URLSearchParams();
  for (const [name, input] of Object.entries(inputs.query)) {
    if (input.value !== "") query.append(name, input.value);
  }
  return query.size ? `${filled}?${query}` : filled;
}

function bodyOf(inputs, headers) {
  if (inputs.body) {
    headers["Content-Type"] = "application/json";
    return inputs.body.value;
  }
  const names = Object.entries(inputs.form);
  if (names.length === 0) return undefined;
  const form = new FormData();
  for (const [name, input] of names) {
    if (input.type === "file") form.append(name, input.files[0]);
    else if (input.value !== "") form.append(name, input.value);
  }
  return form;
}

async function ask(path, method, operation, inputs, shown) {
  const headers = operation.security.length ? { Authorization: `Bearer ${key.trim()}` } : {};
  const body = bodyOf(inputs, headers);
  const begun = performance.now();
  shown.textContent = "…";
  const answer = await fetch(address(path, inputs), { method, headers, body, credentials: "omit", cache: "no-store" });
  const took = Math.round(performance.now() - begun);
  const head = `${answer.status} ${answer.statusText}, ${took} ms, ${answer.headers.get("x-request-id") ?? "no request id"}\n\n`;
  let text = "";
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    text += part.value;
    shown.textContent = head + text;
  }
  shown.textContent = head + pretty(text);
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

for (const heading of document.querySelectorAll("article h2")) {
  const line = heading.nextElementSibling;
  const [, method, path] = /^([A-Z]+) (\/\S*)$/.exec(line?.textContent ?? "") ?? [];
  if (!method) continue;
  const button = element("button", { type: "button", className: "try", textContent: "Try it" });
  button.setAttribute("aria-expanded", "false");
  button.setAttribute("aria-label", `Try it: ${heading.textContent}`);
  line.append(button);
  let form = null;
  button.addEventListener("click", async () => {
    if (form === null) {
      form = formOf((await described()).paths[path][method.toLowerCase()], path, method);
      line.after(form);
    } else {
      form.hidden = !form.hidden;
    }
    button.setAttribute("aria-expanded", String(!form.hidden));
    if (!form.hidden) form.querySelector("input, textarea, button").focus();
  });
}
