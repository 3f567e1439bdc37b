import type { AskShape } from "../client/shapes.ts";
import type { Seen } from "./seen.ts";

export const PANES = ["asks", "workers", "sensors", "goals", "journal"] as const;
export type Pane = (typeof PANES)[number];

/** What is typed for an ask. `text`: an answer in words, or the reason of a denial. */
export type Typing =
  | { readonly kind: "option"; readonly at: number }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "verdict" }
  | { readonly kind: "approving" }
  | { readonly kind: "denying"; readonly text: string };

export type Mode =
  | { readonly kind: "browse" }
  | { readonly kind: "help" }
  /** One row, whole. */
  | { readonly kind: "detail"; readonly top: number }
  | { readonly kind: "ask"; readonly askId: string; readonly top: number; readonly typing: Typing; readonly sending: boolean };

export interface Notice {
  readonly text: string;
  readonly tone: "good" | "bad" | "quiet";
}

export interface ScreenState {
  /** Undefined: nothing came yet. */
  readonly seen: Seen | undefined;
  /** When it was looked at. */
  readonly seenAtMs: number;
  /** Undefined: connected. Else why not. */
  readonly lost: string | undefined;
  readonly pane: Pane;
  /** The chosen row of each pane, by its key, so that rows which come and go do not move it. */
  readonly chosen: Readonly<Partial<Record<Pane, string>>>;
  readonly mode: Mode;
  readonly notice: Notice | undefined;
}

export const FIRST: ScreenState = { seen: undefined, seenAtMs: 0, lost: undefined, pane: "asks", chosen: {}, mode: { kind: "browse" }, notice: undefined };

/** What was pressed. `text`: everything that came at once, so that what is pasted can be told from what is typed. */
export type Press =
  | { readonly key: "up" | "down" | "left" | "right" | "page-up" | "page-down" | "home" | "end" | "enter" | "escape" | "backspace" | "tab" | "back-tab" }
  | { readonly key: "text"; readonly text: string };

/** What is to be done beside showing the next state. */
export type Deed = { readonly do: "quit" } | { readonly do: "answer"; readonly ask: AskShape; readonly answer: string; readonly reason: string | undefined };

/** Keys of the rows of a pane, in order. */
export function keysOf(seen: Seen | undefined, pane: Pane): readonly string[] {
  if (seen === undefined) return [];
  if (pane === "asks") return seen.asks.map(({ id }) => id);
  if (pane === "workers") return seen.workers.map(({ name }) => name);
  if (pane === "sensors") return seen.sensors.map(({ name }) => name);
  if (pane === "goals") return seen.goals;
  return seen.journal.map((line, index) => `${seen.journal.length - index} ${line}`);
}

/** Which row of the pane is chosen; 0 where the one that was is gone. */
export function chosenAt({ seen, chosen }: ScreenState, pane: Pane): number {
  return Math.max(0, keysOf(seen, pane).indexOf(chosen[pane] ?? ""));
}

export const openAsk = ({ seen }: ScreenState, askId: string): AskShape | undefined => seen?.asks.find(({ id }) => id === askId);

/** What came from the server. An ask that is shown and open no more is left, with a word about it. */
export function arrived(state: ScreenState, seen: Seen, nowMs: number): ScreenState {
  const notice: Notice | undefined = state.lost !== undefined && state.seen !== undefined ? { text: "Connected again.", tone: "good" } : state.notice;
  const next = { ...state, seen, seenAtMs: nowMs, lost: undefined, notice };
  if (state.mode.kind !== "ask" || state.mode.sending || openAsk(next, state.mode.askId)) return next;
  return {
    ...next,
    mode: { kind: "browse" },
    notice: { text: "That question is closed: somebody else answered it, or it is not asked any more.", tone: "quiet" },
  };
}
