import { z } from "zod";
import type { MessageArgs } from "#src/acts/perform-message.ts";
import { append } from "#src/journal/store/append.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { Caller } from "#src/people/principal.ts";
import { requestCall } from "#src/runs/call/request.ts";
import type { Workspace } from "#src/workspace/model.ts";
import { noteAction } from "../store/action-lines.ts";
import { loopName } from "./names.ts";
import { type LoopDeps, loopVerb, type LoopVerb } from "./verb.ts";

const AGENT = "root";
const SUBJECT_CHARACTERS = 80;

const notify = loopVerb({
  name: "notify",
  summary:
    "Tell the people who own the workspace something. It stands in the journal, and each owner gets it as a message, an act of the agent root that policy decides on.",
  access: "pulse:steer",
  reads: false,
  input: z.strictObject({
    message: z
      .string()
      .max(4_000, "expected 4000 characters at most")
      .refine((text) => text.trim() !== "", "expected a message that is not blank"),
    id: loopName.optional().describe("the worker that it is about"),
    journal: z.string().max(2_000).optional().describe("the line of the journal; left out: what was said"),
  }),
  output: z.object({ runs: z.array(z.string()).describe("one for each message that is on its way") }),
  async perform(deps, { caller }, { message, id, journal }) {
    const about = id === undefined ? "" : `${id}: `;
    await append(deps.db, deps.clock, [{ kind: "loop.notice", actor: caller.id, payload: { message, about: id ?? null } }]);
    await noteAction(deps.db, deps.clock, { caller, line: journal ?? `notify · ${about}${message}` });
    return { runs: await send(deps, caller, { text: message, subject: `${about}${message}`, about: id ?? "" }) };
  },
});

/** A run for each owner, where there is an agent in whose name they are told. */
async function send(deps: LoopDeps, caller: Caller, { text, subject, about }: { text: string; subject: string; about: string }): Promise<string[]> {
  const { revision, workspace } = await deps.workspaces.current();
  if (!workspace.agents.some(({ name }) => name === AGENT)) return [];
  const place = { clock: deps.clock, revision, workspace, tiers: deps.tiers(workspace) };
  const runs: string[] = [];
  for (const { effect, ...reached } of [...ownersOf(workspace), ...placesOf(workspace)]) {
    const args: MessageArgs = { ...reached, subject: subject.replaceAll(/\s+/g, " ").slice(0, SUBJECT_CHARACTERS), text, facts: { about } };
    const act = { kind: "message", name: "notify", effect, args: args as Json, facts: { risk: "low", labels: {}, taint: ["agent"] } } as const;
    runs.push(await requestCall(deps.db, place, { agent: AGENT, act, text: `${caller.handle} tells ${reached.name} something`, trust: "agent", by: caller }));
  }
  return runs;
}

/** Who or what a notice goes to. `effect`: whether it can be found out later that it arrived. */
type Reached = Pick<MessageArgs, "surface" | "to" | "name"> & { readonly effect: "findable" | "idempotent" };

/** The desktop and the webhook that the workspace names. */
function placesOf({ manifest: { notification } }: Workspace): Reached[] {
  return [
    ...(notification?.command ? [{ surface: "command", to: notification.command[0]!, name: "this machine", effect: "idempotent" } as const] : []),
    ...(notification?.webhook ? [{ surface: "webhook", to: new URL(notification.webhook.url).host, name: "a webhook", effect: "idempotent" } as const] : []),
  ];
}

/** Where they are reached; a workspace that says nothing of it has the outbox. */
function ownersOf({ team }: Workspace): Reached[] {
  const reached = team.flatMap(({ roles, contact, name }) =>
    roles.includes("owner") && contact ? [{ surface: contact.surface, to: contact.address, name, effect: "findable" as const }] : [],
  );
  return reached.length > 0 ? reached : [{ surface: "outbox", to: "owner", name: "the owner", effect: "findable" }];
}

export const notifyVerbs = [notify] as readonly unknown[] as readonly LoopVerb[];
