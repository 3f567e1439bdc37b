import type { ActKind } from "#src/acts/act.ts";
import { checkPerformer, type CheckWorld } from "#src/acts/perform-check.ts";
import { messagePerformer } from "#src/acts/perform-message.ts";
import { toolPerformer } from "#src/acts/perform-tool.ts";
import { workerPerformer, type WorkerWorld } from "#src/acts/perform-worker.ts";
import { modelWithout } from "#src/acts/without-secrets.ts";
import type { Performer } from "#src/acts/performer.ts";
import type { Redactor } from "#src/kernel/redaction.ts";
import type { MessagePort } from "#src/acts/ports/message-port.ts";
import { createParks } from "#src/leases/parks.ts";
import { call } from "./call/procedure.ts";
import { chat } from "./chat/procedure.ts";
import { chatThought } from "./chat/thought.ts";
import { desk } from "./desk/procedure.ts";
import { deskThoughts } from "./desk/prompts.ts";
import { deskRules } from "./desk/rules.ts";
import type { Engine } from "./engine.ts";
import { judge } from "./judge/procedure.ts";
import { judgeThought } from "./judge/thought.ts";
import { createLiveText } from "./live-text.ts";
import { classifyTask } from "./think/classify-task.ts";
import { CONTRACT } from "./worker/contract-text.ts";
import { worker } from "./worker/procedure.ts";

/** What a process brings: its database, its adapters, its limits. */
export interface EngineParts extends Omit<Engine, "parks" | "procedures" | "thoughts" | "rules" | "performers" | "surfaces" | "live"> {
  readonly surfaces: readonly MessagePort[];
  readonly checks: Omit<CheckWorld, "surfaces">;
  /** Left out: none can be started here. */
  readonly workers?: Omit<WorkerWorld, "contract"> | undefined;
  /** Knows the values that tools must not carry outside, and that models must not say. */
  readonly redactor: Pick<Redactor, "redact" | "stream">;
}

/** The engine with the procedures and performers that come with Loopwright. */
export function assembleEngine({ tools, surfaces, checks, redactor, workers, ...parts }: EngineParts): Engine {
  const bySurface = new Map(surfaces.map((surface) => [surface.name, surface]));
  const performers: ReadonlyMap<ActKind, Performer> = new Map<ActKind, Performer>([
    ["tool", toolPerformer(tools, redactor)],
    ["shell", toolPerformer(tools, redactor)],
    ["push", toolPerformer(tools, redactor)],
    ["message", messagePerformer(bySurface, redactor)],
    ["check", checkPerformer({ ...checks, surfaces: bySurface })],
    ...(workers ? [["worker", workerPerformer({ ...workers, contract: CONTRACT })] as const] : []),
  ]);
  const thoughts = [...deskThoughts, chatThought(tools), judgeThought(tools), classifyTask];
  return {
    ...parts,
    model: parts.model && modelWithout(parts.model, redactor),
    parks: createParks(parts.db),
    procedures: new Map([desk, chat, judge, call, worker].map((procedure) => [procedure.name, procedure])),
    thoughts: new Map(thoughts.map((thought) => [thought.purpose, thought])),
    rules: deskRules,
    performers,
    tools,
    surfaces: bySurface,
    live: createLiveText(parts),
  };
}
