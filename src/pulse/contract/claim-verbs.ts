import { z } from "zod";
import { inTransaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { dropClaim, liveClaims, takeClaim } from "../store/claims.ts";
import { loopName } from "./names.ts";
import { nameMeant } from "./session.ts";
import { loopVerb, type LoopVerb } from "./verb.ts";

/** Of somebody who is no worker: nobody can tell whether they live, so they claim again in time. */
const USUAL_TTL_MS = 15 * 60_000;

const claim = loopVerb({
  name: "claim",
  summary: "Take a lease on a name. A worker holds it while it lives, anybody else for fifteen minutes; claiming again renews it.",
  access: "pulse:work",
  reads: false,
  input: z.strictObject({ name: loopName, session: loopName.optional().describe("for whom; left out: whoever speaks") }),
  output: z.object({ name: z.string(), session: z.string(), fence: z.int(), held: z.literal(true) }),
  async perform(deps, { caller }, { name, session: given }) {
    const { db, clock } = deps;
    const session = await nameMeant(deps, caller, { verb: "claim", name: given });
    const { runId } = caller;
    return inTransaction(db, async (tx) => {
      const taken = await takeClaim(tx, { name, session, principalId: caller.id, runId, ttlMs: runId === null ? USUAL_TTL_MS : null });
      if (!taken) throw await heldBy(tx, name);
      await append(tx, clock, [
        { kind: "claim.taken", actor: caller.id, ...(runId === null ? {} : { runId }), payload: { name, session, fence: taken.fence } },
      ]);
      return { name, session, fence: taken.fence, held: true as const };
    });
  },
});

async function heldBy(tx: Parameters<typeof liveClaims>[0], name: string): Promise<LoopError> {
  const holder = (await liveClaims(tx)).find((other) => other.name === name);
  return new LoopError("claim_held", `${name} is claimed by ${holder?.session ?? "somebody else"}. Wait until it is free, or work on something else.`, {
    facts: { name, holder: holder?.session ?? null },
  });
}

const unclaim = loopVerb({
  name: "unclaim",
  summary: "Give a name back. Free already is fine; what another who lives holds is refused.",
  access: "pulse:work",
  reads: false,
  input: z.strictObject({ name: loopName, session: loopName.optional().describe("for whom; left out: whoever speaks") }),
  output: z.object({ name: z.string(), held: z.literal(false) }),
  async perform(deps, { caller }, { name, session: given }) {
    const { db, clock } = deps;
    const session = await nameMeant(deps, caller, { verb: "unclaim", name: given });
    const { runId } = caller;
    return inTransaction(db, async (tx) => {
      const holder = await dropClaim(tx, { name, session, runId });
      if (holder) throw await heldBy(tx, name);
      await append(tx, clock, [{ kind: "claim.given_back", actor: caller.id, ...(runId === null ? {} : { runId }), payload: { name, session } }]);
      return { name, held: false as const };
    });
  },
});

export const claimVerbs: readonly LoopVerb[] = [claim, unclaim] as readonly LoopVerb[];
