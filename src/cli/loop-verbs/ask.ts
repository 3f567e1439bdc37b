import { createApi } from "../client/api.ts";
import { UsageError } from "../arguments.ts";
import type { Context, Verb } from "../verb.ts";
import { look } from "./speak.ts";

interface Asked {
  readonly id: string;
  readonly alias: string;
  readonly state: string;
  readonly answer: string | null;
}

const AGAIN_MS = 500;
/** What passes by itself: the server stops and starts, its database is away for a moment. */
const PASSING = new Set(["server_not_running", "database_unavailable", "rate_exceeded"]);

export const ask: Verb = {
  args: "[<worker>]",
  flags: {
    prompt: { takes: "text", value: "question", means: "what is asked" },
    ref: { takes: "text", value: "reference", means: "what it is about, such as a link" },
    options: { takes: "text", value: "a,b", means: "the answers there are; left out: any text" },
    "no-wait": { means: "print how it is answered, and go on" },
  },
  words: { least: 0, most: 1 },
  about:
    "Waits for the answer however long it takes, also while the server is restarted, and prints it; what the worker was told meanwhile follows, a line each. The same question again while it is open is the same ask. Without a name the worker is LOOP_SESSION_ID.",
  examples: ["loop _ ask --prompt 'Merge it?' --options yes,no", "loop _ ask fix-login --prompt 'Which branch?' --ref https://git.example/pull/7"],
  async run(given, context) {
    const worker = given.words[0] ?? (context.env["LOOP_SESSION_ID"] || undefined);
    const prompt = given.text("prompt");
    if (worker === undefined)
      throw new UsageError("Nobody asks: there is no name and LOOP_SESSION_ID is not set. Expected: loop _ ask <worker> --prompt <question>");
    if (prompt === undefined || prompt.trim() === "") throw new UsageError("The question is blank. Expected: loop _ ask [<worker>] --prompt <question>");
    const options = (given.text("options") ?? "")
      .split(",")
      .map((option) => option.trim())
      .filter((option) => option !== "");
    const reference = given.text("ref") ?? "";
    const asked = await put(context, { worker, prompt, reference, options, resume: true, key: tryKey() });
    if (given.has("no-wait")) return context.print(context.json ? JSON.stringify(asked) : asked.alias);
    const settled = await untilSettled(context, asked);
    if (settled.answer === null) {
      const { LoopError } = await import("#src/kernel/errors.ts");
      throw new LoopError("ask_not_open", `${settled.alias} is ${settled.state}; nobody will answer it any more.`);
    }
    const told = await hear(context, worker, settled.id);
    context.print(context.json ? JSON.stringify({ ...settled, told: told.map(({ text }) => text) }) : settled.answer);
    if (!context.json) for (const { text } of told) context.print(`told: ${text}`);
  },
};

/** Of this one try; node:crypto would cost the verb milliseconds. */
const tryKey = (): string => [process.pid, Math.random(), Math.random()].map((part) => part.toString(36).slice(-11)).join("-");

const put = (context: Context, question: object): Promise<Asked> =>
  persisting(async () => JSON.parse(await createApi(context.agentTarget()).post("/v1/loop/ask", question)) as Asked);

async function untilSettled(context: Context, asked: Asked): Promise<Asked> {
  for (let seen = asked; ;) {
    if (seen.state !== "open") return seen;
    seen = await persisting(async () => JSON.parse(await look(context, "ask wait", { ask: asked.id })) as Asked);
  }
}

/**
 * Says that the answer arrived, before it is printed: whoever is cut off before that and asks the same again gets it then, and nobody takes an old answer for a new one.
 * Gives what the worker was told. Where that is refused, the answer is what counts.
 */
async function hear(context: Context, worker: string, ask: string): Promise<readonly { readonly text: string }[]> {
  try {
    const said = await persisting(() => createApi(context.agentTarget()).post("/v1/loop/told", { worker, heard: ask }));
    return (JSON.parse(said) as { messages: { text: string }[] }).messages;
  } catch (error) {
    if (typeof (error as { code?: unknown }).code !== "string") throw error;
    return [];
  }
}

/** Again and again while the server is away: whoever asked goes on waiting. */
async function persisting<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!PASSING.has((error as { code?: string }).code ?? "")) throw error;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }
}
