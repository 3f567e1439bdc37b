import assert from "node:assert/strict";
import { test } from "node:test";
import { toolServer } from "#src/testing/tool-server.ts";

test("of our own connectors only tools that they have can be described", () => {
  const web = { by: "web" as const };
  const http = { by: "http" as const, hosts: ["a.test"], methods: ["POST"] };
  assert.deepEqual(toolServer(web, { tools: { fetch: { private: true } } }).tools, { fetch: { private: true } });
  assert.deepEqual(toolServer(http, { tools: { post: { effect: "idempotent" } } }).tools, { post: { effect: "idempotent" } });
  assert.throws(() => toolServer(web, { tools: { fetsh: { private: true } } }), /fetch, search/);
  assert.deepEqual(toolServer(web, { tools: { fetch: { effect: "once" } } }).tools, { fetch: { effect: "once" } });
});
