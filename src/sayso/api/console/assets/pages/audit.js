// What administrators did, the latest first.

import { useEffect, useState } from "../vendor/hooks.js";
import { get } from "../core/api.js";
import * as format from "../core/format.js";
import { clean, Code, Empty, html, mount, Problem, Table, Text } from "../core/ui.js";
import { t, tOr } from "../core/words.js";

const GROUPS = {
  "": [],
  sign_in: ["login.succeeded", "logout.succeeded"],
  keys: ["api_key.created", "api_key.updated", "api_key.deleted"],
  people: ["user.added", "user.updated", "user.deleted", "invite.sent", "invite.accepted", "invite.deleted", "service_account.created", "service_account.updated", "service_account.deleted"],
  projects: ["project.created", "project.updated", "project.archived", "project.model_pin.created", "project.model_pin.deleted"],
};

function Page() {
  const [group, setGroup] = useState("");
  const [email, setEmail] = useState("");
  const [state, setState] = useState({ events: [], more: true, loading: true });
  const load = async (before) => {
    setState({ ...before, loading: true });
    const last = before.events[before.events.length - 1];
    try {
      const page = await get("/organization/audit_logs", { limit: 50, after: last?.id, "event_types[]": GROUPS[group], "actor_emails[]": email || undefined });
      setState({ events: [...before.events, ...page.data], more: page.has_more, loading: false });
    } catch (error) {
      setState({ ...before, error, loading: false });
    }
  };
  useEffect(() => {
    load({ events: [], more: true });
  }, [group, email]);
  return html`
    <p class="lead">${t("audit.lead")}</p>
    <div class="tools">
      <label>${t("audit.about")}<select value=${group} onChange=${(event) => setGroup(event.currentTarget.value)}>
        ${Object.keys(GROUPS).map((one) => html`<option value=${one}>${t(`audit.group_${one || "all"}`)}</option>`)}</select></label>
      <label>${t("audit.by")}<input type="email" value=${email} placeholder="somebody@example.org" onChange=${(event) => setEmail(event.currentTarget.value.trim())} /></label>
    </div>
    ${state.error && html`<${Problem} error=${state.error} again=${() => load({ events: [], more: true })} />`}
    ${state.events.length === 0 ? (state.loading ? html`<p class="loading" role="status">${t("loading")}</p>` : !state.error && html`<${Empty} title=${t("audit.empty")}><p>${t("audit.empty_text")}</p><//>`) : html`
    <${Table} caption=${t("page.audit")} rows=${state.events} rowKey=${(one) => one.id} columns=${[
      { title: t("audit.what"), strong: true, cell: (one) => html`${tOr(`event.${one.type}`, one.type)}<small><${Code} value=${one.type} /></small>` },
      { title: t("audit.which"), cell: (one) => html`<span class="whole"><${Code} value=${one[one.type]?.id} /></span>${one.project && html`<small><${Text} value=${one.project.name} /></small>`}` },
      { title: t("audit.who"), cell: actor },
      { title: t("audit.when"), cell: (one) => format.when(one.effective_at) },
      { title: t("audit.details"), cell: details },
    ]} />`}
    ${state.more && state.events.length > 0 && html`<p class="more"><button type="button" disabled=${state.loading} onClick=${() => load(state)}>${t("more")}</button></p>`}`;
}

function actor(event) {
  const by = event.actor.type === "api_key" ? event.actor.api_key : event.actor.session;
  return html`<${Text} value=${by.user.email} />${event.actor.type === "api_key" ? html`<small class="whole"><${Code} value=${by.id} /></small>` : html`<small>${t("audit.operator")}</small>`}`;
}

function details(event) {
  const { id, ...rest } = event[event.type] ?? {};
  const found = pairs(rest);
  if (found.length === 0) return "–";
  return html`<ul class="said">${found.map(([name, value]) => html`<li><span class="soft">${clean(name)}</span> <${Text} value=${value} /></li>`)}</ul>`;
}

/** What an object says, a line for each value; what is empty says nothing. */
function pairs(value, name = "") {
  if (Array.isArray(value)) return value.length ? [[name, value.map((one) => (one !== null && typeof one === "object" ? JSON.stringify(one) : one)).join(", ")]] : [];
  if (value === null || typeof value !== "object") return [[name, value]];
  return Object.entries(value).flatMap(([key, one]) => pairs(one, ["data", "changes_requested"].includes(key) ? name : key));
}

mount(Page);
