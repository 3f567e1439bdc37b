import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { type NotificationWorld, notificationSurfaces } from "./surfaces.ts";

type Settings = Awaited<ReturnType<NotificationWorld["settings"]>>;

async function house(t: TestContext, settings: (folder: string) => Settings) {
  const folder = await mkdtemp(join(tmpdir(), "loop-notify-"));
  t.after(() => rm(folder, { recursive: true }));
  const program = join(folder, "show");
  await writeFile(program, `#!/bin/sh\n{ printf '%s|' "$@"; env | sort | tr '\\n' ' '; } > "${folder}/shown"\n[ "$2" != bad ]\n`);
  await chmod(program, 0o755);
  const posted: Parameters<NotificationWorld["post"]>[0][] = [];
  const [command, webhook] = notificationSurfaces({
    settings: () => Promise.resolve(settings(folder)),
    env: { PATH: "/usr/bin:/bin", DISPLAY: ":0", LOOP_TOKEN: "not for programs", ANTHROPIC_API_KEY: "nor this" },
    secret: (reference) => Promise.resolve(`value of ${reference}`),
    post: async (request) => void posted.push(request),
  });
  return { command: command!, webhook: webhook!, posted, shown: () => readFile(join(folder, "shown"), "utf8") };
}

const notice = (text: string) => ({ to: "this machine", subject: text, text, facts: { about: "fix-login" } });

test("a command gets the words as arguments, which become no options, and nothing of the server's environment but what a desktop needs", async (t) => {
  const { command, shown } = await house(t, (folder) => ({ command: [join(folder, "show"), "{{id}}", "{{message}}", "at {{id}}"] }));
  assert.deepEqual(await command.post(notice("--help $(id)"), "key"), { surface: "command", messageId: "key" });
  const said = await shown();
  assert.match(said, /^fix-login\| --help \$\(id\)\|at fix-login\|/);
  assert.match(said, /DISPLAY=:0 .*LOOP_ID=fix-login LOOP_MESSAGE=--help \$\(id\)/);
  assert.doesNotMatch(said, /LOOP_TOKEN|ANTHROPIC/);
  await assert.rejects(command.post(notice("bad"), "key"), { code: "surface_refused", message: /show ended with 1/ });
});

test("a program that is missing, and a place that is named no more, are said", async (t) => {
  const { command, webhook } = await house(t, () => ({ command: ["/nowhere/notify"] }));
  await assert.rejects(command.post(notice("hi"), "key"), { code: "surface_refused", message: /\/nowhere\/notify could not be started \(ENOENT\)/ });
  await assert.rejects(webhook.post(notice("hi"), "key"), { code: "surface_refused", message: /names no webhook/ });
});

test("a webhook gets the notice with its key, and headers whose secrets are looked up", async (t) => {
  const { webhook, posted } = await house(t, () => ({
    webhook: { url: "http://127.0.0.1:8080/alerts", headers: { Authorization: "secret:ntfy", Priority: "high" } },
  }));
  await webhook.post(notice("the release is out"), "act_1");
  const [{ body, signal: _, ...request }] = posted as [(typeof posted)[0]];
  assert.deepEqual(request, {
    url: "http://127.0.0.1:8080/alerts",
    headers: { "content-type": "application/json", "webhook-id": "act_1", Authorization: "value of secret:ntfy", Priority: "high" },
    hosts: ["127.0.0.1:8080"],
  });
  assert.deepEqual(JSON.parse(body), { id: "act_1", about: "fix-login", subject: "the release is out", message: "the release is out" });
});
