import { type Key, render, Text, useApp, useInput, useWindowSize } from "ink";
import { createElement, useEffect, useRef, useState } from "react";
import type { Clock } from "#src/kernel/clock.ts";
import { frame } from "./frame.ts";
import { pressed } from "./press.ts";
import { arrived, type Deed, FIRST, type Notice, type Press, type ScreenState } from "./screen-state.ts";
import type { Seen } from "./seen.ts";

type Answer = Extract<Deed, { do: "answer" }>;

export interface ScreenParts {
  readonly clock: Clock;
  readonly colour: boolean;
  /** Follows what happens until the signal. */
  readonly follow: (told: { readonly seen: (seen: Seen) => void; readonly lost: (why: string) => void }, signal: AbortSignal) => Promise<void>;
  /** Sends an answer; gives what came of it, in words. */
  readonly answer: (answer: Answer) => Promise<Notice>;
}

const TICK_MS = 1_000;

/** Holds the terminal until somebody leaves. @throws what broke while it followed */
export async function showScreen(parts: ScreenParts): Promise<void> {
  const screen = render(createElement(Screen, parts), { alternateScreen: true, interactive: true, incrementalRendering: true, exitOnCtrlC: true });
  await screen.waitUntilExit();
}

function Screen({ clock, colour, follow, answer }: ScreenParts) {
  const { exit } = useApp();
  const size = useWindowSize();
  const [state, setState] = useState<ScreenState>(FIRST);
  const [nowMs, setNowMs] = useState(() => clock.nowMs());
  const latest = useRef(state);
  const change = (make: (before: ScreenState) => ScreenState): void => {
    latest.current = make(latest.current);
    setState(latest.current);
  };

  useEffect(() => {
    const gone = new AbortController();
    const told = {
      seen: (seen: Seen) => change((before) => arrived(before, seen, clock.nowMs())),
      lost: (why: string) => change((before) => ({ ...before, lost: why })),
    };
    follow(told, gone.signal).catch((error: unknown) => exit(error as Error));
    const tick = setInterval(() => setNowMs(clock.nowMs()), TICK_MS);
    return () => {
      gone.abort();
      clearInterval(tick);
    };
  }, []);

  const send = async (deed: Answer): Promise<void> => {
    const notice = await answer(deed);
    change((before) => ({ ...before, notice, mode: notice.tone === "good" ? { kind: "browse" } : unsent(before) }));
  };

  useInput((input, key) => {
    const press = pressOf(input, key);
    if (!press) return;
    let deed: Deed | undefined;
    change((before) => {
      const next = pressed(before, press);
      deed = next.deed;
      return next.state;
    });
    if (deed?.do === "quit") exit();
    if (deed?.do === "answer") void send(deed).catch((error: unknown) => exit(error as Error));
  });

  const lines = frame(state, { columns: size.columns, rows: size.rows }, { width: size.columns, colour, nowMs });
  return createElement(Text, { wrap: "truncate" }, lines.join("\n"));
}

const unsent = ({ mode }: ScreenState): ScreenState["mode"] => (mode.kind === "ask" ? { ...mode, sending: false } : mode);

const NAMED = [
  ["upArrow", "up"],
  ["downArrow", "down"],
  ["leftArrow", "left"],
  ["rightArrow", "right"],
  ["pageUp", "page-up"],
  ["pageDown", "page-down"],
  ["home", "home"],
  ["end", "end"],
  ["return", "enter"],
  ["escape", "escape"],
  ["backspace", "backspace"],
  ["delete", "backspace"], // what most terminals send for it
] as const satisfies readonly (readonly [keyof Key, Exclude<Press["key"], "text">])[];

function pressOf(input: string, key: Key): Press | undefined {
  if (key.tab) return { key: key.shift ? "back-tab" : "tab" };
  const named = NAMED.find(([name]) => key[name]);
  if (named) return { key: named[1] };
  const text = input.replaceAll(/\p{Cc}+/gu, " ");
  return key.ctrl || key.meta || text === "" ? undefined : { key: "text", text };
}
