import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { argsProblem, schemaProblem } from "#src/acts/check-args.ts";
import type { ToolPort } from "#src/acts/ports/tool-port.ts";
import { canonicalJson, type Json } from "#src/kernel/canonical-json.ts";
import { toolUse } from "./tool-server.ts";

/** A tool, arguments that it takes, and a way to see what it did. */
export interface ToolPortSubject {
  readonly port: ToolPort;
  /** Calls it may be given, at least one; each does something else. */
  readonly args: readonly [Json, ...Json[]];
  /** What has changed outside, as a value that is equal where nothing has. */
  changed(): Promise<unknown>;
}

export interface ToolPortSuite {
  readonly name: string;
  readonly subject: (t: TestContext) => Promise<ToolPortSubject>;
  /** Arguments that it must turn away before anything happens. */
  readonly wrong: readonly Json[];
}

/** What every tool owes the gate: a schema that says what it takes, a plain result, and the effect class that it declares. */
export function toolPortSuite({ name, subject, wrong }: ToolPortSuite): void {
  describe(`a tool port: ${name}`, () => {
    test("its schema takes what it takes, and what it does not take is refused before anything happens", async (t) => {
      const { port, args, changed } = await subject(t);
      const before = await changed();
      assert.equal(schemaProblem(port.schema), null);
      for (const good of args) assert.deepEqual([argsProblem(port.schema, good), port.check?.(good)], [null, undefined]);
      for (const bad of wrong) assert.ok(argsProblem(port.schema, bad) !== null || refuses(port, bad), `${canonicalJson(bad)} is let through`);
      assert.deepEqual(await changed(), before);
    });

    test("its result is plain JSON, and a call that was stopped before it began does nothing", async (t) => {
      const { port, args, changed } = await subject(t);
      const before = await changed();
      await assert.rejects(async () => port.invoke(args[0], toolUse({ actKey: "act_stopped", signal: AbortSignal.abort() })));
      assert.deepEqual(await changed(), before);
      const result = await port.invoke(args[0], toolUse({ actKey: "act_1" }));
      assert.deepEqual(JSON.parse(canonicalJson(result)), result);
    });

    test("it is of the effect class that it declares", async (t) => {
      const { port, args, changed } = await subject(t);
      const untouched = await changed();
      const use = toolUse({ actKey: "act_1" });
      if (port.effect === "findable") assert.equal(await port.find!("act_1", use.signal, args[0]), undefined);
      const result = await port.invoke(args[0], use);
      const once = await changed();
      if (port.effect === "read") assert.deepEqual(once, untouched);
      else assert.notDeepEqual(once, untouched);
      if (port.effect === "idempotent") {
        await port.invoke(args[0], use);
        assert.deepEqual(await changed(), once);
      }
      if (port.effect === "findable") {
        assert.deepEqual(await port.find!("act_1", use.signal, args[0]), result);
        assert.equal(await port.find!("act_2", use.signal, args[0]), undefined);
        assert.deepEqual(await changed(), once);
      }
    });
  });
}

function refuses(port: ToolPort, args: Json): boolean {
  try {
    port.check?.(args);
    return false;
  } catch (error) {
    return (error as { code?: unknown }).code === "input_invalid";
  }
}
