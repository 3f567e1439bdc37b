import { z } from "zod";
import type { ApplyOutcome } from "#src/apply/apply.ts";
import type { Plan } from "#src/apply/plan/plan.ts";
import type { Planned, Problems } from "#src/apply/sides.ts";
import type { Change } from "#src/workspace/difference.ts";

export const changeView = z.object({ file: z.string(), words: z.string() }).meta({ id: "WorkspaceChange" });
export const problemView = z
  .object({ file: z.string(), line: z.int(), column: z.int(), path: z.string(), seen: z.string(), expected: z.string(), hint: z.string().optional() })
  .meta({ id: "WorkspaceProblem" });

const powerView = z
  .object({
    effect: z.enum(["wider", "narrower", "same"]).describe("wider: somebody may do more, is asked less or is watched less"),
    file: z.string(),
    words: z.string(),
  })
  .meta({ id: "PowerChange" });

const changes = { widens: z.boolean(), power: z.array(powerView).describe("what widens first"), live: z.array(changeView) };
const problems = z.object({ kind: z.literal("problems"), problems: z.array(problemView) });

export const planView = z
  .discriminatedUnion("kind", [
    z.object({
      kind: z.literal("plan"),
      revision: z.int().describe("what it is compared with; 0: nothing was in force"),
      digest: z.string().describe("of the files that would come into force: an apply with it refuses others"),
      isNew: z.boolean(),
      ...changes,
    }),
    problems,
  ])
  .meta({ id: "WorkspacePlan" });

export const appliedView = z
  .discriminatedUnion("kind", [
    z.object({ kind: z.literal("applied"), revision: z.int(), isNew: z.boolean(), ...changes }),
    z.object({ kind: z.literal("unconfirmed"), digest: z.string(), ...changes }).describe("power would widen: say yes with this digest"),
    z.object({ kind: z.literal("asked"), ask: z.string(), digest: z.string(), ...changes }).describe("an owner or admin is asked; approval applies it"),
    problems,
  ])
  .meta({ id: "WorkspaceApplied" });

export function viewPlanned(planned: Problems | Planned): z.infer<typeof planView> {
  if (planned.kind === "problems") return { kind: "problems", problems: [...planned.problems] };
  const { revision, digest, isNew, plan } = planned;
  return { kind: "plan", revision, digest, isNew, ...viewPlan(plan) };
}

export function viewApplied(outcome: ApplyOutcome): z.infer<typeof appliedView> {
  switch (outcome.kind) {
    case "problems":
      return { kind: "problems", problems: [...outcome.problems] };
    case "applied":
      return { kind: "applied", revision: outcome.revision, isNew: outcome.isNew, ...viewPlan(outcome.plan) };
    case "unconfirmed":
      return { kind: "unconfirmed", digest: outcome.digest, ...viewPlan(outcome.plan) };
    case "asked":
      return { kind: "asked", ask: outcome.askId, digest: outcome.digest, ...viewPlan(outcome.plan) };
  }
}

const viewPlan = ({ widens, power, live }: Plan) => ({ widens, power: [...power], live: [...live] });

export const viewChange = ({ file, words }: Change) => ({ file, words });
