// A conversation that comes as it is written.

import { useEffect, useRef, useState } from "../vendor/hooks.js";
import { request } from "../core/api.js";
import * as format from "../core/format.js";
import { html, Problem } from "../core/ui.js";
import { t } from "../core/words.js";
import { chatCost } from "./catalogue.js";
import { chatCode, CodeDialog } from "./code.js";
import { chatBody, DEFAULTS, streamed } from "./request.js";
import { FIELDS, Settings } from "./settings.js";
import { events } from "./stream.js";

const FOLLOW = 120; // pixels from the end
const COLLAPSED = matchMedia("(max-width: 62rem)");

/** `start` is `{ system, user, form }` to begin with: a new object begins anew. */
export function Chat({ project, models, rates, start }) {
  const [model, setModel] = useState(models[0] ?? "");
  const [system, setSystem] = useState("");
  const [draft, setDraft] = useState("");
  const [form, setForm] = useState(DEFAULTS);
  const [turns, setTurns] = useState([]);
  const [live, setLive] = useState(null); // what is being written: { choices, usage, first, ends }
  const [error, setError] = useState(null);
  const [showing, setShowing] = useState(false);
  const stopper = useRef(null);
  const box = useRef(null);
  const scroller = useRef(null);

  useEffect(() => {
    if (!start) return;
    setSystem(start.system);
    setDraft(start.user);
    setForm({ ...DEFAULTS, ...start.form });
    setTurns([]);
    setError(null);
  }, [start]);
  useEffect(() => () => stopper.current?.abort(), []);
  useEffect(() => {
    const log = scroller.current; // follows what is written, unless the reader has scrolled up
    if (log.scrollHeight - log.scrollTop - log.clientHeight < FOLLOW || live?.usage?.completion_tokens === 0) log.scrollTop = log.scrollHeight;
  }, [turns, live]);

  const typed = draft.trim() ? [{ role: "user", content: draft }] : [];
  const body = (said) => streamed(chatBody(model, system, said.map(asMessage), form));
  // Without a draft it is the last question that is shown, not its answer.
  const shown = typed.length || turns.at(-1)?.role !== "assistant" ? [...turns, ...typed] : turns.slice(0, -1);

  const send = async (event) => {
    event?.preventDefault();
    if (live) return;
    setError(null);
    const asked = [...turns, ...typed];
    if (!asked.length) return box.current.focus();
    stopper.current = new AbortController();
    const answer = { begun: performance.now(), choices: [], usage: null };
    try {
      const sent = body(asked);
      setTurns(asked);
      setDraft("");
      setLive({ ...answer });
      const response = await request("/chat/completions", { method: "POST", body: sent, project, signal: stopper.current.signal });
      for await (const chunk of events(response)) {
        take(answer, chunk);
        setLive({ ...answer });
      }
    } catch (caught) {
      if (caught.name === "AbortError") answer.stopped = true;
      else setError(caught);
    }
    setLive(null);
    if (answer.choices.length) return setTurns([...asked, { role: "assistant", ...answer, ended: performance.now() }]);
    setTurns(turns); // nothing came: the message is the reader's again
    return setDraft(draft);
  };
  const stop = () => {
    stopper.current?.abort();
    if (!COLLAPSED.matches) box.current.focus(); // the button goes
  };
  const keys = (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send(event);
  };
  const results = (turn) => (values) => {
    setTurns([...turns, ...turn.choices[0].calls.map((call, at) => ({ role: "tool", tool_call_id: call.id, content: values[at] }))]);
  };
  const elsewhere = error && !FIELDS.some((name) => error.param?.startsWith(name));
  const last = live ?? turns.findLast((turn) => turn.role === "assistant");

  return html`<div class="playground">
    <div class="talk">
      <div class="field system">
        <label for="system">${t("playground.system")}</label>
        <textarea id="system" rows="2" value=${system} onInput=${(event) => setSystem(event.currentTarget.value)}
          placeholder=${t("playground.system_example")}></textarea>
      </div>
      <div class="turns" ref=${scroller} role="log" aria-label=${t("playground.conversation")} aria-busy=${Boolean(live)} tabindex="0">
        ${turns.length === 0 && !live && html`<p class="soft start">${t("playground.start")}</p>`}
        ${turns.map((turn, number) => html`<${Turn} key=${number} turn=${turn} answer=${number === turns.length - 1 && !live && results(turn)} />`)}
        ${live && html`<${Turn} turn=${{ role: "assistant", ...live }} live />`}
      </div>
      ${elsewhere && html`<${Problem} error=${error} />`}
      <form class="composer" onSubmit=${send}>
        <label class="sr" for="message">${t("playground.message")}</label>
        <textarea id="message" ref=${box} rows=${Math.min(10, Math.max(2, draft.split("\n").length))} value=${draft} onKeyDown=${keys}
          onInput=${(event) => setDraft(event.currentTarget.value)} placeholder=${t("playground.message_example")}></textarea>
        <div class="sending">
          <${Figures} answer=${last} rates=${rates(model)} live=${Boolean(live)} />
          <button type="button" class="quiet" disabled=${Boolean(live) || turns.length === 0} onClick=${() => setTurns([])}>${t("playground.clear")}</button>
          <button type="button" onClick=${() => setShowing(true)}>${t("playground.show_code")}</button>
          ${live // two buttons and not one that changes: a click on the first would send by the second
            ? html`<button key="stop" type="button" class="danger" onClick=${stop}>${t("playground.stop_button")}</button>`
            : html`<button key="send" class="primary">${t("playground.send")}</button>`}
        </div>
      </form>
    </div>
    <details class="side" open=${!COLLAPSED.matches}>
      <summary>${t("playground.settings")}</summary>
      <div class="field">
        <label for="model">${t("playground.model")}</label>
        <select id="model" value=${model} onChange=${(event) => setModel(event.currentTarget.value)}>
          ${models.map((one) => html`<option value=${one}>${one}</option>`)}
        </select>
      </div>
      <${Settings} form=${form} change=${setForm} error=${error} />
    </details>
    ${showing && html`<${Code} body=${() => body(shown)} close=${() => setShowing(false)} />`}
  </div>`;
}

function Code({ body, close }) {
  let sent;
  try {
    sent = body();
    if (!sent.messages.length) sent.messages = [{ role: "user", content: "…" }];
  } catch (error) {
    return html`<${CodeDialog} write=${() => error.message} close=${close} />`;
  }
  return html`<${CodeDialog} write=${(language) => chatCode(language, sent)} close=${close} />`;
}

/** Put a chunk of the stream into the answer so far. */
function take(answer, chunk) {
  answer.usage = chunk.usage ?? answer.usage;
  for (const { index, delta, finish_reason: reason, logprobs } of chunk.choices) {
    const choice = (answer.choices[index] ??= { text: "", calls: [], tokens: [], reason: null });
    if (delta.content) {
      answer.first ??= performance.now();
      choice.text += delta.content;
    }
    for (const { index: place, id, function: said } of delta.tool_calls ?? []) {
      const call = (choice.calls[place] ??= { id: "", name: "", arguments: "" });
      call.id ||= id ?? "";
      call.name ||= said?.name ?? "";
      call.arguments += said?.arguments ?? "";
    }
    choice.tokens.push(...(logprobs?.content ?? []));
    choice.reason = reason ?? choice.reason;
  }
}

function asMessage({ role, content, choices, tool_call_id: id }) {
  if (role !== "assistant") return id ? { role, content, tool_call_id: id } : { role, content };
  const { text, calls } = choices[0];
  if (!calls.length) return { role, content: text };
  const made = calls.map((call) => ({ id: call.id, type: "function", function: { name: call.name, arguments: call.arguments } }));
  return { role, content: text || null, tool_calls: made };
}

function Turn({ turn, live, answer }) {
  const choices = turn.choices ?? [{ text: turn.content, calls: [], tokens: [] }];
  return html`<div class=${`turn by-${turn.role}`}>
    <p class="speaker">${t(`playground.role.${turn.role}`)}</p>
    ${choices.map((choice, number) => html`<div class="said">
      ${choices.length > 1 && html`<p class="soft small">${t("playground.choice", { number: number + 1 })}</p>`}
      <div class="text" dir="auto">${choice.text}${live && html`<span class="caret" aria-hidden="true"></span>`}</div>
      ${choice.calls.map((call) => html`<pre class="call" tabindex="0">${call.name}(${call.arguments})</pre>`)}
      ${choice.tokens.length > 0 && !live && html`<${Probabilities} tokens=${choice.tokens} />`}
      ${choice.reason === "length" && html`<p class="soft small">${t("playground.cut")}</p>`}
    </div>`)}
    ${turn.stopped && html`<p class="soft small">${t("playground.stopped")}</p>`}
    ${answer && choices[0].calls.length > 0 && html`<${Results} calls=${choices[0].calls} give=${answer} />`}
  </div>`;
}

/** What the functions that the model called returned: the reader says it. */
function Results({ calls, give }) {
  const send = (event) => {
    event.preventDefault();
    give(new FormData(event.currentTarget).getAll("result"));
  };
  return html`<form class="results" onSubmit=${send}>
    ${calls.map((call) => html`<label>${t("playground.result_of", { name: call.name })} <input name="result" required placeholder="{}" /></label>`)}
    <button class="small">${t("playground.add_results")}</button>
  </form>`;
}

function Probabilities({ tokens }) {
  const level = (one) => Math.min(4, Math.floor(Math.exp(one.logprob) * 5));
  return html`<details class="probabilities">
    <summary>${t("playground.probabilities")}</summary>
    <p>${tokens.map((one) => html`<span class=${`p${level(one)}`} title=${format.percent(Math.exp(one.logprob), 1)}>${one.token}</span>`)}</p>
    <ol class="tokens">${tokens.map((one) => html`<li><code>${JSON.stringify(one.token)}</code> ${format.percent(Math.exp(one.logprob), 1)}</li>`)}</ol>
  </details>`;
}

/** Tokens, price and pace, as they grow; read aloud once the answer is whole. */
function Figures({ answer, rates, live }) {
  if (!answer?.usage) return html`<p class="figures soft" role="status">${live ? t("playground.waiting") : ""}</p>`;
  const { prompt_tokens: read, completion_tokens: written } = answer.usage;
  const seconds = ((answer.ended ?? performance.now()) - (answer.first ?? performance.now())) / 1000;
  const parts = [
    t("playground.tokens", { read: format.number(read), written: format.number(written) }),
    format.money(chatCost(rates, answer.usage)),
    written > 1 && seconds > 0.05 && t("playground.pace", { rate: format.number((written - 1) / seconds) }),
    answer.first && t("playground.first", { milliseconds: format.number(answer.first - answer.begun) }),
  ];
  return html`<p class="figures soft" role=${live ? undefined : "status"} data-tokens=${written}>${parts.filter(Boolean).join(" · ")}</p>`;
}
