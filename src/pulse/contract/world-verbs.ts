import { z } from "zod";
import { noteListening } from "../store/listening.ts";
import { PARTS } from "../world/cursor.ts";
import { stateFor, stateView } from "../world/state.ts";
import { waitFor } from "../world/wait.ts";
import { loopVerb, type LoopVerb } from "./verb.ts";

const state = loopVerb({
  name: "state",
  summary: "The whole world as it is now: open asks, snapshots, goals, schedules, claims and the last lines of the journal. It changes nothing.",
  access: "read",
  reads: true,
  input: z.strictObject({}),
  output: stateView,
  perform: (deps, { caller }) => stateFor(deps, caller),
});

const LONGEST_WAIT_S = 50;
const flag = z
  .enum(["true", "false"])
  .default("false")
  .transform((text) => text === "true");

const wait = loopVerb({
  name: "wait",
  summary:
    "Ends at once when an ask is open that you may answer, else when the world moves, or after 50 seconds with `changed` empty: wait again with the `since` of the answer.",
  access: "read",
  reads: true,
  input: z.strictObject({
    since: z.string().max(200).optional().describe("a cursor: what had moved by then does not end the wait"),
    onlyAsks: flag.describe("only for asks that you may answer"),
    actionable: flag.describe("only for asks that you may answer, and for the playbook, goals and snapshots"),
    timeoutSeconds: z.coerce.number().min(0).max(LONGEST_WAIT_S).default(LONGEST_WAIT_S),
  }),
  output: stateView.extend({
    changed: z.array(z.enum([...PARTS, "pulse-down"])).describe("what moved; empty: nothing did in this time"),
    since: z.string().describe("what had been seen when the wait began"),
  }),
  async perform(deps, speaker, { timeoutSeconds, ...wish }) {
    const { caller } = speaker;
    if (caller.kind === "agent" && caller.runId === null) await noteListening(deps.db, deps.clock, caller.id);
    const { changed, since } = await waitFor(deps, speaker, { ...wish, timeoutMs: timeoutSeconds * 1_000 });
    const seen = await stateFor(deps, speaker.caller);
    return { changed: [...changed], since, ...seen };
  },
});

export const worldVerbs: readonly LoopVerb[] = [state, wait] as readonly LoopVerb[];
