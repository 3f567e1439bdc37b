import { z } from "zod";
import type { NewAsk } from "#src/asks/ask.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { Redactor } from "#src/kernel/redaction.ts";
import type { AskId } from "#src/kernel/ids.ts";
import { ROLES } from "#src/people/role.ts";
import type { Act } from "./act.ts";
import type { Performed, Performer, Situation } from "./performer.ts";
import type { MessagePort, PostedRef } from "./ports/message-port.ts";
import { readArgs } from "./read-args.ts";
import { secretIn } from "./secret-shapes.ts";

/** Arguments of a message act. With `acknowledge` it is a dispatch: it waits for somebody to say that it was received. */
export const messageArgs = z.strictObject({
  surface: z.string(),
  to: z.string().min(1),
  /** Who reads it, for people. */
  name: z.string(),
  subject: z.string(),
  text: z.string().min(1),
  facts: z.record(z.string(), z.json()).default({}),
  acknowledge: z.strictObject({ withinMs: z.int().positive(), names: z.array(z.string()), roles: z.array(z.enum(ROLES)) }).optional(),
});
export type MessageArgs = z.infer<typeof messageArgs>;

/** Acts of kind `message`, through the port of their surface. One with a secret in it is refused before policy or a person sees it. */
export function messagePerformer(ports: ReadonlyMap<string, MessagePort>, redactor: Pick<Redactor, "redact">): Performer {
  const read = (act: Act): { args: MessageArgs; port: MessagePort } => {
    const args = readArgs(messageArgs, act);
    const port = ports.get(args.surface);
    if (!port)
      throw new LoopError("surface_refused", `The surface ${args.surface} is not connected. Connected: ${[...ports.keys()].join(", ")}.`, {
        facts: { act: act.id },
      });
    return { args, port };
  };
  return {
    check(act) {
      read(act);
      const secret = secretIn(act.args, redactor);
      if (secret !== null) throw new LoopError("input_invalid", `The message goes outside, and ${secret}. Nothing was sent.`, { facts: { act: act.id } });
    },
    async perform(act, situation) {
      const { args, port } = read(act);
      const posted = await port.post({ to: args.to, subject: args.subject, text: args.text, facts: args.facts as { [key: string]: Json } }, act.key);
      return after(act, { args, posted, situation });
    },
    async find(act, situation) {
      const { args, port } = read(act);
      const posted = await port.find(act.key);
      return posted && after(act, { args, posted, situation });
    },
  };
}

function after(act: Act, { args, posted, situation }: { args: MessageArgs; posted: PostedRef; situation: Situation }): Performed {
  const result = { surface: posted.surface, messageId: posted.messageId, to: args.to };
  if (!args.acknowledge) return { kind: "done", result };
  return { kind: "asking", result, ask: acknowledgement(act, args, situation) };
}

/** The id is made of the act's, so that a crash between the post and its record opens no second ask. */
function acknowledgement(act: Act, args: MessageArgs, situation: Situation): NewAsk {
  const acknowledge = args.acknowledge!;
  return {
    id: `ask_${act.id.slice("act_".length)}` as AskId,
    kind: "acknowledgement",
    purpose: "acknowledgement",
    runId: act.runId,
    actId: act.id,
    ticketId: situation.ticketId as NewAsk["ticketId"],
    prompt: `${args.name}: received "${args.subject}"?`,
    detail: { to: args.to, name: args.name, surface: args.surface, subject: args.subject, withinMs: acknowledge.withinMs },
    options: ["acknowledged"],
    approvers: { roles: acknowledge.roles, names: acknowledge.names },
    quorum: 1,
    binding: null,
    rule: null,
    expiry: [{ afterMs: acknowledge.withinMs, do: "fail" }],
    revision: situation.revision,
  };
}
