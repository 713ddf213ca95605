// Stacked bars over days, or lines over a quantity; with the same figures as a table for who can not see them.

import { useEffect, useRef, useState } from "../vendor/hooks.js";
import { clean, html, Table } from "./ui.js";
import { t } from "./words.js";

const COLOURS = 8;
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** The place of a series' colour; after seven comes grey, for all others. */
export const colour = (place) => Math.min(place, COLOURS - 1) + 1;

/**
 * A chart. `xs` are numbers in rising order, `series` a list of `{ label, values }`; `x` and `y` write a value, `yAxis` one
 * at the axis, `column` names the table's first, and `steps` are the distances that its marks may have.
 * `kind` is "bars" (stacked), "lines" or "area" (a line without points, filled, up to `most`); `rule` is `{ at, label }`: a horizontal line.
 */
export function Chart({ title, xs, series, x, y, yAxis = y, steps, kind = "bars", xTitle, column = xTitle ?? t("day"), rule, most, xSteps }) {
  const place = useRef(null);
  const [at, setAt] = useState(null);
  const [open, setOpen] = useState(false);
  useEffect(() => {
    const box = place.current; // the reference may be empty before this effect hears of its end
    let plot;
    let gone = false;
    const night = matchMedia("(prefers-color-scheme: dark)");
    const draw = async () => {
      const { default: uPlot } = await import("../vendor/uplot.js");
      await painted(); // the page's figures first
      if (gone) return;
      plot?.destroy();
      const options = kind === "bars" ? bars(uPlot, series, xs, axes(x, yAxis, steps)) : lines(series, axes(x, yAxis, steps, xSteps), { area: kind === "area", most });
      plot = new uPlot({
        ...options,
        width: box.clientWidth,
        height: 250,
        legend: { show: false },
        cursor: { drag: { x: false, y: false }, points: { show: kind !== "bars" }, y: false },
        hooks: {
          setCursor: [(drawn) => setAt(drawn.cursor.idx ?? null)],
          draw: rule ? [(drawn) => drawRule(drawn, rule)] : [],
        },
      }, kind === "bars" ? stacked(xs, series) : [xs, ...series.map((one) => one.values)], box);
    };
    draw();
    const fit = new ResizeObserver(() => plot?.setSize({ width: box.clientWidth, height: 250 }));
    fit.observe(box);
    night.addEventListener("change", draw);
    return () => {
      gone = true;
      fit.disconnect();
      night.removeEventListener("change", draw);
      plot?.destroy();
    };
  }, [xs, series, kind]);
  const shown = at === null ? null : at;
  return html`<figure class="chart">
    ${xTitle && html`<figcaption>${title} <span class="soft">${t("chart.against", { what: xTitle.toLocaleLowerCase() })}</span></figcaption>`}
    <div class="plot" ref=${place} role="img" aria-label=${t("chart.label", { title })}></div>
    <ul class="legend">
      ${shown !== null && html`<li><strong>${x(xs[shown])}</strong></li>`}
      ${series.map((one, number) => html`<li><span class=${`key k${colour(number)}`}></span>${clean(one.label)}
        ${shown !== null && html`<span class="value">${show(one.values[shown], y)}</span>`}</li>`)}
    </ul>
    <details onToggle=${(event) => setOpen(event.currentTarget.open)}><summary>${t("chart.as_table")}</summary>
      ${open && html`<${Table} caption=${title} stacked=${false} rows=${xs.map((value, number) => ({ value, number }))} columns=${[
        { title: column, cell: (row) => x(row.value) },
        ...series.map((one) => ({ title: clean(one.label), number: true, cell: (row) => show(one.values[row.number], y) })),
      ]} />`}
    </details>
  </figure>`;
}

const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));

const show = (value, y) => (value === null || value === undefined ? "–" : y(value));

/** The sums that the bars reach up to, the highest first so that the lower ones are drawn over it. */
function stacked(xs, series) {
  const sums = xs.map(() => 0);
  const heights = series.map((one) => one.values.map((value, day) => (sums[day] += value ?? 0)));
  return [xs, ...heights.reverse()];
}

function axes(x, y, steps, xSteps) {
  const line = { stroke: css("--faint"), width: 1 };
  const shared = { stroke: css("--soft"), font: `12px ${css("font-family") || "system-ui"}`, ticks: { show: false } };
  return [
    { ...shared, grid: { show: false }, size: 30, values: (_, splits) => splits.map((value) => (value === null ? "" : x(value))), ...(xSteps && { incrs: xSteps, space: 70 }) },
    { ...shared, grid: line, size: room, values: (_, splits) => splits.map(y), ...(steps && { incrs: steps }) },
  ];
}

/** As wide as the longest mark. */
function room(plot, marks) {
  if (!marks) return 40;
  plot.ctx.font = `${12 * devicePixelRatio}px system-ui`;
  return Math.ceil(Math.max(...marks.map((mark) => plot.ctx.measureText(mark).width)) / devicePixelRatio) + 16;
}

function bars(uPlot, series, xs, both) {
  const step = xs.length > 1 ? xs[1] - xs[0] : 86400;
  return {
    scales: {
      x: { time: false, range: () => [xs[0] - step * 0.6, xs[xs.length - 1] + step * 0.6] },
      y: { range: (_, __, most) => [0, most > 0 ? most * 1.08 : 1] },
    },
    axes: both.map((axis, number) => (number === 0 ? { ...axis, splits: (plot) => days(plot, xs) } : axis)),
    series: [
      {},
      ...series.map((_, number) => ({
        fill: css(`--c${colour(series.length - 1 - number)}`),
        width: 0,
        points: { show: false },
        paths: uPlot.paths.bars({ size: [0.72, 34] }),
      })),
    ],
  };
}

/** Some of the days, as many as there is room for. */
function days(plot, xs) {
  const room = Math.max(1, Math.floor(plot.width / 90));
  const every = Math.ceil(xs.length / room);
  return xs.filter((_, number) => (xs.length - 1 - number) % every === 0);
}

function lines(series, both, { area, most: top }) {
  const shape = (at) => (area ? { fill: `${css(`--c${at}`)}55`, points: { show: false } } : { points: { show: true, size: 7, fill: css(`--c${at}`) } });
  return {
    scales: { x: { time: false }, y: { range: (_, __, most) => [0, top ?? (most > 0 ? most * 1.1 : 1)] } },
    axes: both,
    series: [
      {},
      ...series.map((_, number) => ({ stroke: css(`--c${colour(number)}`), width: 2, ...shape(colour(number)) })),
    ],
  };
}

function drawRule(plot, rule) {
  const height = Math.round(plot.valToPos(rule.at, "y", true));
  const { ctx, bbox } = plot;
  if (!(height >= bbox.top)) return;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = css("--soft");
  ctx.setLineDash([5, 4]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, height);
  ctx.lineTo(bbox.left + bbox.width, height);
  ctx.stroke();
  ctx.fillText(rule.label, bbox.left + 6, height - 6);
  ctx.restore();
}
