// Invoices: those that are issued, and any month as it stands.

import { useState } from "../vendor/hooks.js";
import { all, get, isOperator, mayWrite, post } from "../core/api.js";
import * as format from "../core/format.js";
import { Block, Confirm, Empty, html, Loaded, mount, Table, Tag, Text, useLoad } from "../core/ui.js";
import { t, tOr } from "../core/words.js";

const MONTHS = 12;

function months() {
  const now = new Date();
  return Array.from({ length: MONTHS }, (_, back) => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back, 1)).toISOString().slice(0, 7));
}

const file = (month, form) => `/console/v1/organization/invoices/${month}?format=${form}`;

function Files({ month }) {
  return html`<a class="button small" href=${file(month, "html")} target="_blank" rel="noopener">${t("invoices.page")}</a>
    <a class="button small" href=${file(month, "csv")} download=${`${month}.csv`}>CSV</a>`;
}

function Page() {
  const issued = useLoad(() => all("/organization/invoices"));
  const [month, setMonth] = useState(months()[0]);
  const shown = useLoad(() => get(`/organization/invoices/${month}`), [month]);
  const [dialog, setDialog] = useState(null);
  const close = () => setDialog(null);
  const issue = () => setDialog(html`<${Confirm} title=${t("invoices.issue_title", { month: format.month(month) })} text=${t("invoices.issue_text")} submitText=${t("invoices.issue")} close=${close}
    act=${async () => {
      await post(`/organization/invoices/${month}`);
      close();
      await Promise.all([issued.reload(), shown.reload()]);
    }} />`);
  return html`
    <${Block} title=${t("invoices.month")} hint=${t("invoices.month_hint")}>
      <div class="tools">
        <label>${t("invoices.which")}<select value=${month} onChange=${(event) => setMonth(event.currentTarget.value)}>
          ${months().map((one) => html`<option value=${one}>${format.month(one)}</option>`)}</select></label>
        <span class="far"><${Files} month=${month} /></span>
      </div>
      <${Loaded} from=${shown}>${(found) => html`<${Month} found=${found} issue=${month !== months()[0] && found.state === "draft" && mayWrite && isOperator && issue} />`}<//>
    <//>
    <${Block} title=${t("invoices.issued")}>
      <${Loaded} from=${issued}>${(found) => (found.length === 0 ? html`<${Empty} title=${t("invoices.empty")}><p>${t("invoices.empty_text")}</p><//>` : html`
        <${Table} caption=${t("invoices.issued")} rows=${[...found].reverse()} rowKey=${(one) => one.id} columns=${[
          { title: t("invoices.number"), strong: true, cell: (one) => html`<${Text} value=${one.number} />` },
          { title: t("invoices.which"), cell: (one) => format.month(one.month) },
          { title: t("invoices.issued_on"), cell: (one) => format.day(Date.parse(one.issued_at) / 1000) },
          { title: t("invoices.credit"), number: true, cell: (one) => format.money(one.credit) },
          { title: t("total"), number: true, strong: true, cell: (one) => format.money(one.total) },
          { title: t("actions"), acts: true, cell: (one) => html`<${Files} month=${one.month} />` },
        ]} />`)}<//>
    <//>${dialog}`;
}

const SECONDS = { audio_milliseconds: 0.001, instance_seconds: 1 }; // of one of a meter's units
const USUAL = { 60: "minute", 3600: "hour" };

const quantity = (line) => (line.meter in SECONDS ? format.duration(line.quantity * SECONDS[line.meter]) : format.number(line.quantity));

function price({ meter, unit_price: unit }) {
  if (!unit) return "–";
  if (unit.nano_usd === 0) return t("invoices.free");
  const amount = format.money(unit.nano_usd / 1e9);
  const usual = USUAL[unit.unit_size * SECONDS[meter]];
  if (usual) return t(`invoices.a_${usual}`, { price: amount });
  return t("invoices.per", { price: amount, count: format.number(unit.unit_size) });
}

function Month({ found, issue }) {
  return html`
    <dl class="stats">
      <div><dt>${t("status")}</dt><dd>${found.state === "draft" ? html`<${Tag} kind="warn">${t("invoices.draft")}<//>` : html`<${Tag} kind="good">${found.number}<//>`}</dd></div>
      <div><dt>${t("invoices.subtotal")}</dt><dd>${format.money(found.subtotal)}</dd></div>
      <div><dt>${t("invoices.credit")}</dt><dd>${format.money(found.credit)}</dd></div>
      <div><dt>${t("total")}</dt><dd>${format.money(found.total)}</dd></div>
    </dl>
    ${found.lines.length === 0 ? html`<${Empty} title=${t("invoices.nothing")}><p>${t("invoices.nothing_text")}</p><//>` : html`
    <${Table} caption=${t("invoices.lines")} rows=${found.lines} columns=${[
      { title: t("project"), strong: true, cell: (one) => html`<${Text} value=${one.project.name} />` },
      { title: t("invoices.model"), cell: (one) => html`<${Text} value=${one.model} />` },
      { title: t("invoices.meter"), cell: (one) => tOr(`invoices.${one.meter}`, one.meter) },
      { title: t("invoices.quantity"), number: true, cell: quantity },
      { title: t("invoices.price"), number: true, cell: price },
      { title: t("invoices.amount"), number: true, strong: true, cell: (one) => format.money(one.nano_usd / 1e9) },
    ]} />`}
    ${issue && html`<p class="more"><button type="button" class="primary" onClick=${issue}>${t("invoices.issue")}</button></p>`}`;
}

mount(Page);
