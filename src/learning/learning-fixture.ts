import assert from "node:assert/strict";
import { answerAsk } from "#src/asks/answer.ts";
import { asksOfTicket } from "#src/asks/store/read.ts";
import { itemsOf } from "#src/brain/workspace-items.ts";
import { reindex } from "#src/brain/reindex.ts";
import { type Db, inTransaction } from "#src/database/open.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { Engine } from "#src/runs/engine.ts";
import { requireTicket } from "#src/tickets/store/read.ts";
import { receive } from "#src/testing/desk.ts";
import { drain, memorySurface, testEngine } from "#src/testing/engine.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { sayObject, scriptedModel } from "#src/testing/scripted-model.ts";
import { filesOf } from "#src/testing/workspace-files.ts";

const HEADER = "apiVersion: loopwright.dev/v1";

/**
 * A house with two procedures: `towels` says whom to send and at what price, `leak` does not, so only a model or a person knows. A dispatch of up to 200
 * dollars is allowed below severity 4, one that costs more or nobody knows what is asked for.
 */
export const HOUSE_TEXTS = {
  "loop.yaml": `${HEADER}
kind: Workspace
name: house
timeZone: Asia/Tokyo
subject: property
models: { strong: "scripted:one", fast: "scripted:one" }
prices: { "scripted:*": { inputUsd: 1, outputUsd: 2 } }
`,
  "agents/desk.yaml": `${HEADER}\nkind: Agent\nname: desk\n`,
  "teams/house.yaml": `${HEADER}
kind: Team
name: house
members:
  - { id: ines, name: Inês, roles: [owner], contact: { surface: outbox, address: ines } }
  - { id: sora, name: Sora, roles: [operator], looksAfter: { property: [machiya] }, contact: { surface: outbox, address: sora } }
`,
  "policies/house.yaml": `${HEADER}
kind: Policy
name: house
rules:
  - { name: thinking, when: { kind: model }, then: allow, why: thinking sends nothing }
  - { name: looking, when: { kind: tool, name: brain.search }, then: allow, why: looking changes nothing }
  - { name: checks, when: { kind: check }, then: allow, why: we want to see }
  - { name: severe, when: { kind: message, name: dispatch, severity: { atLeast: 4 } }, then: ask, why: somebody can get hurt }
  - { name: dear, when: { kind: message, name: dispatch, cost: { aboveUsd: 200 } }, then: ask, why: dear or unknown }
  - { name: everyday, when: { kind: message, name: dispatch, cost: { upToUsd: 200 } }, then: allow, why: everyday work }
  - { name: words, when: { kind: message, name: [reply, escalation] }, then: allow, why: our own words }
`,
  "brain/entities/properties.yaml": `${HEADER}
kind: Entities
entity: property
items:
  - { id: machiya, name: Kyoto town house }
  - { id: studio, name: Osaka studio }
`,
  "brain/entities/vendors.yaml": `${HEADER}
kind: Entities
entity: vendor
items:
  - { id: kamo, name: Kamo Works, categories: [leak], contact: { surface: outbox, address: kamo } }
  - { id: sari, name: Sari Laundry, categories: [towels], contact: { surface: outbox, address: sari } }
`,
  "brain/sops/leak.md": `---
id: leak
title: Water where it should not be
category: leak
triggers: [leak, leaking, dripping]
severity: 3
acknowledgeWithin: 1h
check: { by: reporter, question: Is it dry now?, within: 2h }
---

Close the tap first. Then find somebody who can come.
`,
  "brain/sops/towels.md": `---
id: towels
title: Towels
category: towels
triggers: [towel, towels]
preferredVendors: [sari]
costEstimateUsd: 8
etaMinutes: 60
acknowledgeWithin: 1h
check: { by: reporter, question: Are the towels there?, within: 2h }
---

Say yes, and since it is late bring them.
`,
} as const satisfies Record<string, string>;

export const INES = { id: "prn_ines" as const, handle: "ines", roles: ["owner"] as const };

export interface House {
  readonly engine: Engine;
  /** The same record, with the rules in the place of the model. */
  readonly byRules: Engine;
  /** What the model drafts from now on. */
  drafts(draft: { readonly vendor: string | null; readonly costUsd: number | null; readonly etaMinutes: number | null }): void;
}

/** A house whose model calls everything with a towel `towels` and the rest a `leak`, and drafts what it is told. */
export async function house(db: Db, texts: Readonly<Record<string, string>> = HOUSE_TEXTS): Promise<House> {
  let draft: { [key: string]: Json } = {};
  const model = scriptedModel((call) => {
    const [message] = call.messages;
    const text = message?.role === "user" ? message.text : "";
    if (call.output?.name === "draft") return sayObject({ ...draft, noteForVendor: "please come", noteForReporter: null });
    return sayObject({ category: text.includes("towel") ? "towels" : "leak", severity: 3, urgencyMinutes: 120, risks: [], language: "en" });
  });
  const engine = await testEngine({ db, clock: heldClock(), files: filesOf(texts), model, surfaces: [memorySurface("outbox")] });
  const { workspace } = await engine.workspaces.current();
  await inTransaction(db, (tx) => reindex(tx, itemsOf(workspace)));
  return {
    engine,
    byRules: { ...engine, tiers: () => ({ fast: [], strong: [] }) },
    drafts(next) {
      draft = { ...next };
    },
  };
}

const ANSWERS: Readonly<Record<string, string>> = { act: "approve", acknowledgement: "acknowledged", resolution: "done", check: "yes", category: "leak" };

/** Brings a message and works it until it is resolved. Gives the run and the purposes of the asks, in order. */
export async function resolveTicket(engine: Engine, message: Parameters<typeof receive>[1]): Promise<{ ticketId: string; runId: string; asked: string[] }> {
  const { ticketId, runId } = await receive(engine, message);
  return { ticketId, runId, asked: await resolveRest(engine, ticketId) };
}

/** Works a ticket to its end; every person says yes to everything. */
export async function resolveRest(engine: Engine, ticketId: string): Promise<string[]> {
  const asked: string[] = [];
  for (;;) {
    await drain(engine);
    const ask = (await asksOfTicket(engine.db, ticketId)).find((known) => known.state === "open");
    if (!ask) break;
    asked.push(ask.purpose);
    await answerAsk(engine.db, engine.clock, { askId: ask.id, person: INES, answer: ANSWERS[ask.purpose]!, face: "test" });
  }
  assert.equal((await requireTicket(engine.db, ticketId)).status, "resolved");
  return asked;
}
