import { z } from "zod";
import { workers } from "../store/workers.ts";
import { loopVerb, type LoopVerb } from "./verb.ts";

const workerView = z.object({
  name: z.string(),
  health: z.enum(["busy", "waiting-ask", "stuck", "dead"]).describe("stuck: it printed nothing for long"),
  state: z.enum(["starting", "asked", "running", "exited", "killed", "lost", "refused"]).describe("asked: a person has to approve its start"),
  alive: z.boolean(),
  exitCode: z.int().nullable(),
  runId: z.string(),
  ticketId: z.string(),
  agent: z.string(),
  startedAtMs: z.int(),
  lastOutputAtMs: z.int(),
  endedAtMs: z.int().nullable(),
  askId: z.string().nullable().describe("its oldest open question"),
  verify: z.enum(["pending", "passed", "failed", "unreadable"]).nullable().describe("null: no check was declared"),
  reason: z.string().nullable(),
});

const list = loopVerb({
  name: "worker list",
  summary: "The workers that live; with `all` those that ended within three days too.",
  access: "read",
  reads: true,
  input: z.strictObject({ all: z.stringbool().default(false) }),
  output: z.object({ workers: z.array(workerView) }),
  async perform({ db }, _speaker, { all }) {
    const known = await workers(db);
    return { workers: all ? known : known.filter(({ state, alive }) => alive || state === "asked") };
  },
});

export const workerVerbs: readonly LoopVerb[] = [list] as readonly LoopVerb[];
