import { type Act, REPLACED } from "#src/acts/act.ts";
import { bindingOf } from "#src/acts/binding.ts";
import { moveAct, planActs } from "#src/acts/store/plan.ts";
import type { Ask } from "#src/asks/ask.ts";
import { append } from "#src/journal/store/append.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { newId } from "#src/kernel/ids.ts";
import { storableJson } from "#src/kernel/storable-json.ts";
import { type Made, runEvent, type Session } from "../session.ts";
import { fencedMove } from "../store/hold.ts";
import { factsOf } from "../think/tool-facts.ts";

/** A person wants the act done with other arguments: it is denied, and another is planned in its place, in the same turn, for the gate to look at anew. */
export async function replaceByAsk(session: Session, act: Act, ask: Ask): Promise<Made> {
  const { engine, lease } = session;
  const args = storableJson(ask.detail["edited"] as Json);
  const tool = act.kind === "tool" ? engine.tools.get(act.name) : undefined;
  const id = newId("act", engine.clock.nowMs());
  const facts = { ...act.facts, ...(tool ? await factsOf(tool, args) : {}), editedBy: ask.settledBy ?? "somebody" };
  const edited: Act = { ...act, id, key: id, args, facts, binding: bindingOf({ ...act, args }), state: "planned", askId: null, decision: null, attempts: 0 };
  const why = `${ask.settledBy} changed its arguments`;
  await fencedMove(engine.db, lease, async (tx) => {
    const decision = { outcome: "deny", rule: ask.rule, why, ask: ask.id, answer: ask.answer, answeredBy: ask.settledBy };
    await moveAct(tx, { act, to: "denied", decision, error: { code: REPLACED, message: why } });
    failpoint("replace.denied");
    await planActs(tx, [edited]);
    failpoint("replace.planned");
    await append(tx, engine.clock, [
      runEvent(session, "act.denied", { act: act.id, kind: act.kind, name: act.name, why, decision, replacedBy: id }),
      runEvent(session, "act.planned", { act: id, kind: act.kind, name: act.name, args, binding: edited.binding, replaces: act.id }),
    ]);
  });
  failpoint("replace.committed");
  return { kind: "moved" };
}
