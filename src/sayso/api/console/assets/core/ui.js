// The parts that pages are made of. A page is a component that its module hands to `mount`.

import { html, render } from "../vendor/htm-preact.js";
import { useCallback, useEffect, useId, useLayoutEffect, useRef, useState } from "../vendor/hooks.js";
import { all } from "./api.js";
import "./shell.js";
import { t } from "./words.js";

export { html };

/** Show a page's component in place of the loading note. */
export function mount(Page) {
  const root = document.getElementById("page");
  root.replaceChildren();
  render(html`<${Page} />`, root);
}

/** Load something: `{ value, error, loading, reload }`; loads again where one of `needs` has changed. */
export function useLoad(load, needs = []) {
  const [state, setState] = useState({ loading: true });
  const turn = useRef(0);
  const reload = useCallback(async () => {
    const mine = ++turn.current;
    setState((before) => ({ ...before, loading: true }));
    try {
      const value = await load();
      if (mine === turn.current) setState({ value, loading: false });
    } catch (error) {
      if (mine === turn.current) setState({ error, loading: false });
    }
  }, needs);
  useLayoutEffect(() => { // at once, not when the frame has been painted
    reload();
  }, [reload]);
  return { ...state, reload };
}

/** What `useLoad` found, given to `children`; or that it is on its way; or what went wrong. */
export function Loaded({ from, children }) {
  if (from.error) return html`<${Problem} error=${from.error} again=${from.reload} />`;
  if (from.value === undefined) return html`<p class="loading" role="status">${t("loading")}</p>`;
  return children(from.value);
}

export function Problem({ error, again }) {
  return html`<p class="problem" role="alert">
    ${clean(error.message || String(error))}
    ${error.code === "insufficient_quota" && html` <a href="/console/budgets">${t("page.budgets")}</a>`}
    ${again && html` <button type="button" class="small" onClick=${again}>${t("try_again")}</button>`}
  </p>`;
}

/** A heading with what can be done beside it. */
export function Block({ title, hint, actions, children }) {
  return html`<section class="block">
    <div class="head">
      <h2>${title}</h2>
      ${actions && html`<div>${actions}</div>`}
      ${hint && html`<p>${hint}</p>`}
    </div>
    ${children}
  </section>`;
}

export function Empty({ title, children }) {
  return html`<div class="empty"><h3>${title}</h3>${children}</div>`;
}

const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
const LONGEST = 300;

/** A text of somebody's making, fit to be shown: control characters as signs, and not without end. */
export function clean(value) {
  const text = String(value ?? "").replace(CONTROL, (c) => (c < " " ? String.fromCharCode(0x2400 + c.charCodeAt(0)) : "\ufffd"));
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

/** The same inside of a sentence, whose direction it does not change. */
export const isolated = (value) => `\u2068${clean(value)}\u2069`;

/** A text of somebody's making. */
export function Text({ value }) {
  return html`<bdi class="text">${clean(value)}</bdi>`;
}

/** An id or another thing to copy, in type of one width. */
export function Code({ value }) {
  return html`<code class="text">${clean(value)}</code>`;
}

export function Tag({ kind = "", children }) {
  return html`<span class=${`tag ${kind}`}>${children}</span>`;
}

/**
 * A table; on a phone its rows become cards. `columns` have `title`, `cell(row)` and, if you like, `number`,
 * `strong` and `acts` (a column of buttons).
 */
export function Table({ caption, columns, rows, rowKey, stacked = true, total }) {
  const cells = (row) => columns.map((column, place) => {
    const kind = [column.number && "number", column.strong && "strong", column.acts && "acts", place === 0 && "first"];
    return html`<td class=${kind.filter(Boolean).join(" ")} data-label=${column.title}><div>${column.cell(row)}</div></td>`;
  });
  return html`<div class=${`table ${stacked ? "stacked" : ""}`} tabindex="0" role="region" aria-label=${caption}>
    <table>
      <thead><tr>${columns.map((column) => html`<th scope="col" class=${column.number ? "number" : ""}>
        ${column.acts ? html`<span class="sr">${column.title}</span>` : column.title}</th>`)}</tr></thead>
      <tbody>
        ${rows.map((row, place) => html`<tr key=${rowKey ? rowKey(row) : place}>${cells(row)}</tr>`)}
        ${total && html`<tr class="total">${cells(total)}</tr>`}
      </tbody>
    </table>
  </div>`;
}

/** Buttons of which one is pressed; `options` are pairs of a value and its text. */
export function Segments({ label, value, options, onChange }) {
  return html`<span class="segments" role="group" aria-label=${label}>
    ${options.map(([one, text]) => html`<button type="button" aria-pressed=${one === value} onClick=${() => onChange(one)}>${text}</button>`)}
  </span>`;
}

/**
 * A labelled control. `control` gets `{ id, "aria-describedby", "aria-invalid" }` to spread. The error of a
 * form is shown at the field that it names: `names` are the API's names of this field.
 */
export function Field({ label, hint, error, names = [], control }) {
  const id = useId();
  const wrong = error && names.some((name) => matches(error.param, name)) ? clean(error.message) : null;
  const described = [hint && `${id}-hint`, wrong && `${id}-wrong`].filter(Boolean).join(" ") || undefined;
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${control({ id, "aria-describedby": described, "aria-invalid": wrong ? "true" : undefined })}
    ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
    ${wrong && html`<p class="wrong" id=${`${id}-wrong`}>${wrong}</p>`}
  </div>`;
}

const matches = (param, name) => Boolean(param) && (param === name || param.startsWith(`${name}.`) || param.startsWith(`${name}[`));

/**
 * A dialog with a form. `submit(values)` gets the fields by name and may throw an ApiError, which is shown at
 * the field that it names, or above. `fields` are the names that the form has; `children(error)` draws them.
 */
export function FormDialog({ title, fields = [], submitText, danger, submit, close, children }) {
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const send = async (event) => {
    event.preventDefault();
    const form = event.currentTarget;
    const values = Object.fromEntries(new FormData(form));
    setBusy(true);
    setError(null);
    try {
      await submit(values, form);
    } catch (caught) {
      setError(caught);
      setBusy(false);
      requestAnimationFrame(() => form.querySelector("[aria-invalid=true]")?.focus());
    }
  };
  const elsewhere = error && !fields.some((name) => matches(error.param, name));
  return html`<${Dialog} title=${title} close=${close}>
    <form onSubmit=${send} noValidate=${false}>
      ${elsewhere && html`<${Problem} error=${error} />`}
      ${children(error)}
      <div class="buttons">
        <button type="button" onClick=${close}>${t("cancel")}</button>
        <button class=${danger ? "danger" : "primary"} disabled=${busy}>${submitText}</button>
      </div>
    </form>
  <//>`;
}

export function Dialog({ title, close, children }) {
  const dialog = useRef(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    dialog.current.showModal();
    return () => before?.isConnected && before.focus();
  }, []);
  const cancel = (event) => {
    event.preventDefault();
    close();
  };
  return html`<dialog ref=${dialog} aria-labelledby=${id} onCancel=${cancel}>
    <h2 id=${id}>${title}</h2>
    ${children}
  </dialog>`;
}

/** Ask before something that can not be undone. */
export function Confirm({ title, text, submitText, act, close }) {
  return html`<${FormDialog} title=${title} danger submitText=${submitText} submit=${act} close=${close}>
    ${() => html`<p>${text}</p>`}
  <//>`;
}

/** Something shown once, with a button that copies it. */
export function Secret({ value }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(value);
    setCopied(true);
  };
  return html`<div class="secret">
    <code tabindex="0">${value}</code>
    <button type="button" onClick=${copy} aria-live="polite">${copied ? t("copied") : t("copy")}</button>
  </div>`;
}

/** A share of something, as a bar; `share` is 0 to 1 and may be more. */
export function Meter({ share, label }) {
  const kind = share >= 1 ? "bad" : share >= 0.8 ? "warn" : "";
  return html`<span class=${`meter ${kind}`} role="img" aria-label=${label}>
    <span style=${{ width: `${Math.min(1, Math.max(0, share)) * 100}%` }}></span>
  </span>`;
}

const REMEMBERED = "sayso.project";

/** The projects, and which one the page is about: in the address, else the one of the last time, else the first. */
export function useProjects() {
  const loaded = useLoad(() => all("/organization/projects"));
  const [chosen, setChosen] = useState(() => new URLSearchParams(location.search).get("project"));
  const projects = loaded.value ?? [];
  const known = (id) => projects.find((one) => one.id === id);
  const project = known(chosen) ?? known(localStorage.getItem(REMEMBERED)) ?? projects[0];
  const choose = (id) => {
    const address = new URL(location);
    address.searchParams.set("project", id);
    history.replaceState(null, "", address);
    localStorage.setItem(REMEMBERED, id);
    setChosen(id);
  };
  return { ...loaded, projects, project, choose };
}

export function ProjectPicker({ from }) {
  return html`<label>${t("project")}
    <select value=${from.project?.id} onChange=${(event) => from.choose(event.currentTarget.value)}>
      ${from.projects.map((one) => html`<option value=${one.id}>${clean(one.name)}</option>`)}
    </select>
  </label>`;
}
