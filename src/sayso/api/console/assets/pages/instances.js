// Dedicated instances: made, started, stopped; how they stand, what they do and whether they pay.

import { useEffect, useState } from "../vendor/hooks.js";
import { all, get, mayWrite, post, remove } from "../core/api.js";
import { Chart } from "../core/chart.js";
import * as format from "../core/format.js";
import { readMetrics, sumOf } from "../core/metrics.js";
import { Block, clean, Code, Confirm, Empty, Field, FormDialog, html, isolated, Loaded, Meter, mount, Problem, Table, Tag, Text, useLoad } from "../core/ui.js";
import { t, tOr } from "../core/words.js";

const EVERY = 3000; // milliseconds
const KINDS = { ready: "good", failed: "bad", stopped: "", terminated: "" };
const BUCKET = 5; // minutes of one bar of the day
const RUNNING = new Set(["ready", "updating"]);
const STARTABLE = new Set(["stopped", "failed"]);
const HOURS = [3600, 7200, 10800, 14400, 21600]; // between the marks of a day
const PRESETS = ["balanced", "latency", "throughput"];
const TERMS = [0, 1, 3, 12, 36];

async function load() {
  const [instances, projects, snapshots, machines, samples] = await Promise.all([
    all("/organization/instances"), all("/organization/projects"), all("/organization/snapshots"), all("/organization/instance_capacity"), readMetrics(),
  ]);
  snapshots.sort((a, b) => b.served - a.served);
  const names = new Map(projects.map((one) => [one.id, one.name]));
  return {
    projects, snapshots, machines,
    instances: instances.map((one) => ({ ...one, project: names.get(one.project_id) ?? one.project_id, busy: sumOf(samples, "in_flight", { model: one.id }) })).reverse(),
  };
}

function Page() {
  const found = useLoad(load);
  const [chosen, setChosen] = useState(() => new URLSearchParams(location.search).get("instance"));
  useEffect(() => {
    const timer = setInterval(() => document.hidden || found.reload(), EVERY);
    return () => clearInterval(timer);
  }, [found.reload]);
  const choose = (id) => {
    const address = new URL(location);
    if (id) address.searchParams.set("instance", id);
    else address.searchParams.delete("instance");
    history.replaceState(null, "", address);
    setChosen(id);
  };
  return html`<p class="lead">${t("instances.lead")} <a href="/docs/dedicated">${t("instances.more")}</a></p>
    <${Loaded} from=${found}>${(world) => html`<${Instances} world=${world} reload=${found.reload} chosen=${chosen} choose=${choose} />`}<//>`;
}

function Instances({ world, reload, chosen, choose }) {
  const [dialog, setDialog] = useState(null);
  const [problem, setProblem] = useState(null);
  const close = () => setDialog(null);
  const create = async (values) => {
    const body = {
      project_id: values.project_id, name: values.name, model: values.model, cores: Number(values.cores), memory_mib: Number(values.memory_mib),
      term_months: Number(values.term_months), load: { preset: values.preset },
    };
    const made = await post("/organization/instances", body, { headers: { "Idempotency-Key": values.token } });
    close();
    await reload();
    choose(made.id);
  };
  const act = (path) => async () => {
    setProblem(null);
    try {
      await path();
    } catch (error) {
      setProblem(error);
    }
    await reload();
  };
  const confirm = (title, text, submitText, path) => setDialog(html`<${Confirm} title=${title} text=${text} submitText=${submitText} close=${close} act=${async () => {
    await path();
    close();
    await reload();
  }} />`);
  const at = (one, verb, body) => () => post(`/organization/instances/${one.id}${verb}`, body);
  const verbs = {
    start: (one) => act(at(one, "/start"))(),
    drain: (one) => act(at(one, "/drain"))(),
    stop: (one) => confirm(t("instances.stop_title", { name: isolated(one.name) }), t("instances.stop_text"), t("instances.stop"), at(one, "/stop")),
    delete: (one) => confirm(t("instances.delete_title", { name: isolated(one.name) }), t("instances.delete_text"), t("delete"), () => remove(`/organization/instances/${one.id}`)),
  };
  const add = mayWrite && html`<button type="button" class="primary" onClick=${() => setDialog(html`<${NewInstance} world=${world} submit=${create} close=${close} />`)}>${t("instances.create")}</button>`;
  const shown = world.instances.find((one) => one.id === chosen);
  return html`
    <${Block} title=${t("page.instances")} actions=${add}>
      ${problem && html`<${Problem} error=${problem} />`}
      ${world.instances.length === 0 ? html`<${Empty} title=${t("instances.empty")}><p>${t("instances.empty_text")}</p><//>` : html`
      <${Table} caption=${t("page.instances")} rows=${world.instances} rowKey=${(one) => one.id} columns=${[
        { title: t("name"), strong: true, cell: (one) => html`<${Text} value=${one.name} /><small><${Text} value=${one.project} /></small>` },
        { title: t("status"), cell: (one) => html`<${State} one=${one} />` },
        { title: t("instances.model"), cell: (one) => html`<${Text} value=${one.snapshot} />` },
        { title: t("instances.share"), cell: (one) => t("instances.cores_memory", { cores: format.number(one.cores), memory: format.memory(one.memory_mib) }) },
        { title: t("instances.busy"), cell: (one) => (RUNNING.has(one.status) ? html`<${Busy} one=${one} />` : "–") },
        { title: t("instances.price"), number: true, cell: (one) => t("instances.an_hour", { amount: format.money(one.price.usd_per_hour) }) },
        { title: t("actions"), acts: true, cell: (one) => html`<button type="button" class="quiet small" aria-expanded=${one.id === chosen} onClick=${() => choose(one.id === chosen ? null : one.id)}
            aria-label=${t("instances.details_of", { name: isolated(one.name) })}>${t("instances.details")}</button>
          ${mayWrite && html`<${Verbs} one=${one} verbs=${verbs} />`}` },
      ]} />`}
    <//>
    ${shown ? html`<${Details} key=${shown.id} one=${shown} />` : html`<${Advice} world=${world} />`}
    ${dialog}`;
}

function State({ one }) {
  const kind = KINDS[one.status] ?? "warn";
  return html`<${Tag} kind=${kind}>${tOr(`instances.state_${one.status}`, one.status)}<//>
    ${one.failure && html`<small class="text">${clean(one.failure)}</small>`}`;
}

function Busy({ one }) {
  const most = one.load.max_concurrency;
  const label = t("instances.busy_of", { busy: format.number(one.busy), most: format.number(most) });
  return html`<span class="small">${label}</span><${Meter} share=${Math.min(0.79, one.busy / most)} label=${label} />`;
}

function Verbs({ one, verbs }) {
  const may = {
    start: STARTABLE.has(one.status) && !one.deleting,
    drain: RUNNING.has(one.status),
    stop: !STARTABLE.has(one.status) && one.status !== "terminated",
    delete: one.status !== "terminated" && !one.deleting,
  };
  return Object.keys(may).filter((verb) => may[verb]).map((verb) => html`<button type="button" class=${`quiet small ${verb === "stop" || verb === "delete" ? "bad" : ""}`}
    onClick=${() => verbs[verb](one)} aria-label=${t("instances.verb_of", { verb: t(`instances.${verb}`), name: isolated(one.name) })}>${t(`instances.${verb}`)}</button>`);
}

function NewInstance({ world, submit, close }) {
  const [token] = useState(() => crypto.randomUUID?.() ?? String(Math.random()).slice(2));
  const [preset, setPreset] = useState("balanced");
  const models = world.snapshots.filter((one) => one.served || one.files.length).flatMap((one) => [...one.aliases, one.id]);
  const free = Math.max(0, ...world.machines.map((one) => one.free.cores));
  const fields = ["project_id", "name", "model", "cores", "memory_mib", "term_months", "load"];
  return html`<${FormDialog} title=${t("instances.create_title")} fields=${fields} submitText=${t("instances.create")} submit=${submit} close=${close}>${(error) => html`
    <input type="hidden" name="token" value=${token} />
    ${free === 0 && html`<p class="notice">${t("instances.no_cores")}</p>`}
    <div class="fields">
      <${Field} label=${t("name")} error=${error} names=${["name"]} control=${(given) => html`<input ...${given} name="name" required maxlength="256" autocomplete="off" />`} />
      <${Field} label=${t("project")} error=${error} names=${["project_id"]} control=${(given) => html`<select ...${given} name="project_id">${world.projects.map((one) => html`<option value=${one.id}>${clean(one.name)}</option>`)}</select>`} />
    </div>
    <${Field} label=${t("instances.model")} error=${error} names=${["model"]} control=${(given) => html`<select ...${given} name="model">${models.map((one) => html`<option value=${one}>${clean(one)}</option>`)}</select>`} />
    <div class="fields">
      <${Field} label=${t("instances.cores")} hint=${t("instances.free", { count: format.number(free) })} error=${error} names=${["cores"]} control=${(given) => html`<input ...${given} name="cores" type="number" min="1" required value="1" />`} />
      <${Field} label=${t("instances.memory_mib")} error=${error} names=${["memory_mib"]} control=${(given) => html`<input ...${given} name="memory_mib" type="number" min="1" required value="4096" />`} />
      <${Field} label=${t("instances.term")} error=${error} names=${["term_months"]} control=${(given) => html`<select ...${given} name="term_months">${TERMS.map((one) => html`<option value=${one}>${one ? t("instances.months", { count: one }) : t("instances.on_demand")}</option>`)}</select>`} />
    </div>
    <${Field} label=${t("instances.load")} hint=${t(`instances.hint_${preset}`)} error=${error} names=${["load"]} control=${(given) => html`
      <select ...${given} name="preset" value=${preset} onChange=${(event) => setPreset(event.currentTarget.value)}>${PRESETS.map((one) => html`<option value=${one}>${t(`instances.preset_${one}`)}</option>`)}</select>`} />`}<//>`;
}

async function loadDetails(id, snapshot, cores, project) {
  const path = `/organization/instances/${id}`;
  const [use, curve, events, segments, advice] = await Promise.all([
    get(`${path}/utilization`, { bucket_minutes: BUCKET }), get(`${path}/curve`), all(`${path}/events`), all(`${path}/segments`), adviceOf(snapshot, cores, project),
  ]);
  const levels = curve.levels;
  return {
    use: overTheDay(use.data), curve, events, segments, advice,
    plot: { xs: levels.map((one) => one.concurrency), series: [{ label: t("instances.tokens_a_second"), values: levels.map((one) => one.tokens_per_second) }] },
    waits: { xs: levels.map((one) => one.concurrency), series: [{ label: "p50", values: levels.map((one) => one.first_p50) }, { label: "p95", values: levels.map((one) => one.first_p95) }] },
  };
}

/** Whether an instance pays; null for what has no such comparison, such as speech. */
async function adviceOf(model, cores, project) {
  try {
    return await get("/organization/instance_break_even", { model, cores, project_id: project });
  } catch (error) {
    if (error.status === 400 || error.status === 404) return null;
    throw error;
  }
}

function Details({ one }) {
  const details = useLoad(() => loadDetails(one.id, one.snapshot, one.cores, one.project_id), [one.id, one.status, one.config_version]);
  useEffect(() => {
    const timer = setInterval(() => document.hidden || details.reload(), 5 * EVERY);
    return () => clearInterval(timer);
  }, [details.reload]);
  return html`
    <${Block} title=${html`<${Text} value=${one.name} />`}>
      <div class="card"><dl class="facts">
        <dt>${t("id")}</dt><dd><${Code} value=${one.id} /></dd>
        <dt>${t("instances.plan")}</dt><dd>${one.plan.type === "reserved" ? t("instances.reserved", { count: one.plan.months, end: format.day(one.plan.end) }) : t("instances.on_demand")}</dd>
        <dt>${t("instances.load")}</dt><dd>${t("instances.load_text", { most: one.load.max_concurrency, queue: one.load.queue_depth, wait: format.number(one.load.max_wait_ms / 1000, 1), overflow: t(`instances.overflow_${one.load.overflow}`) })}</dd>
        <dt>${t("instances.machine")}</dt><dd>${one.node ? html`<${Text} value=${one.node} />` : "–"}</dd>
        <dt>${t("created")}</dt><dd>${format.when(one.created_at)}</dd>
      </dl></div>
    <//>
    <${Loaded} from=${details}>${(found) => html`
      <${Utilization} use=${found.use} />
      ${found.advice && html`<${BreakEven} advice=${found.advice} />`}
      <${Curve} found=${found} id=${one.id} />
      <div class="pair"><${Events} events=${found.events} /><${Segments} segments=${found.segments} /></div>`}<//>`;
}

/** The last 24 hours in steps that have no gaps: null where nobody looked, such as while it did not run. */
function overTheDay(data) {
  const step = BUCKET * 60;
  const end = Math.floor(Date.now() / 1000 / step) * step;
  const shares = new Map(data.map((one) => [one.time, one.utilization]));
  const xs = Array.from({ length: 86400 / step }, (_, number) => end - 86400 + (number + 1) * step);
  const opened = data.reduce((sum, one) => sum + one.open_seconds, 0);
  return {
    plot: { xs, series: [{ label: t("instances.utilization"), values: xs.map((at) => shares.get(at) ?? null) }] },
    most: Math.max(0, ...shares.values()),
    mean: opened ? data.reduce((sum, one) => sum + one.busy_seconds, 0) / opened : null,
  };
}

/** How busy the instance was, of what its load lets through. */
function Utilization({ use }) {
  if (use.mean === null) return html`<${Block} title=${t("instances.utilization")}><${Empty} title=${t("instances.no_use")}><p>${t("instances.no_use_text")}</p><//><//>`;
  return html`<${Block} title=${t("instances.utilization")} hint=${t("instances.utilization_text", { mean: format.percent(use.mean, 1), most: format.percent(use.most) })}>
    <${Chart} kind="area" title=${t("instances.utilization")} ...${use.plot} column=${t("instances.hour")} x=${format.hour} y=${(value) => format.percent(value, 1)} yAxis=${format.percent} most=${1} xSteps=${HOURS} /><//>`;
}

function Curve({ found, id }) {
  if (found.curve.levels.length === 0) {
    return html`<${Block} title=${t("instances.curve")}><${Empty} title=${t("instances.no_curve")}><p>${t("instances.no_curve_text")}</p><p><code class="text">sayso instances curve ${id}</code></p><//><//>`;
  }
  const even = found.advice && Number(found.advice.break_even_tokens_per_second);
  return html`<${Block} title=${t("instances.curve")} hint=${t("instances.measured", { when: format.when(found.curve.measured_at) })}>
    <div class="pair">
      <${Chart} kind="lines" title=${t("instances.tokens_a_second")} ...${found.plot} xTitle=${t("instances.concurrency")} x=${format.number} y=${(value) => format.number(value, 1)}
        rule=${even ? { at: even, label: t("instances.break_even") } : undefined} />
      <${Chart} kind="lines" title=${t("instances.first_token")} ...${found.waits} xTitle=${t("instances.concurrency")} x=${format.number} y=${(value) => `${format.number(value * 1000)} ms`} />
    </div><//>`;
}

function BreakEven({ advice }) {
  const share = advice.break_even_tokens_per_day ? advice.traffic.tokens_per_day / advice.break_even_tokens_per_day : 0;
  return html`<${Block} title=${t("instances.break_even")} hint=${t("instances.break_even_hint")}>
    <dl class="stats">
      <div><dt>${t("instances.price")}</dt><dd>${t("instances.an_hour", { amount: format.money(advice.usd_per_hour) })}</dd></div>
      <div><dt>${t("instances.even_at")}</dt><dd>${format.compact(advice.break_even_tokens_per_day)}<small>${t("instances.tokens_a_day")}</small></dd></div>
      <div><dt>${t("instances.traffic")}</dt><dd>${format.compact(advice.traffic.tokens_per_day)}<small>${t("instances.of_even", { share: format.percent(share) })}</small></dd></div>
      <div><dt>${t("instances.reach")}</dt><dd>${advice.measured_tokens_per_day === null ? "–" : format.compact(advice.measured_tokens_per_day)}<small>${advice.measured_tokens_per_day === null ? t("instances.not_measured") : t("instances.tokens_a_day")}</small></dd></div>
    </dl>
    <p lang="en">${clean(advice.advice)}</p><//>`;
}

function Advice({ world }) {
  const [cores, setCores] = useState(1);
  const models = world.snapshots.filter((one) => one.kind === "chat").flatMap((one) => one.aliases.length ? one.aliases.slice(0, 1) : [one.id]);
  const [model, setModel] = useState(models[0]);
  const advice = useLoad(() => adviceOf(model, cores), [model, cores]);
  if (!model) return null;
  return html`
    <div class="tools">
      <label>${t("instances.model")}<select value=${model} onChange=${(event) => setModel(event.currentTarget.value)}>${models.map((one) => html`<option value=${one}>${clean(one)}</option>`)}</select></label>
      <label>${t("instances.cores")}<input type="number" min="1" max="64" value=${cores} onChange=${(event) => setCores(Number(event.currentTarget.value) || 1)} /></label>
    </div>
    <${Loaded} from=${advice}>${(found) => found && html`<${BreakEven} advice=${found} />`}<//>`;
}

function Events({ events }) {
  return html`<${Block} title=${t("instances.events")}>
    <${Table} caption=${t("instances.events")} stacked=${false} rows=${[...events].reverse().slice(0, 30)} rowKey=${(one) => one.id} columns=${[
      { title: t("instances.what"), strong: true, cell: (one) => tOr(`instances.event_${one.type}`, clean(one.type).replaceAll("_", " ")) },
      { title: t("instances.when"), cell: (one) => format.when(Number(one.at)) },
    ]} /><//>`;
}

function Segments({ segments }) {
  if (segments.length === 0) return html`<${Block} title=${t("instances.paid")}><${Empty} title=${t("instances.nothing_paid")}><p>${t("instances.nothing_paid_text")}</p><//><//>`;
  const latest = [...segments].reverse().slice(0, 30);
  return html`<${Block} title=${t("instances.paid")}>
    <${Table} caption=${t("instances.paid")} stacked=${false} rows=${latest} rowKey=${(one) => one.id} columns=${[
      { title: t("instances.from"), cell: (one) => format.when(one.start) },
      { title: t("instances.time"), number: true, cell: (one) => format.duration(one.seconds) },
      { title: t("instances.amount"), number: true, strong: true, cell: (one) => format.money(one.amount) },
    ]} /><//>`;
}

mount(Page);
