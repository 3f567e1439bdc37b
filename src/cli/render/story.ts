import type { ActShape, AskShape, EventShape, MessageShape } from "../client/shapes.ts";
import { draftOf } from "./draft.ts";
import type { Tone } from "./look.ts";
import { usdText } from "./money.ts";
import { reasonsIn } from "./reasons.ts";
import { lengthText } from "./time.ts";
import { cut } from "./width.ts";

/** One thing that happened, in the words that a person tells it with. Texts are as they came: whoever shows them makes them safe. */
export interface Chapter {
  /** Of the event in the journal. */
  readonly position: number;
  readonly at: string;
  readonly word: string;
  readonly tone: Tone;
  /** The first says it in short; the others are details. */
  readonly lines: readonly string[];
}

/** What is known of the runs of the ticket beside the journal: what a model said, and what acts are made of. */
export interface RunFacts {
  readonly acts: readonly ActShape[];
  readonly messages: readonly MessageShape[];
  readonly asks: readonly AskShape[];
}

type Payload = { readonly [key: string]: unknown };

interface Telling {
  readonly event: EventShape;
  readonly payload: Payload;
  readonly act: ActShape | undefined;
  readonly ask: AskShape | undefined;
  readonly runs: readonly RunFacts[];
}

type Told = Pick<Chapter, "word" | "tone" | "lines"> | undefined;

/** The journal of a ticket as a story, in order. Events that say nothing to a person are left out. */
export function storyOf(events: readonly EventShape[], runs: readonly RunFacts[]): Chapter[] {
  return events.flatMap((event) => {
    const payload = (event.payload ?? {}) as Payload;
    const act = runs.flatMap(({ acts }) => acts).find(({ id }) => id === payload["act"]);
    const ask = runs.flatMap(({ asks }) => asks).find(({ id }) => id === payload["ask"]);
    const told = event.erased ? erased(event) : (TELLERS[event.kind] ?? learned)({ event, payload, act, ask, runs });
    return told ? [{ position: event.position, at: event.at, ...told }] : [];
  });
}

const erased = ({ kind }: EventShape): Told => ({ word: "erased", tone: "quiet", lines: [`what ${kind} said was erased`] });

const text = (value: unknown): string => (typeof value === "string" ? value : "");
const some = (...parts: readonly (string | false | null | undefined)[]): string => parts.filter((part) => part).join(" · ");

const TELLERS: Readonly<Record<string, (telling: Telling) => Told>> = {
  "ticket.opened": ({ payload }) => ({
    word: "came in",
    tone: "calm",
    lines: [
      some(text(payload["sender"]), `over ${text(payload["surface"])}`, text(payload["language"]), `trust: ${text(payload["trust"])}`),
      text(payload["text"]).trim(),
      `goes to ${text(payload["agent"])}: ${text(payload["reason"])}`,
    ],
  }),
  "run.thought": ({ payload }) => thought(text(payload["purpose"]), payload["content"], text(payload["by"])),
  "act.done": actDone,
  "act.asked": ({ payload }) => ({
    word: "held",
    tone: "ask",
    lines: [...decisionLines(payload["decision"]), `for a person: ${text(payload["kind"])} ${text(payload["name"])}`],
  }),
  "act.started": authorised,
  "act.waiting": actWaiting,
  "act.denied": ({ payload }) => ({ word: "denied", tone: "bad", lines: [`${text(payload["kind"])} ${text(payload["name"])}: ${text(payload["why"])}`] }),
  "act.failed": failedAct("failed"),
  "act.unknown": failedAct("unknown"),
  "ask.opened": ({ payload }) => (payload["purpose"] === "act" ? undefined : { word: "asked", tone: "ask", lines: [text(payload["prompt"])] }),
  "ask.delivery_failed": ({ payload }) => ({
    word: "not told",
    tone: "bad",
    lines: [`${text(payload["to"])} was not reached over ${text(payload["surface"])}: ${text(payload["why"])}`],
  }),
  "ask.answered": answered("answered"),
  "ask.answered_late": answered("too late"),
  "ask.overridden": answered("overridden"),
  "ask.reminded": () => ({ word: "reminded", tone: "quiet", lines: ["nobody has answered yet"] }),
  "ask.escalated": ({ payload }) => ({
    word: "escalated",
    tone: "ask",
    lines: [`nobody answered in ${lengthText(Number(payload["afterMs"]))}; it goes to ${peopleIn(payload["to"])} too`],
  }),
  "ask.expired": ({ payload }) => ({ word: "expired", tone: "bad", lines: [`nobody answered in ${lengthText(Number(payload["afterMs"]))}`] }),
  "receipt.signed": ({ payload }) => ({
    word: "receipt",
    tone: "good",
    lines: [`signed by ${text(payload["keyId"])}, over sha256 ${text(payload["digest"])}`],
  }),
  "run.done": ({ payload }) => ({
    word: "finished",
    tone: "good",
    lines: [`said: ${text(payload["said"])}`, `checked: ${text(payload["checked"]) || "none"}`],
  }),
  "run.failed": ({ payload }) => ({ word: "failed", tone: "bad", lines: [text(payload["reason"])] }),
  "run.quarantined": ({ payload }) => ({ word: "set aside", tone: "bad", lines: [`the run broke its process ${Number(payload["tries"])} times`] }),
  "run.cancelled": command("cancelled"),
  "run.paused": command("paused"),
  "run.resumed": command("goes on"),
  "ticket.cancelled": command("given up"),
};

function command(word: string): (telling: Telling) => Told {
  return ({ payload }) => ({ word, tone: "quiet", lines: [some(text(payload["by"]) && `by ${text(payload["by"])}`, text(payload["reason"])) || "by itself"] });
}

/** Kinds that later parts add: what was learned is told, the rest is left out. */
function learned({ event, payload }: Telling): Told {
  if (!/^(lesson|skill|proposal)\./.test(event.kind)) return undefined;
  return {
    word: "learned",
    tone: "good",
    lines: [text(payload["title"]) || text(payload["text"]) || text(payload["name"]) || event.kind, text(payload["summary"])].filter((line) => line !== ""),
  };
}

interface Thought {
  readonly category?: string;
  readonly severity?: number;
  readonly urgencyMinutes?: number;
  readonly risks?: readonly string[];
  readonly language?: string;
  readonly vendor?: string | null;
  readonly costUsd?: number | null;
  readonly etaMinutes?: number | null;
  readonly noteForVendor?: string;
  readonly noteForReporter?: string | null;
  readonly text?: string;
}

function thought(purpose: string, content: unknown, by: string): Told {
  if (typeof content === "object" && content !== null && "text" in content) return undefined; // what it called, and what it said at the end, are told by themselves
  const value = (content as { value?: Thought } | null)?.value;
  if (!value) return { word: "puzzled", tone: "ask", lines: [`${by} could not ${purpose}`] };
  if (purpose === "translate") return { word: "translated", tone: "busy", lines: [`by ${by}`, value.text ?? ""] };
  if (purpose === "classify") {
    const risks = (value.risks ?? []).join(", ") || "no risk seen";
    return {
      word: "understood",
      tone: "busy",
      lines: [some(value.category, `severity ${value.severity}`, risks, `act within ${value.urgencyMinutes} min`, value.language, `by ${by}`)],
    };
  }
  if (purpose !== "draft") return { word: "thought", tone: "busy", lines: [`${purpose}, by ${by}`] };
  const eta = value.etaMinutes === null || value.etaMinutes === undefined ? "arrival unknown" : `there in ${value.etaMinutes} min`;
  const notes = [value.noteForVendor ?? "", value.noteForReporter ? `to the reporter: ${value.noteForReporter}` : ""];
  return {
    word: "drafted",
    tone: "busy",
    lines: [
      some(value.vendor ?? "nobody from outside", `costs ${usdText(value.costUsd)}`, eta, `by ${by}`),
      ...notes.map((note) => note.trim()).filter((note) => note !== ""),
    ],
  };
}

const CARDS_TOLD = 5;

interface Hit {
  readonly layer: string;
  readonly title: string;
  readonly source: string;
  readonly score: number;
  readonly why: string;
}

function actDone({ event, payload, act, runs }: Telling): Told {
  const result = (payload["result"] ?? act?.result ?? {}) as Payload;
  if (payload["kind"] === "model") return modelThought(text(payload["name"]), runs);
  if (payload["name"] === "brain.search") return found((result["hits"] ?? []) as readonly Hit[]);
  if (payload["kind"] === "check") return checked(text(payload["name"]), result);
  if (payload["kind"] === "message") return messageDone(result, act);
  return { word: "done", tone: "good", lines: [some(text(payload["kind"]), text(payload["name"]) || event.kind)] };
}

/** What a model said stands in the transcript of its run. */
function modelThought(purpose: string, runs: readonly RunFacts[]): Told {
  const said = runs.flatMap(({ messages }) => messages).findLast(({ role, name }) => role === "thought" && name === purpose);
  return said && thought(purpose, said.content, said.source);
}

function found(hits: readonly Hit[]): Told {
  if (hits.length === 0) return { word: "found", tone: "quiet", lines: ["nothing that fits"] };
  const best = hits.toSorted((a, b) => b.score - a.score).slice(0, CARDS_TOLD);
  const cards = best.map(({ layer, title, source, score, why }) => `${score.toFixed(2)} ${layer} · ${title}\n     ${source} · ${why}`);
  const more = hits.length > best.length ? `; the best ${best.length}:` : "";
  return { word: "found", tone: "busy", lines: [`${hits.length} ${hits.length === 1 ? "card" : "cards"} of the brain${more}`, ...cards] };
}

function checked(name: string, result: Payload): Told {
  const verdict = text(result["verdict"]) || "unreadable";
  const command = Array.isArray(result["command"])
    ? `${(result["command"] as string[]).join(" ")} → exit code ${String(result["exitCode"])} in the sandbox ${text(result["sandbox"])}`
    : "";
  const said = typeof result["answer"] === "string" ? `the reporter said "${result["answer"]}"${result["by"] ? `, told by ${text(result["by"])}` : ""}` : "";
  return {
    word: "checked",
    tone: verdict === "passed" ? "good" : "bad",
    lines: [`${verdict} · by ${name}`, ...[command, said, text(result["why"])].filter((line) => line !== "")],
  };
}

function messageDone(result: Payload, act: ActShape | undefined): Told {
  const to = draftOf(act?.args)?.name ?? text(result["to"]);
  if (result["acknowledged"] === true) return { word: "received", tone: "good", lines: [`${to} has it, says ${text(result["by"])}`] };
  if (result["acknowledged"] === false) return { word: "no answer", tone: "bad", lines: [`${to} did not acknowledge in time`] };
  return { word: "sent", tone: "good", lines: [`${act?.name ?? "message"} to ${to} over ${text(result["surface"])}`] };
}

function actWaiting({ payload, act }: Telling): Told {
  const error = payload["error"] as { message?: string } | null;
  if (error?.message) return { word: "later", tone: "ask", lines: [error.message] };
  if (payload["kind"] !== "message") return undefined;
  const draft = draftOf(act?.args);
  const wait = draft?.withinMs ? `, and waits ${lengthText(draft.withinMs)} for the acknowledgement` : "";
  return {
    word: "dispatched",
    tone: "good",
    lines: [`${text(payload["name"])} to ${draft?.name ?? "its recipient"} over ${draft?.surface ?? "its surface"}${wait}`],
  };
}

/** Messages and checks only: thinking and looking things up are told by what came of them. */
function authorised({ payload }: Telling): Told {
  const decision = (payload["decision"] ?? {}) as Payload;
  if (payload["kind"] === "model" || payload["kind"] === "tool") return undefined;
  const by =
    decision["outcome"] === "ask" ? `approved by ${text(decision["answeredBy"])}, as ${text(decision["rule"])} asks` : decisionLines(decision).join(": ");
  return { word: "authorised", tone: "calm", lines: [`${text(payload["kind"])} ${text(payload["name"])}: ${by}`] };
}

function decisionLines(decision: unknown): string[] {
  const { rule, why, matched } = (decision ?? {}) as { readonly rule?: string; readonly why?: string; readonly matched?: readonly string[] };
  const others = (matched ?? []).filter((name) => name !== rule);
  return [`by ${rule ?? "no rule"}${others.length > 0 ? `; also ${others.join(", ")}` : ""}`, ...reasonsIn(why ?? "")];
}

function failedAct(word: string): (telling: Telling) => Told {
  return ({ payload }) => {
    const error = payload["error"] as { message?: string } | null;
    return { word, tone: "bad", lines: [`${text(payload["kind"])} ${text(payload["name"])}: ${error?.message ?? "nobody knows whether it happened"}`] };
  };
}

const QUESTION_COLUMNS = 56;

function answered(word: string): (telling: Telling) => Told {
  return ({ payload, ask }) => {
    const reason = text(payload["reason"]);
    const question = ask && ask.kind !== "approval" ? `to "${cut(ask.prompt, QUESTION_COLUMNS)}"` : "";
    return {
      word,
      tone: word === "answered" ? "good" : "ask",
      lines: [some(`${text(payload["by"])}: ${text(payload["answer"])}`, `by ${text(payload["face"])}`, reason), question].filter((line) => line !== ""),
    };
  };
}

function peopleIn(value: unknown): string {
  const { roles = [], names = [] } = (value ?? {}) as { readonly roles?: readonly string[]; readonly names?: readonly string[] };
  return [...roles.map((role) => `any ${role}`), ...names].join(", ") || "others";
}
