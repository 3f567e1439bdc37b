import type { AskShape } from "../client/shapes.ts";
import { chosenAt, type Deed, keysOf, type Mode, openAsk, type Pane, PANES, type Press, type ScreenState, type Typing } from "./screen-state.ts";

export interface Pressed {
  readonly state: ScreenState;
  readonly deed?: Deed;
}

type AskMode = Extract<Mode, { kind: "ask" }>;

const PAGE = 10;

/** The next state of the screen after a key. Pure. */
export function pressed(before: ScreenState, press: Press): Pressed {
  const state = { ...before, notice: undefined };
  const { mode } = state;
  if (mode.kind === "ask") return inAsk(state, mode, press);
  const letter = letterOf(press);
  if (letter === "q") return { state, deed: { do: "quit" } };
  if (mode.kind === "help") return { state: { ...state, mode: { kind: "browse" } } };
  if (mode.kind === "detail") return { state: inDetail(state, mode.top, press) };
  if (press.key === "text" && press.text.length > 1)
    return press.text.split("").reduce<Pressed>((so, one) => (so.deed ? so : pressed(so.state, { key: "text", text: one })), { state });
  return { state: inBrowse(state, press) };
}

/** One letter that was typed by itself. */
const letterOf = (press: Press): string | undefined => (press.key === "text" && press.text.length === 1 ? press.text : undefined);

function inBrowse(state: ScreenState, press: Press): ScreenState {
  const letter = letterOf(press);
  const by = stepOf(press);
  if (by !== undefined) return moved(state, by);
  if (press.key === "tab" || press.key === "right" || letter === "l") return { ...state, pane: paneAfter(state.pane, 1) };
  if (press.key === "back-tab" || press.key === "left" || letter === "h") return { ...state, pane: paneAfter(state.pane, -1) };
  if (letter !== undefined && /[1-5]/.test(letter)) return { ...state, pane: PANES[Number(letter) - 1]! };
  if (letter === "?") return { ...state, mode: { kind: "help" } };
  return press.key === "enter" ? opened(state) : state;
}

/** How many rows a key goes on; undefined: it is for something else. */
function stepOf(press: Press): number | undefined {
  const letter = letterOf(press);
  if (press.key === "down" || letter === "j") return 1;
  if (press.key === "up" || letter === "k") return -1;
  if (press.key === "page-down") return PAGE;
  if (press.key === "page-up") return -PAGE;
  if (press.key === "home" || letter === "g") return -Infinity;
  if (press.key === "end" || letter === "G") return Infinity;
  return undefined;
}

function moved(state: ScreenState, by: number): ScreenState {
  const keys = keysOf(state.seen, state.pane);
  if (keys.length === 0) return state;
  const at = Math.min(keys.length - 1, Math.max(0, chosenAt(state, state.pane) + by));
  return { ...state, chosen: { ...state.chosen, [state.pane]: keys[at] } };
}

const paneAfter = (pane: Pane, by: 1 | -1): Pane => PANES[(PANES.indexOf(pane) + by + PANES.length) % PANES.length]!;

function opened(state: ScreenState): ScreenState {
  const key = keysOf(state.seen, state.pane)[chosenAt(state, state.pane)];
  if (key === undefined) return state;
  const chosen = { ...state.chosen, [state.pane]: key };
  if (state.pane !== "asks") return { ...state, chosen, mode: { kind: "detail", top: 0 } };
  return { ...state, chosen, mode: { kind: "ask", askId: key, top: 0, typing: typingFor(openAsk(state, key)!), sending: false } };
}

function typingFor({ kind, options }: AskShape): Typing {
  if (kind === "approval") return { kind: "verdict" };
  return options.length > 0 ? { kind: "option", at: 0 } : { kind: "text", text: "" };
}

function inDetail(state: ScreenState, top: number, press: Press): ScreenState {
  if (press.key === "escape" || press.key === "enter") return { ...state, mode: { kind: "browse" } };
  const by = stepOf(press);
  return by === undefined ? state : { ...state, mode: { kind: "detail", top: scrolled(top, by) } };
}

/** The end is for whoever draws to know. */
const scrolled = (top: number, by: number): number => Math.min(MOST_LINES, Math.max(0, top + by));
const MOST_LINES = 10_000;

function inAsk(state: ScreenState, mode: AskMode, press: Press): Pressed {
  if (mode.sending) return { state };
  const leaves = press.key === "escape" || (letterOf(press) === "q" && (mode.typing.kind === "verdict" || mode.typing.kind === "option"));
  if (leaves) return { state: { ...state, mode: isSecondStep(mode.typing) ? { ...mode, typing: { kind: "verdict" } } : { kind: "browse" } } };
  if (press.key === "page-down" || press.key === "page-up") return { state: { ...state, mode: { ...mode, top: scrolled(mode.top, stepOf(press)!) } } };
  const ask = openAsk(state, mode.askId);
  if (!ask) return { state: { ...state, mode: { kind: "browse" } } };
  const { typing } = mode;
  const to = (next: Typing): Pressed => ({ state: { ...state, mode: { ...mode, typing: next } } });
  if (typing.kind === "verdict") return onVerdict({ state, mode, press, to });
  if (typing.kind === "approving")
    return letterOf(press) === "y" ? sent({ state, mode, ask, answer: "approve" }) : press.key === "text" ? to({ kind: "verdict" }) : { state };
  if (typing.kind === "option") return onOption({ state, mode, ask, press, at: typing.at, to });
  return onText({ state, mode, ask, press, typing, to });
}

const isSecondStep = ({ kind }: Typing): boolean => kind === "approving" || kind === "denying";

interface In {
  readonly state: ScreenState;
  readonly mode: AskMode;
  readonly press: Press;
  readonly to: (typing: Typing) => Pressed;
}

/** Only a letter that came by itself counts: something that is pasted here decides nothing. */
function onVerdict({ state, mode, press, to }: In): Pressed {
  const letter = letterOf(press);
  if (letter === "a") return to({ kind: "approving" });
  if (letter === "d") return to({ kind: "denying", text: "" });
  const by = stepOf(press);
  return { state: by === undefined ? state : { ...state, mode: { ...mode, top: scrolled(mode.top, by) } } };
}

function onOption({ state, mode, ask, press, at, to }: In & { ask: AskShape; at: number }): Pressed {
  const letter = letterOf(press);
  const last = ask.options.length - 1;
  if (press.key === "enter") return sent({ state, mode, ask, answer: ask.options[Math.min(at, last)]! });
  if (letter !== undefined && /[1-9]/.test(letter) && Number(letter) <= last + 1) return to({ kind: "option", at: Number(letter) - 1 });
  const by = stepOf(press);
  return by === undefined ? { state } : to({ kind: "option", at: Math.min(last, Math.max(0, at + by)) });
}

function onText({ state, mode, ask, press, typing, to }: In & { ask: AskShape; typing: Extract<Typing, { text: string }> }): Pressed {
  if (press.key === "text") return to({ ...typing, text: typing.text + press.text });
  if (press.key === "backspace") return to({ ...typing, text: withoutLast(typing.text) });
  if (press.key !== "enter") return { state };
  const text = typing.text.trim();
  if (typing.kind === "denying") return sent({ state, mode, ask, answer: "deny", reason: text === "" ? undefined : text });
  return text === ""
    ? { state: { ...state, notice: { text: "Type an answer first; Esc goes back.", tone: "quiet" } } }
    : sent({ state, mode, ask, answer: text });
}

function sent({
  state,
  mode,
  ask,
  answer,
  reason,
}: {
  state: ScreenState;
  mode: AskMode;
  ask: AskShape;
  answer: string;
  reason?: string | undefined;
}): Pressed {
  if (state.lost !== undefined)
    return { state: { ...state, notice: { text: "Not sent: the server is away. It is kept; send it again when it is back.", tone: "bad" } } };
  return { state: { ...state, mode: { ...mode, sending: true } }, deed: { do: "answer", ask, answer, reason } };
}

/** Without the last character as a person sees it. */
const withoutLast = (text: string): string => text.slice(0, [...CHARACTERS.segment(text)].at(-1)?.index ?? 0);
const CHARACTERS = new Intl.Segmenter();
