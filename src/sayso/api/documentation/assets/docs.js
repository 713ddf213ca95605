// The search, samples in several languages as tabs, buttons that copy code, and the list of contents of
// narrow screens.

const input = document.getElementById("search");
const found = document.getElementById("found");
let entries = null;
let chosen = -1;

async function load() {
  entries ??= fetch("/docs/search.json").then((answer) => answer.json());
  return entries;
}

function score(entry, words) {
  const title = entry.title.toLowerCase();
  const page = entry.page.toLowerCase();
  const text = entry.text.toLowerCase();
  let total = 0;
  for (const word of words) {
    const here = (title.includes(word) ? 10 : 0) + (title.startsWith(word) ? 5 : 0) + (page.includes(word) ? 2 : 0)
      + Math.min(text.split(word).length - 1, 3);
    if (here === 0) return 0;
    total += here;
  }
  return total;
}

function excerpt(text, word) {
  const at = Math.max(0, text.toLowerCase().indexOf(word) - 30);
  return (at > 0 ? "…" : "") + text.slice(at, at + 120);
}

function show(hits, word) {
  chosen = -1;
  found.replaceChildren(...hits.map((entry, number) => {
    const item = document.createElement("li");
    item.id = `found-${number}`;
    item.role = "option";
    item.dataset.at = entry.at;
    for (const [name, text] of [["where", entry.page], ["title", entry.title], ["said", excerpt(entry.text, word)]]) {
      const part = document.createElement("span");
      part.className = name;
      part.textContent = text;
      item.append(part);
    }
    item.addEventListener("mousedown", () => location.assign(entry.at));
    return item;
  }));
  found.hidden = hits.length === 0;
  input.setAttribute("aria-expanded", String(hits.length > 0));
  input.removeAttribute("aria-activedescendant");
}

/** Say something in place of hits. */
function note(text) {
  show([], "");
  const item = document.createElement("li");
  item.role = "option";
  item.setAttribute("aria-disabled", "true");
  item.textContent = text;
  found.replaceChildren(item);
  found.hidden = false;
  input.setAttribute("aria-expanded", "true");
}

let turn = 0;

async function search() {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  const mine = ++turn;
  if (words.length === 0) return show([], "");
  const waiting = setTimeout(() => note(SAID.searching), 100);
  const all = await load().finally(() => clearTimeout(waiting));
  if (mine !== turn) return;
  const hits = all.map((entry) => [score(entry, words), entry]).filter(([points]) => points > 0);
  hits.sort(([a], [b]) => b - a);
  if (hits.length === 0) return note(SAID.nothing);
  show(hits.slice(0, 12).map(([, entry]) => entry), words[0]);
}

function choose(step) {
  const items = [...found.children].filter((item) => item.dataset.at);
  if (items.length === 0) return;
  chosen = (chosen + step + items.length) % items.length;
  items.forEach((item, number) => item.setAttribute("aria-selected", String(number === chosen)));
  items[chosen].scrollIntoView({ block: "nearest" });
  input.setAttribute("aria-activedescendant", items[chosen].id);
}

input.addEventListener("focus", load);
input.addEventListener("input", search);
input.addEventListener("blur", () => {
  turn += 1;
  show([], "");
});
input.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    choose(event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "Enter") {
    const item = found.children[Math.max(chosen, 0)];
    if (item?.dataset.at) location.assign(item.dataset.at);
  } else if (event.key === "Escape") {
    input.value = "";
    show([], "");
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) {
    event.preventDefault();
    input.focus();
  }
});

const SAID = document.documentElement.lang === "zh"
  ? { copy: "复制", copied: "已复制", searching: "正在搜索……", nothing: "没有找到", sample: "示例的语言" }
  : { copy: "Copy", copied: "Copied", searching: "Searching …", nothing: "Nothing found", sample: "Language of the sample" };
const LANGUAGES = { sh: "curl", python: "Python", javascript: "Node" };
const groups = [];

function languageOf(block) {
  return [...block.firstElementChild?.classList ?? []].join(" ").replace("language-", "");
}

function chooseLanguage(language) {
  for (const group of groups) {
    if (!group.some(([, , known]) => known === language)) continue;
    for (const [tab, panel, known] of group) {
      const here = known === language;
      tab.setAttribute("aria-selected", String(here));
      tab.tabIndex = here ? 0 : -1;
      panel.hidden = !here;
    }
  }
}

function tabs(blocks) {
  const list = document.createElement("div");
  list.className = "tabs";
  list.role = "tablist";
  list.setAttribute("aria-label", SAID.sample);
  const group = blocks.map((panel) => {
    const tab = document.createElement("button");
    tab.type = "button";
    tab.role = "tab";
    tab.id = `sample-${groups.length}-${languageOf(panel)}`;
    tab.textContent = LANGUAGES[languageOf(panel)];
    tab.addEventListener("click", () => chooseLanguage(languageOf(panel)));
    panel.role = "tabpanel";
    panel.tabIndex = 0;
    panel.setAttribute("aria-labelledby", tab.id);
    list.append(tab);
    return [tab, panel, languageOf(panel)];
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    const at = group.findIndex(([tab]) => tab === document.activeElement);
    const [tab, , language] = group[(at + step + group.length) % group.length];
    chooseLanguage(language);
    tab.focus();
  });
  blocks[0].before(list);
  groups.push(group);
  chooseLanguage(group[0][2]);
}

for (const block of document.querySelectorAll("article > pre, .sample > pre")) {
  if (block.previousElementSibling?.tagName === "PRE") continue;
  const run = [block];
  while (run.at(-1).nextElementSibling?.tagName === "PRE") run.push(run.at(-1).nextElementSibling);
  const languages = new Set(run.map(languageOf));
  if (run.length > 1 && languages.size === run.length && run.every((one) => LANGUAGES[languageOf(one)])) tabs(run);
}

// Code that is wider than its frame can be scrolled by keyboard too.
const frames = new ResizeObserver((changes) => {
  for (const { target } of changes) target.tabIndex = target.scrollWidth > target.clientWidth ? 0 : -1;
});

for (const block of document.querySelectorAll("pre")) {
  frames.observe(block);
  const frame = document.createElement("div");
  frame.className = "code";
  block.replaceWith(frame);
  new MutationObserver(() => { frame.hidden = block.hidden; }).observe(block, { attributeFilter: ["hidden"] });
  frame.hidden = block.hidden;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = SAID.copy;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(block.textContent);
    button.textContent = SAID.copied;
  });
  frame.append(block, button);
}

const wide = matchMedia("(min-width: 62rem)");
const contents = document.querySelector(".contents details");
const unfold = () => { contents.open = wide.matches; };
if (contents) { // not on the first page, which is a list of contents
  wide.addEventListener("change", unfold);
  unfold();
}

// The list shows where one is, without moving the page.
const here = document.querySelector(".contents [aria-current]");
const list = document.querySelector(".contents");
if (here && wide.matches) list.scrollTop = Math.max(0, here.offsetTop - list.offsetTop - list.clientHeight / 2);
