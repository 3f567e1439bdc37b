import type { OutboundMessage } from "#src/acts/ports/message-port.ts";
import type { Ask, AskDecision } from "#src/asks/ask.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { plain, plainLine } from "#src/kernel/plain.ts";
import { nanosOfUsd, usdText } from "#src/ledger/money.ts";

export interface AskMessage {
  readonly ask: Ask;
  readonly to: string;
  /** The number of its ticket. */
  readonly ticket: number | null;
  readonly reminder: boolean;
  readonly timeZone: string;
  readonly publicUrl: string | undefined;
}

/** So much of what is asked about is shown; of more a person is told where it is whole. Characters. */
const MOST_DETAIL = 20_000;

/**
 * The question as a person reads it away from this server: what exactly, by which rule, at what price, whether it can be undone, what silence does and when, and
 * how to answer. Whatever somebody else wrote has its control and bidi characters made visible, and stands indented, so that it cannot pass for a line of ours.
 */
export function askMessage(given: AskMessage): OutboundMessage {
  const { ask, to, ticket, reminder } = given;
  const subject = [ticket === null ? "" : `#${ticket}`, ask.kind, nameOf(ask)].filter((part) => part !== "").join(" · ");
  const parts = [
    reminder ? "A reminder: this still waits for an answer." : "",
    plain(ask.prompt),
    ...fieldsOf(given).flatMap(([name, value]) => (value === "" ? [] : [`${name}\n${indented(value)}`])),
    `To answer\n${indented(waysToAnswer(given).join("\n"))}`,
  ];
  return {
    to,
    subject: `${reminder ? "Reminder: " : ""}${subject}`,
    text: parts.filter((part) => part !== "").join("\n\n"),
    facts: { ...factsOf(ask), reminder, ticket: ask.ticketId },
  };
}

const factsOf = (ask: Ask): { readonly [key: string]: Json } => ({ ask: ask.id, kind: ask.kind, state: ask.state, options: ask.options });

const word = (value: Json | undefined): string => (typeof value === "string" ? plainLine(value) : "unknown");
const actName = (detail: Ask["detail"]): string => `${word(detail["kind"])} ${word(detail["name"])}`;
const nameOf = ({ purpose, detail }: Ask): string => (purpose === "act" ? actName(detail) : purpose);

const indented = (text: string): string =>
  text
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n");

type Field = readonly [name: string, value: string];

function fieldsOf({ ask, timeZone }: AskMessage): Field[] {
  return [
    ...(ask.purpose === "act" ? actFields(ask) : [["Details", detailText(ask.detail)] as const]),
    ["Answers needed", ask.quorum > 1 ? `${ask.quorum} people who say the same` : ""],
    ["If nobody answers", silenceText(ask, timeZone)],
    ["For", plainLine(whoText(ask))],
  ];
}

const UNDO: Readonly<Record<string, string>> = {
  read: "it changes nothing",
  idempotent: "doing it again changes nothing more",
  findable: "what is sent cannot be taken back",
  once: "it cannot be taken back",
};

function actFields({ detail, rule }: Ask): Field[] {
  const facts = (detail["facts"] ?? {}) as { costUsd?: number | null; severity?: number; risk?: string };
  const matched = ((detail["matched"] ?? []) as readonly string[]).filter((name) => name !== rule);
  const risk = [facts.risk ?? "not stated", facts.severity === undefined ? "" : `severity ${facts.severity}`];
  return [
    ["Exactly this", `${actName(detail)}\n${detailText(detail["args"] ?? null)}`],
    ["Asked by the rule", plainLine(`${rule ?? "none"}${matched.length > 0 ? `; also ${matched.join(", ")}` : ""}`)],
    ["Cost", facts.costUsd === undefined ? "nothing" : usdText(facts.costUsd === null ? null : nanosOfUsd(facts.costUsd))],
    ["Risk", plainLine(risk.filter((part) => part !== "").join(" · "))],
    ["Undo", UNDO[word(detail["effect"])] ?? "unknown"],
  ];
}

/** A line for each member; texts of several lines keep them, each behind a bar. */
function detailText(value: Json): string {
  const whole = isObject(value) ? Object.entries(value).map(([name, member]) => `${plainLine(name)}: ${memberText(member)}`) : [memberText(value)];
  const text = whole.join("\n");
  if (text.length <= MOST_DETAIL) return text;
  return `${text.slice(0, MOST_DETAIL).toWellFormed()}\n… ${text.length - MOST_DETAIL} more characters are not shown here: look at all of it before you answer`;
}

const isObject = (value: Json): value is { readonly [key: string]: Json } => typeof value === "object" && value !== null && !Array.isArray(value);

function memberText(value: Json): string {
  if (typeof value !== "string" || !value.includes("\n")) return plain(JSON.stringify(value, null, 2));
  return `\n${plain(value)
    .split("\n")
    .map((line) => `  | ${line}`)
    .join("\n")}`;
}

/** By the clock of the record, in the time zone of the workspace: whoever reads it may do so much later. */
function silenceText(ask: Ask, timeZone: string): string {
  const steps = ask.expiry
    .map((step) => ({ step, atMs: ask.createdAtMs + step.afterMs }))
    .filter(({ atMs }) => ask.nextStepAtMs !== null && atMs >= ask.nextStepAtMs);
  const words = steps.map(({ step, atMs }) => `${timeText(atMs, timeZone)}: ${stepText(step)}`);
  return [...(words.length === 0 ? ["it waits"] : words), "Silence never approves."].join("\n");
}

function stepText(step: Ask["expiry"][number]): string {
  if (step.do === "remind") return "a reminder";
  if (step.do === "fail") return "it is given up, and not done";
  return plainLine(`it goes to ${[...step.to.roles.map((role) => `any ${role}`), ...step.to.names].join(", ")} too`);
}

function timeText(atMs: number, timeZone: string): string {
  const style = { timeZone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
  const part = Object.fromEntries(new Intl.DateTimeFormat("en", style).formatToParts(new Date(atMs)).map(({ type, value }) => [type, value]));
  return `${part["year"]}-${part["month"]}-${part["day"]} ${part["hour"]}:${part["minute"]} ${timeZone}`;
}

function whoText({ approvers }: Ask): string {
  const reporter = approvers.reporter === undefined ? [] : [`${approvers.reporter}, or an operator for them`];
  return [...approvers.roles.map((role) => `any ${role}`), ...approvers.names, ...reporter].join(", ");
}

/** By the id of the ask, never by the number of its ticket: an old message must not answer the question that came after it. */
function waysToAnswer({ ask, publicUrl }: AskMessage): string[] {
  const look = [`loop asks ${ask.id}`, ...(publicUrl === undefined ? [] : [`${publicUrl}/app/asks/${ask.id}`])];
  if (ask.kind === "approval") return [`loop approve ${ask.id}`, `loop deny ${ask.id} --reason <why>`, ...look];
  if (ask.kind === "acknowledgement" && ask.options.length === 1) return [`loop ack ${ask.id}`, ...look];
  const options = ask.options.length === 0 ? ["<text>"] : ask.options;
  return [...options.map((option) => `loop answer ${ask.id} ${/^(?:<\w+>|\w[\w-]*)$/.test(option) ? option : JSON.stringify(plainLine(option))}`), ...look];
}

/** What the copy becomes when the ask is closed: who decided what, and below it the question as it was. */
export function settledMessage(ask: Ask, asked: OutboundMessage, timeZone: string): OutboundMessage {
  return {
    ...asked,
    subject: `${stateWord(ask)}: ${asked.subject}`,
    text: `${outcomeText(ask, timeZone)}\n\nAs it was asked\n${indented(asked.text)}`,
    facts: { ...asked.facts, ...factsOf(ask), answer: ask.answer, settledBy: ask.settledBy },
  };
}

/** The same in short, for a place where a message cannot be edited. */
export function followUpMessage(ask: Ask, asked: OutboundMessage, timeZone: string): OutboundMessage {
  return { ...settledMessage(ask, asked, timeZone), text: outcomeText(ask, timeZone) };
}

const stateWord = ({ state }: Ask): string => `${state.slice(0, 1).toUpperCase()}${state.slice(1)}`;

function outcomeText(ask: Ask, timeZone: string): string {
  const at = ask.settledAtMs === null ? "" : `, ${timeText(ask.settledAtMs, timeZone)}`;
  if (ask.state === "expired") return `Nobody answered in time${at}. It was not approved. There is nothing to answer any more.`;
  if (ask.state === "cancelled") return `Nobody waits for an answer any more: what asked was cancelled${at}.`;
  const decided = ask.decisions.filter(({ kind }) => kind !== "late").map((decision) => decisionText(decision, timeZone));
  return [`${plainLine(ask.settledBy ?? "somebody")} said ${plainLine(ask.answer ?? "")}${at}. There is nothing to answer any more.`, ...decided].join("\n");
}

const decisionText = ({ handle, answer, reason, face, kind, atMs }: AskDecision, timeZone: string): string =>
  plainLine(
    `- ${handle}: ${answer}${reason ? ` (${reason})` : ""}, by ${face}, ${timeText(atMs, timeZone)}${kind === "override" ? ", overriding what was said before" : ""}`,
  );
