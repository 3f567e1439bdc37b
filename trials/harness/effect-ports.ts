import { connect, type Socket } from "node:net";
import type { EffectClass } from "#src/acts/act.ts";
import type { MessagePort } from "#src/acts/ports/message-port.ts";
import type { ToolPort } from "#src/acts/ports/tool-port.ts";
import type { Answered, Asked } from "./effects.ts";
import { eachLine } from "./lines.ts";

/** How a process of a trial reaches the world outside. */
export interface Reach {
  readonly socketPath: string;
  readonly by: string;
  /** How long the outside takes to answer. */
  readonly toolMs: number;
}

type Ask = (asked: { readonly do: "find"; readonly key: string } | Omit<Extract<Asked, { do: "perform" }>, "id" | "by">) => Promise<boolean>;

function openLine({ socketPath, by }: Reach): Ask {
  const waiting = new Map<number, (found: boolean) => void>();
  let socket: Socket | undefined;
  let lastId = 0;
  return (asked) => {
    if (!socket) {
      socket = connect(socketPath);
      eachLine(socket, (text) => {
        const { id, found } = JSON.parse(text) as Answered;
        waiting.get(id)?.(found);
        waiting.delete(id);
      });
    }
    const id = (lastId += 1);
    return new Promise((resolve) => {
      waiting.set(id, resolve);
      socket!.write(`${JSON.stringify({ id, by, ...asked })}\n`);
    });
  };
}

/** Tools of every class, and some that hurt: `effect.deaf` takes no notice of its signal, `effect.crash` kills its process, `effect.bug` throws what no port may throw. */
export function effectTools(reach: Reach): ToolPort[] {
  const ask = openLine(reach);
  const tool = (name: string, effect: EffectClass): ToolPort => ({
    name,
    description: `has an effect outside (${effect})`,
    schema: { type: "object" },
    effect,
    async invoke(args, { actKey: key, signal }) {
      const { ms = reach.toolMs } = args as { ms?: number };
      const answer = ask({ do: "perform", key, kind: name, effect, answerAfterMs: ms });
      return { written: await (name === "effect.deaf" ? answer : untilAborted(answer, signal)) };
    },
    ...(effect === "findable" ? { find: async (key: string) => ((await ask({ do: "find", key })) ? { written: true, found: true } : undefined) } : {}),
  });
  return [
    tool("effect.idempotent", "idempotent"),
    tool("effect.findable", "findable"),
    tool("effect.once", "once"),
    tool("effect.careful", "findable"),
    tool("effect.slow", "findable"),
    tool("effect.deaf", "findable"),
    { ...tool("effect.crash", "idempotent"), invoke: () => Promise.resolve(process.kill(process.pid, "SIGKILL")) },
    { ...tool("effect.bug", "idempotent"), invoke: () => Promise.reject(new TypeError("the answer of this tool cannot be parsed")) },
  ];
}

/** As `fetch` does: what was sent was sent, but nobody waits for the answer any more. @throws DOMException AbortError */
async function untilAborted<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([answer, promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** A place for messages that is outside the database. */
export function effectSurface(reach: Reach, name: string): MessagePort {
  const ask = openLine(reach);
  const refOf = (key: string) => ({ surface: name, messageId: key });
  return {
    name,
    async post(_message, key) {
      await ask({ do: "perform", key, kind: "message", effect: "findable", answerAfterMs: reach.toolMs });
      return refOf(key);
    },
    find: async (key) => ((await ask({ do: "find", key })) ? refOf(key) : undefined),
  };
}
