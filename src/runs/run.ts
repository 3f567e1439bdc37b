import type { Act } from "#src/acts/act.ts";
import type { Ask } from "#src/asks/ask.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { PrincipalId, RunId, ThreadId, TicketId } from "#src/kernel/ids.ts";
import type { Trust } from "#src/policy/trust.ts";
import type { ThreadMessage } from "#src/tickets/thread.ts";
import type { Ticket } from "#src/tickets/ticket.ts";

/*
 * How a run moves. `running` is set by the claim and `waiting` by the park of leases/; the rest by one guarded statement each.
 *
 *   queued ──▶ running ◀──▶ waiting
 *                 ├──▶ done | failed                      ended, with a receipt
 *                 ├──▶ quarantined ──▶ queued | failed    it broke the process too often; a person says which
 *                 ├──▶ paused ──▶ queued                  by a person
 *                 └──▶ interrupted                        its outside part was lost (a worker); a retry is a new run
 *   from every open state: cancelled
 */
export const RUN_MOVES = {
  queued: ["running", "paused", "cancelled", "quarantined"],
  running: ["waiting", "done", "failed", "quarantined", "paused", "interrupted", "cancelled"],
  waiting: ["running", "paused", "cancelled"],
  paused: ["queued", "cancelled"],
  quarantined: ["queued", "failed", "cancelled"],
  done: [],
  failed: [],
  interrupted: [],
  cancelled: [],
} as const satisfies Record<string, readonly string[]>;

export type RunStatus = keyof typeof RUN_MOVES;

export interface Run {
  readonly id: RunId;
  readonly ticketId: TicketId | null;
  readonly threadId: ThreadId | null;
  readonly agent: string;
  /** `auto` was decided when the run was made. */
  readonly runner: "model" | "rules" | "command";
  readonly procedure: string;
  readonly state: RunStatus;
  readonly reason: string | null;
  readonly attempt: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly limits: RunLimits;
  /** The revision of the workspace whose instructions, tools and models this run keeps. */
  readonly revision: number;
  readonly turns: number;
  readonly brief: RunBrief;
  /** The run that delegated this one; null: nobody did. */
  readonly parentRunId: RunId | null;
  readonly createdAtMs: number;
  readonly endedAtMs: number | null;
}

export interface RunLimits {
  readonly maxTurns: number;
  readonly maxOutputTokens: number;
  /** What kind of work it is, such as `code`: by whoever brought it, or the trigger. */
  readonly task?: string;
  /** Who brought the work, where that is a principal. */
  readonly requestedBy?: PrincipalId;
  /** Agents that gave this work to the run's agent, the first giver last. */
  readonly givers?: readonly string[];
}

/** What a run is asked for beyond its text, and which agents have had it. Pinned when the run is made, but for what handing over changes. */
export interface RunBrief {
  /** Agents that had this run, the first first, the present one last; left out: nobody handed it over. */
  readonly chain?: readonly string[];
  /** How often it was handed over, back and forth. */
  readonly handovers?: number;
  /** The service whose call this is; left out: none. What it says stands here as it was then. */
  readonly service?: string;
  /** Whether somebody is called back with its result; left out: look. */
  readonly callsBack?: boolean;
  /** What all its agents are told. */
  readonly business?: string;
  /** JSON Schema of the answer; left out: a text. */
  readonly output?: Json;
  /** When it hands over by itself. */
  readonly handoffs?: readonly ServiceHandoff[];
  /** What the failure is called when no answer fits, after one repair. */
  readonly unusable?: string;
  /** The last turn of the conversation asked for a yes to hand over to this agent. */
  readonly confirming?: { readonly to: string; readonly yes: readonly string[] };
  /** The run that all of this is a part of, where parts were given away. */
  readonly root?: RunId;
  /** Until when the answer is of use; milliseconds since 1970. */
  readonly deadlineMs?: number;
  /** What whoever gave this work away had read, or the turns whose answers it begins with: where those texts came from, and whether some of it must not leave. */
  readonly taint?: readonly Trust[];
  readonly sawPrivate?: boolean;
  /** A decision of the judge inside: why it was woken, and what it saw. */
  readonly judge?: JudgeBrief;
  /** For a worker: what else whoever started it said. */
  readonly worker?: WorkerBrief;
}

/** What a worker is started with beside its prompt. */
export interface WorkerBrief {
  /** In place of the command that its agent's file says. */
  readonly command?: string;
  /** Run by the system when it has ended: whether its work holds. */
  readonly verify?: string;
}

/** Digests by what they are of: `playbook`, `goal:<id>`, `sensor:<name>`, `worker:<name>`, `ask:<id>`. Two worlds are the same to the judge when these are. */
export type Face = Readonly<Record<string, string>>;

/** What is pinned when a decision begins, and what is added once when it has ended. */
export interface JudgeBrief {
  /** `first`, `world moved`, `ask answered`, `schedule fired`, `last no-op is old`, `last decision failed`, `asked to be woken`. */
  readonly reason: string;
  /** Members of `seen` that were not so when the last decision ended, sorted. */
  readonly changed: readonly string[];
  /** The first sensor among them; null: none moved. */
  readonly sensor: string | null;
  readonly worldHash: string;
  readonly cursor: string;
  readonly seen: Face;
  readonly after?: JudgeAfter;
}

export interface JudgeAfter {
  /** The world as this decision saw it, with what it changed itself: whatever differs from this was moved by others. */
  readonly face: Face;
  /** Digest of what it did, in order; null: it did nothing. */
  readonly fingerprint: string | null;
  /** When it asked to be woken, at the latest; milliseconds since 1970. */
  readonly wakeAtMs: number | null;
}

/** After a tool was called, after an answer, or once whoever asked said yes. */
export interface ServiceHandoff {
  readonly from: string;
  readonly to: string;
  readonly on: "output" | { readonly tool: string } | { readonly confirm: string; readonly yes: readonly string[] };
}

/** How a run stands, for whoever waits for what it gives. */
export interface RunEnd {
  readonly id: RunId;
  readonly agent: string;
  readonly state: RunStatus;
  readonly reason: string | null;
  /** What it gave, when it ended well. */
  readonly answer: { readonly said: string; readonly value?: Json } | null;
  readonly isOver: boolean;
}

/** One entry of the transcript. `source`: `rules`, a model id, `system`, or who said it. */
export interface Message {
  readonly seq: number;
  readonly role: "input" | "thought" | "note";
  readonly name: string | null;
  readonly source: string;
  readonly trust: Trust;
  readonly content: Json;
}

/** A run that another gave a part of its work to. */
export interface ChildEnd {
  readonly id: RunId;
  readonly agent: string;
  readonly state: RunStatus;
  readonly reason: string | null;
  readonly isOver: boolean;
  /** Its last thought; null: it had none. */
  readonly said: Json | null;
}

/** All that the next move depends on, read in one go. */
export interface RunState {
  readonly run: Run;
  readonly ticket: Ticket | null;
  readonly messages: readonly Message[];
  /** In the order in which they were planned. */
  readonly acts: readonly Act[];
  readonly asks: readonly Ask[];
  /** Said in its thread since, and not in its transcript yet; oldest first. */
  readonly waiting?: readonly ThreadMessage[];
  /** Runs that were given a part of this one's work; looked up while an act waits for one. */
  readonly children?: readonly ChildEnd[];
  /** The database's clock when this was read, or carried on from there. */
  readonly nowMs: number;
}

export const isOpen = (state: RunStatus): boolean => RUN_MOVES[state].length > 0;
