import assert from "node:assert/strict";
import { test } from "node:test";
import { httpFixture, type Wire } from "./http-fixture.ts";

test("the description names every route, its fields and how it fails", async (t) => {
  const { call, person, app } = await httpFixture(t);
  const { body } = await call("GET /openapi.json", { as: await person("vera", ["viewer"]) });
  assert.equal(body.openapi, "3.1.0");
  const described = Object.entries<Record<string, Wire>>(body.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const routes = app.routeTable
    .filter(({ url, method }) => url.startsWith("/v1/") && method !== "HEAD")
    .map(({ method, url }) => `${method} ${url.replaceAll(/:(\w+)/g, "{$1}")}`);
  assert.deepEqual(described.toSorted(), routes.toSorted());

  for (const [path, operations] of Object.entries<Wire>(body.paths)) {
    for (const [method, operation] of Object.entries<Wire>(operations)) {
      assert.ok(operation.summary && operation.tags.length === 1, `${method} ${path}`);
      assert.ok(operation.responses.default.content["application/problem+json"], `${method} ${path}`);
    }
  }
  const post = body.paths["/v1/tickets"].post;
  assert.deepEqual(post.requestBody.content["application/json"].schema, { $ref: "#/components/schemas/NewTicketInput" });
  assert.deepEqual(body.components.schemas.NewTicketInput.required, ["text"]);
  assert.equal(body.components.schemas.NewTicketInput.additionalProperties, false);
  assert.ok(post.parameters.some(({ name }: { name: string }) => name === "Idempotency-Key"));
  assert.deepEqual(body.paths["/v1/health"].get.security, []);
  assert.ok(!JSON.stringify(body).includes("9007199254740991"), "a bound that says nothing");
  assert.deepEqual(
    Object.values<Wire>(body.paths).flatMap((operations) =>
      Object.values<Wire>(operations).flatMap(({ responses }) =>
        Object.values<Wire>(responses).filter(({ description }) => /^$|default response/i.test(description)),
      ),
    ),
    [],
  );
  assert.deepEqual(
    refsOf(body).filter((ref) => !Object.hasOwn(body.components.schemas, ref)),
    [],
  );
});

function refsOf(value: unknown): string[] {
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([key, member]) => (key === "$ref" ? [String(member).replace("#/components/schemas/", "")] : refsOf(member)));
}

test("the page of the documentation opens in a browser with a token as the password, and loads nothing from elsewhere", async (t) => {
  const { call, person } = await httpFixture(t);
  const vera = await person("vera", ["viewer"]);
  const closed = await call("GET /docs/");
  assert.deepEqual([closed.status, closed.body.code], [401, "credential_invalid"]);
  assert.match(String(closed.headers["www-authenticate"]), /^Basic realm=/);
  assert.equal((await call("GET /v1/asks")).headers["www-authenticate"], "Bearer");

  const headers = { authorization: `Basic ${Buffer.from(`me:${vera.token}`).toString("base64")}` };
  assert.equal((await call("GET /v1/asks", { headers })).status, 401); // what a browser sends by itself opens nothing that matters
  const page = await call("GET /docs/", { headers });
  assert.equal(page.status, 200);
  const loaded = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url);
  assert.ok(loaded.length >= 5 && loaded.every((url) => url.startsWith("./static/")));
  assert.ok(!/<script(?![^>]*src)|<style|\son\w+=/.test(page.body));
  assert.match(String(page.headers["content-security-policy"]), /^default-src 'none'; script-src 'self';/);
  const initializer = await call("GET /docs/static/swagger-initializer.js", { headers });
  assert.equal(initializer.status, 200);
  assert.match(initializer.body, /"layout":\s*"BaseLayout"/); // without the bar of the page's makers
  assert.ok(!/https?:\/\//.test(initializer.body.replace(/^\s*\/\/.*$/gm, "")));
  for (const url of loaded) assert.equal((await call(`GET /docs/${url.slice(2)}`, { headers })).status, 200, url);
});
