import { inTransaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { isId } from "#src/kernel/ids.ts";
import type { FileSet } from "#src/workspace/files.ts";
import { parseWorkspace } from "#src/workspace/load.ts";
import type { Workspace } from "#src/workspace/model.ts";
import { problemsText } from "#src/workspace/problem.ts";
import type { LearningDeps } from "./learn.ts";
import { mergeFiles } from "./merge.ts";
import type { NewProposal, Proposal, ProposedFile } from "./proposal.ts";
import { insertProposal } from "./store/change-proposals.ts";
import { openProposal, selectProposal } from "./store/read-proposals.ts";

/** Puts a proposal before people; nothing in force changes. The same change twice is one open proposal. @throws LoopError proposal_not_open */
export async function putBeforePeople({ db, clock }: Pick<LearningDeps, "db" | "clock">, proposal: NewProposal): Promise<Proposal> {
  const { id, kind, title, sources, files, author } = proposal;
  const [ticketId] = sources.tickets;
  failpoint("propose.drafted");
  const opened = await inTransaction(db, async (tx) => {
    if (!(await insertProposal(tx, proposal, []))) return openProposal(tx, proposal.fingerprint);
    failpoint("propose.inserted");
    const payload = { proposal: id, kind, title, tickets: sources.tickets, files: files.map(({ path }) => path) };
    await append(tx, clock, [{ kind: "proposal.opened", actor: author, ...(ticketId !== undefined && isId("tkt", ticketId) ? { ticketId } : {}), payload }]);
    return id;
  });
  return (await selectProposal(db, opened ?? id)) ?? decidedMeanwhile(id);
}

function decidedMeanwhile(id: string): never {
  throw new LoopError(
    "proposal_not_open",
    "The same change was open a moment ago and has been decided since. Look at `loop proposals`, and ask again if it is still wanted.",
    { facts: { proposal: id } },
  );
}

/** The workspace as it would be with the file. @throws LoopError input_invalid */
export function soundWith(files: FileSet, file: ProposedFile): Workspace {
  const parsed = parseWorkspace(mergeFiles(files, [file]));
  if (parsed.kind === "ok") return parsed.workspace;
  throw new LoopError("input_invalid", `The rule cannot be proposed: the workspace would not be sound with it. ${problemsText(parsed.problems)}`, {
    facts: { problems: parsed.problems.length },
  });
}
