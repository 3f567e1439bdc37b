import { z } from "zod";
import { judgeRecord } from "../store/judgements.ts";
import { type JudgeParts, judgeStanding } from "./judge.ts";
import type { Judgement, NextJudgement } from "./next-judgement.ts";

/** How the judge stands, for people. */
export const judgeView = z
  .object({
    where: z.enum(["outside", "inside"]),
    last: z
      .object({
        run: z.string(),
        state: z.string(),
        reason: z.string().nullable().describe("why it was woken; null: it cannot be read"),
        at: z.string(),
        endedAt: z.string().nullable(),
      })
      .nullable()
      .describe("the last decision; null: there was none"),
    next: z
      .object({ kind: z.enum(["decide", "settle", "ask", "wait"]), why: z.string(), until: z.string().nullable().describe("null: until something moves") })
      .nullable()
      .describe("null: whoever decides is outside"),
  })
  .meta({ id: "Judge" });
export type JudgeView = z.infer<typeof judgeView>;

/** Reads only; of a judge outside nothing but what the one inside did last. */
export async function viewJudge(engine: Pick<JudgeParts["engine"], "db" | "clock" | "workspaces">): Promise<JudgeView> {
  const where = (await engine.workspaces.current()).workspace.manifest.judge;
  if (where === "outside") return { where, last: viewLast((await judgeRecord(engine.db)).last[0]), next: null };
  const { state, next } = await judgeStanding({ engine });
  const until = next.kind === "wait" && next.untilMs !== null ? isoOf(next.untilMs) : null;
  return { where, last: viewLast(state.last[0]), next: { kind: next.kind, why: whyOf(next), until } };
}

const isoOf = (ms: number): string => new Date(ms).toISOString();

function viewLast(newest: Judgement | undefined): JudgeView["last"] {
  if (!newest) return null;
  const { runId, state, brief, startedAtMs, endedAtMs } = newest;
  return { run: runId, state, reason: brief?.reason ?? null, at: isoOf(startedAtMs), endedAt: endedAtMs === null ? null : isoOf(endedAtMs) };
}

function whyOf(next: NextJudgement): string {
  if (next.kind === "wait") return next.why;
  if (next.kind === "decide") return next.wake.reason;
  return next.kind === "ask" ? "a person is asked whether it may go on" : "the last decision is written down";
}
