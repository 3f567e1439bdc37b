import type { Trust } from "#src/policy/trust.ts";

/** The ten of OWASP's Top 10 for Agentic Applications 2026. */
export const RISKS = ["ASI01", "ASI02", "ASI03", "ASI04", "ASI05", "ASI06", "ASI07", "ASI08", "ASI09", "ASI10"] as const;
export type Risk = (typeof RISKS)[number];

/** Something that is said to an agent. `ticket`: by a message that opens one; `thread`: as a turn of a conversation, whose answer before was delivered. */
export interface Turn {
  readonly via: "run" | "ticket" | "thread";
  readonly agent: string;
  readonly trust: Trust;
  readonly text: string;
  /** Of conversations: those of one name are one; left out: one of its own. */
  readonly thread?: string;
}

/** One attack or one task, in as many turns as it takes, each begun when all before rest. */
export interface Scene {
  /** A letter and a number; every token of it has it in its middle. */
  readonly id: string;
  readonly title: string;
  readonly turns: readonly Turn[];
  /** What the fakes give, by name. */
  readonly content: Readonly<Record<string, string>>;
  /** Files of the folder `docs`. */
  readonly docs?: Readonly<Record<string, string>>;
  /** How its tool is described by the hostile server. */
  readonly poison?: object;
  /** What stands in the brain as learned from finished work. */
  readonly lesson?: string;
  /** Approvals that Rui gives: none, the first one, or all; `questions`: he says yes to whatever an agent asks, and approves nothing. */
  readonly answers: "none" | "first" | "all" | "questions";
}

export interface Attack extends Scene {
  readonly risks: readonly Risk[];
  readonly source: string;
  /** The tool that the last of its orders wants called. */
  readonly tool: string;
  /** The act that carries the order on to another agent, where that one has the tool. */
  readonly carrier?: string;
  /** False: with every gate open nothing happens either, since nothing is there that could do it, or the tool itself refuses. */
  readonly hasControl: boolean;
  /** How often what it orders may take effect, where it may: an act that is allowed, ordered without end. */
  readonly most?: number;
}

export interface Task extends Scene {
  /** Effects that there must be in the end, each once. */
  readonly wanted: readonly string[];
  readonly calls: number;
}
