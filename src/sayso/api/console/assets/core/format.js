// Numbers, money and moments, as the reader's locale writes them.

import { language } from "./words.js";

const locale = navigator.languages.find((one) => one.startsWith(language)) ?? language;
const made = new Map();

function cached(kind, options) {
  const key = kind.name + JSON.stringify(options);
  if (!made.has(key)) made.set(key, new kind(locale, options));
  return made.get(key);
}

export const number = (value, digits = 0) =>
  cached(Intl.NumberFormat, { maximumFractionDigits: digits }).format(value);

export const compact = (value) =>
  cached(Intl.NumberFormat, { notation: "compact", maximumFractionDigits: 1 }).format(value);

export const percent = (share, digits = 0) =>
  cached(Intl.NumberFormat, { style: "percent", maximumFractionDigits: digits }).format(share);

/** Dollars: cents from a cent on, and below it as many digits as say something. */
export function money(dollars) {
  const value = Number(dollars);
  const small = value !== 0 && Math.abs(value) < 0.01;
  const options = small
    ? { style: "currency", currency: "USD", maximumSignificantDigits: 3 }
    : { style: "currency", currency: "USD" };
  return cached(Intl.NumberFormat, options).format(value);
}

const moment = (seconds) => new Date(seconds * 1000);

export const when = (seconds) =>
  cached(Intl.DateTimeFormat, { dateStyle: "medium", timeStyle: "short" }).format(moment(seconds));

export const day = (seconds) => cached(Intl.DateTimeFormat, { dateStyle: "medium" }).format(moment(seconds));

/** A day of the ledger, which begins at midnight UTC. */
export const utcDay = (seconds) =>
  cached(Intl.DateTimeFormat, { month: "short", day: "numeric", timeZone: "UTC" }).format(moment(seconds));

/** The time of a day. */
export const hour = (seconds) =>
  cached(Intl.DateTimeFormat, { hour: "numeric", minute: "2-digit" }).format(moment(seconds));

/** A month given as YYYY-MM. */
export const month = (name) =>
  cached(Intl.DateTimeFormat, { month: "long", year: "numeric", timeZone: "UTC" }).format(new Date(`${name}-15`));

const STEPS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

/** How long ago, or how long until. */
export function ago(seconds) {
  const difference = seconds - Date.now() / 1000;
  const [unit, size] = STEPS.find(([, size]) => Math.abs(difference) >= size) ?? ["second", 1];
  if (unit === "day" && Math.abs(difference) > 30 * 86400) return day(seconds);
  return cached(Intl.RelativeTimeFormat, { numeric: "auto" }).format(Math.trunc(difference / size), unit);
}

const inUnit = (value, unit, digits = 0) =>
  cached(Intl.NumberFormat, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: digits }).format(value);

/** A length of time in seconds, in its two largest units. */
export function duration(seconds) {
  let rest = Math.round(seconds);
  const said = [];
  for (const [unit, size] of STEPS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count && said.length < 2) said.push(inUnit(count, unit));
  }
  return said.join(" ") || inUnit(0, "second");
}

/** The same in one unit, for an axis. */
export function roughDuration(seconds) {
  const [unit, size] = STEPS.find(([, size]) => seconds >= size) ?? ["second", 1];
  return inUnit(seconds / size, unit, 1);
}

/** Mebibytes, as GiB from one on. */
export function memory(mib) {
  return mib >= 1024 ? `${number(mib / 1024, 1)} GiB` : `${number(mib)} MiB`;
}
