import { z } from "zod";
import type { Act } from "#src/acts/act.ts";
import { bindingOf } from "#src/acts/binding.ts";
import type { ModelAnswer } from "#src/acts/ports/model-port.ts";
import type { NewMessage } from "#src/acts/store/end.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { storableJson } from "#src/kernel/storable-json.ts";
import { newId } from "#src/kernel/ids.ts";
import type { RunState } from "../run.ts";
import { readSoFar } from "../read-so-far.ts";
import { nextSeq, type Session } from "../session.ts";
import { factsOf } from "./tool-facts.ts";

const LONGEST_KEPT = 4_000;

/** What a thought holds: a checked value, an answer that could not be used, or text with tool calls. */
export type Thought =
  | { readonly value: Json }
  | { readonly invalid: string; readonly said: string }
  | { readonly text: string; readonly toolCalls: readonly { readonly callId: string; readonly name: string; readonly args: Json }[] }
  | { readonly unable: true };

interface Answered {
  readonly purpose: string;
  readonly schema: z.ZodType | undefined;
  readonly answer: ModelAnswer;
  readonly model: string;
}

/** The entry that an answer makes in the transcript. Structured answers are checked here; an invalid one says what was wrong with it. */
export function messageOf(state: RunState, { purpose, schema, answer, model }: Answered): NewMessage {
  const source = `${model.slice(0, model.indexOf(":"))}:${answer.modelId}`;
  return { seq: nextSeq(state), role: "thought", name: purpose, source, trust: "agent", content: storableJson(thoughtOf(schema, answer)) };
}

function thoughtOf(schema: z.ZodType | undefined, answer: ModelAnswer): Thought {
  if (!schema || answer.toolCalls.length > 0) return { text: answer.text, toolCalls: answer.toolCalls };
  const said = answer.text.slice(0, LONGEST_KEPT);
  if (answer.finish === "length") return { invalid: "it was cut off at the output limit; be shorter", said };
  if (answer.object === null) return { invalid: "it was not one JSON object", said };
  const read = schema.safeParse(answer.object);
  return read.success ? { value: read.data as Json } : { invalid: z.prettifyError(read.error), said };
}

/** The acts that an answer's tool calls plan. What is not offered becomes an act too, so that the gate refuses it on record. */
export function plannedBy(session: Session, act: Act, answer: ModelAnswer): Promise<Act[]> {
  return Promise.all(
    answer.toolCalls.map(async (call, index) => {
      const tool = session.engine.tools.get(call.name);
      const id = newId("act", session.engine.clock.nowMs());
      const own = tool ? await factsOf(tool, storableJson(call.args)) : {};
      const isHandover = tool === undefined && /^(handoff|delegate)\./.test(call.name);
      const base = {
        kind: tool?.kind ?? (isHandover ? ("handoff" as const) : ("tool" as const)),
        name: call.name,
        args: storableJson(call.args),
        runId: act.runId,
      };
      return {
        ...base,
        id,
        turn: act.turn,
        ordinal: index + 1,
        effect: isHandover ? ("idempotent" as const) : (tool?.effect ?? "once"),
        state: "planned" as const,
        key: id,
        facts: {
          ...own,
          labels: { ...session.state.run.labels, ...own.labels },
          taint: readSoFar(session.state).taint,
          callId: call.callId,
        },
        binding: bindingOf(base),
        askId: null,
        decision: null,
        handle: null,
        result: null,
        error: null,
        attempts: 0,
      };
    }),
  );
}
