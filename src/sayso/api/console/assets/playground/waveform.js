// A recording's waveform with its segments; it plays from where one clicks.

import { useEffect, useRef, useState } from "../vendor/hooks.js";
import { html } from "../core/ui.js";
import { t } from "../core/words.js";
import { moment } from "./subtitles.js";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const HEIGHT = 84;
const SKIP = 5; // seconds

/** `player` is a ref that gets `{ play(from) }`; `moved(seconds)` hears where it plays. */
export function Waveform({ file, segments, player, moved }) {
  const place = useRef(null);
  const wave = useRef(null);
  const [state, setState] = useState({ ready: false, playing: false, at: 0, length: 0 });
  const change = (more) => setState((before) => ({ ...before, ...more }));

  useEffect(() => {
    let gone = false;
    change({ ready: false, playing: false, at: 0, failed: false });
    const made = make(place.current, file, segments, change, moved);
    made.then((one) => {
      if (gone) return one.destroy();
      wave.current = one;
      player.current = { play: (from) => { one.setTime(from); one.play(); } };
    }, () => change({ failed: true }));
    return () => {
      gone = true;
      player.current = null;
      wave.current?.destroy();
      wave.current = null;
    };
  }, [file, segments]);

  const skip = (by) => wave.current?.setTime(Math.min(state.length, Math.max(0, wave.current.getCurrentTime() + by)));
  return html`<div class="player">
    <div class="wave" ref=${place} aria-hidden="true"></div>
    ${state.failed && html`<p class="soft">${t("playground.no_waveform")}</p>`}
    <div class="transport" role="group" aria-label=${t("playground.player")}>
      <button type="button" disabled=${!state.ready} onClick=${() => wave.current.playPause()}>
        ${state.playing ? t("playground.pause") : t("playground.play")}</button>
      <button type="button" class="quiet" disabled=${!state.ready} onClick=${() => skip(-SKIP)}>${t("playground.back", { seconds: SKIP })}</button>
      <button type="button" class="quiet" disabled=${!state.ready} onClick=${() => skip(SKIP)}>${t("playground.ahead", { seconds: SKIP })}</button>
      <span class="soft time">${moment(state.at)} / ${moment(state.length)}</span>
    </div>
  </div>`;
}

async function make(container, file, segments, change, moved) {
  const [{ default: WaveSurfer }, { default: Regions }] = await Promise.all([
    import("../vendor/wavesurfer.js"),
    import("../vendor/wavesurfer-regions.js"),
  ]);
  const regions = Regions.create();
  const wave = WaveSurfer.create({
    container, height: HEIGHT, barWidth: 2, barGap: 1, barRadius: 2, cursorWidth: 2,
    waveColor: colour("--soft"), progressColor: colour("--link"), cursorColor: colour("--ink"),
    cspNonce: document.querySelector('meta[name="style-nonce"]')?.content,
    plugins: [regions],
  });
  wave.on("play", () => change({ playing: true }));
  wave.on("pause", () => change({ playing: false }));
  wave.on("timeupdate", (at) => {
    change({ at });
    moved(at);
  });
  wave.on("interaction", () => wave.play());
  await wave.loadBlob(file);
  segments.forEach(({ start, end }, number) => regions.addRegion({
    start, end, drag: false, resize: false, color: `color-mix(in srgb, ${colour(number % 2 ? "--c2" : "--c1")} 16%, transparent)`,
  }));
  regions.on("region-clicked", (region, event) => {
    event.stopPropagation();
    const box = container.getBoundingClientRect();
    wave.setTime(((event.clientX - box.left) / box.width) * wave.getDuration());
    wave.play();
  });
  change({ ready: true, length: wave.getDuration() });
  return wave;
}
