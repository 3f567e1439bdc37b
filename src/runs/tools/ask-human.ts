import { z } from "zod";
import type { ToolPort } from "#src/acts/ports/tool-port.ts";
import type { Approvers } from "#src/asks/ask.ts";
import type { Db } from "#src/database/open.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { principalByHandle } from "#src/people/store/principals.ts";
import type { WorkspaceView } from "#src/workspace/current.ts";

const PEOPLES_ROLES = ["owner", "admin", "approver", "operator"] as const;

const args = z.strictObject({
  question: z.string().trim().min(1).max(2_000).describe("one question that somebody who knows nothing of this conversation can answer"),
  options: z.array(z.string().trim().min(1).max(200)).min(2).max(10).optional().describe("the answers to choose from; left out: any text"),
  to: z.string().trim().min(1).max(80).optional().describe("a person, @team or role (owner, admin, approver, operator); left out: whoever works here"),
});

/** Asks people, and waits for as long as it takes: the answer is the result. */
export function askHuman(db: Db, workspaces: WorkspaceView): ToolPort {
  return {
    name: "ask_human",
    description:
      "Asks a person something and waits for the answer, which may take hours. Gives { answer, by }; the answer is null when nobody answered in time.",
    schema: z.toJSONSchema(args, { io: "input" }) as Json,
    effect: "idempotent",
    terms: { risk: "low", untrusted: false },
    keepsArgs: true,
    check: (given) => void read(given),
    async question(given) {
      const { question, options, to } = read(given);
      return { text: question, options: options ?? [], approvers: await approversOf(db, workspaces, to) };
    },
    invoke: () => Promise.reject(new Error("ask_human is a question, nothing invokes it")),
  };
}

function read(given: Json): z.infer<typeof args> {
  const parsed = args.safeParse(given);
  if (!parsed.success) throw new LoopError("input_invalid", `ask_human cannot read its arguments: ${z.prettifyError(parsed.error)}`);
  const { options = [] } = parsed.data;
  if (new Set(options.map((option) => option.toLowerCase())).size < options.length)
    throw new LoopError("input_invalid", "Two of the options are the same; each must say something else.");
  return parsed.data;
}

async function approversOf(db: Db, workspaces: WorkspaceView, to: string | undefined): Promise<Approvers> {
  if (to === undefined) return { roles: PEOPLES_ROLES, names: [] };
  const role = PEOPLES_ROLES.find((known) => known === to.toLowerCase());
  if (role) return { roles: [role], names: [] };
  const { team } = (await workspaces.current()).workspace;
  const group = team.flatMap(({ groups }) => groups).find((known) => `@${known}` === to);
  if (group) return { roles: [], names: [], groups: [group] };
  const handle = to.replace(/^@/, "");
  if (team.some(({ id }) => id === handle) || (await isPerson(db, handle))) return { roles: [], names: [handle] };
  const known = [...team.map(({ id }) => id), ...new Set(team.flatMap(({ groups }) => groups.map((one) => `@${one}`))), ...PEOPLES_ROLES];
  throw new LoopError("input_invalid", `Nobody here is called ${to}, so nobody was asked. Known: ${known.slice(0, 40).join(", ")}.`, {
    facts: { tool: "ask_human" },
  });
}

/** One whom the server made, such as its first owner, and no file names. */
async function isPerson(db: Db, handle: string): Promise<boolean> {
  const principal = await principalByHandle(db, handle);
  return principal?.kind === "person" && principal.disabledAtMs === null;
}
