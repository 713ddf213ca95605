// What is kept, for how long, and how to have it gone.

import { useState } from "../vendor/hooks.js";
import { all, get, mayWrite, post } from "../core/api.js";
import * as format from "../core/format.js";
import { Block, clean, Code, Confirm, Empty, Field, FormDialog, html, isolated, Loaded, mount, Problem, Table, Tag, Text, useLoad } from "../core/ui.js";
import { t, tOr } from "../core/words.js";

const MODES = { default: "none", stored_only: "modified_abuse_monitoring", zero: "zero_data_retention", inherit: "organization_default" };
const bytes = (count) => (count >= 1048576 ? `${format.number(count / 1048576, 1)} MiB` : count >= 1024 ? `${format.number(count / 1024, 1)} KiB` : `${format.number(count)} B`);
const setting = (asked) => (asked.mode === "days" ? t("data.days", { count: asked.days }) : t(`data.mode_${asked.mode}`));

function Page() {
  const kept = useLoad(() => get("/organization/kept_data"));
  return html`<p class="lead">${t("data.lead")} <a href="/docs/data">${t("data.more")}</a></p>
    <${Loaded} from=${kept}>${(found) => html`<${Policies} found=${found} reload=${kept.reload} /><${Kept} found=${found} />`}<//>
    <${Erasures} /><${Holds} /><${Receipts} />`;
}

function Policies({ found, reload }) {
  const [dialog, setDialog] = useState(null);
  const [problem, setProblem] = useState(null);
  const close = () => setDialog(null);
  const set = (path, title, before, project) => setDialog(html`<${Retention} title=${title} before=${before} project=${project} close=${close} submit=${async (values) => {
    const body = values.mode === "days" ? { days: Number(values.days) } : { retention_type: MODES[values.mode] };
    await post(path, body);
    close();
    await reload();
  }} />`);
  const consent = async () => {
    setProblem(null);
    try {
      await post("/organization/improvement", { opted_in: !found.improvement });
    } catch (error) {
      setProblem(error);
    }
    await reload();
  };
  return html`<${Block} title=${t("data.policies")} hint=${t("data.policies_hint")}>
    ${problem && html`<${Problem} error=${problem} />`}
    <div class="card"><dl class="facts">
      <dt>${t("data.organization")}</dt><dd>${setting(found.asks_for)} ${mayWrite && html`<button type="button" class="quiet small" onClick=${() => set("/organization/data_retention", t("data.organization"), found.asks_for)}>${t("edit")}</button>`}</dd>
      <dt>${t("data.ceiling")}</dt><dd>${found.ceiling_days ? t("data.days", { count: found.ceiling_days }) : t("data.mode_zero")}</dd>
      <dt>${t("data.improvement")}</dt><dd>${t(found.improvement ? "data.opted_in" : "data.opted_out")} ${mayWrite && html`<button type="button" class="quiet small" onClick=${consent}>${t(found.improvement ? "data.opt_out" : "data.opt_in")}</button>`}</dd>
      <dt>${t("data.sweep")}</dt><dd>${found.last_sweep_at ? format.ago(found.last_sweep_at) : t("never")}</dd>
    </dl></div>
    <${Table} caption=${t("data.policies")} rows=${found.projects} rowKey=${(one) => one.id} columns=${[
      { title: t("project"), strong: true, cell: (one) => html`<${Text} value=${one.name} />` },
      { title: t("data.asks_for"), cell: (one) => setting(one.asks_for) },
      { title: t("data.in_force"), cell: (one) => (one.in_force.days ? t("data.days", { count: one.in_force.days }) : one.in_force.stored_days
        ? t("data.stored_days", { count: one.in_force.stored_days }) : html`<${Tag} kind="good">${t("data.mode_zero")}<//>`) },
      { title: t("actions"), acts: true, cell: (one) => mayWrite && html`<button type="button" class="quiet small"
        onClick=${() => set(`/organization/projects/${one.id}/data_retention`, t("data.of_project", { name: isolated(one.name) }), one.asks_for, true)}>${t("edit")}</button>` },
    ]} />${dialog}<//>`;
}

function Retention({ title, before, project, close, submit }) {
  const [mode, setMode] = useState(before.mode);
  const modes = ["default", "days", "stored_only", "zero"];
  return html`<${FormDialog} title=${title} fields=${["days", "retention_type"]} submitText=${t("save")} submit=${submit} close=${close}>${(error) => html`
    <${Field} label=${t("data.keep")} hint=${t(`data.hint_${mode}`)} error=${error} names=${["retention_type"]} control=${(given) => html`
      <select ...${given} name="mode" value=${mode} onChange=${(event) => setMode(event.currentTarget.value)}>
        ${(project ? ["inherit", ...modes] : modes).map((one) => html`<option value=${one}>${t(`data.mode_${one}`)}</option>`)}
      </select>`} />
    ${mode === "days" && html`<${Field} label=${t("data.number_of_days")} error=${error} names=${["days"]} control=${(given) => html`
      <input ...${given} name="days" type="number" min="1" max="30" required value=${before.days ?? 7} />`} />`}
    <p class="soft">${t("data.at_once")}</p>`}<//>`;
}

function Kept({ found }) {
  const names = new Map(found.projects.map((one) => [one.id, one.name]));
  return html`<${Block} title=${t("data.kept")} hint=${found.next_expiry ? t("data.next_expiry", { when: format.when(found.next_expiry) }) : undefined}>
    ${found.kept.length === 0 ? html`<${Empty} title=${t("data.nothing_kept")}><p>${t("data.nothing_kept_text")}</p><//>` : html`
    <${Table} caption=${t("data.kept")} rows=${found.kept} columns=${[
      { title: t("data.what"), strong: true, cell: (one) => tOr(`data.kind_${one.kind}`, clean(one.kind)) },
      { title: t("project"), cell: (one) => html`<${Text} value=${names.get(one.project_id) ?? one.project_id} />` },
      { title: t("data.records"), number: true, cell: (one) => format.number(one.records) },
      { title: t("data.stored"), number: true, cell: (one) => format.number(one.stored) },
      { title: t("data.held"), number: true, cell: (one) => format.number(one.held) },
      { title: t("data.size"), number: true, cell: (one) => bytes(one.bytes) },
      { title: t("data.oldest"), cell: (one) => format.ago(one.oldest) },
      { title: t("data.gone"), cell: (one) => format.when(one.next_expiry) },
    ]} />`}<//>`;
}

const SCOPES = ["end_user", "record", "user", "project", "organization"];

function Erasures() {
  const erasures = useLoad(() => all("/organization/erasures"));
  const [dialog, setDialog] = useState(null);
  const close = () => setDialog(null);
  const ask = () => setDialog(html`<${Erase} close=${close} submit=${async (values) => {
    await post("/organization/erasures", { scope: values.scope, id: values.id || undefined });
    close();
    await erasures.reload();
  }} />`);
  return html`<${Block} title=${t("data.erasures")} hint=${t("data.erasures_hint")} actions=${mayWrite && html`<button type="button" onClick=${ask}>${t("data.erase")}</button>`}>
    <${Loaded} from=${erasures}>${(found) => (found.length === 0 ? html`<${Empty} title=${t("data.no_erasures")}><p>${t("data.no_erasures_text")}</p><//>` : html`
      <${Table} caption=${t("data.erasures")} rows=${[...found].reverse()} rowKey=${(one) => one.id} columns=${[
        { title: t("data.whose"), strong: true, cell: (one) => t(`data.scope_${one.scope.type}`) },
        { title: t("id"), cell: (one) => html`<${Code} value=${one.scope.id} />` },
        { title: t("data.asked"), cell: (one) => format.when(one.requested_at) },
        { title: t("status"), cell: (one) => (one.applied_at ? html`<${Tag} kind="good">${t("data.erased")}<//>` : html`<${Tag} kind="warn">${t("data.erasing")}<//>`) },
        { title: t("data.records"), number: true, cell: (one) => (one.records === null ? "–" : format.number(one.records)) },
      ]} />`)}<//>${dialog}<//>`;
}

function Erase({ close, submit }) {
  const [scope, setScope] = useState("end_user");
  return html`<${FormDialog} title=${t("data.erase_title")} fields=${["id", "scope"]} danger submitText=${t("data.erase")} submit=${submit} close=${close}>${(error) => html`
    <${Field} label=${t("data.whose")} error=${error} names=${["scope"]} control=${(given) => html`
      <select ...${given} name="scope" value=${scope} onChange=${(event) => setScope(event.currentTarget.value)}>${SCOPES.map((one) => html`<option value=${one}>${t(`data.scope_${one}`)}</option>`)}</select>`} />
    ${scope !== "organization" && html`<${Field} label=${t("id")} hint=${t(`data.id_${scope}`)} error=${error} names=${["id"]} control=${(given) => html`<input ...${given} name="id" required autocomplete="off" />`} />`}
    <p>${t("data.erase_text")}</p>`}<//>`;
}

function Holds() {
  const holds = useLoad(() => all("/organization/legal_holds"));
  const [dialog, setDialog] = useState(null);
  const close = () => setDialog(null);
  const done = async () => {
    close();
    await holds.reload();
  };
  const place = async () => {
    const projects = await all("/organization/projects");
    setDialog(html`<${FormDialog} title=${t("data.place")} fields=${["reason", "project_id"]} submitText=${t("data.place")} close=${close} submit=${async (values) => {
      await post("/organization/legal_holds", { reason: values.reason, project_id: values.project_id || undefined });
      await done();
    }}>${(error) => html`
      <${Field} label=${t("data.reason")} error=${error} names=${["reason"]} control=${(given) => html`<input ...${given} name="reason" required maxlength="256" autocomplete="off" />`} />
      <${Field} label=${t("data.holds_on")} error=${error} names=${["project_id"]} control=${(given) => html`<select ...${given} name="project_id">
        <option value="">${t("data.scope_organization")}</option>${projects.map((one) => html`<option value=${one.id}>${clean(one.name)}</option>`)}</select>`} />`}<//>`);
  };
  const release = (one) => setDialog(html`<${Confirm} title=${t("data.release_title")} text=${t("data.release_text")} submitText=${t("data.release")} close=${close} act=${async () => {
    await post(`/organization/legal_holds/${one.id}/release`);
    await done();
  }} />`);
  return html`<${Block} title=${t("data.holds")} hint=${t("data.holds_hint")} actions=${mayWrite && html`<button type="button" onClick=${place}>${t("data.place")}</button>`}>
    <${Loaded} from=${holds}>${(found) => (found.length === 0 ? html`<${Empty} title=${t("data.no_holds")}><p>${t("data.no_holds_text")}</p><//>` : html`
      <${Table} caption=${t("data.holds")} rows=${[...found].reverse()} rowKey=${(one) => one.id} columns=${[
        { title: t("data.reason"), strong: true, cell: (one) => html`<${Text} value=${one.reason} />` },
        { title: t("data.holds_on"), cell: (one) => html`${t(`data.scope_${one.scope.type}`)} <small><${Code} value=${one.scope.id} /></small>` },
        { title: t("created"), cell: (one) => format.when(one.created_at) },
        { title: t("status"), cell: (one) => (one.released_at ? html`<${Tag}>${t("data.released")}<//>` : html`<${Tag} kind="warn">${t("data.in_effect")}<//>`) },
        { title: t("actions"), acts: true, cell: (one) => mayWrite && !one.released_at && html`<button type="button" class="quiet bad small" onClick=${() => release(one)}>${t("data.release")}</button>` },
      ]} />`)}<//>${dialog}<//>`;
}

const MOST_RECEIPTS = 1000;

/** Receipts are paged by their numbers. */
async function everyReceipt() {
  const found = [];
  for (let after; ; ) {
    const page = await get("/organization/deletion_receipts", { limit: 100, after });
    found.push(...page.data);
    if (!page.has_more || found.length >= MOST_RECEIPTS) return found;
    after = page.data[page.data.length - 1].number;
  }
}

function Receipts() {
  const receipts = useLoad(everyReceipt);
  const [checks, setChecks] = useState({});
  const check = async (one) => {
    const found = await get(`/organization/deletion_receipts/${one.id}`);
    setChecks((before) => ({ ...before, [one.id]: found.check }));
  };
  return html`<${Block} title=${t("data.receipts")} hint=${t("data.receipts_hint")}>
    <${Loaded} from=${receipts}>${(found) => (found.length === 0 ? html`<${Empty} title=${t("data.no_receipts")}><p>${t("data.no_receipts_text")}</p><//>` : html`
      <${Table} caption=${t("data.receipts")} rows=${[...found].reverse()} rowKey=${(one) => one.id} columns=${[
        { title: t("data.receipt"), strong: true, cell: (one) => html`<${Code} value=${one.id} />` },
        { title: t("data.cause"), cell: (one) => tOr(`data.cause_${one.cause}`, clean(one.cause)) },
        { title: t("data.records"), number: true, cell: (one) => format.number(one.records.length) },
        { title: t("data.destroyed"), cell: (one) => format.when(one.destroyed_at / 1e6) },
        { title: t("data.hash"), cell: (one) => html`<${Code} value=${`${one.hash.slice(0, 16)}…`} />` },
        { title: t("actions"), acts: true, cell: (one) => (one.id in checks
          ? html`<${Tag} kind=${checks[one.id].ok ? "good" : "bad"}>${checks[one.id].ok ? t("data.holds_true") : clean(checks[one.id].fault)}<//>`
          : html`<button type="button" class="quiet small" onClick=${() => check(one)}>${t("data.check")}</button>`) },
      ]} />`)}<//><//>`;
}

mount(Page);
