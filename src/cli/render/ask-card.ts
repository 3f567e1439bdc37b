import type { AskShape } from "../client/shapes.ts";
import { draftOf, type Draft } from "./draft.ts";
import { type Look, statusWord, toned } from "./look.ts";
import { usdText } from "./money.ts";
import { plain, plainLine } from "#src/kernel/plain.ts";
import { reasonsIn } from "./reasons.ts";
import { agoText } from "./time.ts";
import { padded, wrapped } from "./width.ts";

export interface AskCard {
  readonly ask: AskShape;
  /** Of its ticket; undefined where it has none. */
  readonly number: number | undefined;
  /** How `loop` is called here. */
  readonly command: string;
  /** What to type for it: the number of the ticket where that is enough, else the id. */
  readonly reference: string;
}

const INDENT = "  ";
const NAME_WIDTH = 10;

/** One question with everything that an answer needs: what exactly, at what price, by which rule, and what happens when nobody answers. */
export function askCard(card: AskCard, look: Look): string {
  const { ask } = card;
  const prompt = reasonsIn(plain(ask.prompt)).flatMap((reason) => wrapped(reason, look.width - INDENT.length));
  const lines = [headLine(card, look), ...prompt.map((line) => INDENT + line)];
  return [...lines, ...askFields(ask, look).flatMap(([name, value]) => fieldLines(name, value, look)), ...endLines(card, look)].join("\n");
}

/** What stands below the question: the exact act where it is one, its price, its rule, what was said, and what happens when nobody answers. None is empty. */
export function askFields(ask: AskShape, look: Look): Field[] {
  const fields: Field[] = [
    ...detailFields(ask),
    ...decisionFields(ask),
    ["silence", silenceText(ask, look.nowMs)],
    ["for", whoText(ask)],
    ...copyFields(ask, look),
  ];
  return fields.filter(([, value]) => value !== "");
}

/** The same in two lines. */
export function askLine(card: AskCard, look: Look): string {
  const how = card.ask.state === "open" ? commandsOf(card).join("\n") : outcomeText(card.ask);
  const prompt = wrapped(plain(card.ask.prompt), look.width - 2).slice(0, 2);
  const unreached = unreachedIn(card.ask, look).flatMap((line) => wrapped(line, look.width - INDENT.length));
  return [headLine(card, look), ...[...prompt, ...unreached].map((line) => INDENT + line), INDENT + toned(how, "quiet", look)].join("\n");
}

function headLine({ ask, number }: AskCard, look: Look): string {
  const state = ask.state === "open" ? toned(`? ${ask.kind}`, "ask", look) : `${statusWord(ask.state, look)} ${ask.kind}`;
  const parts = [
    number === undefined ? "" : `ticket #${number}`,
    agoText(ask.createdAt, look.nowMs),
    ask.stranded ? "its run has ended" : "",
    ask.alias ?? ask.id,
  ];
  return `${state} ${toned(`· ${parts.filter((part) => part !== "").join(" · ")}`, "quiet", look)}`;
}

type Field = readonly [name: string, value: string];

export const fieldLines = (name: string, value: string, look: Look): string[] => named(name, wrapped(value, look.width - NAME_WIDTH - INDENT.length), look);

function named(name: string, lines: readonly string[], look: Look): string[] {
  return lines.map((line, index) => `${INDENT}${toned(padded(index === 0 ? name : "", NAME_WIDTH), "quiet", look)}${line}`.trimEnd());
}

function detailFields(ask: AskShape): Field[] {
  const draft = draftOf(ask.detail["args"]);
  if (draft) return [...draftFields(draft), ...actFields(ask)];
  if (ask.purpose === "act") return [["exactly", plain(JSON.stringify(ask.detail["args"], null, 1))], ...actFields(ask)];
  const told = ask.detail["text"] ?? ask.detail["trouble"];
  return typeof told === "string" ? [["about", plain(told)]] : [];
}

const draftFields = (draft: Draft): Field[] => [
  ["to", plainLine(`${draft.name} (${draft.surface}: ${draft.to})`)],
  ["subject", plainLine(draft.subject)],
  ["text", plain(draft.text.trim())],
  ["reply", draft.replyToReporter === null ? "" : plain(draft.replyToReporter.trim())],
];

interface ActFacts {
  readonly costUsd?: number | null;
  readonly severity?: number;
  readonly risk?: string;
}

const UNDO: Readonly<Record<string, string>> = {
  read: "it changes nothing",
  idempotent: "doing it again changes nothing more",
  findable: "what is sent cannot be taken back",
  once: "it cannot be taken back",
};

function actFields({ detail, rule }: AskShape): Field[] {
  const facts = (detail["facts"] ?? {}) as ActFacts;
  const matched = ((detail["matched"] ?? []) as string[]).filter((name) => name !== rule);
  const weight = [facts.severity === undefined ? "" : `severity ${facts.severity}`, facts.risk === undefined ? "" : `risk ${facts.risk}`];
  const cost = facts.costUsd === undefined ? "nothing" : usdText(facts.costUsd);
  return [
    ["costs", [cost, ...weight.filter((part) => part !== "")].join(" · ")],
    ["rule", plainLine(`${rule ?? "none"}${matched.length > 0 ? `; also ${matched.join(", ")}` : ""}`)],
    ["undo", UNDO[String(detail["effect"])] ?? ""],
  ];
}

function decisionFields({ decisions, quorum }: AskShape): Field[] {
  const said = decisions.map(
    ({ handle, answer, reason, face, kind }) => `${handle}: ${answer}${reason ? ` (${reason})` : ""} by ${face}${kind === "decision" ? "" : `, ${kind}`}`,
  );
  return [
    ["needs", quorum > 1 ? `${quorum} people who say the same` : ""],
    ["said", plain(said.join("\n"))],
  ];
}

/** Who has it in front of them, and who does not and why. */
function copyFields(ask: AskShape, look: Look): Field[] {
  const delivered = ask.copies.filter(({ state }) => state === "delivered");
  const sent = delivered.map(
    ({ to, surface, what, deliveredAt }) => `${to} (${surface}) ${what === "reminder" ? "reminded " : ""}${agoText(deliveredAt ?? ask.createdAt, look.nowMs)}`,
  );
  return [
    ["sent to", plainLine(sent.join(", "))],
    ["trouble", unreachedIn(ask, look).join("\n")],
  ];
}

function unreachedIn({ copies }: AskShape, look: Look): string[] {
  return copies.flatMap(({ to, state, error, nextTryAt }) => {
    if (error === null) return [];
    const again = nextTryAt === null ? "not tried again as things are" : `tried again ${agoText(nextTryAt, look.nowMs)}`;
    return [plainLine(`${state === "delivered" ? `the copy of ${to} could not be changed` : `not delivered to ${to}`}: ${error}; ${again}`)];
  });
}

/** What happens while nobody answers, from now on. There is no step that approves. */
export function silenceText({ expiry, createdAt, state }: Pick<AskShape, "expiry" | "createdAt" | "state">, nowMs: number): string {
  if (state !== "open") return "";
  const coming = expiry.map((step) => ({ ...step, atMs: Date.parse(createdAt) + step.afterMs })).filter(({ atMs }) => atMs > nowMs);
  if (coming.length === 0) return "it waits; silence never approves";
  const steps = coming.map((step) => `${stepWord(step)} ${agoText(new Date(step.atMs).toISOString(), nowMs)}`);
  return `${steps.join(", then ")}; silence never approves`;
}

function stepWord({ do: what, to }: AskShape["expiry"][number]): string {
  if (what === "remind") return "a reminder";
  if (what === "fail") return "it is given up";
  return `it goes to ${[...(to?.roles ?? []), ...(to?.names ?? [])].join(" and ") || "others"} too`;
}

function whoText({ approvers, state }: AskShape): string {
  if (state !== "open") return "";
  const who = [
    ...approvers.roles.map((role) => `any ${role}`),
    ...(approvers.groups ?? []).map((group) => `anyone of ${group}`),
    ...approvers.names,
    ...(approvers.agents ?? []),
    ...(approvers.reporter === undefined ? [] : [`${approvers.reporter}, or an operator for them`]),
  ];
  return plainLine(who.join(", "));
}

const endLines = (card: AskCard, look: Look): string[] =>
  card.ask.state === "open" ? named("answer", commandsOf(card), look) : fieldLines("outcome", outcomeText(card.ask), look);

/** What to type. Never broken over lines, however narrow the page: a command is there to be copied. */
function commandsOf({ ask, command, reference }: AskCard): string[] {
  if (ask.kind === "approval") return [`${command} approve ${reference}`, `${command} deny ${reference} --reason <why>`];
  if (ask.kind === "acknowledgement" && ask.options.length === 1) return [`${command} ack ${reference}`];
  const options = ask.options.length === 0 ? ["<text>"] : ask.options;
  return options.map((option) => `${command} answer ${reference} ${/^(?:<\w+>|\w[\w-]*)$/.test(option) ? option : JSON.stringify(plainLine(option))}`);
}

function outcomeText({ state, answer, settledBy }: AskShape): string {
  return state === "answered" ? plainLine(`${settledBy ?? "somebody"} said ${answer ?? ""}`) : `it is ${state}`;
}
