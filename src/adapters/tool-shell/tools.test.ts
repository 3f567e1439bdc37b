import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, realpath, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { SandboxCommand, SandboxPort } from "#src/acts/ports/sandbox-port.ts";
import { toolNamed, toolServer, toolUse } from "#src/testing/tool-server.ts";
import { shellTools } from "./tools.ts";

function recording(): SandboxPort & { readonly commands: SandboxCommand[] } {
  const commands: SandboxCommand[] = [];
  return {
    name: "recording",
    commands,
    start: () => Promise.reject(new Error("nothing goes on in this test")),
    wrap: () => Promise.reject(new Error("nothing goes on in this test")),
    available: () => Promise.resolve({ ok: true }),
    run(command) {
      commands.push(command);
      return Promise.resolve({ exitCode: 0, timedOut: false, stdout: "out", stderr: "", truncated: false });
    },
  };
}

async function world(t: TestContext) {
  const base = await realpath(await mkdtemp(join(tmpdir(), "loopwright-shell-")));
  t.after(() => rm(base, { recursive: true, force: true }));
  for (const folder of ["work", "home/workspace/agents", "home/keys"]) await mkdir(join(base, folder), { recursive: true });
  const sandbox = recording();
  const deps = { sandbox: () => Promise.resolve(sandbox), workspaceFolder: join(base, "home/workspace"), hidden: [join(base, "home")] };
  const tool = (from: object) => toolNamed(shellTools(toolServer({ by: "shell" as const, ...from }), deps), "it.run");
  return { base, sandbox, tool };
}

test("a command is run as it was given, with nothing of the environment, in a folder that is gone afterwards", async (t) => {
  const { sandbox, tool } = await world(t);
  const argv = ["printf", "%s", "$(id); `id`\n--flag 'x' \"y\""];
  const result = await tool({ timeout: "5s" }).invoke({ argv }, toolUse());
  assert.deepEqual(result, { exitCode: 0, timedOut: false, stdout: "out", stderr: "", truncated: false, sandbox: "recording" });
  const [command] = sandbox.commands;
  assert.deepEqual([command!.argv, command!.timeoutMs, Object.keys(command!.env)], [argv, 5_000, ["PATH", "HOME", "LANG"]]);
  await assert.rejects(stat(command!.cwd), { code: "ENOENT" });
});

test("what the floor names is refused before anybody is asked, and again when it would be run", async (t) => {
  const { sandbox, tool } = await world(t);
  const run = tool({});
  assert.throws(() => run.check!({ argv: ["sh", "-c", "sudo ls"] }), { code: "input_invalid", message: /run for nobody/ });
  await assert.rejects(run.invoke({ argv: ["sudo", "ls"] }, toolUse()), { code: "input_invalid" });
  assert.throws(() => run.check!({ argv: ["ls", "a\0b"] }), { code: "input_invalid" });
  assert.throws(() => run.check!({ argv: [] }), { code: "input_invalid" });
  assert.equal(sandbox.commands.length, 0);
});

test("where programs are listed, no other is run, by path neither", async (t) => {
  const { tool } = await world(t);
  const run = tool({ programs: ["git"] });
  run.check!({ argv: ["git", "status"] });
  for (const program of ["ls", "/tmp/git", "./git", "sh", "env"])
    assert.throws(() => run.check!({ argv: [program] }), { code: "input_invalid", message: /one of git/ }, program);
});

test("a command never gets a folder from which it could change the workspace or the server", async (t) => {
  const { base, tool, sandbox } = await world(t);
  await symlink(join(base, "home", "keys"), join(base, "work", "link"));
  for (const folder of [
    base,
    join(base, "home"),
    join(base, "home/keys"),
    join(base, "home/workspace/agents"),
    ".",
    join(base, "work/link"),
    join(base, "gone"),
  ])
    await assert.rejects(tool({ folder }).invoke({ argv: ["ls"] }, toolUse()), { code: "tool_failed" }, folder);
  await tool({ folder: join(base, "work") }).invoke({ argv: ["ls"] }, toolUse());
  assert.deepEqual(
    sandbox.commands.map(({ cwd }) => cwd),
    [join(base, "work")],
  );
  assert.deepEqual(await readdir(join(base, "work")), ["link"]);
});

test("policy sees the program, and that it is a command of high risk", async (t) => {
  const { tool } = await world(t);
  const run = tool({});
  assert.deepEqual(
    [run.kind, run.effect, await run.facts!({ argv: ["/usr/bin/git", "status"] })],
    ["shell", "once", { risk: "high", labels: { program: "git" } }],
  );
});
