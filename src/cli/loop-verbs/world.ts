import type { ExitCode } from "../exit-codes.ts";
import type { Context, Verb } from "../verb.ts";
import { look } from "./speak.ts";

interface World {
  readonly asks: readonly {
    readonly id: string;
    readonly alias: string | null;
    readonly worker: string | null;
    readonly prompt: string;
    readonly stranded: boolean;
  }[];
  readonly workers: readonly unknown[];
  readonly goals: readonly unknown[];
}

interface Waited extends World {
  readonly changed: readonly string[];
  readonly since: string;
}

export const state: Verb = {
  args: "",
  flags: {},
  words: { least: 0, most: 0 },
  about: "It changes nothing and senses nothing. `cursor` is for `loop _ wait --since`. Asks that are for people alone say `yours: false`.",
  examples: ["loop _ state", "loop _ state --json"],
  async run(_given, context) {
    const body = await look(context, "state");
    context.print(context.json ? body : await inWords(JSON.parse(body) as World));
  },
};

async function inWords({ asks, workers, goals }: World): Promise<string> {
  const head = `asks: ${asks.length}  ·  workers: ${workers.length}  ·  goals: ${goals.length}`;
  if (asks.length === 0) return head;
  const { plainLine } = await import("#src/kernel/plain.ts");
  const line = ({ id, alias, worker, prompt, stranded }: World["asks"][number]): string =>
    `  ⚑ ${plainLine(`${alias ?? id} (${worker ?? "loop"})${stranded ? " STRANDED" : ""}: ${prompt}`)}`;
  return [head, ...asks.map(line)].join("\n");
}

/** A little less than the server waits at most. */
const LONGEST_REQUEST_S = 45;
const AGAIN_MS = 500;
/** A server that is started anew is there again by then. */
const PATIENCE_MS = 30_000;
const PULSE_DOWN: ExitCode = 2;
const PASSING = new Set(["server_not_running", "database_unavailable", "rate_exceeded"]);

export const wait: Verb = {
  args: "",
  flags: {
    "only-asks": { means: "only for asks that you may answer" },
    actionable: { means: "only for what you can do something about: asks that you may answer, the playbook, goals and snapshots" },
    since: { takes: "text", value: "cursor", means: "what had moved by then does not end the wait; `cursor` of an answer before" },
    timeout: { takes: "text", value: "seconds", means: "end then, with nothing changed; left out: wait however long it takes" },
  },
  words: { least: 0, most: 0 },
  about:
    "Ends at once when an ask is open that you may answer, else when the world moves, and prints the state. With --since an ask that was open by then does not end it. It is woken; it does not poll. Exit code 2 when the pulse or the server is down.",
  examples: ["loop _ wait", "loop _ wait --json --since w1.…", "loop _ wait --only-asks --timeout 600"],
  async run(given, context): Promise<ExitCode> {
    const timeoutMs = await timeoutOf(given.text("timeout"));
    const untilMs = performance.now() + timeoutMs;
    const filters = { onlyAsks: given.has("only-asks") ? "true" : undefined, actionable: given.has("actionable") ? "true" : undefined };
    let since = given.text("since");
    let isFirst = true; // it only asks what there is now, so that nothing that comes later is missed
    for (;;) {
      const leftS = Math.max(0, Math.min(LONGEST_REQUEST_S, (untilMs - performance.now()) / 1_000));
      const answer = await persisting(() => look(context, "wait", { ...filters, since, timeoutSeconds: isFirst ? "0" : leftS.toFixed(3) }), isFirst);
      if (typeof answer !== "string") {
        context.say(answer.message);
        return PULSE_DOWN;
      }
      const waited = JSON.parse(answer) as Waited;
      since = waited.since;
      if (waited.changed.length > 0 || (!isFirst && performance.now() >= untilMs) || timeoutMs === 0) return printed(context, answer, waited);
      isFirst = false;
    }
  },
};

async function timeoutOf(text: string | undefined): Promise<number> {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  if (/^\d{1,9}(\.\d{1,3})?$/.test(text)) return Number(text) * 1_000;
  const { UsageError } = await import("../arguments.ts");
  throw new UsageError(`--timeout got ${JSON.stringify(text.slice(0, 60))}. Expected a number of seconds, such as 600.`);
}

async function printed(context: Context, body: string, waited: Waited): Promise<ExitCode> {
  context.print(context.json ? body : `${await inWords(waited)}${waited.changed.length === 0 ? "" : `\nchanged: ${waited.changed.join(", ")}`}`);
  return waited.changed.includes("pulse-down") ? PULSE_DOWN : 0;
}

/** Again while the server is started anew; the error when it does not come back, or was not there to begin with. */
async function persisting(call: () => Promise<string>, isFirst: boolean): Promise<string | Error> {
  const untilMs = performance.now() + (isFirst ? 0 : PATIENCE_MS);
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!PASSING.has((error as { code?: string }).code ?? "")) throw error;
      if (performance.now() >= untilMs) return error as Error;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }
}
