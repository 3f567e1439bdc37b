import assert from "node:assert/strict";
import { test } from "node:test";
import { localServer } from "#src/testing/local-server.ts";
import { toolNamed, toolServer, toolUse } from "#src/testing/tool-server.ts";
import { readable } from "./readable.ts";
import { webTools } from "./tools.ts";

const secret = () => Promise.resolve("a-key-of-the-test");
const resolve = () => Promise.resolve([{ address: "127.0.0.1", family: 4 }]);

const PAGE = `<!doctype html><html><head><title> A &amp; B </title><style>p{color:red}</style><script>steal("<p>no</p>")</script></head>
<body><!-- hidden <p>never</p> --><h1>Hours</h1><p>Open&nbsp;9&#x2013;18, <a href="https://shop.test/map">map</a>.</p><ul><li>Mon<li>Tue</ul><noscript>no</noscript></body></html>`;

test("of a page stays what a person would read", () => {
  assert.deepEqual(readable(PAGE), { title: "A & B", text: "Hours\n\nOpen 9–18, map (https://shop.test/map).\n\n- Mon\n- Tue" });
});

test("a page that is all brackets is read without going back over it", () => {
  assert.equal(readable(`${"<".repeat(200_000)}a`).text.endsWith("a"), true);
  assert.equal(readable("<script>".repeat(50_000)).text, "");
});

test("fetch gives the text of the page, cut at the bound of the server, and says that strangers worded it", async (t) => {
  const { port } = await localServer(t, ({ path }, response) =>
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(path === "/long" ? `<p>${"ä".repeat(5_000)}</p>` : PAGE),
  );
  const server = toolServer({ by: "web", privateNetwork: true }, { limits: { maxResultBytes: 1_025 } });
  const fetch = toolNamed(webTools(server, { secret, resolve }), "it.fetch");
  const page = (await fetch.invoke({ url: `http://shop.test:${port}/` }, toolUse())) as { title: string; truncated: boolean };
  assert.deepEqual([page.title, page.truncated, fetch.terms?.untrusted, fetch.terms?.outbound], ["A & B", false, true, true]);
  const long = (await fetch.invoke({ url: `http://shop.test:${port}/long` }, toolUse())) as { text: string; truncated: boolean };
  assert.deepEqual([long.text, long.truncated], ["ä".repeat(512), true]);
});

test("a public page may not send the reader to the own network", async (t) => {
  const inside = await localServer(t, (_one, response) => response.end("inside"));
  const { port } = await localServer(t, (_one, response) => response.writeHead(302, { location: `http://127.0.0.1:${inside.port}/` }).end());
  const fetch = toolNamed(webTools(toolServer({ by: "web" }), { secret, resolve }), "it.fetch");
  await assert.rejects(fetch.invoke({ url: `http://shop.test:${port}/` }, toolUse()), { code: "tool_failed", message: /own network/ });
  assert.deepEqual(inside.received, []);
});

const WIRES = {
  tavily: {
    path: "/search",
    sent: { query: "hours", max_results: 2, search_depth: "basic" },
    answer: { results: [{ title: "T", url: "https://a.test/", content: "C", score: 1 }] },
  },
  firecrawl: {
    path: "/v2/search",
    sent: { query: "hours", limit: 2, sources: ["web"] },
    answer: { success: true, data: { web: [{ title: "T", url: "https://a.test/", description: "C" }] } },
  },
} as const;

for (const [provider, wire] of Object.entries(WIRES)) {
  test(`search speaks the format of ${provider}, with the key in its header alone`, async (t) => {
    const { port, received } = await localServer(t, (_one, response) =>
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(wire.answer)),
    );
    const server = toolServer({ by: "web", search: { provider, apiKey: "secret:search", baseUrl: `http://127.0.0.1:${port}` } });
    const search = toolNamed(webTools(server, { secret }), "it.search");
    const result = await search.invoke({ query: "hours", limit: 2 }, toolUse());
    assert.deepEqual(result, { hits: [{ title: "T", url: "https://a.test/", text: "C" }] });
    const { path, headers, body } = received[0]!;
    assert.deepEqual([path, headers.authorization, JSON.parse(body)], [wire.path, "Bearer a-key-of-the-test", wire.sent]);
  });
}

test("a search service that is busy is asked later, one that does not know the key is not", async (t) => {
  const answers = [429, 401, 200];
  const { port } = await localServer(t, (_one, response) => response.writeHead(answers.shift()!).end("not json"));
  const server = toolServer({ by: "web", search: { provider: "tavily", apiKey: "secret:search", baseUrl: `http://127.0.0.1:${port}` } });
  const search = toolNamed(webTools(server, { secret }), "it.search");
  await assert.rejects(search.invoke({ query: "x" }, toolUse()), { code: "tool_unavailable" });
  await assert.rejects(search.invoke({ query: "x" }, toolUse()), { code: "tool_failed", message: /key/ });
  await assert.rejects(search.invoke({ query: "x" }, toolUse()), { code: "tool_failed", message: /list of results/ });
});

test("a tag ends where the next begins, and a link has the first address among its attributes", () => {
  assert.equal(readable('<a class="x" href="https://a.test/1" data-href="https://b.test">one</a> <a name=x>two</a>').text, "one (https://a.test/1) two");
  assert.equal(readable("<a x='".repeat(50_000)).text.length > 0, true); // at once: none of them is looked at to the end of the page
});
