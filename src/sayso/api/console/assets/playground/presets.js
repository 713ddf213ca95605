// What can be tried at once; `examples/` in the repository has each as a program.
// The embedded model is small and knows English best: so do these.

const DAY = {
  type: "object",
  properties: { place_to_visit: { type: "string" }, what_to_do_there: { type: "string" } },
  required: ["place_to_visit", "what_to_do_there"],
  additionalProperties: false,
};
// Its form keeps a small model to three days.
const PLAN = {
  type: "object",
  properties: { day_1: DAY, day_2: DAY, day_3: DAY },
  required: ["day_1", "day_2", "day_3"],
  additionalProperties: false,
};

export const PRESETS = [
  {
    id: "article",
    system: "You write short, factual articles for a newsletter.",
    user: `Write a short article from this outline. Use the three points as its paragraphs.

Title: Why cities plant trees
1. Trees cool streets in summer.
2. Their roots take up rain that would flood cellars.
3. People walk more where there is shade.`,
    form: { temperature: "0.3", frequency_penalty: "0.3", max_tokens: "300" },
  },
  {
    id: "poem",
    system: "You are a poet. You write plainly.",
    user: "Write a poem of four lines about the sea in winter.",
    form: { temperature: "0.6", stop: "\\n\\n", max_tokens: "90" },
  },
  {
    id: "simple",
    system: "You explain things to a ten-year-old, in short sentences.",
    user: "Explain how a vaccine works, in four short sentences.",
    form: { temperature: "0.2", frequency_penalty: "0.3", max_tokens: "160" },
  },
  {
    id: "plan",
    system: "You plan trips for families.",
    user: "Plan three days in Lisbon for two adults and a child who likes boats.",
    form: { temperature: "0.3", frequency_penalty: "0.3", max_tokens: "400", format: "json_schema", schema: JSON.stringify(PLAN, null, 1) },
  },
  {
    id: "message",
    system: "You write warm, short personal messages.",
    user: "Write a birthday message of three sentences to my friend Ana.",
    form: { temperature: "0.4", frequency_penalty: "0.4", max_tokens: "100" },
  },
  {
    id: "code",
    system: "You help with Python. You say what is wrong, then show the corrected function.",
    user: `This fails with an empty list. What should it do instead?

def average(numbers):
    return sum(numbers) / len(numbers)`,
    form: { temperature: "0.1", max_tokens: "220" },
  },
  { id: "minutes", speech: true },
  { id: "question", speech: true },
];

/** A conversation that goes on from a transcript. */
export const FOLLOWING = {
  minutes: (text) => ({
    system: "You write the minutes of meetings: a summary, then the decisions and who does what, as a list.",
    user: `This was said in the meeting:\n\n${text}\n\nWrite the minutes.`,
    form: { temperature: "0.2", frequency_penalty: "0.3", max_tokens: "260" },
  }),
  question: (text) => ({
    system: "You answer a spoken question in two or three short sentences, in English.",
    user: text,
    form: { temperature: "0.2", frequency_penalty: "0.3", max_tokens: "140" },
  }),
};
