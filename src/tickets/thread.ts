import type { Json } from "#src/kernel/canonical-json.ts";
import type { Id, RunId, ThreadId } from "#src/kernel/ids.ts";
import type { Trust } from "#src/policy/trust.ts";

/** One conversation. */
export interface Thread {
  readonly id: ThreadId;
  readonly surface: string;
  readonly channel: string;
  readonly externalId: string;
  /** Who answers at the beginning; an agent that a run was handed to keeps the conversation. */
  readonly agent: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The principal who opened it; null: the system. */
  readonly openedBy: string | null;
  readonly createdAtMs: number;
}

/** A file or image that came with a message; its bytes are kept once, under the SHA-256 of them in hexadecimal. */
export interface Attachment {
  readonly digest: string;
  readonly name: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
}

/** steer: it goes into the run that is open. turn: it waits for a run of its own. */
export type MessageWay = "steer" | "turn";

export interface ThreadMessage {
  readonly id: Id<"msg">;
  readonly threadId: ThreadId;
  readonly position: number;
  readonly role: "person" | "agent";
  readonly author: string;
  readonly trust: Trust;
  readonly text: string;
  /** A structured answer; null: the text is all. */
  readonly content: Json | null;
  readonly attachments: readonly Attachment[];
  readonly way: MessageWay;
  /** What is asked for beyond the text; of an answer: what its run had read, since the next turn reads the answer. */
  readonly brief: Json | null;
  /** The run that took it or answered with it; null: it waits for its turn. */
  readonly runId: RunId | null;
  readonly deliveredAtMs: number | null;
  readonly atMs: number;
}
