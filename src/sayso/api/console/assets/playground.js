import { mount, html } from "./core/ui.js";

mount(() => html`<p class="loading">…</p>`);
