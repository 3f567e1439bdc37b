import type { ReceiptStatement } from "#src/evidence/receipt.ts";
import { type Look, statusWord, toned } from "./look.ts";
import { usdText } from "./money.ts";
import { plainLine } from "#src/kernel/plain.ts";
import { pairsText } from "./table.ts";

/** What an envelope says, unverified. */
export function statementIn(envelope: string): ReceiptStatement {
  const { payload } = JSON.parse(envelope) as { payload: string };
  return JSON.parse(Buffer.from(payload, "base64").toString("utf8")) as ReceiptStatement;
}

/** A receipt for a person. What was said and what was checked stand apart. */
export function receiptText({ predicate, subject }: ReceiptStatement, look: Look): string {
  const { acts, approvals, checks, cost } = predicate;
  const line = (text: string): string => `  ${text}`;
  return [
    pairsText(
      [
        ["run", `${predicate.run}, ${predicate.state} at ${predicate.at}`],
        ["workspace", `${plainLine(predicate.workspace)}, policy revision ${predicate.policyRevision}, sandbox ${predicate.sandbox}`],
        ["agent", `${plainLine(predicate.agent)} (${predicate.runner}), thought by ${predicate.models.map(plainLine).join(", ") || "nobody"}`],
        ["said", plainLine(predicate.said)],
        ["checked", predicate.checked],
        ["cost", `${usdText(cost.usd)}${cost.source === null ? "" : ` (${cost.source})`}`],
        ["over", subject.map(({ name, digest }) => `${plainLine(name)} ${Object.values(digest).join(" ")}`).join(", ")],
      ],
      look,
    ),
    `${toned("acts", "quiet", look)}\n${acts.map(({ kind, name, outcome, decision, rule }) => line(`${statusWord(outcome, look)} ${kind} ${plainLine(name)}: ${decision ?? "not decided"} by ${plainLine(rule ?? "no rule")}`)).join("\n") || line("none")}`,
    `${toned("approvals", "quiet", look)}\n${approvals.map(({ by, answer, rule }) => line(`${plainLine(by)}: ${plainLine(answer)}, asked by ${plainLine(rule ?? "no rule")}`)).join("\n") || line("none")}`,
    `${toned("checks", "quiet", look)}\n${checks.map(({ what, verdict, exitCode, command }) => line(`${verdict} · ${plainLine(what)}${command === null ? "" : ` · ${plainLine(command.join(" "))} · exit code ${exitCode}`}`)).join("\n") || line("none")}`,
  ].join("\n\n");
}
