import { appendFileSync, readFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { EffectClass } from "#src/acts/act.ts";
import { eachLine } from "./lines.ts";

/*
 * The world outside, which nothing rolls back: a process of its own (the trial) that is asked over a socket and appends a line to a file for each effect, under
 * the key of its act. It goes on while an engine is stopped or dead: what was sent has its effect, what was not sent has none.
 *
 * An `idempotent` receiver takes the same key any number of times and has one effect: each call is a line, and the oracle counts keys. A `findable` one does
 * what it is told each time: two lines under one key are one effect too many. The effect comes before the answer, so that an engine can die in between.
 */

export interface EffectLine {
  readonly key: string;
  readonly kind: string;
  readonly effect: EffectClass;
  /** Which engine asked for it. */
  readonly by: string;
}

export type Asked =
  | ({ readonly id: number; readonly do: "perform"; readonly answerAfterMs: number } & EffectLine)
  | { readonly id: number; readonly do: "find"; readonly key: string; readonly by: string };

export interface Answered {
  readonly id: number;
  readonly found: boolean;
}

export interface Outside {
  readonly file: string;
  readonly socketPath: string;
  /** How often something was looked for after a crash. */
  readonly searches: () => number;
  /** When the first call under this key arrived, by `performance.now()` of the trial. */
  readonly arrivedMs: (key: string) => number | undefined;
  close(): Promise<void>;
}

export async function openOutside(file: string, socketPath: string): Promise<Outside> {
  const sockets = new Set<Socket>();
  const known = new Map<string, number>();
  let searches = 0;
  const answer = async (asked: Asked): Promise<Answered> => {
    if (asked.do === "find") {
      searches += 1;
      return { id: asked.id, found: known.has(asked.key) };
    }
    const { key, kind, effect, by } = asked;
    if (!known.has(key)) known.set(key, performance.now());
    appendFileSync(file, `${JSON.stringify({ key, kind, effect, by })}\n`);
    if (asked.answerAfterMs > 0) await sleep(asked.answerAfterMs);
    return { id: asked.id, found: true };
  };
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    eachLine(socket, (text) => {
      void answer(JSON.parse(text) as Asked).then((given) => (socket.destroyed ? undefined : socket.write(`${JSON.stringify(given)}\n`)));
    });
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    file,
    socketPath,
    searches: () => searches,
    arrivedMs: (key) => known.get(key),
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function readEffects(file: string): EffectLine[] {
  return textOf(file)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as EffectLine);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // nothing happened yet
  }
}
