// Server-sent events, as the API writes them: one `data:` line an event, `[DONE]` at the end.

/** Yield the JSON of every event of a response; an error among them is thrown. */
export async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const text = part.startsWith("data: ") ? part.slice(6) : "";
      if (text === "[DONE]") return;
      if (!text) continue;
      const event = JSON.parse(text);
      if (event.error) throw new Error(event.error.message);
      yield event;
    }
  }
}
