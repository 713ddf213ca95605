// Subtitles from a transcript's segments, without paying for the recording again.

const clock = (seconds, mark) => {
  const total = Math.max(0, Math.round(seconds * 1000));
  const two = (value) => String(value).padStart(2, "0");
  const minutes = Math.floor(total / 60_000);
  return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}:${two(Math.floor(total / 1000) % 60)}${mark}${String(total % 1000).padStart(3, "0")}`;
};

const cues = (segments, mark) => segments
  .map(({ start, end, text }) => [`${clock(start, mark)} --> ${clock(Math.max(start, end), mark)}`, line(text)])
  .filter(([, text]) => text);

const line = (text) => text.replace(/\s*[\r\n\u2028\u2029]+\s*/g, " ").replaceAll("-->", "->").trim();

export const srt = (segments) => cues(segments, ",").map(([times, text], at) => `${at + 1}\n${times}\n${text}\n\n`).join("");

export const vtt = (segments) => `WEBVTT\n\n${cues(segments, ".")
  .map(([times, text]) => `${times}\n${text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}\n\n`).join("")}`;

/** Hand a text to the browser as a file. */
export function download(name, text, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Minutes and seconds, for a player. */
export const moment = (seconds) => {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
};
