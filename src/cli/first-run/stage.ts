import type { Api, Target } from "../client/api.ts";
import type { Look } from "../render/look.ts";
import { toned } from "../render/look.ts";
import { wrapped } from "../render/width.ts";

/** What the demonstration works with. */
export interface Stage {
  readonly api: Api;
  readonly target: Target;
  readonly homeFolder: string;
  readonly outboxFolder: string;
  /** How `loop` is called here. */
  readonly command: string;
  readonly look: () => Look;
  readonly print: (text: string) => void;
  /** Aborted when the server is to stop. */
  readonly signal: AbortSignal;
  /** Ctrl-C at the question. */
  readonly interrupted: () => void;
  /** `answers`: nobody is asked, each question is answered at once. `asks`: there is a terminal. `waits`: somebody may answer elsewhere. */
  readonly mode: "answers" | "asks" | "waits";
}

/** A line between two parts. */
export function headline({ print, look }: Pick<Stage, "print" | "look">, text: string): void {
  print(`\n${toned(`── ${text} `.padEnd(look().width, "─"), "strong", look())}`);
}

/** What is said about the demonstration itself, and is no part of the story. */
export function aside({ print, look }: Pick<Stage, "print" | "look">, text: string): void {
  print(wrapped(text, look().width).join("\n"));
}
