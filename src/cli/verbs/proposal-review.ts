import { UsageError } from "../arguments.ts";
import { idPath } from "../references.ts";
import type { Context, Flag, Verb } from "../verb.ts";
import type { ProposalShape } from "../client/shapes.ts";

const REASON: Readonly<Record<string, Flag>> = { reason: { takes: "text", value: "why", means: "why; kept in the record" } };

export const proposalList: Verb = {
  args: "[<proposal>]",
  flags: {
    all: { means: "decided ones too" },
    "pull-request": { means: "open a pull request with the files of the proposal" },
    base: { takes: "text", value: "branch", means: "the branch to propose onto; left out: main" },
  },
  words: { least: 0, most: 1 },
  about: "Changes to the workspace that wait for a person. With a proposal: the whole of it, files and test.",
  examples: ["loop proposals", "loop proposals pro_0199c0ffee00712a8b6e5d4c3b2a1908", "loop proposals pro_0199c0ffee00712a8b6e5d4c3b2a1908 --pull-request"],
  async run(given, context) {
    const [id] = given.words;
    if (given.has("pull-request")) return openPull(context, { id, base: given.text("base") });
    if (id !== undefined) return showOne(context, id);
    const body = await context.api().get(`/v1/proposals${given.has("all") ? "?state=all" : ""}`);
    if (context.json) return context.print(body);
    const { proposalListText } = await import("../render/proposals.ts");
    context.print(proposalListText((JSON.parse(body) as { proposals: ProposalShape[] }).proposals, context.command(), await context.look()));
  },
};

async function showOne(context: Context, id: string): Promise<void> {
  const body = await context.api().get(`/v1/proposals/${idPath(id)}`);
  if (context.json) return context.print(body);
  const { proposalText } = await import("../render/proposals.ts");
  context.print(proposalText(JSON.parse(body) as ProposalShape, context.command(), await context.look()));
}

async function openPull(context: Context, { id, base }: { id: string | undefined; base: string | undefined }): Promise<void> {
  if (id === undefined) throw new UsageError("Name the proposal that a pull request is to be opened for.");
  const body = await context.api().post(`/v1/proposals/${idPath(id)}/pull-request`, base === undefined ? {} : { base });
  if (context.json) return context.print(body);
  const run = (JSON.parse(body) as { id: string }).id;
  context.print(`The pull request is being opened by ${run}. Where policy wants a person first, \`${context.command()} asks\` shows the question.`);
}

export const proposalAccept: Verb = {
  args: "<proposal>",
  flags: REASON,
  words: { least: 1, most: 1 },
  examples: ["loop accept pro_0199c0ffee00712a8b6e5d4c3b2a1908"],
  async run(given, context) {
    const reason = given.text("reason");
    const body = await context.api().post(`/v1/proposals/${idPath(given.words[0]!)}/accept`, reason === undefined ? {} : { reason });
    if (context.json) return context.print(body);
    const { plainLine } = await import("#src/kernel/plain.ts");
    const { id, title, repository } = JSON.parse(body) as ProposalShape;
    context.print(`Accepted: ${plainLine(title)}. It is in force from now on.`);
    if (repository) context.say(`Its files are in the folder. A pull request to ${plainLine(repository)}: ${context.command()} proposals ${id} --pull-request`);
  },
};

export const proposalReject: Verb = {
  args: "<proposal>",
  flags: REASON,
  words: { least: 1, most: 1 },
  examples: ["loop reject pro_0199c0ffee00712a8b6e5d4c3b2a1908 --reason 'two cases are too few'"],
  async run(given, context) {
    const reason = given.text("reason");
    const body = await context.api().post(`/v1/proposals/${idPath(given.words[0]!)}/reject`, reason === undefined ? {} : { reason });
    if (context.json) return context.print(body);
    const { plainLine } = await import("#src/kernel/plain.ts");
    context.print(`Rejected: ${plainLine((JSON.parse(body) as ProposalShape).title)}.`);
  },
};
