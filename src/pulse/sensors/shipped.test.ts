import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createPlainServer } from "node:net";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { createEmulator } from "emulate";
import { hostSandbox, sensorWorld } from "#src/testing/sensor-world.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const answer = await hostSandbox().available();
const skip = answer.ok ? false : answer.why;

/** A sensor as it is shipped, with the lines changed that say which place it looks at. */
async function shipped(name: string, lines: Readonly<Record<string, string>> = {}): Promise<string> {
  const folder = name.endsWith(".sh") ? join(ROOT, "workspaces", "personal", "sensors") : join(ROOT, "docs", "sensors");
  let text = await readFile(join(folder, name), "utf8");
  for (const [line, instead] of Object.entries(lines)) {
    assert.ok(text.includes(line), `${name} has the line ${line}`);
    text = text.replaceAll(line, instead);
  }
  return text;
}

/** Answers by path; what was asked is kept. */
async function answering(t: TestContext, answers: Record<string, { readonly status?: number; readonly body: unknown }>) {
  const asked: { readonly path: string; readonly authorization: string | undefined; readonly body: string }[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      asked.push({ path: request.url!, authorization: request.headers.authorization, body });
      const given = answers[request.url!.split("?")[0]!] ?? { status: 404, body: "no such page" };
      response.writeHead(given.status ?? 200).end(typeof given.body === "string" ? given.body : JSON.stringify(given.body));
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => server.close());
  return { asked, answers, host: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const TOKEN = "token-of-the-test";
const withToken = { secret: () => Promise.resolve(TOKEN) };

async function freePort(): Promise<number> {
  const server = createPlainServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

describe("the sensors that are shipped", { skip, timeout: 120_000 }, () => {
  test("GitHub: issues and pull requests of a repository, as they come and go", async (t) => {
    const port = await freePort();
    const seed = {
      tokens: { [TOKEN]: { login: "ana", scopes: ["repo"] } },
      github: { users: [{ login: "ana" }], repos: [{ owner: "ana", name: "shop", auto_init: true }] },
    };
    const emulator = await createEmulator({ service: "github", port, seed });
    t.after(() => emulator.close());
    const post = async (path: string, body: object) => {
      const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" };
      const given = await fetch(`http://127.0.0.1:${port}/repos/ana/shop${path}`, {
        method: path.includes("/issues/1") && !path.endsWith("comments") ? "PATCH" : "POST",
        headers,
        body: JSON.stringify(body),
      });
      assert.ok(given.ok, `${path} ${given.status} ${await given.clone().text()}`);
      return (await given.json()) as Record<string, unknown>;
    };
    const lines = { "https://api.github.com": `http://127.0.0.1:${port}`, "api.github.com": `127.0.0.1:${port}`, "owner/name": "ana/shop" };
    const world = await sensorWorld(t, withToken);
    await world.apply({ "github-issues.ts": await shipped("github-issues.ts", lines), "github-prs.ts": await shipped("github-prs.ts", lines) });
    await post("/issues", { title: "The till does not open", labels: ["bug"] });
    const look = async () => {
      const found = await world.beat();
      world.clock.advance(120_000);
      for (const { sensor, failed, detail } of Object.values(found)) assert.equal(failed, false, `${sensor}: ${JSON.stringify(detail)}`);
      return [found["github-issues"]!.signal, found["github-prs"]!.signal];
    };
    assert.deepEqual(await look(), [
      { repository: "ana/shop", open: 1, issues: [[1, "The till does not open", "bug", 0]] },
      { repository: "ana/shop", open: 0, pulls: [] },
    ]);
    await post("/issues/1/comments", { body: "since noon" });
    assert.deepEqual((await look())[0], { repository: "ana/shop", open: 1, issues: [[1, "The till does not open", "bug", 1]] });
    await post("/issues/1", { state: "closed" });
    assert.deepEqual((await look())[0], { repository: "ana/shop", open: 0, issues: [] });
  });

  test("GitHub: pull requests and checks, as its interface answers", async (t) => {
    const run = (name: string, status: string, conclusion: string | null) => ({
      name,
      workflow_id: 1,
      status,
      conclusion,
      head_sha: "0123456789",
      html_url: `https://x/${name}`,
    });
    const local = await answering(t, {
      "/repos/ana/shop/pulls": {
        body: [{ number: 7, title: "Open the till", draft: true, updated_at: "2026-01-01T00:00:00Z", user: { login: "ben" }, head: { sha: "abcdef0123" } }],
      },
      "/repos/ana/shop/actions/runs": {
        body: {
          workflow_runs: [
            run("test", "in_progress", null),
            run("test", "completed", "success"),
            run("test", "completed", "failure"),
            run("lint", "completed", "failure"),
          ],
        },
      },
    });
    const lines = { "https://api.github.com": `http://${local.host}`, "api.github.com": local.host, "owner/name": "ana/shop" };
    const world = await sensorWorld(t, withToken);
    await world.apply({
      "github-ci.ts": await shipped("github-ci.ts", lines),
      "github-prs.ts": await shipped("github-prs.ts", lines),
      "github-issues.ts": await shipped("github-issues.ts", lines),
    });
    const found = await world.beat();
    assert.deepEqual(found["github-ci"]!.signal, { repository: "ana/shop", branch: "main", checks: { lint: "failure", test: "success" } });
    assert.deepEqual((found["github-ci"]!.detail as { running: string[] }).running, ["test"]);
    assert.deepEqual(found["github-prs"]!.signal, { repository: "ana/shop", open: 1, pulls: [[7, "Open the till", "ben", "draft", "abcdef0"]] });
    assert.deepEqual(found["github-issues"]!.signal, { error: true, exit_code: 1 });
    assert.match((found["github-issues"]!.detail as { stderr: string }).stderr, /GitHub said 404/);
    assert.deepEqual(new Set(local.asked.map(({ authorization }) => authorization)), new Set([`Bearer ${TOKEN}`]));
  });

  test("Linear, Prometheus and Grafana: what is open and what fires; what they refuse is an error", async (t) => {
    const local = await answering(t, {
      "/graphql": {
        body: {
          data: {
            viewer: { assignedIssues: { nodes: [{ identifier: "SHOP-2", title: "Flour", priority: 1, updatedAt: "2026-01-02", state: { name: "Todo" } }] } },
          },
        },
      },
      "/api/v1/alerts": {
        body: {
          status: "success",
          data: {
            alerts: [
              { state: "firing", labels: { alertname: "Heat", oven: "2" }, annotations: {}, activeAt: "2026-01-01", value: "231" },
              { state: "pending", labels: { alertname: "Cold" }, annotations: {}, activeAt: "2026-01-01", value: "1" },
            ],
          },
        },
      },
      "/api/alertmanager/grafana/api/v2/alerts": {
        body: [
          {
            labels: { alertname: "Queue", __alert_rule_uid__: "x", site: "lisbon" },
            startsAt: "2026-01-01",
            generatorURL: "https://x",
            status: { state: "active" },
          },
          { labels: { alertname: "Quiet" }, startsAt: "2026-01-01", generatorURL: "https://x", status: { state: "suppressed" } },
        ],
      },
    });
    const world = await sensorWorld(t, withToken);
    await world.apply({
      "linear.ts": await shipped("linear.ts", { "https://api.linear.app": `http://${local.host}`, "api.linear.app": local.host }),
      "prometheus.ts": await shipped("prometheus.ts", { "127.0.0.1:9090": local.host }),
      "grafana.ts": await shipped("grafana.ts", { "https://grafana.example.com": `http://${local.host}`, "grafana.example.com": local.host }),
    });
    const signals = async () => Object.fromEntries(Object.values(await world.beat()).map(({ sensor, signal }) => [sensor, signal]));
    assert.deepEqual(await signals(), {
      grafana: { active: 1, alerts: ["Queue site=lisbon"] },
      linear: { open: 1, issues: [["SHOP-2", "Flour", "Todo", 1]] },
      prometheus: { firing: 1, alerts: ["Heat oven=2"] },
    });
    assert.equal(local.asked.find(({ path }) => path === "/graphql")!.authorization, TOKEN);
    local.answers["/graphql"] = { body: { errors: [{ message: "authentication required" }] } };
    local.answers["/api/v1/alerts"] = { body: { status: "error", error: "not ready" } };
    delete local.answers["/api/alertmanager/grafana/api/v2/alerts"];
    world.clock.advance(120_000);
    assert.deepEqual(new Set(Object.values(await signals()).map((signal) => JSON.stringify(signal))), new Set(['{"error":true,"exit_code":1}']));
  });

  test("web addresses and feeds: what is down, and what is new", async (t) => {
    const rss = `<?xml version="1.0"?><rss version="2.0"><channel><title>News</title><item><title><![CDATA[Bread & more]]></title><link>https://x/1</link><guid isPermaLink="false">one</guid><pubDate>Thu, 01 Jan 2026 00:00:00 GMT</pubDate></item></channel></rss>`;
    const atom = `<feed xmlns="http://www.w3.org/2005/Atom"><entry><title type="html">Rolls &amp; &#x63;akes</title><link rel="alternate" href="https://x/2"/><id>tag:two</id><updated>2026-01-01T00:00:00Z</updated></entry></feed>`;
    const local = await answering(t, {
      "/rss": { body: rss },
      "/atom": { body: atom },
      "/up": { body: "fine" },
      "/sick": { status: 503, body: "sick" },
      "/page": { body: "<html></html>" },
    });
    const places = `[{ url: "http://${local.host}/up" }, { url: "http://${local.host}/sick" }, { url: "http://${local.host}/gone", status: 404 }]`;
    const world = await sensorWorld(t);
    await world.apply({
      "http-status.ts": await shipped("http-status.ts", { '[{ url: "https://example.com/" }]': places, "network=example.com": `network=${local.host}` }),
      "rss.ts": await shipped("rss.ts", {
        '"https://blog.example.com/feed.xml"': `"http://${local.host}/rss", "http://${local.host}/atom"`,
        "blog.example.com": local.host,
      }),
      "no-rss.ts": await shipped("rss.ts", { "https://blog.example.com/feed.xml": `http://${local.host}/page`, "blog.example.com": local.host }),
    });
    const found = await world.beat();
    const at = (path: string) => `http://${local.host}${path}`;
    assert.deepEqual(found["http-status"]!.signal, { down: 1, places: { [at("/up")]: "up", [at("/sick")]: "down: 503", [at("/gone")]: "up" } });
    assert.deepEqual(found["rss"]!.signal, { [at("/rss")]: ["one"], [at("/atom")]: ["tag:two"] });
    assert.deepEqual(found["rss"]!.detail, {
      [at("/rss")]: ["Bread & more https://x/1 Thu, 01 Jan 2026 00:00:00 GMT"],
      [at("/atom")]: ["Rolls & cakes https://x/2 2026-01-01T00:00:00Z"],
    });
    assert.match((found["no-rss"]!.detail as { stderr: string }).stderr, /gave no feed/);
  });

  test("a calendar: what is now, soon and later, in its own zone, with what repeats and what was moved", async (t) => {
    const nowMs = performance.timeOrigin + performance.now();
    const text = (inMinutes: number) => new Date(nowMs + inMinutes * 60_000).toISOString().replaceAll(/[-:]|\.\d+/g, "");
    const tokyo = (inMinutes: number) => new Date(nowMs + inMinutes * 60_000 + 9 * 3_600_000).toISOString().replaceAll(/[-:]|\.\d+Z/g, "");
    const event = (...lines: string[]) => ["BEGIN:VEVENT", ...lines, "END:VEVENT"].join("\r\n");
    const ics = [
      "BEGIN:VCALENDAR",
      event("UID:1", `DTSTART:${text(-10)}`, `DTEND:${text(50)}`, "SUMMARY:Bake\\, then", "  sell", "BEGIN:VALARM", "SUMMARY:no", "END:VALARM"),
      event("UID:2", `DTSTART;TZID=Asia/Tokyo:${tokyo(10)}`, `DTEND;TZID=Asia/Tokyo:${tokyo(20)}`, "SUMMARY:Call"),
      event("UID:3", `DTSTART:${text(-3 * 1_440 + 120)}`, `DTEND:${text(-3 * 1_440 + 150)}`, "RRULE:FREQ=DAILY;INTERVAL=1", "SUMMARY:Daily"),
      event("UID:4", `DTSTART:${text(-7 * 1_440 + 180)}`, "RRULE:FREQ=WEEKLY;COUNT=2", "SUMMARY:Weekly"),
      event("UID:5", `DTSTART:${text(-1_440 + 240)}`, "RRULE:FREQ=DAILY", `EXDATE:${text(240)}`, "SUMMARY:Left out"),
      event("UID:6", `DTSTART:${text(-1_440 + 300)}`, "RRULE:FREQ=DAILY", "SUMMARY:Moved"),
      event("UID:6", `RECURRENCE-ID:${text(300)}`, `DTSTART:${text(360)}`, "SUMMARY:Moved"),
      event("UID:7", `DTSTART:${text(-1_440)}`, `DTEND:${text(-1_400)}`, "SUMMARY:Over"),
      event("UID:8", `DTSTART:${text(30)}`, "STATUS:CANCELLED", "SUMMARY:Cancelled"),
      event("UID:9", `DTSTART:${text(400)}`, "RRULE:FREQ=MONTHLY;BYMONTHDAY=1", "SUMMARY:Monthly"),
      "END:VCALENDAR",
    ].join("\r\n");
    const local = await answering(t, { "/private-1234/basic.ics": { body: ics } });
    const world = await sensorWorld(t, { secret: () => Promise.resolve(`http://${local.host}/private-1234/basic.ics`) });
    await world.apply({ "calendar.ts": await shipped("calendar.ts", { "calendar.google.com": local.host }) });
    const { signal, detail } = (await world.beat())["calendar"]!;
    assert.deepEqual(
      (signal as [string, string, string][]).map(([, title, state]) => [title, state]),
      [
        ["Bake, then sell", "now"],
        ["Call", "soon"],
        ["Daily", "later"],
        ["Weekly", "later"],
        ["Moved", "later"],
        ["Monthly", "later"],
      ],
    );
    assert.equal((signal as [string][])[1]![0], new Date(nowMs + 600_000).toISOString().slice(0, 16));
    assert.equal((detail as { notUnderstood: number }).notUnderstood, 1);
  });

  test("today, the disk and the repository are looked at without any network", async (t) => {
    const world = await sensorWorld(t);
    const programs = { "today.sh": await shipped("today.sh"), "disk.sh": await shipped("disk.sh"), "git.sh": await shipped("git.sh") };
    await world.apply(programs);
    const first = await world.beat();
    assert.match((first["today"]!.signal as { date: string }).date, /^\d{4}-\d\d-\d\d$/);
    assert.match((first["disk"]!.signal as { disk: string }).disk, /^(ok|filling|nearly full|full)$/);
    assert.equal(typeof (first["disk"]!.detail as { usedPercent: number }).usedPercent, "number");
    assert.deepEqual(first["git"]!.signal, { repository: false });

    const git = (...args: string[]) =>
      execFileSync("git", ["-C", world.folder, "-c", "user.name=Ana", "-c", "user.email=ana@example.com", ...args], { stdio: "ignore" });
    git("init", "-q", "-b", "main");
    git("add", "-A");
    git("commit", "-q", "-m", 'the "first" one');
    await writeFile(join(world.folder, 'odd "name" \\.md'), "");
    world.clock.advance(300_000);
    const second = await world.beat();
    assert.equal(second["git"]!.failed, false, JSON.stringify(second["git"]!.detail));
    const { head, ...signal } = second["git"]!.signal as { head: string };
    assert.match(head, /^[0-9a-f]{7,}$/);
    assert.deepEqual({ ...signal, files: (signal as unknown as { files: string[] }).files.length }, { repository: true, branch: "main", changed: 1, files: 1 });
    assert.match((second["git"]!.detail as { last: string }).last, /the "first" one$/);
  });

  test("each of them is in the documentation, with what it reaches and which secret it takes", async () => {
    const text = await readFile(join(ROOT, "docs", "sensors.md"), "utf8");
    const names = [...(await readdir(join(ROOT, "docs", "sensors"))), ...(await readdir(join(ROOT, "workspaces", "personal", "sensors")))];
    for (const name of names) assert.ok(text.includes(`\`${name}\``), `docs/sensors.md names ${name}`);
  });
});
