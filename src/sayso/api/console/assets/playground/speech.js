// A recording: what was said, in which language, when; to be listened to from where one clicks.

import { useEffect, useRef, useState } from "../vendor/hooks.js";
import { request } from "../core/api.js";
import * as format from "../core/format.js";
import { Field, html, Meter, Problem, Text } from "../core/ui.js";
import { language as pageLanguage, t } from "../core/words.js";
import { cost } from "./catalogue.js";
import { CodeDialog, speechCode } from "./code.js";
import { record } from "./recorder.js";
import { download, moment, srt, vtt } from "./subtitles.js";
import { Waveform } from "./waveform.js";

const PATHS = { transcribe: "transcriptions", translate: "translations", identify: "languages" };
const KINDS = ".flac,.m4a,.mp3,.mp4,.mpeg,.mpga,.oga,.ogg,.wav,.webm,audio/*";
const BLANK = { task: "transcribe", language: "", prompt: "", temperature: "" };
const NONE = [];

const fieldsOf = (model, { task, language, prompt, temperature }) => [
  ["model", model],
  ...(task === "identify" ? [] : [["response_format", "verbose_json"]]),
  ...(task === "transcribe" ? [["timestamp_granularities[]", "segment"], ["timestamp_granularities[]", "word"]] : []),
  ...(task === "transcribe" && language.trim() ? [["language", language.trim()]] : []),
  ...(task !== "identify" && prompt.trim() ? [["prompt", prompt]] : []),
  ...(task !== "identify" && temperature !== "" ? [["temperature", temperature]] : []),
];

async function hear(project, model, form, file, signal) {
  const body = new FormData();
  for (const [name, value] of fieldsOf(model, form)) body.append(name, value);
  body.append("file", file);
  const answer = await request(`/audio/${PATHS[form.task]}`, { method: "POST", body, project, signal });
  return { ...(await answer.json()), task: form.task };
}

/** `goOn(kind, transcript)` takes a transcript to the chat; `hint` is the kind that a preset wants. */
export function Speech({ project, models, rates, goOn, hint }) {
  const [model, setModel] = useState(models[0] ?? "");
  const [form, setForm] = useState(BLANK);
  const [file, setFile] = useState(null);
  const [heard, setHeard] = useState(null);
  const [translation, setTranslation] = useState(null);
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const [showing, setShowing] = useState(false);
  const stopper = useRef(null);
  useEffect(() => () => stopper.current?.abort(), []);

  const run = async (task, keep) => {
    stopper.current = new AbortController();
    setBusy(true);
    setError(null);
    try {
      keep(await hear(project, model, { ...form, task }, file, stopper.current.signal));
    } catch (caught) {
      if (caught.name !== "AbortError") setError(caught);
    }
    setBusy(false);
  };
  const take = (one) => {
    setFile(one);
    setHeard(null);
    setTranslation(null);
  };
  const set = (name) => (event) => setForm({ ...form, [name]: event.currentTarget.value });
  const start = (event) => {
    event.preventDefault();
    setTranslation(null);
    if (file) run(form.task, setHeard);
  };
  const follow = async (kind) => {
    if (kind !== "question" || heard.language === "english" || heard.task === "translate") return goOn(kind, heard);
    await run("translate", (english) => goOn(kind, { ...english, spoken: heard.language }));
  };
  const price = heard && cost(rates(model).audio_milliseconds, heard.duration * 1000);

  return html`<div class="speech">
    <form class="hearing" onSubmit=${start}>
      <div class="sources">
        <div class="field"><label for="file">${t("playground.file")}</label>
          <input id="file" type="file" accept=${KINDS} onChange=${(event) => event.currentTarget.files[0] && take(event.currentTarget.files[0])} /></div>
        <${Microphone} take=${take} fail=${setError} />
      </div>
      ${file && html`<p class="soft small chosen"><${Text} value=${file.name} /> · ${format.number(file.size / 1000)} kB</p>`}
      <div class="fields">
        <div class="field"><label for="task">${t("playground.task")}</label>
          <select id="task" value=${form.task} onChange=${set("task")}>
            ${Object.keys(PATHS).map((one) => html`<option value=${one}>${t(`playground.task.${one}`)}</option>`)}</select></div>
        <div class="field"><label for="speech-model">${t("playground.model")}</label>
          <select id="speech-model" value=${model} onChange=${(event) => setModel(event.currentTarget.value)}>
            ${models.map((one) => html`<option value=${one}>${one}</option>`)}</select></div>
        <${Field} label=${t("playground.language")} error=${error} names=${["language"]}
          control=${(more) => html`<input ...${more} list="languages" disabled=${form.task !== "transcribe"} placeholder=${t("playground.language_any")}
            value=${form.language} onInput=${set("language")} autocomplete="off" />`} />
        <${Field} label=${t("playground.temperature")} error=${error} names=${["temperature"]}
          control=${(more) => html`<input ...${more} type="number" min="0" max="1" step="0.1" disabled=${form.task === "identify"}
            placeholder=${t("playground.default")} value=${form.temperature} onInput=${set("temperature")} />`} />
      </div>
      <datalist id="languages">${LANGUAGES.map((one) => html`<option value=${one}>${inWords(one)}</option>`)}</datalist>
      <${Field} label=${t("playground.prompt")} error=${error} names=${["prompt"]}
        control=${(more) => html`<input ...${more} disabled=${form.task === "identify"} placeholder=${t("playground.prompt_example")} value=${form.prompt} onInput=${set("prompt")} />`} />
      ${error && !["language", "temperature", "prompt"].includes(error.param) && html`<${Problem} error=${error} />`}
      <div class="sending">
        <p class="figures soft" role="status">${busy ? t("playground.listening") : heard ? `${format.duration(heard.duration)} · ${format.money(price)}` : ""}</p>
        <button type="button" onClick=${() => setShowing(true)}>${t("playground.show_code")}</button>
        ${busy
          ? html`<button key="stop" type="button" class="danger" onClick=${() => stopper.current.abort()}>${t("playground.stop_button")}</button>`
          : html`<button key="run" class="primary" disabled=${!file}>${t(`playground.run.${form.task}`)}</button>`}
      </div>
    </form>
    ${heard && (heard.task === "identify"
      ? html`<${Languages} found=${heard.languages} />`
      : html`<${Transcript} key=${heard} file=${file} heard=${heard} translation=${translation} busy=${busy} hint=${hint} follow=${follow}
          translate=${() => run("translate", setTranslation)} />`)}
    ${showing && html`<${CodeDialog} write=${(one) => speechCode(one, PATHS[form.task], fieldsOf(model, form), file?.name ?? "speech.mp3")}
      close=${() => setShowing(false)} />`}
  </div>`;
}

function Microphone({ take, fail }) {
  const [recording, setRecording] = useState(null);
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    if (!recording) return undefined;
    const timer = setInterval(() => setSeconds((before) => before + 1), 1000);
    return () => clearInterval(timer);
  }, [recording]);
  const toggle = async () => {
    try {
      if (recording) {
        setRecording(null);
        return take(await recording.stop());
      }
      fail(null);
      setSeconds(0);
      setRecording(await record());
    } catch (error) {
      fail(new Error(t("playground.no_microphone", { error: error.message })));
    }
  };
  const able = Boolean(navigator.mediaDevices && globalThis.MediaRecorder);
  return html`<div class="field"><span class="label">${t("playground.or_record")}</span>
    <button type="button" class=${recording ? "danger" : ""} disabled=${!able} onClick=${toggle}>
      ${recording ? t("playground.stop_recording", { time: moment(seconds) }) : t("playground.record")}</button>
    ${!able && html`<p class="hint">${t("playground.needs_https")}</p>`}</div>`;
}

function Languages({ found }) {
  return html`<section class="card"><h2>${t("playground.languages")}</h2>
    <ul class="languages-found">${found.map((one) => html`<li><span>${inWords(one.language)}</span>
      <${Meter} share=${one.probability * 0.79} label=${format.percent(one.probability, 1)} />
      <span class="soft">${format.percent(one.probability, 1)}</span></li>`)}</ul></section>`;
}

function Transcript({ file, heard, translation, translate, busy, follow, hint }) {
  const [at, setAt] = useState(-1);
  const player = useRef(null);
  const segments = heard.segments ?? NONE;
  const play = (from) => player.current?.play(from);
  const name = file.name.replace(/\.[^.]*$/, "");
  return html`<section class="card transcript">
    <p class="found">${t(heard.task === "translate" ? "playground.translated" : "playground.found", { language: inWords(codeOf(heard.language)) })}</p>
    <${Waveform} file=${file} segments=${segments} player=${player} moved=${setAt} />
    <ol class="segments-heard">
      ${segments.map((segment) => html`<li class=${at >= segment.start && at < segment.end ? "now" : ""}>
        <button type="button" class="quiet small" onClick=${() => play(segment.start)}
          aria-label=${t("playground.play_from", { time: moment(segment.start) })}>${moment(segment.start)}</button>
        <p dir="auto">${words(heard, segment).map((word) => html`<span class=${at >= word.start && at < word.end ? "word now" : "word"}
          onClick=${() => play(word.start)}>${word.word} </span>`)}</p></li>`)}
    </ol>
    ${segments.length === 0 && html`<p class="soft">${t("playground.silence")}</p>`}
    ${translation && html`<div class="translation"><h3>${t("playground.in_english")}</h3><p>${translation.text}</p></div>`}
    <div class="tools">
      <button type="button" onClick=${() => download(`${name}.srt`, srt(segments), "application/x-subrip")}>SRT</button>
      <button type="button" onClick=${() => download(`${name}.vtt`, vtt(segments), "text/vtt")}>WebVTT</button>
      <button type="button" onClick=${() => download(`${name}.txt`, `${heard.text}\n`, "text/plain")}>${t("playground.text")}</button>
      <button type="button" onClick=${() => download(`${name}.json`, JSON.stringify(heard, null, 2), "application/json")}>JSON</button>
      ${heard.task === "transcribe" && heard.language !== "english" && html`<button type="button" disabled=${busy} onClick=${translate}>${t("playground.translate")}</button>`}
      ${["minutes", "question"].map((kind) => html`<button type="button" class=${hint === kind ? "primary" : ""} disabled=${busy || !heard.text}
        onClick=${() => follow(kind)}>${t(`playground.follow.${kind}`)}</button>`)}
    </div>
  </section>`;
}

/** A segment's words, or where there are none the whole of it as one. */
function words(heard, { start, end, text }) {
  const middle = (word) => (word.start + word.end) / 2;
  const found = (heard.words ?? []).filter((word) => middle(word) >= start && middle(word) < end + 0.001);
  return found.length ? found : [{ word: text.trim(), start, end }];
}

const LANGUAGES = ["ar", "be", "bg", "ca", "cs", "da", "de", "el", "en", "es", "fi", "fr", "he", "hi", "hu", "id", "it", "ja", "kn", "ko",
  "nl", "no", "pl", "pt", "ro", "ru", "sv", "sl", "ta", "th", "tr", "uk", "ur", "vi", "zh"];
const english = new Intl.DisplayNames("en", { type: "language" });
const shown = new Intl.DisplayNames(pageLanguage, { type: "language" });
const codes = new Map(LANGUAGES.map((code) => [english.of(code).toLowerCase(), code]));

/** The API names languages in English words, except where it lists them. */
const codeOf = (name) => codes.get(name) ?? name;

function inWords(code) {
  try {
    return shown.of(code);
  } catch {
    return code; // a word: a language that is not in the list above
  }
}
