// Projects with their members and service accounts.

import { useState } from "../vendor/hooks.js";
import { all, mayWrite, post, remove } from "../core/api.js";
import * as format from "../core/format.js";
import { Block, Code, Confirm, Empty, Field, FormDialog, html, isolated, Loaded, mount, ProjectPicker, Segments, Table, Tag, Text, useLoad, useProjects } from "../core/ui.js";
import { t } from "../core/words.js";

function Page() {
  const [archived, setArchived] = useState(false);
  const listed = useLoad(() => all("/organization/projects", { include_archived: archived || undefined }), [archived]);
  const projects = useProjects();
  const [dialog, setDialog] = useState(null);
  const close = () => setDialog(null);
  const done = async () => {
    close();
    await Promise.all([listed.reload(), projects.reload()]);
  };
  const name = (title, submitText, before, send) => setDialog(html`<${FormDialog} title=${title} fields=${["name"]} submitText=${submitText} close=${close}
    submit=${async (values) => {
      await send(values);
      await done();
    }}>${(error) => html`<${Field} label=${t("name")} error=${error} names=${["name"]} control=${(given) => html`
      <input ...${given} name="name" required maxlength="256" value=${before} autocomplete="off" />`} />`}<//>`);
  const create = () => name(t("projects.create"), t("projects.create"), "", (values) => post("/organization/projects", { name: values.name }));
  const rename = (one) => name(t("projects.rename"), t("save"), one.name, (values) => post(`/organization/projects/${one.id}`, { name: values.name }));
  const archive = (one) => setDialog(html`<${Confirm} title=${t("projects.archive_title", { name: isolated(one.name) })} text=${t("projects.archive_text")}
    submitText=${t("projects.archive")} close=${close} act=${async () => {
      await post(`/organization/projects/${one.id}/archive`);
      await done();
    }} />`);
  return html`
    <p class="lead">${t("projects.lead")}</p>
    <${Block} title=${t("page.projects")} actions=${mayWrite && html`<button type="button" class="primary" onClick=${create}>${t("projects.create")}</button>`}>
      <div class="tools"><${Segments} label=${t("projects.which")} value=${archived} onChange=${setArchived}
        options=${[[false, t("projects.active")], [true, t("projects.all")]]} /></div>
      <${Loaded} from=${listed}>${(found) => html`<${Table} caption=${t("page.projects")} rows=${found} rowKey=${(one) => one.id} columns=${[
        { title: t("name"), strong: true, cell: (one) => html`<${Text} value=${one.name} />` },
        { title: t("id"), cell: (one) => html`<${Code} value=${one.id} />` },
        { title: t("created"), cell: (one) => format.day(one.created_at) },
        { title: t("status"), cell: (one) => (one.status === "archived" ? html`<${Tag}>${t("projects.archived")}<//>` : html`<${Tag} kind="good">${t("projects.in_use")}<//>`) },
        { title: t("actions"), acts: true, cell: (one) => mayWrite && one.status !== "archived" && html`
          <button type="button" class="quiet small" onClick=${() => rename(one)}>${t("projects.rename_short")}</button>
          <button type="button" class="quiet bad small" onClick=${() => archive(one)}>${t("projects.archive")}</button>` },
      ]} />`}<//>
    <//>
    ${projects.project && html`<div class="tools"><${ProjectPicker} from=${projects} /></div>
      <${Members} project=${projects.project.id} /><${Accounts} project=${projects.project.id} />`}
    ${dialog}`;
}

function Members({ project }) {
  const path = `/organization/projects/${project}/users`;
  const members = useLoad(async () => ({ inside: await all(path), everybody: await all("/organization/users") }), [path]);
  const [dialog, setDialog] = useState(null);
  const close = () => setDialog(null);
  const done = async () => {
    close();
    await members.reload();
  };
  const add = () => {
    const inside = new Set(members.value.inside.map((one) => one.id));
    const others = members.value.everybody.filter((one) => !inside.has(one.id));
    setDialog(html`<${FormDialog} title=${t("projects.add_member")} fields=${["user_id", "role"]} submitText=${t("add")} close=${close} submit=${async (values) => {
      await post(path, values);
      await done();
    }}>${(error) => (others.length === 0 ? html`<p>${t("projects.nobody_else")}</p>` : html`
      <${Field} label=${t("projects.member")} error=${error} names=${["user_id"]} control=${(given) => html`
        <select ...${given} name="user_id" required>${others.map((one) => html`<option value=${one.id}>${isolated(one.name)} · ${isolated(one.email)}</option>`)}</select>`} />
      <${Field} label=${t("projects.role")} error=${error} names=${["role"]} control=${(given) => html`
        <select ...${given} name="role"><option value="member">${t("role.member")}</option><option value="owner">${t("role.owner")}</option></select>`} />`)}<//>`);
  };
  const take = (one) => setDialog(html`<${Confirm} title=${t("projects.remove_title", { name: isolated(one.name) })} text=${t("projects.remove_text")} submitText=${t("projects.remove")} close=${close}
    act=${async () => {
      await remove(`${path}/${one.id}`);
      await done();
    }} />`);
  return html`<${Block} title=${t("projects.members")} hint=${t("projects.members_hint")} actions=${mayWrite && members.value && html`<button type="button" onClick=${add}>${t("projects.add_member")}</button>`}>
    <${Loaded} from=${members}>${({ inside }) => (inside.length === 0
      ? html`<${Empty} title=${t("projects.no_members")}><p>${t("projects.no_members_text")}</p><//>`
      : html`<${Table} caption=${t("projects.members")} rows=${inside} rowKey=${(one) => one.id} columns=${[
        { title: t("name"), strong: true, cell: (one) => html`<${Text} value=${one.name} />` },
        { title: t("email"), cell: (one) => html`<${Text} value=${one.email} />` },
        { title: t("projects.role"), cell: (one) => t(`role.${one.role}`) },
        { title: t("projects.since"), cell: (one) => format.day(one.added_at) },
        { title: t("actions"), acts: true, cell: (one) => mayWrite && html`
          <button type="button" class="quiet small" onClick=${async () => {
            await post(`${path}/${one.id}`, { role: one.role === "owner" ? "member" : "owner" });
            await done();
          }}>${t(one.role === "owner" ? "projects.make_member" : "projects.make_owner")}</button>
          <button type="button" class="quiet bad small" onClick=${() => take(one)}>${t("projects.remove")}</button>` },
      ]} />`)}<//>${dialog}<//>`;
}

function Accounts({ project }) {
  const path = `/organization/projects/${project}/service_accounts`;
  const accounts = useLoad(() => all(path), [path]);
  const [dialog, setDialog] = useState(null);
  const close = () => setDialog(null);
  const drop = (one) => setDialog(html`<${Confirm} title=${t("projects.delete_account_title", { name: isolated(one.name) })} text=${t("projects.delete_account_text")} submitText=${t("delete")} close=${close}
    act=${async () => {
      await remove(`${path}/${one.id}`);
      close();
      await accounts.reload();
    }} />`);
  return html`<${Block} title=${t("projects.accounts")} hint=${t("projects.accounts_hint")}>
    <${Loaded} from=${accounts}>${(found) => (found.length === 0
      ? html`<${Empty} title=${t("projects.no_accounts")}><p>${t("projects.no_accounts_text")}</p><p><a class="button" href="/console/keys">${t("page.keys")}</a></p><//>`
      : html`<${Table} caption=${t("projects.accounts")} rows=${found} rowKey=${(one) => one.id} columns=${[
        { title: t("name"), strong: true, cell: (one) => html`<${Text} value=${one.name} />` },
        { title: t("id"), cell: (one) => html`<${Code} value=${one.id} />` },
        { title: t("projects.role"), cell: (one) => t(`role.${one.role}`) },
        { title: t("created"), cell: (one) => format.day(one.created_at) },
        { title: t("actions"), acts: true, cell: (one) => mayWrite && html`<button type="button" class="quiet bad small" onClick=${() => drop(one)}>${t("delete")}</button>` },
      ]} />`)}<//>${dialog}<//>`;
}

mount(Page);
