import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { SandboxCommand } from "#src/acts/ports/sandbox-port.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { appears, processesSaying, sandboxFolder, sandboxPortSuite, shell } from "#src/testing/sandbox-port.suite.ts";
import { type BwrapOptions, createBwrapSandbox } from "./sandbox.ts";

const HERE: BwrapOptions = {
  searchPath: process.env["PATH"] ?? "",
  platform: process.platform,
  isRoot: process.getuid?.() === 0,
  osHome: homedir(),
  hidden: [],
};
const never = new AbortController().signal;
const answer = await createBwrapSandbox(HERE).available();
const skip = answer.ok ? false : answer.why;

sandboxPortSuite("bwrap", () => createBwrapSandbox(HERE), skip);

describe("the isolation of bwrap", { skip, timeout: 60_000 }, () => {
  const run = (command: SandboxCommand, hidden: readonly string[] = []) => createBwrapSandbox({ ...HERE, hidden }).run(command, never);

  test("nothing outside the writable folders can be changed, and /tmp is empty and its own", async (t) => {
    const [cwd, other] = [await sandboxFolder(t), await sandboxFolder(t)];
    await writeFile(join(other, "kept"), "kept");
    const script = `for place in /etc /usr /var /home ${other}; do touch $place/made 2>/dev/null && echo "wrote $place"; done; echo x > ${other}/kept; ls ${other}; touch /tmp/mine && echo scratch`;
    const result = await run(shell(cwd, script), []);
    assert.equal(result.stdout, "scratch\n"); // the other folder lies in /tmp and is not even seen
    assert.equal(await readFile(join(other, "kept"), "utf8"), "kept");
  });

  test("a hidden folder is empty, but for the folder of the command inside it; a hidden file reads as empty", async (t) => {
    const home = await sandboxFolder(t);
    const cwd = join(home, "worktrees", "one");
    await mkdir(cwd, { recursive: true });
    await mkdir(join(home, "keys"));
    for (const place of ["keys/secrets.key", "credentials.json", "worktrees/one/secret.txt", "worktrees/one/here"])
      await writeFile(join(home, place), "canary");
    const script = `cat here; ls ${home}; cat secret.txt; cat ${home}/keys/secrets.key ${home}/credentials.json 2>/dev/null; echo mine > made`;
    const result = await run(shell(cwd, script), [home, join(cwd, "secret.txt"), join(home, "not-there")]);
    assert.deepEqual(result, { exitCode: 0, timedOut: false, stdout: "canaryworktrees\n", stderr: "", truncated: false });
    assert.equal(await readFile(join(cwd, "made"), "utf8"), "mine\n");
  });

  test("a hidden folder that lies inside the folder of the command is hidden all the same, also behind a link", async (t) => {
    const cwd = await sandboxFolder(t);
    await mkdir(join(cwd, "keys"));
    await writeFile(join(cwd, "keys", "key"), "canary");
    await symlink(join(cwd, "keys"), join(cwd, "link"));
    assert.equal((await run(shell(cwd, "cat keys/key link/key; ls keys"), [join(cwd, "link")])).stdout, "");
  });

  test("what only root may read stays unread, also when the server is root", async (t) => {
    const result = await run(shell(await sandboxFolder(t), "cat /etc/shadow 2>/dev/null; ls -A /etc/ssh 2>/dev/null; ls -A /run"));
    assert.equal(result.stdout.replace("current-system\n", ""), "");
  });

  test("there is no network: neither a port of this machine nor a socket of a service can be reached", async (t) => {
    const cwd = await sandboxFolder(t);
    const outside = await sandboxFolder(t);
    let reached = 0;
    const servers = [createServer(() => (reached += 1)), createServer(() => (reached += 1))] as const;
    t.after(() => servers.forEach((server) => server.close()));
    await new Promise<void>((done) => servers[0].listen(0, "127.0.0.1", done));
    await new Promise<void>((done) => servers[1].listen(join(outside, "socket"), done));
    const { port } = servers[0].address() as { port: number };
    const socket = join(outside, "socket");
    const script = `(exec 3<>/dev/tcp/127.0.0.1/${port}) 2>/dev/null && echo reached || echo refused; [ -e '${socket}' ] && echo there || echo gone`;
    const result = await run({ ...shell(cwd, ""), argv: ["bash", "-c", script] });
    assert.equal(result.stdout, "refused\ngone\n");
    assert.equal(reached, 0);
  });

  test("it sees no processes but its own, holds no capability, and cannot undo what hides", async (t) => {
    const cwd = await sandboxFolder(t);
    const hidden = await sandboxFolder(t);
    await writeFile(join(hidden, "key"), "canary");
    const script = `ls -d /proc/[0-9]* | wc -l; grep -c 'Cap\\(Prm\\|Eff\\|Bnd\\):.0000000000000000' /proc/self/status; umount ${hidden} 2>/dev/null; unshare -Urm sh -c 'umount ${hidden}' 2>/dev/null; cat ${hidden}/key; for n in 3 4 5; do [ -e /proc/$$/fd/$n ] && echo "descriptor $n"; done`;
    const result = await run(shell(cwd, script), [hidden]);
    const [processes, ...rest] = result.stdout.trim().split("\n");
    assert.ok(Number(processes) <= 6, `${processes} processes`);
    assert.deepEqual(rest, ["3"]);
  });

  test("a writable folder that a link stands for is refused: a command could have put it there", async (t) => {
    const [cwd, target] = [await sandboxFolder(t), await sandboxFolder(t)];
    await symlink(target, join(cwd, "build"));
    await assert.rejects(
      run(shell(cwd, "touch build/made", { writable: [join(cwd, "build")] })),
      new LoopError("sandbox_unavailable", `The folder ${join(cwd, "build")} is reached through a link. Give its real path, which is ${target}.`, {
        facts: { folder: join(cwd, "build"), real: target },
      }),
    );
  });

  test("when the server is killed, its commands go with it", async (t) => {
    const cwd = await sandboxFolder(t);
    const source = `import { createBwrapSandbox } from ${JSON.stringify(new URL("sandbox.ts", import.meta.url).href)};
      await createBwrapSandbox(${JSON.stringify(HERE)}).run(${JSON.stringify(shell(cwd, `touch started; sleep 1000; : ${cwd}`))}, new AbortController().signal);`;
    const server = spawn(process.execPath, ["--input-type=module", "-e", source], { stdio: ["ignore", "ignore", "inherit"], cwd: import.meta.dirname });
    await appears(cwd, "started");
    const commands = async () => (await processesSaying(cwd)).filter((line) => line.startsWith("/bin/sh"));
    assert.equal((await commands()).length, 1);
    server.kill("SIGKILL");
    await once(server, "exit");
    while ((await commands()).length > 0); // nothing tells when the kernel is done; a command that stays fails the test by its time
  });

  test("processes are limited where the kernel counts them inside", { skip: HERE.isRoot ? "the kernel does not count for root" : false }, async (t) => {
    assert.equal(
      (await run(shell(await sandboxFolder(t), "grep '^Max processes' /proc/self/limits | tr -s ' '"))).stdout,
      "Max processes 1024 1024 processes \n",
    );
  });

  test("what loads code into programs acts inside only", async (t) => {
    const cwd = await sandboxFolder(t);
    const result = await run(shell(cwd, "echo inside", { env: { PATH: "/usr/bin:/bin", LD_PRELOAD: join(cwd, "evil.so"), BASH_ENV: "/x" } }));
    assert.equal(result.stdout, "inside\n");
    assert.doesNotMatch(result.stderr, /bwrap/);
  });
});

describe("where bwrap does not work", () => {
  const refusal = async (options: Partial<BwrapOptions>, cwd: string) => {
    const port = createBwrapSandbox({ ...HERE, ...options });
    const available = await port.available();
    assert.equal(available.ok, false);
    const why = available.ok ? "" : available.why;
    await assert.rejects(
      port.run(shell(cwd, "touch started"), never),
      new LoopError(
        "sandbox_unavailable",
        `Commands cannot be run apart from this machine: ${why} Or let them run without a sandbox: \`sandbox: off\` in loop.yaml.`,
      ),
    );
    return why;
  };

  test("without the program, it says what to install, and a command is refused", async (t) => {
    const why = await refusal({ searchPath: "", platform: "linux" }, await sandboxFolder(t));
    assert.match(
      why,
      /^bubblewrap is not installed \(no program bwrap on PATH\)\. Install it: `apt-get install bubblewrap` \(Debian, Ubuntu\), `dnf install bubblewrap` \(Fedora\)/,
    );
  });

  test("elsewhere than on Linux, it says so", async (t) => {
    assert.equal(await refusal({ platform: "darwin" }, await sandboxFolder(t)), "bubblewrap works on Linux only, and this is darwin.");
  });

  test("where no namespace can be made, it says what bwrap said and what to do; once that is done, it works without a new start", async (t) => {
    const cwd = await sandboxFolder(t);
    const fake = join(cwd, "bwrap");
    const says = (body: string) => writeFile(fake, `#!/bin/sh\n[ "$*" = --version ] && echo 'bubblewrap 0.4.1' && exit 0\n${body}\n`);
    await says("echo 'bwrap: No permissions to create new namespace' >&2; exit 1");
    await chmod(fake, 0o755);
    const why = await refusal({ searchPath: cwd, platform: "linux" }, cwd);
    assert.match(
      why,
      /\/bwrap cannot make a sandbox here \(bwrap: No permissions to create new namespace\)\. .*(AppArmor|User namespaces are off|In a container)/,
    );

    const port = createBwrapSandbox({ ...HERE, searchPath: cwd, platform: "linux" });
    assert.equal((await port.available()).ok, false);
    await says("exit 0");
    assert.deepEqual(await port.available(), { ok: true });
  });

  test("when the sandbox cannot be made for one command, that is no result of the command", async (t) => {
    const cwd = await sandboxFolder(t);
    const fake = join(cwd, "bwrap");
    const body = `case "$1" in --version) echo 'bubblewrap 0.8.0';; --args) echo "bwrap: Can't mount tmpfs" >&2; exit 1;; esac`;
    await writeFile(fake, `#!/bin/sh\n${body}\n`);
    await chmod(fake, 0o755);
    const port = createBwrapSandbox({ ...HERE, searchPath: cwd, platform: "linux" });
    await assert.rejects(port.run(shell(cwd, "true"), never), new LoopError("sandbox_unavailable", "The sandbox could not be made: bwrap: Can't mount tmpfs."));
  });
});
