// Who belongs to the organization, and who is asked to.

import { useState } from "../vendor/hooks.js";
import { all, mayWrite, post, remove } from "../core/api.js";
import * as format from "../core/format.js";
import { Block, clean, Confirm, Empty, Field, FormDialog, html, isolated, Loaded, mount, Problem, Table, Tag, Text, useLoad } from "../core/ui.js";
import { t } from "../core/words.js";

const KINDS = { pending: "warn", accepted: "good", expired: "" };

function Page() {
  return html`<p class="lead">${t("members.lead")}</p><${Members} /><${Invites} />`;
}

function Members() {
  const members = useLoad(() => all("/organization/users"));
  const [dialog, setDialog] = useState(null);
  const [problem, setProblem] = useState(null);
  const close = () => setDialog(null);
  const change = async (one) => {
    setProblem(null);
    try {
      await post(`/organization/users/${one.id}`, { role: one.role === "owner" ? "reader" : "owner" });
    } catch (error) {
      setProblem(error);
    }
    await members.reload();
  };
  const take = (one) => setDialog(html`<${Confirm} title=${t("members.remove_title", { name: isolated(one.name) })} text=${t("members.remove_text")} submitText=${t("members.remove")} close=${close}
    act=${async () => {
      await remove(`/organization/users/${one.id}`);
      close();
      await members.reload();
    }} />`);
  return html`<${Block} title=${t("page.members")}>
    ${problem && html`<${Problem} error=${problem} />`}
    <${Loaded} from=${members}>${(found) => html`<${Table} caption=${t("page.members")} rows=${found} rowKey=${(one) => one.id} columns=${[
      { title: t("name"), strong: true, cell: (one) => html`<${Text} value=${one.name} />` },
      { title: t("email"), cell: (one) => html`<${Text} value=${one.email} />` },
      { title: t("members.role"), cell: (one) => t(`role.${one.role}`) },
      { title: t("members.since"), cell: (one) => format.day(one.added_at) },
      { title: t("actions"), acts: true, cell: (one) => mayWrite && html`
        <button type="button" class="quiet small" onClick=${() => change(one)}>${t(one.role === "owner" ? "members.make_reader" : "members.make_owner")}</button>
        <button type="button" class="quiet bad small" onClick=${() => take(one)}>${t("members.remove")}</button>` },
    ]} />`}<//>${dialog}<//>`;
}

function Invites() {
  const invites = useLoad(() => all("/organization/invites"));
  const [dialog, setDialog] = useState(null);
  const close = () => setDialog(null);
  const done = async () => {
    close();
    await invites.reload();
  };
  const invite = async () => {
    const projects = await all("/organization/projects");
    setDialog(html`<${FormDialog} title=${t("members.invite_title")} fields=${["email", "role"]} submitText=${t("members.invite")} close=${close} submit=${async (values, form) => {
      const granted = [...new FormData(form).getAll("project")].map((id) => ({ id, role: "member" }));
      await post("/organization/invites", { email: values.email, role: values.role, projects: granted });
      await done();
    }}>${(error) => html`
      <${Field} label=${t("email")} error=${error} names=${["email"]} control=${(given) => html`<input ...${given} name="email" type="email" required autocomplete="off" />`} />
      <${Field} label=${t("members.role")} hint=${t("members.role_hint")} error=${error} names=${["role"]} control=${(given) => html`
        <select ...${given} name="role"><option value="reader">${t("role.reader")}</option><option value="owner">${t("role.owner")}</option></select>`} />
      <fieldset class="field"><legend>${t("members.projects")}</legend>
        ${projects.map((one) => html`<label class="choice"><input type="checkbox" name="project" value=${one.id} /> <bdi>${clean(one.name)}</bdi></label>`)}
      </fieldset>
      <p class="soft">${t("members.no_mail")}</p>`}<//>`);
  };
  const drop = (one) => setDialog(html`<${Confirm} title=${t("members.withdraw_title", { name: isolated(one.email) })} text=${t("members.withdraw_text")} submitText=${t("members.withdraw")} close=${close}
    act=${async () => {
      await remove(`/organization/invites/${one.id}`);
      await done();
    }} />`);
  return html`<${Block} title=${t("members.invites")} hint=${t("members.invites_hint")} actions=${mayWrite && html`<button type="button" class="primary" onClick=${invite}>${t("members.invite")}</button>`}>
    <${Loaded} from=${invites}>${(found) => (found.length === 0
      ? html`<${Empty} title=${t("members.no_invites")}><p>${t("members.no_invites_text")}</p><//>`
      : html`<${Table} caption=${t("members.invites")} rows=${[...found].reverse()} rowKey=${(one) => one.id} columns=${[
        { title: t("email"), strong: true, cell: (one) => html`<${Text} value=${one.email} />` },
        { title: t("members.role"), cell: (one) => t(`role.${one.role}`) },
        { title: t("status"), cell: (one) => html`<${Tag} kind=${KINDS[one.status] ?? ""}>${t(`members.${one.status}`)}<//>` },
        { title: t("members.command"), cell: (one) => (one.status === "pending" ? html`<code class="text">sayso invites accept ${one.id} --name …</code>` : "–") },
        { title: t("members.until"), cell: (one) => format.day(one.expires_at) },
        { title: t("actions"), acts: true, cell: (one) => mayWrite && one.status === "pending" && html`<button type="button" class="quiet bad small" onClick=${() => drop(one)}>${t("members.withdraw")}</button>` },
      ]} />`)}<//>${dialog}<//>`;
}

mount(Page);
