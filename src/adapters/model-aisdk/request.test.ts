import assert from "node:assert/strict";
import { test } from "node:test";
import { prepareCall } from "./request.ts";
import { fitsStrictMode } from "./strict-schema.ts";
import { toolNames } from "./tool-names.ts";

test("names of tools go to the wire and come back, in any order, without meeting each other", () => {
  const long = `github.${"x".repeat(80)}`;
  const all = ["github.issues:write", "github_issues_write", "github.issues.write", long, `${"y".repeat(65)}`, "看"];
  const names = toolNames(all);
  const wired = all.map((name) => names.toWire(name));
  assert.equal(new Set(wired).size, all.length);
  assert.deepEqual(
    wired.filter((wire) => !/^[\w-]{1,64}$/.test(wire)),
    [],
  );
  assert.deepEqual(
    wired.map((wire) => names.fromWire(wire)),
    all,
  );
  assert.equal(names.toWire("github_issues_write"), "github_issues_write");
  const turned = toolNames(all.toReversed());
  assert.deepEqual(
    all.map((name) => turned.toWire(name)),
    wired,
  );
  assert.equal(names.fromWire("never_offered"), "never_offered");
});

test("a transcript becomes a prompt: results of one turn together, nothing empty, names as the wire takes them", () => {
  const { options } = prepareCall(
    {
      model: "mine:m",
      system: "",
      messages: [
        { role: "user", text: "look" },
        { role: "assistant", text: "", toolCalls: [] },
        {
          role: "assistant",
          text: "I look.",
          toolCalls: [
            { callId: "a", name: "notes.list", args: { page: 1 } },
            { callId: "b", name: "notes.list", args: {} },
          ],
        },
        { role: "tool", callId: "a", name: "notes.list", result: { notes: [], gone: undefined } },
        { role: "tool", callId: "b", name: "notes.list", result: "none" },
      ],
      tools: [],
      maxOutputTokens: 9,
    },
    { wire: "google", model: "m" },
  );
  const called = (toolCallId: string) => ({ toolCallId, toolName: "notes_list" });
  assert.deepEqual(options, {
    prompt: [
      { role: "user", content: [{ type: "text", text: "look" }] },
      {
        role: "assistant",
        content: [
          { type: "text", text: "I look." },
          { type: "tool-call", ...called("a"), input: { page: 1 } },
          { type: "tool-call", ...called("b"), input: {} },
        ],
      },
      {
        role: "tool",
        content: [
          { type: "tool-result", ...called("a"), output: { type: "json", value: { notes: [] } } },
          { type: "tool-result", ...called("b"), output: { type: "text", value: "none" } },
        ],
      },
    ],
    maxOutputTokens: 9,
  });
});

test("a schema fits strict mode when every object is closed and every member required", () => {
  const closed = (properties: Record<string, object>, required = Object.keys(properties)) => ({
    type: "object",
    properties,
    required,
    additionalProperties: false,
  });
  const text = { type: "string" };
  assert.deepEqual(
    [
      closed({ a: text, b: { type: "array", items: closed({ c: text }) } }),
      closed({ a: { anyOf: [closed({ b: text }), { type: "null" }] } }),
      closed({}),
      closed({ a: text }, []),
      { type: "object", properties: { a: text }, required: ["a"] },
      closed({ a: { type: "array", items: { type: "object" } } }),
      closed({ a: { ...text, default: "x" } }),
      { type: "array", items: text },
      true,
    ].map((schema) => fitsStrictMode(schema as never)),
    [true, true, true, false, false, false, false, false, false],
  );
});
