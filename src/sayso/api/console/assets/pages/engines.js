// Whether every engine answers, and what each has done since this gateway started.

import { useEffect } from "../vendor/hooks.js";
import { all } from "../core/api.js";
import * as format from "../core/format.js";
import { readMetrics, sumOf } from "../core/metrics.js";
import { Block, clean, html, Loaded, mount, Table, Tag, Text, useLoad } from "../core/ui.js";
import { t, tOr } from "../core/words.js";

const EVERY = 5000; // milliseconds

async function load() {
  const [ready, samples, machines] = await Promise.all([fetch("/readyz").then((answer) => answer.json()), readMetrics(), all("/organization/instance_capacity")]);
  const engines = samples.filter((one) => one.name === "engine_up").map(({ labels, value }) => {
    const model = { model: labels.engine };
    const answers = sumOf(samples, "time_to_first_token_seconds_count", model);
    return {
      name: labels.engine,
      up: value === 1,
      reason: ready.reasons[labels.engine] ?? "",
      restarts: sumOf(samples, "engine_restarts_total", { engine: labels.engine }),
      running: sumOf(samples, "in_flight", model),
      refused: sumOf(samples, "queue_refusals_total", model),
      tokens: sumOf(samples, "prompt_tokens_total", model) + sumOf(samples, "completion_tokens_total", model),
      audio: sumOf(samples, "audio_seconds_total", model),
      first: answers ? sumOf(samples, "time_to_first_token_seconds_sum", model) / answers : null,
    };
  });
  return { ready, engines, machines, at: Date.now() / 1000 };
}

function Page() {
  const health = useLoad(load);
  useEffect(() => {
    const timer = setInterval(() => document.hidden || health.reload(), EVERY);
    return () => clearInterval(timer);
  }, [health.reload]);
  return html`<p class="lead">${t("engines.lead")}</p>
    <${Loaded} from=${health}>${(found) => html`<${Health} found=${found} />`}<//>`;
}

function Health({ found }) {
  const others = Object.entries(found.ready.reasons).filter(([name]) => !found.engines.some((one) => one.name === name));
  return html`
    <dl class="stats">
      <div><dt>${t("engines.server")}</dt><dd>${found.ready.status === "ready" ? html`<${Tag} kind="good">${t("engines.ready")}<//>` : html`<${Tag} kind="bad">${t("engines.not_ready")}<//>`}</dd></div>
      ${others.map(([name, reason]) => html`<div><dt>${tOr(`engines.${name}`, clean(name))}</dt><dd>${reason ? html`<${Tag} kind="bad">${clean(reason)}<//>` : html`<${Tag} kind="good">${t("engines.ready")}<//>`}</dd></div>`)}
      <div><dt>${t("engines.running")}</dt><dd>${format.number(found.engines.reduce((sum, one) => sum + one.running, 0))}</dd></div>
      <div><dt>${t("engines.restarts")}</dt><dd>${format.number(found.engines.reduce((sum, one) => sum + one.restarts, 0))}</dd></div>
    </dl>
    <${Block} title=${t("page.engines")} hint=${t("engines.since")}>
      <${Table} caption=${t("page.engines")} rows=${found.engines} rowKey=${(one) => one.name} columns=${[
        { title: t("engines.engine"), strong: true, cell: (one) => html`<${Text} value=${one.name} />` },
        { title: t("status"), cell: (one) => (one.up && !one.reason ? html`<${Tag} kind="good">${t("engines.ready")}<//>` : html`<${Tag} kind="bad">${one.reason ? clean(one.reason) : t("engines.not_ready")}<//>`) },
        { title: t("engines.running"), number: true, cell: (one) => format.number(one.running) },
        { title: t("engines.first"), number: true, cell: (one) => (one.first === null ? "–" : `${format.number(one.first * 1000)} ms`) },
        { title: t("engines.tokens"), number: true, cell: (one) => format.number(one.tokens) },
        { title: t("engines.audio"), number: true, cell: (one) => (one.audio ? format.duration(one.audio) : "–") },
        { title: t("engines.refused"), number: true, cell: (one) => format.number(one.refused) },
        { title: t("engines.restarts"), number: true, cell: (one) => format.number(one.restarts) },
      ]} />
    <//>
    ${found.machines.length > 0 && html`<${Block} title=${t("engines.machines")}>
      <${Table} caption=${t("engines.machines")} rows=${found.machines} rowKey=${(one) => one.id} columns=${[
        { title: t("engines.machine"), strong: true, cell: (one) => html`<${Text} value=${one.id} />` },
        { title: t("engines.cores"), number: true, cell: (one) => t("engines.free_of", { free: format.number(one.free.cores), total: format.number(one.total.cores) }) },
        { title: t("engines.memory"), number: true, cell: (one) => t("engines.free_of", { free: format.memory(one.free.memory_mib), total: format.memory(one.total.memory_mib) }) },
        { title: t("engines.seen"), cell: (one) => format.ago(one.seen_at) },
      ]} /><//>`}`;
}

mount(Page);
