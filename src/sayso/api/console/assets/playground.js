// The playground: a chat and speech, as whoever is signed in, in a project.

import { html, Loaded, mount, ProjectPicker, Segments, useLoad, useProjects } from "./core/ui.js";
import { t } from "./core/words.js";
import { useState } from "./vendor/hooks.js";
import { catalogue } from "./playground/catalogue.js";
import { Chat } from "./playground/chat.js";
import { FOLLOWING, PRESETS } from "./playground/presets.js";
import { Speech } from "./playground/speech.js";

function Playground() {
  const projects = useProjects();
  return html`<${Loaded} from=${projects}>${() => (projects.project
    ? html`<${Rooms} key=${projects.project.id} projects=${projects} project=${projects.project.id} />`
    : html`<p class="notice">${t("playground.no_project")}</p>`)}<//>`;
}

const roomOf = (preset) => (PRESETS.find(({ id }) => id === preset).speech ? "speech" : "chat");

function Rooms({ projects, project }) {
  const found = useLoad(() => catalogue(project), [project]);
  const [room, setRoom] = useState(() => (location.hash === "#speech" ? "speech" : "chat"));
  const [preset, setPreset] = useState("");
  const [start, setStart] = useState(null);
  const go = (to) => {
    history.replaceState(null, "", `#${to}`);
    setRoom(to);
  };
  const choose = (event) => {
    const one = PRESETS.find(({ id }) => id === event.currentTarget.value);
    setPreset(one?.id ?? "");
    if (!one) return;
    if (!one.speech) setStart({ ...one });
    go(one.speech ? "speech" : "chat");
  };
  const goOn = (kind, heard) => {
    setStart(FOLLOWING[kind](heard.text.trim()));
    setPreset(kind);
    go("chat");
  };
  return html`
    <div class="tools">
      <${ProjectPicker} from=${projects} />
      <label>${t("playground.examples")}
        <select value=${preset} onChange=${choose}>
          <option value="">${t("playground.own")}</option>
          ${PRESETS.map(({ id }) => html`<option value=${id}>${t(`playground.preset.${id}`)}</option>`)}
        </select></label>
      <span class="far"><${Segments} label=${t("playground.room")} value=${room} onChange=${go}
        options=${[["chat", t("playground.chat")], ["speech", t("playground.speech")]]} /></span>
    </div>
    ${preset && room === roomOf(preset) && html`<p class="notice small" role="status">${t(`playground.note.${preset}`)}</p>`}
    <${Loaded} from=${found}>${({ chat, speech, rates }) => html`
      <div hidden=${room !== "chat"}><${Chat} project=${project} models=${chat} rates=${rates} start=${start} /></div>
      <div hidden=${room !== "speech"}><${Speech} project=${project} models=${speech} rates=${rates} goOn=${goOn} hint=${preset} /></div>`}<//>`;
}

mount(Playground);
