import type { EffectClass } from "#src/acts/act.ts";
import type { ToolTerms } from "#src/acts/ports/tool-port.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { LoopDeps } from "../contract/verb.ts";

/** How a verb behaves as a tool. */
export interface VerbTerms {
  /**
   * idempotent: the same again changes nothing. findable: it stands in the journal, in the same commit or right behind it, under the key of the act. read: it
   * changes nothing.
   */
  readonly effect: EffectClass;
  readonly terms: Pick<ToolTerms, "risk" | "untrusted" | "outbound" | "private">;
  /** It lasts beyond the run of whoever called it, so it is not said by that run. */
  readonly outlasts?: true;
  /** Of what is findable: the line of the journal that is still missing where its effect is there all the same; undefined: it is not. */
  readonly happened?: (deps: LoopDeps, args: { readonly [key: string]: Json }) => Promise<string | undefined>;
}

const direction: VerbTerms = { effect: "idempotent", terms: { risk: "medium", untrusted: false } };
const gone: VerbTerms = { effect: "findable", terms: { risk: "medium", untrusted: false } };
const told: VerbTerms = { effect: "findable", terms: { risk: "low", untrusted: false } };
const look: VerbTerms = { effect: "read", terms: { risk: "low", untrusted: true } };

/**
 * The verbs that an agent may be offered as tools, as `loop.goal_write`. None is outbound: notes go where loop.yaml says, and what a command or a worker sends
 * is decided at the act of its own run, which knows the command and what was read. `run` and `worker start` are low risk for the same reason: they open that run.
 */
export const TOOL_TERMS: Readonly<Record<string, VerbTerms>> = {
  "goal write": direction,
  "goal archive": { ...gone, happened: isArchived },
  "playbook write": direction,
  "sensor write": { effect: "findable", terms: { risk: "medium", untrusted: false } },
  run: { effect: "findable", terms: { risk: "low", untrusted: true, private: true } },
  "run wait": { ...look, terms: { ...look.terms, private: true } },
  notify: told,
  "schedule write": direction,
  "schedule rm": gone,
  "schedule list": { effect: "read", terms: { risk: "low", untrusted: false } },
  "worker start": { effect: "findable", terms: { risk: "low", untrusted: false } },
  "worker kill": gone,
  "worker list": { effect: "read", terms: { risk: "low", untrusted: false } },
  "worker log": look,
  "worker screenshot": look,
  answer: direction, // the same answer again is the same
  asks: look,
  tell: told,
  claim: { ...direction, outlasts: true },
  unclaim: { ...direction, outlasts: true },
  journal: look,
  "report list": look,
  "report show": look,
  "journal write": told,
  "playbook diff": look,
};

/** Verbs that are nobody's tools: what waits would hold a run, what a worker says it says itself, the world was shown, and people bring old texts back. */
export const NO_TOOLS: ReadonlySet<string> = new Set(["state", "wait", "ask", "ask wait", "told", "cost", "playbook restore", "kill"]);

async function isArchived({ workspaces }: LoopDeps, { id, journal }: { readonly [key: string]: Json }): Promise<string | undefined> {
  if (typeof id !== "string") return undefined;
  const { goals } = (await workspaces.current()).workspace;
  const isGone = goals.every((goal) => goal.id !== id) && goals.some((goal) => goal.id === `archive/${id}`);
  return isGone ? (typeof journal === "string" ? journal : `archive-goal ${id}`) : undefined;
}
