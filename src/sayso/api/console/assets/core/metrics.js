// What this gateway counts: the Prometheus page, read.

const LINE = /^(\w+)(?:\{(.*)\})? (\S+)$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** Return every sample as `{ name, labels, value }`; a metric's name is without `sayso_`. */
export async function readMetrics() {
  const answer = await fetch("/metrics");
  const samples = [];
  for (const line of (await answer.text()).split("\n")) {
    const found = LINE.exec(line);
    if (!found || !found[1].startsWith("sayso_") || found[1].endsWith("_bucket")) continue;
    const labels = Object.fromEntries([...(found[2] ?? "").matchAll(LABEL)].map(([, name, value]) => [name, value]));
    samples.push({ name: found[1].slice("sayso_".length), labels, value: Number(found[3]) });
  }
  return samples;
}

/** The sum of a metric's samples that have these labels. */
export function sumOf(samples, name, labels = {}) {
  const fits = (one) => one.name === name && Object.entries(labels).every(([key, value]) => one.labels[key] === value);
  return samples.filter(fits).reduce((sum, one) => sum + one.value, 0);
}
