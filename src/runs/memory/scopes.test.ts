import assert from "node:assert/strict";
import { test } from "node:test";
import { MEMORY_SCOPES } from "#src/brain/memory.ts";
import { callFor, memoryWorld, type Place, personOf, runIn, textsIn, ticketOf } from "./memory-fixture.ts";

type Named = Required<Pick<Place, "channel" | "person" | "ticket">> & { readonly name: "one" | "two" };

/** Who may recall what, said once more in other words than the code's. */
const mayRecall: Readonly<Record<(typeof MEMORY_SCOPES)[number], (from: Named, to: Named) => boolean>> = {
  channel: (from, to) => from.name === to.name && from.channel === to.channel,
  agent: (from, to) => from.name === to.name,
  workspace: () => true,
  ticket: (from, to) => from.ticket === to.ticket,
  person: (from, to) => from.person === to.person,
};

test("over every scope and every place: what is remembered in one scope is recalled there and nowhere else", async (t) => {
  const { engine } = await memoryWorld(t, { scopes: MEMORY_SCOPES });
  const people = [await personOf(engine, "p1"), await personOf(engine, "p2")];
  const tickets = [await ticketOf(engine), await ticketOf(engine)];
  const places: Named[] = (["one", "two"] as const).flatMap((name) =>
    ["c1", "c2"].flatMap((channel) => people.flatMap((person) => tickets.map((ticket) => ({ name, channel, person, ticket })))),
  );
  const kept = new Map<string, { scope: (typeof MEMORY_SCOPES)[number]; from: Named }>();
  const from = [places[0]!, places.at(-1)!];
  for (const scope of MEMORY_SCOPES) {
    for (const [index, place] of from.entries()) {
      const runId = await runIn(engine, { ...place, agent: `${scope}-${place.name}` });
      const text = `the canal of ${scope} ${index} is blue`;
      kept.set(text, { scope, from: place });
      assert.equal((await callFor(engine, runId, { name: "memory.remember", args: { kind: "fact", text } }))["state"], "remembered");
    }
  }
  for (const scope of MEMORY_SCOPES) {
    for (const to of places) {
      const runId = await runIn(engine, { ...to, agent: `${scope}-${to.name}` });
      const recalled = textsIn(await callFor(engine, runId, { name: "memory.recall", args: { text: "which canal is blue" } }));
      const expected = [...kept].filter(([, one]) => one.scope === scope && mayRecall[scope](one.from, to)).map(([text]) => text);
      assert.deepEqual(recalled, expected.toSorted(), `${scope} from ${JSON.stringify(to)}`);
      const search = await callFor(engine, runId, { name: "brain.search", args: { text: "which canal is blue" } });
      assert.deepEqual(search["hits"], [], "what the whole workspace searches has no memories in it");
    }
  }
});

test("without a channel or person a memory is kept by its ticket, and with nothing at all it is refused", async (t) => {
  const { engine } = await memoryWorld(t, { scopes: ["channel", "person"] });
  const ticket = await ticketOf(engine);
  const onTicket = await runIn(engine, { agent: "channel-one", ticket });
  const made = await callFor(engine, onTicket, { name: "memory.remember", args: { kind: "fact", text: "the valve is in the hall" } });
  assert.deepEqual([made["state"], made["scope"]], ["remembered", "ticket"]);
  const nowhere = await runIn(engine, { agent: "person-one" });
  await assert.rejects(callFor(engine, nowhere, { name: "memory.remember", args: { kind: "fact", text: "x" } }), {
    code: "tool_failed",
    message: /belongs to no person/,
  });
});
