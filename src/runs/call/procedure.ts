import type { PlannedAct, Procedure } from "../procedure.ts";

const LONGEST_SAID = 4_000;

/** What a run of this procedure is asked for, beside the words of its first message. */
export interface CallRequest {
  readonly text: string;
  readonly call: PlannedAct;
}

/** One call of one tool that a person asked for by name, and nothing else. It passes the gate as every act does. */
export const call: Procedure = {
  name: "call",
  next({ messages, acts }) {
    const request = messages[0]!.content as unknown as CallRequest;
    const act = acts.at(-1);
    if (!act) return { kind: "plan", acts: [request.call] };
    if (act.state === "done") return { kind: "finish", outcome: { said: JSON.stringify(act.result).slice(0, LONGEST_SAID), checked: "unchecked" } };
    return { kind: "fail", code: act.error?.code ?? `act_${act.state}`, message: act.error?.message ?? `the call of ${act.name} was ${act.state}` };
  },
};
