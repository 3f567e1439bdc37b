import type { Act } from "#src/acts/act.ts";
import type { Run, RunState, ServiceHandoff } from "../run.ts";
import { HANDOFF } from "./args.ts";

const rulesFrom = ({ agent, brief }: Pick<Run, "agent" | "brief">): readonly ServiceHandoff[] => (brief.handoffs ?? []).filter(({ from }) => from === agent);

/** Whether what this agent answers goes to another agent, or asks for a yes, and is not the end. */
export const handsOn = (run: Pick<Run, "agent" | "brief">): boolean => rulesFrom(run).some(({ on }) => on === "output" || "confirm" in on);

/** The question that the answer of this agent ends with. */
export function confirmationOf(run: Pick<Run, "agent" | "brief">): string | undefined {
  const rule = rulesFrom(run).find(({ on }) => on !== "output" && "confirm" in on);
  return rule && rule.on !== "output" && "confirm" in rule.on ? rule.on.confirm : undefined;
}

/** To whom the service hands over now by itself, and why; undefined: to nobody. `answered`: the agent has just said what it has to say. */
export function dueHandoff(state: RunState, answered: boolean): { readonly to: string; readonly reason: string } | undefined {
  const { run } = state;
  const since = state.acts.findLastIndex(({ kind, state: at }) => kind === "handoff" && at === "done");
  const acts = state.acts.slice(since + 1);
  const due = rulesFrom(run)
    .flatMap(({ to, on }) => reasonFor(to, { on, acts, answered }))
    .find(({ to }) => !isRefused(state.acts, to));
  return due ?? confirmed(state);
}

function reasonFor(
  to: string,
  { on, acts, answered }: { on: ServiceHandoff["on"]; acts: readonly Act[]; answered: boolean },
): { to: string; reason: string }[] {
  if (on === "output") return answered ? [{ to, reason: "it has its answer" }] : [];
  if ("tool" in on)
    return acts.some(({ kind, name, state }) => kind === "tool" && name === on.tool && state === "done") ? [{ to, reason: `${on.tool} was called` }] : [];
  return [];
}

/** Whoever was asked said yes, in one of the words that mean it. Anything else is a message like any other. */
function confirmed({ run, messages, acts }: RunState): { readonly to: string; readonly reason: string } | undefined {
  const asked = run.brief.confirming;
  if (!asked || messages.some(({ role }) => role === "thought") || acts.some(({ kind, facts }) => kind === "handoff" || !facts.ofProcedure)) return undefined;
  const said =
    (messages.findLast(({ role, name }) => role === "input" && name === null)?.content as { text?: string } | undefined)?.text?.split("\n\n<", 1)[0] ?? "";
  const plain = (words: string): string =>
    words
      .normalize("NFKC")
      .trim()
      .replace(/(?<![.!])[.!]+$/, "")
      .toLocaleLowerCase();
  return asked.yes.some((yes) => plain(yes) === plain(said)) ? { to: asked.to, reason: "it was confirmed" } : undefined;
}

/** A handover that was refused once is not tried again. */
const isRefused = (acts: readonly Act[], to: string): boolean =>
  acts.some(({ kind, name, state }) => kind === "handoff" && name === HANDOFF + to && state === "denied");
