import type { ExitCode } from "../exit-codes.ts";
import type { Context, Verb } from "../verb.ts";
import { createApi } from "../client/api.ts";
import { look } from "./speak.ts";

interface Outcome {
  readonly run: string;
  readonly state: "running" | "asked" | "done" | "failed";
  readonly error: string | null;
  readonly ask: { readonly id: string; readonly of: string } | null;
}

const MOST_WORDS = 10_000;
const FAILED: ExitCode = 1;

export const run: Verb = {
  args: "<command…>",
  flags: {
    reason: { takes: "text", value: "text", means: "what it is for, for the journal and for whoever is asked" },
    wait: { means: "where somebody has to say yes, wait for it; left out: say who is asked, and go on" },
    journal: { takes: "text", value: "line", means: "the line of the journal; left out: what was done" },
  },
  words: { least: 1, most: MOST_WORDS },
  about:
    "An act of the agent root through the gate: in the sandbox, as tools/shell.yaml and policy say, with a limit on time and output; what cannot be taken back is refused for everybody. What it printed last is `output` of --json, and `last_run` of `loop _ state`. A command with flags of its own stands in quotes, or after `--`.",
  examples: ["loop _ run 'npm test' --reason 'is it still green?'", "loop _ run --wait -- ls -l"],
  async run(given, context): Promise<ExitCode> {
    const command = given.words.join(" ");
    const [reason, journal] = [given.text("reason"), given.text("journal")];
    const input = { command, ...(reason === undefined ? {} : { reason }), ...(journal === undefined ? {} : { journal }) };
    let body = await createApi(context.agentTarget()).post("/v1/loop/run", input);
    const throughAsk = given.has("wait") ? "true" : undefined;
    for (;;) {
      const { state, run: id } = JSON.parse(body) as Outcome;
      if (state === "done" || state === "failed" || (state === "asked" && throughAsk === undefined)) break;
      body = await look(context, "run wait", { run: id, throughAsk });
    }
    return say(context, body, reason || command);
  },
};

async function say(context: Context, body: string, what: string): Promise<ExitCode> {
  const { state, error, ask } = JSON.parse(body) as Outcome;
  const { plainLine } = await import("#src/kernel/plain.ts");
  if (context.json) context.print(body);
  else if (state === "failed") context.say(plainLine(error ?? "run_shell failed"));
  else context.print(plainLine(state === "asked" ? `run-shell waits for ${ask?.id} (${ask?.of}): ${what}` : `run-shell · ${what}`));
  return state === "failed" ? FAILED : 0;
}
