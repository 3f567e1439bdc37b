import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import { answerAsk } from "#src/asks/answer.ts";
import type { Ask } from "#src/asks/ask.ts";
import { openAsks } from "#src/asks/store/read.ts";
import type { Db } from "#src/database/open.ts";
import { systemClock } from "#src/kernel/clock.ts";

/** The person of the trials: an owner who answers at once. */
export const PERSON = { id: "prn_trial" as const, handle: "trial", roles: ["owner"] as const };

export const ANSWERS: Readonly<Record<string, string>> = {
  act: "approve",
  acknowledgement: "acknowledged",
  resolution: "done",
  check: "yes",
  quarantine: "try again",
  unknown: "it happened",
  budget: "deny",
};

export const answerOne = (db: Db, ask: Ask, answer = ANSWERS[ask.purpose] ?? "approve") =>
  answerAsk(db, systemClock, { askId: ask.id, person: PERSON, answer, face: "trial" });

/** As a server does after a commit. */
export async function hurry(db: Db): Promise<void> {
  await sql`select pg_notify('loopwright', '')`.execute(db);
}

export interface Answering {
  /** Ask by ask, what was answered. */
  readonly answered: readonly Ask[];
  stop(): Promise<void>;
}

/** Answers whatever is asked, until it is stopped. Failures of the database count as not yet answered. */
export function answerAll(db: Db, { everyMs = 100, answers = ANSWERS }: { everyMs?: number; answers?: Readonly<Record<string, string>> } = {}): Answering {
  const answered: Ask[] = [];
  let stopping = false;
  const loop = (async () => {
    while (!stopping) {
      const asks = await openAsks(db).catch(() => []);
      for (const ask of asks) {
        const answer = answers[ask.purpose];
        if (answer === undefined) continue;
        const done = await answerOne(db, ask, answer).catch(() => undefined);
        if (done) answered.push(ask);
      }
      if (asks.length > 0) await hurry(db).catch(() => undefined);
      await sleep(everyMs);
    }
  })();
  return {
    answered,
    async stop() {
      stopping = true;
      await loop;
    },
  };
}
