// What was used and what it cost, by day: by project, model or key.

import { useState } from "../vendor/hooks.js";
import { all, get } from "../core/api.js";
import { Chart } from "../core/chart.js";
import * as format from "../core/format.js";
import { Block, Empty, html, Loaded, mount, ProjectPicker, Segments, Table, Text, useLoad, useProjects } from "../core/ui.js";
import { t } from "../core/words.js";

const DAY = 86400;
const MOST = 7; // series of their own; the rest is one
const RANGES = [7, 30, 90];
const DIMENSIONS = ["model", "project", "key"];
const DURATIONS = [1, 5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 18000, 36000, 86400, 172800, 432000, 864000]; // seconds
const COST_FIELD = { model: "line_item", project: "project_id", key: "api_key_id" };
const USAGE_FIELD = { model: "model", project: "project_id", key: "api_key_id" };

/** All buckets of a report that comes in pages. */
async function buckets(path, query) {
  const found = [];
  for (let page; ; ) {
    const part = await get(path, { ...query, page });
    found.push(...part.data);
    if (!part.has_more) return found;
    page = part.next_page;
  }
}

/** A line item is "model, meter". */
const modelOf = (item) => (item ? item.slice(0, item.lastIndexOf(", ")) : item);

async function load(days, dimension, project) {
  const today = Math.floor(Date.now() / 1000 / DAY) * DAY;
  const range = { start_time: today - (days - 1) * DAY, end_time: today + DAY, bucket_width: "1d" };
  const only = project ? { project_ids: project } : {};
  const usage = { ...range, ...only, limit: 31, group_by: USAGE_FIELD[dimension] };
  const month = new Date();
  const first = Date.UTC(month.getUTCFullYear(), month.getUTCMonth(), 1) / 1000;
  const [costs, text, speech, monthly, budgets, names] = await Promise.all([
    buckets("/organization/costs", { ...range, ...only, limit: 180, group_by: COST_FIELD[dimension] }),
    buckets("/organization/usage/completions", usage),
    buckets("/organization/usage/audio_transcriptions", usage),
    buckets("/organization/costs", { start_time: first, limit: 31, ...only }),
    get(project ? `/organization/projects/${project}/budgets` : "/organization/budgets"),
    namesOf(dimension),
  ]);
  return {
    costs: table(costs, (one) => [label(one, dimension, COST_FIELD), Number(one.amount.value)], names),
    tokens: table(text, (one) => [label(one, dimension, USAGE_FIELD), one.input_tokens + one.output_tokens], names),
    speech: table(speech, (one) => [label(one, dimension, USAGE_FIELD), one.seconds], names),
    groups: groups({ costs, text, speech }, dimension, names),
    month: sum(monthly, (one) => Number(one.amount.value)),
    budget: budgets.data.find((one) => one.interval === "month"),
  };
}

const sum = (found, value) => found.reduce((all, day) => all + day.results.reduce((some, one) => some + value(one), 0), 0);

function label(one, dimension, fields) {
  const value = one[fields[dimension]];
  return (dimension === "model" && fields === COST_FIELD ? modelOf(value) : value) ?? "";
}

/** What ids are called. */
async function namesOf(dimension) {
  if (dimension === "model") return new Map();
  const projects = await all("/organization/projects", { include_archived: true });
  const names = new Map(projects.map((one) => [one.id, one.name]));
  if (dimension === "project") return names;
  const keys = await Promise.all(projects.map((one) => all(`/organization/projects/${one.id}/api_keys`, { include_revoked: true })));
  return new Map(keys.flat().map((one) => [one.id, keyName(one)]));
}

/** What a key is called; one of a service account after that, for its own name is often the same. */
function keyName(key) {
  const account = key.owner.service_account;
  const name = !account || account.name === key.name ? key.name : `${account.name}: ${key.name}`;
  return key.revoked_at ? t("usage.revoked", { name }) : name;
}

/** Days against series, the largest first, what is too much as one series in the end. */
function table(found, read, names) {
  const sums = new Map();
  const days = found.map((day) => {
    const values = new Map();
    for (const one of day.results) {
      const [name, value] = read(one);
      values.set(name, (values.get(name) ?? 0) + value);
      sums.set(name, (sums.get(name) ?? 0) + value);
    }
    return values;
  });
  const order = [...sums].filter(([, value]) => value > 0).sort(([, a], [, b]) => b - a).map(([name]) => name);
  const own = order.slice(0, order.length > MOST + 1 ? MOST : MOST + 1);
  const rest = order.slice(own.length);
  const series = own.map((name) => ({ label: nameOf(name, names), values: days.map((values) => values.get(name) ?? 0) }));
  if (rest.length) {
    const values = days.map((day) => rest.reduce((all, name) => all + (day.get(name) ?? 0), 0));
    series.push({ label: t("usage.others", { count: rest.length }), values });
  }
  return { xs: found.map((day) => day.start_time), series, total: [...sums.values()].reduce((a, b) => a + b, 0) };
}

const nameOf = (id, names) => (id === "" ? t("usage.not_by_key") : names.get(id) ?? id);

function groups({ costs, text, speech }, dimension, names) {
  const found = new Map();
  const add = (day, fields, change) => {
    for (const one of day.results) {
      const name = label(one, dimension, fields);
      if (!found.has(name)) found.set(name, { name, cost: 0, requests: 0, input: 0, output: 0, cached: 0, seconds: 0 });
      change(found.get(name), one);
    }
  };
  for (const day of costs) add(day, COST_FIELD, (group, one) => (group.cost += Number(one.amount.value)));
  for (const day of text) {
    add(day, USAGE_FIELD, (group, one) => {
      group.requests += one.num_model_requests;
      group.input += one.input_tokens;
      group.cached += one.input_cached_tokens;
      group.output += one.output_tokens;
    });
  }
  for (const day of speech) {
    add(day, USAGE_FIELD, (group, one) => {
      group.requests += one.num_model_requests;
      group.seconds += one.seconds;
    });
  }
  return [...found.values()].map((one) => ({ ...one, label: nameOf(one.name, names) })).sort((a, b) => b.cost - a.cost);
}

const total = (rows) => rows.reduce((all, one) => {
  for (const name of ["cost", "requests", "input", "output", "cached", "seconds"]) all[name] += one[name];
  return all;
}, { label: t("total"), cost: 0, requests: 0, input: 0, output: 0, cached: 0, seconds: 0 });

function Page() {
  const [days, setDays] = useState(30);
  const [dimension, setDimension] = useState("model");
  const [project, setProject] = useState("");
  const projects = useProjects();
  const report = useLoad(() => load(days, dimension, project), [days, dimension, project]);
  const every = { ...projects, project: { id: project }, choose: setProject, projects: [{ id: "", name: t("usage.every_project") }, ...projects.projects] };
  return html`
    <div class="tools">
      <${Segments} label=${t("usage.range")} value=${days} onChange=${setDays}
        options=${RANGES.map((count) => [count, t("usage.days", { count })])} />
      <${Segments} label=${t("usage.by")} value=${dimension} onChange=${setDimension}
        options=${DIMENSIONS.map((one) => [one, t(`usage.by_${one}`)])} />
      <${ProjectPicker} from=${every} />
    </div>
    <${Loaded} from=${report}>${(found) => html`<${Report} found=${found} dimension=${dimension} days=${days} />`}<//>`;
}

function Report({ found, dimension, days }) {
  const sums = total(found.groups);
  return html`
    <dl class="stats">
      <${Stat} title=${t("usage.spent", { count: days })} value=${format.money(sums.cost)} />
      <${Stat} title=${t("usage.this_month")} value=${format.money(found.month)}
        note=${found.budget && t("usage.of_budget", { amount: format.money(found.budget.threshold_amount / 100) })} />
      <${Stat} title=${t("usage.requests")} value=${format.number(sums.requests)} />
      <${Stat} title=${t("usage.tokens")} value=${format.compact(sums.input + sums.output)}
        note=${sums.cached > 0 && t("usage.cached", { share: format.percent(sums.cached / (sums.input || 1)) })} />
      <${Stat} title=${t("usage.audio")} value=${format.duration(sums.seconds)} />
    </dl>
    ${sums.requests === 0 && sums.cost === 0 ? html`<${Nothing} />` : html`
      <${Block} title=${t("usage.cost_by_day")}>
        <${Chart} title=${t("usage.cost_by_day")} ...${found.costs} x=${format.utcDay} y=${format.money} />
      <//>
      <div class="pair">
        ${found.tokens.total > 0 && html`<${Block} title=${t("usage.tokens_by_day")}>
          <${Chart} title=${t("usage.tokens_by_day")} ...${found.tokens} x=${format.utcDay} y=${format.compact} /><//>`}
        ${found.speech.total > 0 && html`<${Block} title=${t("usage.audio_by_day")}>
          <${Chart} title=${t("usage.audio_by_day")} ...${found.speech} x=${format.utcDay} y=${format.duration} yAxis=${format.roughDuration} steps=${DURATIONS} /><//>`}
      </div>
      <${Block} title=${t(`usage.table_${dimension}`)} hint=${t("usage.utc")}>
        <${Table} caption=${t(`usage.table_${dimension}`)} rows=${found.groups} rowKey=${(one) => one.name} total=${found.groups.length > 1 && sums} columns=${[
          { title: t(`usage.by_${dimension}`), strong: true, cell: (one) => html`<${Text} value=${one.label} />` },
          { title: t("usage.requests"), number: true, cell: (one) => format.number(one.requests) },
          { title: t("usage.input"), number: true, cell: (one) => format.number(one.input) },
          { title: t("usage.output"), number: true, cell: (one) => format.number(one.output) },
          { title: t("usage.audio"), number: true, cell: (one) => (one.seconds ? format.duration(one.seconds) : "–") },
          { title: t("usage.cost"), number: true, strong: true, cell: (one) => format.money(one.cost) },
        ]} />
      <//>`}`;
}

function Stat({ title, value, note }) {
  return html`<div><dt>${title}</dt><dd>${value}${note && html` <small>${note}</small>`}</dd></div>`;
}

function Nothing() {
  return html`<${Empty} title=${t("usage.empty")}>
    <p>${t("usage.empty_text")}</p>
    <p><a class="button" href="/console/playground">${t("page.playground")}</a> <a class="button" href="/console/keys">${t("page.keys")}</a></p>
  <//>`;
}

mount(Page);
