// Which models there are, what names lead to them, and what a project uses.

import { useState } from "../vendor/hooks.js";
import { all, get, isOperator, mayWrite, post, remove } from "../core/api.js";
import * as format from "../core/format.js";
import { Block, clean, Code, Confirm, Empty, Field, FormDialog, html, isolated, Loaded, mount, ProjectPicker, Table, Tag, Text, useLoad, useProjects } from "../core/ui.js";
import { t } from "../core/words.js";

const mayOperate = mayWrite && isOperator;
const size = (files) => files.reduce((sum, one) => sum + one.size, 0) / 1048576;
const seconds = (text) => (text ? Date.parse(`${text}Z`) / 1000 : undefined);

async function load() {
  const [snapshots, aliases, ends] = await Promise.all(["snapshots", "model_aliases", "model_deprecations"].map((one) => all(`/organization/${one}`)));
  snapshots.sort((a, b) => b.served - a.served);
  return { snapshots, versions: aliases, ends };
}

function Page() {
  const models = useLoad(load);
  return html`<p class="lead">${t("models.lead")} <a href="/docs/models">${t("models.more")}</a></p>
    <${Loaded} from=${models}>${(found) => html`
      <${Snapshots} found=${found} reload=${models.reload} />
      <${Aliases} found=${found} reload=${models.reload} />
      <${Ends} found=${found} reload=${models.reload} />
      <${OfProject} found=${found} />`}<//>`;
}

function useDialog(reload) {
  const [dialog, setDialog] = useState(null);
  const close = () => setDialog(null);
  const done = async () => {
    close();
    await reload();
  };
  return { dialog, setDialog, close, done };
}

function Snapshots({ found, reload }) {
  const { dialog, setDialog, close, done } = useDialog(reload);
  const drop = (one) => setDialog(html`<${Confirm} title=${t("models.drop_title", { name: isolated(one.id) })} text=${t("models.drop_text")} submitText=${t("models.drop")} close=${close}
    act=${async () => {
      await remove(`/organization/snapshots/${encodeURIComponent(one.id)}`);
      await done();
    }} />`);
  return html`<${Block} title=${t("models.snapshots")} hint=${t("models.snapshots_hint")}>
    <${Table} caption=${t("models.snapshots")} rows=${found.snapshots} rowKey=${(one) => one.id} columns=${[
      { title: t("models.snapshot"), strong: true, cell: (one) => html`<${Text} value=${one.id} /><small class="mono" title=${one.digest}>${clean(one.digest).slice(0, 19)}…</small>` },
      { title: t("models.kind"), cell: (one) => t(`models.${one.kind}`) },
      { title: t("models.names"), cell: (one) => (one.aliases.length ? one.aliases.map((alias) => html`<${Text} value=${alias} /><br />`) : html`<span class="soft">${t("none")}</span>`) },
      { title: t("models.context"), number: true, cell: (one) => (one.context_length ? format.number(one.context_length) : "–") },
      { title: t("models.size"), number: true, cell: (one) => (one.files.length ? format.memory(size(one.files)) : "–") },
      { title: t("status"), cell: (one) => (one.served ? html`<${Tag} kind="good">${t("models.served")}<//>` : html`<${Tag}>${t("models.there")}<//>`) },
      { title: t("actions"), acts: true, cell: (one) => mayOperate && !one.served && one.files.length > 0 && html`<button type="button" class="quiet bad small" onClick=${() => drop(one)}>${t("models.drop")}</button>` },
    ]} />${dialog}<//>`;
}

function SnapshotField({ found, error, kind, value }) {
  const listed = found.snapshots.filter((one) => one.served && (!kind || one.kind === kind));
  return html`<${Field} label=${t("models.snapshot")} error=${error} names=${["snapshot"]} control=${(given) => html`
    <select ...${given} name="snapshot" required value=${value}>${listed.map((one) => html`<option value=${one.id}>${clean(one.id)}</option>`)}</select>`} />`;
}

function Aliases({ found, reload }) {
  const { dialog, setDialog, close, done } = useDialog(reload);
  const latest = new Map();
  for (const one of found.versions) latest.set(one.alias, one);
  const current = found.snapshots.flatMap((one) => one.aliases.map((alias) => ({ alias, snapshot: one.id, version: latest.get(alias) })));
  const move = (one) => setDialog(html`<${FormDialog} title=${one ? t("models.move_title", { name: isolated(one.alias) }) : t("models.new_alias")} fields=${["alias", "snapshot", "effective_from"]}
    submitText=${t("models.move")} close=${close} submit=${async (values) => {
      await post("/organization/model_aliases", { alias: one?.alias ?? values.alias, snapshot: values.snapshot, effective_from: seconds(values.from) });
      await done();
    }}>${(error) => html`
      ${!one && html`<${Field} label=${t("models.alias")} error=${error} names=${["alias"]} control=${(given) => html`<input ...${given} name="alias" required maxlength="256" autocomplete="off" />`} />`}
      <${SnapshotField} found=${found} error=${error} value=${one?.snapshot} />
      <${Field} label=${t("models.from")} hint=${t("models.from_hint")} error=${error} names=${["effective_from"]} control=${(given) => html`<input ...${given} name="from" type="datetime-local" />`} />`}<//>`);
  const back = (one) => setDialog(html`<${Confirm} title=${t("models.back_title", { name: isolated(one.alias) })} text=${t("models.back_text", { snapshot: isolated(one.version.previous ?? "–") })}
    submitText=${t("models.back")} close=${close} act=${async () => {
      await post("/organization/model_aliases/rollback", { alias: one.alias });
      await done();
    }} />`);
  return html`<${Block} title=${t("models.aliases")} hint=${t("models.aliases_hint")} actions=${mayOperate && html`<button type="button" onClick=${() => move()}>${t("models.new_alias")}</button>`}>
    <${Table} caption=${t("models.aliases")} rows=${current} rowKey=${(one) => one.alias} columns=${[
      { title: t("models.alias"), strong: true, cell: (one) => html`<${Text} value=${one.alias} />` },
      { title: t("models.leads_to"), cell: (one) => html`<${Text} value=${one.snapshot} />` },
      { title: t("models.since"), cell: (one) => (one.version ? html`${format.when(one.version.effective_from)}<small><${Text} value=${one.version.cause || one.version.created_by} /></small>` : html`<span class="soft">${t("models.by_settings")}</span>`) },
      { title: t("actions"), acts: true, cell: (one) => mayOperate && html`<button type="button" class="quiet small" onClick=${() => move(one)}>${t("models.move")}</button>
        ${one.version?.previous && html`<button type="button" class="quiet bad small" onClick=${() => back(one)}>${t("models.back")}</button>`}` },
    ]} />
    ${found.versions.length > 0 && html`<details><summary>${t("models.history")}</summary>
      <${Table} caption=${t("models.history")} rows=${[...found.versions].reverse()} rowKey=${(one) => one.id} columns=${[
        { title: t("models.alias"), strong: true, cell: (one) => html`<${Text} value=${one.alias} />` },
        { title: t("models.leads_to"), cell: (one) => html`<${Text} value=${one.snapshot} />` },
        { title: t("models.before"), cell: (one) => html`<${Text} value=${one.previous ?? "–"} />` },
        { title: t("models.since"), cell: (one) => format.when(one.effective_from) },
      ]} /></details>`}${dialog}<//>`;
}

function Ends({ found, reload }) {
  const { dialog, setDialog, close, done } = useDialog(reload);
  const announce = () => setDialog(html`<${FormDialog} title=${t("models.announce")} fields=${["model", "deprecated_from", "shutdown_at", "replacement"]} submitText=${t("models.announce")} close=${close}
    submit=${async (values) => {
      await post("/organization/model_deprecations", { model: values.model, deprecated_from: seconds(values.from), shutdown_at: seconds(values.end), replacement: values.replacement });
      await done();
    }}>${(error) => html`
      <${Field} label=${t("models.name")} error=${error} names=${["model"]} control=${(given) => html`<input ...${given} name="model" required maxlength="256" autocomplete="off" />`} />
      <div class="fields">
        <${Field} label=${t("models.from")} error=${error} names=${["deprecated_from"]} control=${(given) => html`<input ...${given} name="from" type="datetime-local" />`} />
        <${Field} label=${t("models.shutdown")} error=${error} names=${["shutdown_at"]} control=${(given) => html`<input ...${given} name="end" type="datetime-local" />`} />
      </div>
      <${Field} label=${t("models.replacement")} error=${error} names=${["replacement"]} control=${(given) => html`<input ...${given} name="replacement" maxlength="256" autocomplete="off" />`} />
      <p class="soft">${t("models.utc")}</p>`}<//>`);
  const withdraw = (one) => setDialog(html`<${Confirm} title=${t("models.withdraw_title", { name: isolated(one.model) })} text=${t("models.withdraw_text")} submitText=${t("models.withdraw")} close=${close}
    act=${async () => {
      await remove(`/organization/model_deprecations/${encodeURIComponent(one.model)}`);
      await done();
    }} />`);
  return html`<${Block} title=${t("models.ends")} hint=${t("models.ends_hint")} actions=${mayOperate && html`<button type="button" onClick=${announce}>${t("models.announce")}</button>`}>
    ${found.ends.length === 0 ? html`<${Empty} title=${t("models.no_ends")}><p>${t("models.no_ends_text")}</p><//>` : html`
    <${Table} caption=${t("models.ends")} rows=${found.ends} rowKey=${(one) => one.id} columns=${[
      { title: t("models.name"), strong: true, cell: (one) => html`<${Text} value=${one.model} />` },
      { title: t("models.from"), cell: (one) => format.when(one.deprecated_from) },
      { title: t("models.shutdown"), cell: (one) => (one.shutdown_at ? format.when(one.shutdown_at) : "–") },
      { title: t("models.replacement"), cell: (one) => html`<${Text} value=${one.replacement ?? "–"} />` },
      { title: t("actions"), acts: true, cell: (one) => mayOperate && html`<button type="button" class="quiet bad small" onClick=${() => withdraw(one)}>${t("models.withdraw")}</button>` },
    ]} />`}${dialog}<//>`;
}

function OfProject({ found }) {
  const projects = useProjects();
  return html`<div class="tools"><${ProjectPicker} from=${projects} /></div>
    ${projects.project && html`<${Pins} found=${found} project=${projects.project.id} /><${Permission} found=${found} project=${projects.project.id} />`}`;
}

function Pins({ found, project }) {
  const path = `/organization/projects/${project}/model_pins`;
  const pins = useLoad(() => all(path), [path]);
  const { dialog, setDialog, close, done } = useDialog(pins.reload);
  const names = found.snapshots.flatMap((one) => one.aliases);
  const pin = () => setDialog(html`<${FormDialog} title=${t("models.pin_title")} fields=${["model", "snapshot"]} submitText=${t("models.pin")} close=${close} submit=${async (values) => {
    await post(path, { model: values.model, snapshot: values.snapshot || undefined });
    await done();
  }}>${(error) => html`
    <${Field} label=${t("models.name")} error=${error} names=${["model"]} control=${(given) => html`<select ...${given} name="model" required>${names.map((one) => html`<option value=${one}>${clean(one)}</option>`)}</select>`} />
    <${Field} label=${t("models.snapshot")} error=${error} names=${["snapshot"]} control=${(given) => html`<select ...${given} name="snapshot"><option value="">${t("models.as_now")}</option>
      ${found.snapshots.filter((one) => one.served).map((one) => html`<option value=${one.id}>${clean(one.id)}</option>`)}</select>`} />`}<//>`);
  const unpin = (one) => setDialog(html`<${Confirm} title=${t("models.unpin_title", { name: isolated(one.model) })} text=${t("models.unpin_text")} submitText=${t("models.unpin")} close=${close} act=${async () => {
    await remove(`${path}/${encodeURIComponent(one.model)}`);
    await done();
  }} />`);
  return html`<${Block} title=${t("models.pins")} hint=${t("models.pins_hint")} actions=${mayWrite && html`<button type="button" onClick=${pin}>${t("models.pin")}</button>`}>
    <${Loaded} from=${pins}>${(listed) => (listed.length === 0 ? html`<${Empty} title=${t("models.no_pins")}><p>${t("models.no_pins_text")}</p><//>` : html`
      <${Table} caption=${t("models.pins")} rows=${listed} rowKey=${(one) => one.id} columns=${[
        { title: t("models.name"), strong: true, cell: (one) => html`<${Text} value=${one.model} />` },
        { title: t("models.snapshot"), cell: (one) => html`<${Text} value=${one.snapshot} />` },
        { title: t("models.digest"), cell: (one) => html`<${Code} value=${`${one.digest.slice(0, 19)}…`} />` },
        { title: t("created"), cell: (one) => format.when(one.created_at) },
        { title: t("actions"), acts: true, cell: (one) => mayWrite && html`<button type="button" class="quiet bad small" onClick=${() => unpin(one)}>${t("models.unpin")}</button>` },
      ]} />`)}<//>${dialog}<//>`;
}

function Permission({ found, project }) {
  const [open, setOpen] = useState(false);
  return html`<${Block} title=${t("models.permission")} hint=${t("models.permission_hint")}>
    ${open ? html`<${Permitted} key=${project} found=${found} path=${`/organization/projects/${project}/model_permissions`} />`
      : html`<button type="button" onClick=${() => setOpen(true)}>${t("models.show_permission")}</button>`}<//>`;
}

function Permitted({ found, path }) {
  const permission = useLoad(() => get(path).catch((error) => {
    if (error.status === 404) return { mode: null, model_ids: [] };
    throw error;
  }), [path]);
  const { dialog, setDialog, close, done } = useDialog(permission.reload);
  const set = (before) => setDialog(html`<${FormDialog} title=${t("models.permit_title")} fields=${["mode", "model_ids"]} submitText=${t("save")} close=${close} submit=${async (values, form) => {
    if (values.mode) await post(path, { mode: values.mode, model_ids: new FormData(form).getAll("model") });
    else await remove(path);
    await done();
  }}>${(error) => html`
    <${Field} label=${t("models.may_use")} error=${error} names=${["mode"]} control=${(given) => html`<select ...${given} name="mode" value=${before.mode ?? ""}>
      <option value="">${t("models.every")}</option><option value="allow_list">${t("models.only_these")}</option><option value="deny_list">${t("models.all_but_these")}</option></select>`} />
    <fieldset class="field"><legend>${t("page.models")}</legend>${found.snapshots.map((one) => html`
      <label class="choice"><input type="checkbox" name="model" value=${one.id} checked=${before.model_ids.includes(one.id)} /> <bdi>${clean(one.id)}</bdi></label>`)}</fieldset>`}<//>`);
  return html`<${Loaded} from=${permission}>${(said) => html`<p>${t(said.mode === null ? "models.every" : said.mode === "allow_list" ? "models.only_these" : "models.all_but_these")}
      ${said.mode && html`: ${said.model_ids.length ? said.model_ids.map((one, place) => html`${place > 0 && ", "}<${Text} value=${one} />`) : t("none")}`}
      ${mayWrite && html` <button type="button" class="quiet small" onClick=${() => set(said)}>${t("edit")}</button>`}</p>`}<//>${dialog}`;
}

mount(Page);
