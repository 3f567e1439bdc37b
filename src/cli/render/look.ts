/** The page that is written on. */
export interface Look {
  /** Columns; 80 where nobody knows. */
  readonly width: number;
  readonly colour: boolean;
  /** For times relative to now. */
  readonly nowMs: number;
}

/** What a part of a text is for. Each has a word or a sign beside it, since colour may be absent. */
export type Tone = "strong" | "quiet" | "calm" | "busy" | "ask" | "good" | "bad";

const CODES: Readonly<Record<Tone, string>> = { strong: "1", quiet: "2", calm: "36", busy: "34", ask: "33;1", good: "32", bad: "31;1" };

export function toned(text: string, tone: Tone, { colour }: Pick<Look, "colour">): string {
  return colour && text !== "" ? `\x1b[${CODES[tone]}m${text}\x1b[0m` : text;
}

/** Which sign and tone a status has, for tickets, runs, acts and asks. */
const TONE_OF: Readonly<Record<string, Tone>> = {
  new: "busy",
  triaged: "busy",
  queued: "busy",
  running: "busy",
  started: "busy",
  planned: "quiet",
  dispatched: "calm",
  in_review: "calm",
  waiting: "calm",
  awaiting_human: "ask",
  asked: "ask",
  open: "ask",
  paused: "ask",
  resolved: "good",
  done: "good",
  answered: "good",
  blocked: "bad",
  failed: "bad",
  denied: "bad",
  interrupted: "bad",
  quarantined: "bad",
  expired: "bad",
  unknown: "bad",
};
const SIGNS: Readonly<Record<Tone, string>> = { strong: "·", quiet: "·", calm: "~", busy: ">", ask: "?", good: "+", bad: "!" };

/** A status as a sign and a word. */
export function statusWord(status: string, look: Pick<Look, "colour">): string {
  const tone = TONE_OF[status] ?? "quiet";
  return toned(`${SIGNS[tone]} ${status.replaceAll("_", " ")}`, tone, look);
}
