// The keys of a project, and those that administer the organization: made, shown once, revoked.

import { useState } from "../vendor/hooks.js";
import { all, mayWrite, post, remove } from "../core/api.js";
import * as format from "../core/format.js";
import { Block, Code, Confirm, Dialog, Empty, Field, FormDialog, html, isolated, Loaded, mount, ProjectPicker, Secret, Table, Tag, Text, useLoad, useProjects } from "../core/ui.js";
import { t } from "../core/words.js";

const DAYS = [0, 7, 30, 90, 365];
const seconds = (days) => (Number(days) ? Number(days) * 86400 : undefined);

function Page() {
  const projects = useProjects();
  return html`
    <p class="lead">${t("keys.lead")}</p>
    <${Loaded} from=${projects}>${() => html`<${ProjectKeys} projects=${projects} />`}<//>
    <${AdminKeys} />`;
}

function ProjectKeys({ projects }) {
  const project = projects.project?.id;
  const keys = useLoad(() => (project ? all(`/organization/projects/${project}/api_keys`) : []), [project]);
  const [dialog, setDialog] = useState(null);
  const close = () => setDialog(null);
  const create = async (values) => {
    const expires_in_seconds = seconds(values.days);
    const made = values.owner === "account"
      ? (await post(`/organization/projects/${project}/service_accounts`, { name: values.name, expires_in_seconds })).api_key
      : await post("/console/keys", { project_id: project, name: values.name, expires_in_seconds, scopes: values.scope ? [values.scope] : undefined });
    keys.reload();
    setDialog(html`<${Made} value=${made.value} close=${close} example=${true} />`);
  };
  const revoke = (key) => setDialog(html`<${Confirm} title=${t("keys.revoke_title", { name: isolated(key.name) })} text=${t("keys.revoke_text")}
    submitText=${t("keys.revoke")} close=${close} act=${async () => {
      await remove(`/organization/projects/${project}/api_keys/${key.id}`);
      close();
      keys.reload();
    }} />`);
  const add = mayWrite && project && html`<button type="button" class="primary" onClick=${() => setDialog(html`<${NewKey} submit=${create} close=${close} />`)}>${t("keys.create")}</button>`;
  return html`
    <${Block} title=${t("keys.of_project")} actions=${add}>
      <div class="tools"><${ProjectPicker} from=${projects} /></div>
      <${Loaded} from=${keys}>${(found) => (found.length === 0
        ? html`<${Empty} title=${t("keys.empty")}><p>${t("keys.empty_text")}</p>${add}<//>`
        : html`<${Table} caption=${t("keys.of_project")} rows=${[...found].reverse()} rowKey=${(one) => one.id} columns=${keyColumns(owner, revoke)} />`)}<//>
    <//>
    ${dialog}`;
}

function keyColumns(ownerCell, revoke) {
  return [
    { title: t("name"), strong: true, cell: (one) => html`<${Text} value=${one.name} />` },
    { title: t("keys.value"), cell: (one) => html`<${Code} value=${one.redacted_value} />` },
    { title: t("keys.owner"), cell: ownerCell },
    { title: t("created"), cell: (one) => format.day(one.created_at) },
    { title: t("keys.used"), cell: (one) => (one.last_used_at ? format.ago(one.last_used_at) : html`<span class="soft">${t("never")}</span>`) },
    { title: t("keys.expires"), cell: expiry },
    { title: t("actions"), acts: true, cell: (one) => mayWrite && html`<button type="button" class="quiet bad small" onClick=${() => revoke(one)}
        aria-label=${t("keys.revoke_one", { name: isolated(one.name) })}>${t("keys.revoke")}</button>` },
  ];
}

function owner(key) {
  const who = key.owner[key.owner.type];
  return html`<${Text} value=${who.name} />
    ${key.owner.type === "service_account" && html`<small>${t("keys.service_account")}</small>`}
    ${key.owner_project_access === "inactive" && html` <${Tag} kind="warn">${t("keys.no_access")}<//>`}`;
}

function expiry(key) {
  if (!key.expires_at) return html`<span class="soft">${t("never")}</span>`;
  return key.expires_at * 1000 < Date.now() ? html`<${Tag} kind="bad">${t("keys.expired")}<//>` : format.ago(key.expires_at);
}

function NewKey({ submit, close }) {
  const [owner, setOwner] = useState("me");
  return html`<${FormDialog} title=${t("keys.create_title")} fields=${["name"]} submitText=${t("keys.create")} submit=${submit} close=${close}>
    ${(error) => html`
      <${Field} label=${t("name")} error=${error} names=${["name"]} hint=${t("keys.name_hint")}
        control=${(given) => html`<input ...${given} name="name" required maxlength="256" autocomplete="off" />`} />
      <${Field} label=${t("keys.owned_by")} error=${error} hint=${owner === "me" ? t("keys.me_hint") : t("keys.account_hint")} control=${(given) => html`
        <select ...${given} name="owner" value=${owner} onChange=${(event) => setOwner(event.currentTarget.value)}>
          <option value="me">${t("keys.me")}</option><option value="account">${t("keys.service_account")}</option>
        </select>`} />
      <div class="fields">
        ${owner === "me" && html`<${Field} label=${t("keys.may")} error=${error} control=${(given) => html`
          <select ...${given} name="scope"><option value="">${t("keys.may_all")}</option><option value="api.all.read">${t("keys.may_read")}</option></select>`} />`}
        <${Expiry} error=${error} />
      </div>`}
  <//>`;
}

function Expiry({ error }) {
  return html`<${Field} label=${t("keys.expires")} error=${error} names=${["expires_in_seconds"]} control=${(given) => html`
    <select ...${given} name="days">${DAYS.map((days) => html`<option value=${days}>${days ? t("keys.in_days", { count: days }) : t("never")}</option>`)}</select>`} />`;
}

function Made({ value, close, example }) {
  return html`<${Dialog} title=${t("keys.made")} close=${close}>
    <p>${t("keys.made_text")}</p>
    <${Secret} value=${value} />
    ${example && html`<details><summary>${t("keys.try")}</summary>
      <pre class="table" tabindex="0"><code>${example_call()}</code></pre></details>`}
    <div class="buttons"><button type="button" class="primary" onClick=${close}>${t("keys.done")}</button></div>
  <//>`;
}

const example_call = () => `export OPENAI_BASE_URL=${location.origin}/v1
export OPENAI_API_KEY=…
curl $OPENAI_BASE_URL/models -H "Authorization: Bearer $OPENAI_API_KEY"`;

function AdminKeys() {
  const keys = useLoad(() => all("/organization/admin_api_keys"));
  const [dialog, setDialog] = useState(null);
  const close = () => setDialog(null);
  const create = async (values) => {
    const made = await post("/organization/admin_api_keys", { name: values.name, expires_in_seconds: seconds(values.days) });
    keys.reload();
    setDialog(html`<${Made} value=${made.value} close=${close} />`);
  };
  const ask = () => setDialog(html`<${FormDialog} title=${t("keys.create_admin")} fields=${["name"]} submitText=${t("keys.create")} submit=${create} close=${close}>
    ${(error) => html`
      <${Field} label=${t("name")} error=${error} names=${["name"]} control=${(given) => html`<input ...${given} name="name" required maxlength="256" autocomplete="off" />`} />
      <${Expiry} error=${error} />`}
  <//>`);
  const revoke = (key) => setDialog(html`<${Confirm} title=${t("keys.revoke_title", { name: isolated(key.name) })} text=${t("keys.revoke_admin_text")}
    submitText=${t("keys.revoke")} close=${close} act=${async () => {
      await remove(`/organization/admin_api_keys/${key.id}`);
      close();
      keys.reload();
    }} />`);
  const add = mayWrite && html`<button type="button" onClick=${ask}>${t("keys.create_admin")}</button>`;
  return html`
    <${Block} title=${t("keys.admin")} hint=${t("keys.admin_hint")} actions=${add}>
      <${Loaded} from=${keys}>${(found) => (found.length === 0
        ? html`<${Empty} title=${t("keys.admin_empty")}><p>${t("keys.admin_empty_text")}</p><//>`
        : html`<${Table} caption=${t("keys.admin")} rows=${[...found].reverse()} rowKey=${(one) => one.id} columns=${keyColumns((one) => html`<${Text} value=${one.owner.name} />`, revoke)} />`)}<//>
    <//>
    ${dialog}`;
}

mount(Page);
