// The dictionary of the page's language.

export const language = document.documentElement.lang;
const { default: texts } = await import(document.querySelector('meta[name="words"]').content);

/** Return a text with its {names} filled in; a key that is unknown is shown as it is. */
export function t(key, values = {}) {
  const text = texts[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** Return a text, or `other` where there is none of that key: for states and names that the API gives. */
export function tOr(key, other) {
  return texts[key] ?? other;
}
