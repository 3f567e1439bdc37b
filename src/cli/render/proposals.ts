import type { ProposalShape } from "../client/shapes.ts";
import { type Look, statusWord, toned } from "./look.ts";
import { plain, plainLine } from "#src/kernel/plain.ts";
import { agoText } from "./time.ts";
import { wrapped } from "./width.ts";

export function proposalListText(proposals: readonly ProposalShape[], command: string, look: Look): string {
  if (proposals.length === 0) return "No change waits for a review. Work that was resolved twice becomes a draft of a skill here.";
  return proposals.map((proposal) => `${headOf(proposal, look)}\n${indented(proposal.reason, look)}${howTo(proposal, command, look)}`).join("\n\n");
}

/** All of it: what it was made from, each file as it would be, and how its test went. */
export function proposalText(proposal: ProposalShape, command: string, look: Look): string {
  const files = (proposal.files ?? []).map(
    ({ path, text, base }) => `${toned(`${base === null ? "new" : "changed"} ${plainLine(path)}`, "calm", look)}\n${plain(text).trimEnd()}`,
  );
  const test =
    proposal.test === null || proposal.test === undefined ? [] : [`${toned("test", "calm", look)}\n${plain(JSON.stringify(proposal.test, null, 2))}`];
  return [headOf(proposal, look), indented(proposal.reason, look), ...files, ...test, howTo(proposal, command, look).trimStart()]
    .filter((part) => part !== "")
    .join("\n\n");
}

const headOf = ({ id, kind, state, title, author, createdAt }: ProposalShape, look: Look): string =>
  `${statusWord(state, look)} ${kind}: ${toned(plainLine(title), "strong", look)}\n  ${toned(`${id} · ${plainLine(author)} · ${agoText(createdAt, look.nowMs)}`, "quiet", look)}`;

const indented = (text: string, look: Look): string =>
  wrapped(plain(text), look.width - 2)
    .map((line) => `  ${line}`)
    .join("\n");

function howTo({ id, state, repository }: ProposalShape, command: string, look: Look): string {
  const decide = state === "open" ? [`${command} accept ${id}`, `${command} reject ${id} --reason <why>`] : [];
  const publish = repository && (state === "open" || state === "accepted") ? [`${command} proposals ${id} --pull-request`] : [];
  const lines = [...decide, ...publish];
  return lines.length === 0 ? "" : `\n  ${toned(lines.join("\n  "), "quiet", look)}`;
}
