import type { ActShape, RunDetailShape, RunShape } from "../client/shapes.ts";
import { UsageError } from "../arguments.ts";
import type { ExitCode } from "../exit-codes.ts";
import type { Context, Verb } from "../verb.ts";

const POLL_MS = 100;
const PATIENCE_MS = 120_000;
const SETTLED = new Set(["done", "failed", "denied", "cancelled", "asked", "unknown"]);

export const toolCall: Verb = {
  args: "<tool>",
  flags: {
    args: { takes: "text", value: "json", means: "its arguments; left out: none" },
    agent: { takes: "text", value: "name", means: "under whose policy; left out: the one agent that may call it" },
  },
  words: { least: 1, most: 1 },
  about: "It passes the gate as every act of an agent does: its arguments are checked, policy decides, and where policy asks a person is asked.",
  examples: [`loop tools call docs.list_directory --args '{"path":"/srv/docs"}'`],
  async run(given, context) {
    const name = given.words[0]!;
    const body = await context.api().post(`/v1/tools/${encodeURIComponent(name)}/call`, { args: argsOf(given.text("args")), agent: given.text("agent") });
    const { id } = JSON.parse(body) as RunShape;
    const { text, run } = await settled(context, id);
    if (context.json) context.print(text);
    return tell(context, run);
  },
};

function argsOf(text: string | undefined): unknown {
  if (text === undefined) return {};
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`--args is no JSON. Expected an object such as '{"path":"/srv/docs"}'; got ${JSON.stringify(text.slice(0, 60))}.`);
  }
}

/** The run once its act is settled or asked about, or has taken very long. */
async function settled(context: Context, id: string): Promise<{ readonly text: string; readonly run: RunDetailShape }> {
  for (let waitedMs = 0; ; waitedMs += POLL_MS) {
    const text = await context.api().get(`/v1/runs/${id}`);
    const run = JSON.parse(text) as RunDetailShape;
    const act = run.acts.at(-1);
    if ((act && SETTLED.has(act.state)) || run.endedAt !== null || waitedMs >= PATIENCE_MS) return { text, run };
    await new Promise((resolve) => void setTimeout(resolve, POLL_MS));
  }
}

async function tell(context: Context, run: RunDetailShape): Promise<ExitCode | void> {
  const act = run.acts.at(-1);
  if (act?.state === "done") return context.json ? undefined : context.print(await resultText(act));
  if (act?.state === "asked") {
    if (!context.json)
      context.print(
        `It waits for a person: ${act.askId}. \`${context.command()} approve ${act.askId}\` lets it happen; ${context.command()} run ${run.id} shows it.`,
      );
    return undefined;
  }
  if (act && SETTLED.has(act.state)) {
    const { LoopError } = await import("#src/kernel/errors.ts");
    const { plainLine } = await import("#src/kernel/plain.ts");
    const why = (act.error as { message?: string } | null)?.message ?? run.reason ?? "no reason was given";
    throw new LoopError("tool_failed", `${act.name} was ${act.state === "failed" ? "called and failed" : act.state}: ${plainLine(why)}`);
  }
  if (!context.json) context.print(`It goes on: \`${context.command()} run ${run.id}\` shows it.`);
  return undefined;
}

async function resultText({ result }: ActShape): Promise<string> {
  const { plain } = await import("#src/kernel/plain.ts");
  return plain(typeof result === "string" ? result : JSON.stringify(result, null, 2));
}
