// What may be spent, who is told, and how much a minute: of the organization or a project.

import { useState } from "../vendor/hooks.js";
import { all, mayWrite, post, remove } from "../core/api.js";
import * as format from "../core/format.js";
import { Block, clean, Confirm, Empty, Field, FormDialog, html, isolated, Loaded, Meter, mount, ProjectPicker, Table, Tag, Text, useLoad, useProjects } from "../core/ui.js";
import { t } from "../core/words.js";

const UNLIMITED = 2147483647;
const METERS = ["max_requests_per_1_minute", "max_tokens_per_1_minute", "max_audio_seconds_per_1_minute", "max_requests_per_1_day"];

function Page() {
  const projects = useProjects();
  const [chosen, setChosen] = useState(() => new URLSearchParams(location.search).get("project") ?? "");
  const scopes = { projects: [{ id: "", name: t("budgets.organization") }, ...projects.projects], project: { id: chosen }, choose: setChosen };
  const scope = chosen ? `/organization/projects/${chosen}` : "/organization";
  return html`
    <p class="lead">${t("budgets.lead")}</p>
    <div class="tools"><${ProjectPicker} from=${scopes} /></div>
    <${Budgets} scope=${scope} /><${Alerts} scope=${scope} /><${Rates} scope=${scope} />`;
}

function useDialog(loaded) {
  const [dialog, setDialog] = useState(null);
  const close = () => setDialog(null);
  const done = async () => {
    close();
    await loaded.reload();
  };
  return { dialog, setDialog, close, done };
}

const cents = (text) => Math.round(Number(text) * 100);

function Dollars({ error, value }) {
  return html`<${Field} label=${t("budgets.amount")} error=${error} names=${["threshold_amount"]} control=${(given) => html`
    <input ...${given} name="amount" type="number" min="0" step="0.01" required value=${value} inputmode="decimal" />`} />`;
}

function Budgets({ scope }) {
  const budgets = useLoad(() => all(`${scope}/budgets`), [scope]);
  const { dialog, setDialog, close, done } = useDialog(budgets);
  const set = (before) => setDialog(html`<${FormDialog} title=${t("budgets.set_title")} fields=${["threshold_amount", "interval"]} submitText=${t("save")} close=${close}
    submit=${async (values) => {
      await post(`${scope}/budgets`, { threshold_amount: cents(values.amount), currency: "USD", interval: values.interval });
      await done();
    }}>${(error) => html`<div class="fields"><${Dollars} error=${error} value=${before && before.threshold_amount / 100} />
      <${Field} label=${t("budgets.interval")} error=${error} names=${["interval"]} control=${(given) => html`
        <select ...${given} name="interval" value=${before?.interval ?? "month"}><option value="month">${t("budgets.month")}</option><option value="day">${t("budgets.day")}</option></select>`} />
      </div><p class="soft">${t("budgets.hard")}</p>`}<//>`);
  const drop = (one) => setDialog(html`<${Confirm} title=${t("budgets.remove_title")} text=${t("budgets.remove_text")} submitText=${t("delete")} close=${close}
    act=${async () => {
      await remove(`${scope}/budgets/${one.interval}`);
      await done();
    }} />`);
  const add = mayWrite && html`<button type="button" class="primary" onClick=${() => set()}>${t("budgets.set")}</button>`;
  return html`<${Block} title=${t("budgets.title")} hint=${t("budgets.hint")} actions=${add}>
    <${Loaded} from=${budgets}>${(found) => (found.length === 0
      ? html`<${Empty} title=${t("budgets.empty")}><p>${t("budgets.empty_text")}</p><//>`
      : html`<${Table} caption=${t("budgets.title")} rows=${found} rowKey=${(one) => one.id} columns=${[
        { title: t("budgets.interval"), strong: true, cell: (one) => t(`budgets.${one.interval}`) },
        { title: t("budgets.used"), cell: (one) => {
          const used = Number(one.spent.value) + Number(one.held.value);
          const share = one.threshold_amount ? (used * 100) / one.threshold_amount : 1;
          return html`<${Meter} share=${share} label=${format.percent(share)} />`;
        } },
        { title: t("budgets.spent"), number: true, cell: (one) => format.money(one.spent.value) },
        { title: t("budgets.held"), number: true, cell: (one) => format.money(one.held.value) },
        { title: t("budgets.limit"), number: true, strong: true, cell: (one) => format.money(one.threshold_amount / 100) },
        { title: t("status"), cell: (one) => (one.enforcement.status === "enforcing" ? html`<${Tag} kind="bad">${t("budgets.reached")}<//>` : html`<${Tag} kind="good">${t("budgets.within")}<//>`) },
        { title: t("actions"), acts: true, cell: (one) => mayWrite && html`<button type="button" class="quiet small" onClick=${() => set(one)}>${t("edit")}</button>
          <button type="button" class="quiet bad small" onClick=${() => drop(one)}>${t("delete")}</button>` },
      ]} />`)}<//>${dialog}<//>`;
}

function Alerts({ scope }) {
  const alerts = useLoad(() => all(`${scope}/spend_alerts`), [scope]);
  const { dialog, setDialog, close, done } = useDialog(alerts);
  const set = (before) => setDialog(html`<${FormDialog} title=${t("alerts.set_title")} fields=${["threshold_amount", "notification_channel"]} submitText=${t("save")} close=${close}
    submit=${async (values) => {
      const recipients = values.recipients.split(/[\s,;]+/).filter(Boolean);
      await post(`${scope}/spend_alerts${before ? `/${before.id}` : ""}`, {
        threshold_amount: cents(values.amount), currency: "USD", interval: "month",
        notification_channel: { type: "email", recipients, subject_prefix: values.prefix || undefined },
      });
      await done();
    }}>${(error) => html`<${Dollars} error=${error} value=${before && before.threshold_amount / 100} />
      <${Field} label=${t("alerts.recipients")} hint=${t("alerts.recipients_hint")} error=${error} names=${["notification_channel"]} control=${(given) => html`
        <input ...${given} name="recipients" required value=${before?.notification_channel.recipients.join(", ")} autocomplete="off" />`} />
      <${Field} label=${t("alerts.prefix")} error=${error} control=${(given) => html`
        <input ...${given} name="prefix" maxlength="256" value=${before?.notification_channel.subject_prefix ?? ""} />`} />`}<//>`);
  const drop = (one) => setDialog(html`<${Confirm} title=${t("alerts.remove_title")} text=${t("alerts.remove_text", { amount: format.money(one.threshold_amount / 100) })}
    submitText=${t("delete")} close=${close} act=${async () => {
      await remove(`${scope}/spend_alerts/${one.id}`);
      await done();
    }} />`);
  const add = mayWrite && html`<button type="button" onClick=${() => set()}>${t("alerts.add")}</button>`;
  return html`<${Block} title=${t("alerts.title")} hint=${t("alerts.hint")} actions=${add}>
    <${Loaded} from=${alerts}>${(found) => (found.length === 0
      ? html`<${Empty} title=${t("alerts.empty")}><p>${t("alerts.empty_text")}</p><//>`
      : html`<${Table} caption=${t("alerts.title")} rows=${found} rowKey=${(one) => one.id} columns=${[
        { title: t("budgets.amount"), strong: true, cell: (one) => format.money(one.threshold_amount / 100) },
        { title: t("alerts.recipients"), cell: (one) => one.notification_channel.recipients.map((address) => html`<${Text} value=${address} /> `) },
        { title: t("alerts.prefix"), cell: (one) => html`<${Text} value=${one.notification_channel.subject_prefix ?? "–"} />` },
        { title: t("actions"), acts: true, cell: (one) => mayWrite && html`<button type="button" class="quiet small" onClick=${() => set(one)}>${t("edit")}</button>
          <button type="button" class="quiet bad small" onClick=${() => drop(one)}>${t("delete")}</button>` },
      ]} />`)}<//>${dialog}<//>`;
}

const limit = (value) => (value === null || value === undefined || value >= UNLIMITED ? html`<span class="soft">${t("rates.unlimited")}</span>` : format.number(value));

function Rates({ scope }) {
  const rates = useLoad(() => all(`${scope}/rate_limits`), [scope]);
  const { dialog, setDialog, close, done } = useDialog(rates);
  const nameOf = (one) => (one.model === "*" ? t("rates.every_model") : clean(one.model));
  const set = (one) => setDialog(html`<${FormDialog} title=${t("rates.set_title", { name: isolated(nameOf(one)) })} fields=${METERS} submitText=${t("save")} close=${close}
    submit=${async (values) => {
      const body = Object.fromEntries(METERS.map((meter) => [meter, values[meter] === "" ? UNLIMITED : Number(values[meter])]));
      await post(`${scope}/rate_limits/${encodeURIComponent(one.id)}`, body);
      await done();
    }}>${(error) => html`<p class="soft">${t("rates.blank")}</p><div class="fields">${METERS.map((meter) => html`
      <${Field} label=${t(`rates.${meter}`)} error=${error} names=${[meter]} control=${(given) => html`
        <input ...${given} name=${meter} type="number" min="0" step="1" value=${one[meter] === null || one[meter] >= UNLIMITED ? "" : one[meter]} />`} />`)}</div>`}<//>`);
  return html`<${Block} title=${t("rates.title")} hint=${t("rates.hint")}>
    <${Loaded} from=${rates}>${(found) => html`<${Table} caption=${t("rates.title")} rows=${found} rowKey=${(one) => one.id} columns=${[
      { title: t("rates.model"), strong: true, cell: (one) => html`<${Text} value=${nameOf(one)} />` },
      ...METERS.map((meter) => ({ title: t(`rates.${meter}`), number: true, cell: (one) => limit(one[meter]) })),
      { title: t("actions"), acts: true, cell: (one) => mayWrite && html`<button type="button" class="quiet small" onClick=${() => set(one)}
        aria-label=${t("rates.change", { name: isolated(nameOf(one)) })}>${t("edit")}</button>` },
    ]} />`}<//>${dialog}<//>`;
}

mount(Page);
