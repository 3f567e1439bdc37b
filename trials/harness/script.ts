import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ModelCall, ModelPort, ModelResult } from "#src/acts/ports/model-port.ts";
import { callTools, failWith, say } from "#src/testing/scripted-model.ts";

/*
 * The text that a run is given is its script, one word a turn, so that any process says the same at the same turn, whatever it knows:
 *
 *   idempotent findable once careful crash bug   a call of the tool of that name; several in one turn: `findable+idempotent`
 *   slow:5000       a call that is answered after so many milliseconds; `deaf:5000`: one that takes no notice when it is told to stop
 *   think:800       the model takes so long, then as `idempotent`
 *   later:500:id    the first time the provider is busy and names a time so many milliseconds ahead; then as `idempotent`. The id is unique among all runs.
 *   later:3600000:id:everywhere   the same each time
 *
 * After the last word the model says that all is done.
 */

export interface ScriptOptions {
  /** Shortest and longest time of a model call. */
  readonly thinkMs: readonly [number, number];
  /** Takes no notice of its signal: the answer was on its way already. */
  readonly isDeaf: boolean;
  /** Where it is noted what happened a first time. */
  readonly folder: string;
}

export const scriptOf = (words: readonly string[]): string => words.join(" ");

export function scriptedByText(options: ScriptOptions): ModelPort {
  return {
    async generate(call, { signal }) {
      const [shortest, longest] = options.thinkMs;
      const word = wordOf(call);
      const ms = word?.startsWith("think:") ? Number(word.slice("think:".length)) : shortest + Math.random() * (longest - shortest);
      if (options.isDeaf) await sleep(ms);
      else if (!(await slept(ms, signal))) return failWith("aborted");
      return completed(answerTo(word, options.folder), call);
    },
  };
}

async function slept(ms: number, signal: AbortSignal): Promise<boolean> {
  return sleep(ms, true, { signal }).catch(() => false);
}

function wordOf({ messages: [first, ...rest] }: ModelCall): string | undefined {
  const words = first?.role === "user" ? first.text.split(/\s+/).filter((word) => word !== "") : [];
  return words[rest.filter((message) => message.role === "assistant").length];
}

function answerTo(word: string | undefined, folder: string): ModelResult {
  if (word === undefined) return say("all done");
  const [name, detail, id, everywhere] = word.split(":");
  if (name === "later" && (everywhere !== undefined || isFirst(join(folder, `later-${id}`))))
    return failWith("rate_limited", { retryAtMs: Date.now() + Number(detail) });
  if (name === "later" || name === "think") return callTools([{ name: "effect.idempotent" }]);
  if (name === "slow" || name === "deaf") return callTools([{ name: `effect.${name}`, args: { ms: Number(detail) } }]);
  return callTools(word.split("+").map((one) => ({ name: `effect.${one}` })));
}

function isFirst(marker: string): boolean {
  try {
    writeFileSync(marker, "", { flag: "wx" });
    return true;
  } catch {
    return false;
  }
}

/** Ids that are the same in every process, and arguments that differ from turn to turn, as those of work that gets on do. */
function completed(result: ModelResult, call: ModelCall): ModelResult {
  if (result.kind === "failed") return result;
  const toolCalls = result.answer.toolCalls.map((made, index) => ({
    ...made,
    args: { ...(made.args as object), at: call.messages.length },
    callId: `call_${call.messages.length}_${index}`,
  }));
  return { kind: "answered", answer: { ...result.answer, toolCalls, modelId: "one" } };
}
