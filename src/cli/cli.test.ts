import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { appendFile, chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { testDatabase } from "#src/testing/database.ts";
import { temporaryHome } from "#src/testing/server.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const LOOP = join(ROOT, "bin", "loop");
const LEAK = "冷氣漏水，水離插座很近";

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Settings of the machine that runs the tests are not those of the program under test. */
const bare = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith("LOOP_") && name !== "DATABASE_URL" && !name.endsWith("_API_KEY")),
);

/** `bin/loop` for one home, run as a person runs it. */
function loopFor(home: string, env: Readonly<Record<string, string>> = {}, cwd = home) {
  return (args: readonly string[], input = ""): Promise<Ended> =>
    new Promise((resolve) => {
      const child = execFile(LOOP, [...args], { cwd, env: { ...bare, LOOP_HOME: home, LOOP_PORT: "0", ...env } }, (error, out, err) => {
        resolve({ code: error === null ? 0 : Number(error.code), out, err });
      });
      child.stdin!.end(input);
    });
}

type Loop = ReturnType<typeof loopFor>;

async function emptyFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "loopwright-cli-"));
  await chmod(folder, 0o711);
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function json<T>(loop: Loop, ...args: string[]): Promise<T> {
  const { code, out, err } = await loop([...args, "--json"]);
  assert.equal(code, 0, `${args.join(" ")}: ${out}${err}`);
  return JSON.parse(out) as T;
}

/** Looks again until it is so: what the engine does takes it some milliseconds. */
async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (const deadline = performance.now() + 20_000; performance.now() < deadline;) {
    const found = await look();
    if (found !== undefined) return found;
  }
  throw new Error("it did not come to that");
}

const AT_ONCE = 4;

/** A few at a time: each is a process of its own. */
async function together<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  for (let from = 0; from < all.length; from += AT_ONCE) await Promise.all(all.slice(from, from + AT_ONCE).map(work));
}

interface Ask {
  readonly id: string;
  readonly purpose: string;
}

const openAsk = (loop: Loop, purpose: string): Promise<Ask> =>
  until(async () => (await json<{ asks: Ask[] }>(loop, "asks")).asks.find((ask) => ask.purpose === purpose));

test("without a server, verbs say so and what to do, bad use says what was expected, and nothing prints a stack", async (t) => {
  const home = await emptyFolder(t);
  const loop = loopFor(home);
  const cases: readonly (readonly [args: readonly string[], code: number, said: RegExp])[] = [
    [["asks"], 3, /No server runs for the home .* Start it with `loop up`/],
    [["aprove", "1"], 1, /unknown command 'aprove'\. Did you mean `.*loop'? approve`\?/],
    [["audit"], 2, /needs one more word[^]*audit export[^]*audit verify/],
    [["approve"], 2, /Something is missing/],
    [["approve", "../x"], 2, /names no question/],
    [["ticket", "../../etc"], 2, /names no ticket/],
    [["down"], 0, /No server runs/],
    [["receipt", "verify", "none.json"], 1, /There is no key to trust/],
    [["audit", "verify", "none.jsonl"], 1, /none\.jsonl cannot be read \(ENOENT\)/],
    [["init", home.replace(/[^/]+$/, "")], 1, /is not empty/],
    [["init", "x", "--template", "warm-stay"], 2, /Did you mean warm-stays\?/],
    [["completion", "tcsh"], 2, /There is: bash, zsh, fish/],
    [["up", "--fast"], 2, /up has no flag --fast/],
    [["-V"], 0, /^loopwright \d+\.\d+\.\d+/],
    [["-h"], 0, /^loop: work done[^]*loop _ help/],
    [["config", "zsh"], 0, /^#compdef loop/],
    [["config", "tcsh"], 2, /There is: bash, zsh, fish/],
    [["watch"], 2, /loop watch needs a terminal[^]*loop asks --json/],
    [["_"], 0, /^loop _: the verbs of agents and workers[^]*loop _ claim <name>/],
    [["_", "help", "claim"], 0, /Usage: loop _ claim <name>/],
    [["help", "_", "claim"], 0, /Usage: loop _ claim <name>/],
    [["_", "clam"], 1, /unknown command '_ clam'\. Did you mean `.*_ claim`\?/],
    [["_", "claim", "x"], 1, /No server runs/],
    [["version"], 0, /^loopwright \d+\.\d+\.\d+ \(node v24/],
    [[], 0, /^loop: work done/],
  ];
  await together(cases, async ([args, code, said]) => {
    const ended = await loop(args);
    assert.deepEqual({ args, code: ended.code }, { args, code });
    assert.match(ended.out + ended.err, said);
    assert.doesNotMatch(ended.out + ended.err, /\n\s+at /);
  });
  const problem = JSON.parse((await loop(["asks", "--json"])).out) as { code: string; status: number };
  assert.deepEqual({ code: problem.code, status: problem.status }, { code: "server_not_running", status: 503 });
  assert.equal((await loopFor(home, { LOOP_PROT: "1" })(["doctor"])).code, 1);
  assert.match((await loopFor(home, { LOOP_PROT: "1" })(["up"])).err, /LOOP_PROT: no such setting\. Did you mean LOOP_PORT\?/);
  assert.match(
    (await loopFor(home, { LOOP_DATA_DIR: "/a", LOOP_WORKSPACE: "/b" })(["up"])).err,
    /LOOP_WORKSPACE: got "\/b", and LOOP_DATA_DIR, which is another name for it, got "\/a"/,
  );
  assert.deepEqual(await readdir(home), []);
});

test("a ticket goes through the loop by the command line alone, is proven offline, and each verb answers for people and programs", async (t) => {
  const { url } = await testDatabase(t);
  const home = await temporaryHome(t);
  const loop = loopFor(home, { DATABASE_URL: url });
  try {
    await goThroughTheLoop(loop, home);
  } finally {
    await loop(["down", "--force"]); // before the home goes: it is what names the process
  }
});

async function goThroughTheLoop(loop: Loop, home: string): Promise<void> {
  assert.match((await loop(["up"])).out, /^The server is up: http:\/\/127\.0\.0\.1:\d+[^\n]*\nloop: pulse started\n/);
  assert.match((await loop(["up"])).out, /^It runs already[^\n]*\nloop: pulse already running\n/);
  assert.equal((await json<{ pulse: string }>(loop, "up")).pulse, "already running");
  const sent = await json<{ number: number; ticket: { triage: { category: string; severity: number } } }>(
    loop,
    "send",
    "--property=warm_taipei_2br",
    "--sender",
    "guest@example.org",
    "--language",
    "zh-TW",
    "--external-id",
    "m-1",
    "--wait",
    LEAK,
  );
  assert.deepEqual({ number: sent.number, ...sent.ticket.triage }, { ...sent.ticket.triage, number: 1, category: "hvac_leak", severity: 4 });
  assert.match(
    (await loop(["send", "--property=warm_taipei_2br", "--sender", "guest@example.org", "--external-id", "m-1", "-"], `${LEAK}\n`)).out,
    /^This is ticket #1; it was sent before\./,
  );
  assert.match((await loop(["send", "--property=warm_taipei_2b", "x"])).err, /Did you mean warm_taipei_2br\?/);

  const ask = await openAsk(loop, "act");
  assert.match(
    (await loop(["asks"])).out,
    new RegExp(`^1 question needs a person\\.[^]*ticket #1[^]*順風冷氣行[^]*\\$138[^]*silence never approves[^]*loop'? approve 1`),
  );
  assert.equal((await loop(["answer", ask.id, "perhaps"])).code, 1);
  assert.match((await loop(["approve", "1", "--reason", "known firm"])).out, /^Approved: dispatch to 順風冷氣行\./);
  const again = await loop(["deny", ask.id]);
  assert.deepEqual({ code: again.code, err: /answered ask_\w+ before you: approve\./.test(again.err) }, { code: 1, err: true });
  await openAsk(loop, "acknowledgement");
  assert.match((await loop(["ack", "1"])).out, /^Answered "acknowledged"/);
  await openAsk(loop, "resolution");
  assert.equal((await loop(["resolve", "1"])).code, 0);
  const check = await openAsk(loop, "check");
  assert.equal((await loop(["answer", check.id, "yes"])).code, 0);
  await until(async () => ((await json<{ status: string }>(loop, "ticket", "1")).status === "resolved" ? true : undefined));

  const story = (await loop(["ticket", "1"])).out;
  for (const word of [
    "came in",
    "understood",
    "found",
    "drafted",
    "held",
    "answered",
    "authorised",
    "dispatched",
    "received",
    "checked",
    "receipt",
    "finished",
    "cost",
  ])
    assert.match(story, new RegExp(`\\b${word}\\b`), word);
  await proves(loop, home);
  await reads(loop);
  await keepsSecrets(loop);
  await noticesPower(loop, home);
  assert.match((await loop(["down"])).out, /^Stopped \(process \d+\)[^\n]*\nloop: pulse stopped\n$/);
  assert.equal((await loop(["status"])).code, 3);
  assert.deepEqual(await readdir(join(home, "processes")), []);
}

async function proves(loop: Loop, home: string): Promise<void> {
  assert.equal((await loop(["receipt", "show", "1", "--out", "receipt.json"])).code, 0);
  assert.match((await loop(["receipt", "show", "1", "--out", "receipt.json"])).err, /something of this name already/);
  assert.match((await loop(["receipt", "verify", "receipt.json"])).out, /^VERIFIED: signed by sgn_[0-9a-f]{32}[^]*checked +passed/);
  assert.match((await loop(["audit", "export", "journal.jsonl"])).out, /events \(1 to \d+\) in journal\.jsonl/);
  assert.match((await loop(["audit", "verify", "journal.jsonl"])).out, /^VERIFIED: \d+ events[^]*known from the home/);
  for (const [file, verb] of [
    ["receipt.json", "receipt"],
    ["journal.jsonl", "audit"],
  ] as const) {
    const bytes = await readFile(join(home, file));
    const middle = bytes.lastIndexOf("a", Math.floor(bytes.length / 2));
    bytes[middle] = "b".charCodeAt(0);
    await writeFile(join(home, file), bytes);
    const { code, out } = await loop([verb, "verify", file]);
    assert.deepEqual({ file, code, said: /^(REFUSED|BROKEN)/.test(out) }, { file, code: 1, said: true });
  }
}

async function reads(loop: Loop): Promise<void> {
  const shown: readonly (readonly [args: readonly string[], said: RegExp])[] = [
    [["status"], /Nothing needs you\.[^]*\+ works[^]*warm-stays, revision 1[^]*1 \+ resolved/],
    [["tickets"], /\+ resolved +4 +hvac_leak +warm_taipei_2br/],
    [["tickets", "--property=warm_ubud_villa"], /There is no such ticket/],
    [["runs", "--ticket", "1"], /run_[0-9a-f]{32} +#1 +\+ done/],
    [["brain", "search", "冷氣 插座", "--property=warm_taipei_2br"], /^1\.00 [^]*brain\/voice\/taipei-aircon-breaker-first\.md/],
    [["skills"], /handle-hvac-leak/],
    [["proposals"], /No change waits/],
    [["cost"], /Nothing was spent/],
    [["budgets"], /taipei-2br/],
    [["policy", "explain", "message", "dispatch", "--severity", "4", "--cost", "138"], /^ASK by severe-message-asks/],
    [["token", "list"], /agent:root[^]*credent/],
    [["people"], /yating +林雅婷 +approver, operator +warm_taipei_2br +workspace/],
    [["feed"], /receipt\.signed/],
    [["apply"], /^Nothing to do: revision 1 is in force already/],
    [["migrate"], /brought the tables up/],
    [["doctor"], /ok +server +runs/],
  ];
  await together(shown, async ([args, said]) => {
    const { code, out, err } = await loop(args);
    assert.deepEqual({ args, code }, { args, code: 0 }, out + err);
    assert.match(out, said, args.join(" "));
    assert.ok(!out.includes("\u001b"), `${args.join(" ")} has colours`);
  });
  const [run] = (await json<{ runs: { id: string }[] }>(loop, "runs")).runs;
  assert.match((await loop(["run", run!.id])).out, /message dispatch +\+ done +findable +1 +severe-message-asks/);
  assert.match((await loop(["cancel", run!.id, "--reason", "too late"])).err, /is done; it cannot become cancelled/);
  for (const args of [
    ["ticket", "99"],
    ["run", run!.id.replace(/.$/, (last) => (last === "0" ? "1" : "0"))],
    ["receipt", "show", "99"],
  ])
    assert.equal((await loop(args)).code, 4, args.join(" "));
}

async function keepsSecrets(loop: Loop): Promise<void> {
  assert.equal((await loop(["secrets", "set", "wifi-admin"], "a-long-value-1\n")).out, "Sealed: wifi-admin, version 1. Use it as secret:wifi-admin.\n");
  assert.match((await loop(["secrets", "set", "wifi-admin", "a-long-value"])).err, /more than expected/);
  assert.match((await loop(["secrets", "set", "short"], "x")).err, /fewer than 8/);
  assert.equal((await loop(["secrets", "list"])).out, "wifi-admin  version 1\n");
  assert.equal((await loop(["secrets", "rm", "wifi-admin"])).code, 0);
  assert.equal((await loop(["secrets", "rm", "wifi-admin"])).code, 4);
}

async function noticesPower(loop: Loop, home: string): Promise<void> {
  const policy = join(home, "workspace", "policies", "desk.yaml");
  const before = await readFile(policy, "utf8");
  await appendFile(policy, "  - nonsense: true\n");
  const refused = await loop(["apply"]);
  assert.equal(refused.code, 1);
  assert.match(refused.out, /^Nothing was applied: \d+ problems? in the workspace\.\n {2}policies\/desk\.yaml:\d+:\d+/);
  await writeFile(policy, before.replace("aboveUsd: 200", "aboveUsd: 300"));
  const planned = await loop(["plan"]);
  assert.deepEqual(
    { code: planned.code, said: /^Power widens\n {2}\+ the rule \S+ .*more than \$300/.test(planned.out) },
    { code: 2, said: true },
    planned.out,
  );
  let status = "";
  for (let looks = 0; looks < 100 && !status.includes("waits in"); looks += 1) status = (await loop(["status"])).out; // the folder is looked at in its own time
  assert.match(status, /1 change by hand waits in policies\/desk\.yaml/);
  const unconfirmed = await loop(["apply"]);
  assert.deepEqual(
    { code: unconfirmed.code, said: unconfirmed.out.startsWith("Nothing was applied: power would widen. Say so with --yes") },
    { code: 1, said: true },
  );
  assert.match((await loop(["apply", "--yes", "--note", "dearer firms"])).out, /^Revision 2 is in force\.\n\nPower widens\n[^]*more than \$300/);
  assert.match((await loop(["plan"])).out, /^Nothing differs/);
  assert.match((await loop(["revisions"])).out, /\b2 +apply +\S+ +.*dearer firms[^]*\b1 +apply +system/);
  assert.match((await loop(["rollback", "1"])).out, /^Revision 3 is in force\.\n\nPower narrows/);
  assert.equal(await readFile(policy, "utf8"), before);
  assert.match((await loop(["agents"])).out, /^desk[^]*runs 1, the last/);
  assert.match((await loop(["agent", "desk"])).out, /agents\/desk\.yaml, revision 3/);
  assert.equal((await loop(["agent", "dsk"])).code, 1);
}

test("npm start --demo shows the whole loop on a fresh home and leaves proof, and nothing running", async (t) => {
  const home = await emptyFolder(t);
  const child = spawn(process.execPath, [join(import.meta.dirname, "start.ts"), "--demo"], {
    cwd: ROOT,
    env: { ...bare, LOOP_HOME: home, LOOP_PORT: "0" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString("utf8")));
  child.stderr.on("data", (chunk: Buffer) => (out += chunk.toString("utf8")));
  const code = await new Promise((resolve) => child.on("exit", resolve));
  assert.equal(code, 0, out);
  for (const part of [
    /a question for you/,
    /bin\/loop'? approve 1/,
    /standing in for 順風冷氣行: acknowledged/,
    /standing in for the guest: yes/,
    /VERIFIED {2}the receipt/,
    /cost +\$0\.000/,
    /the rule dispatch-up-to-200 allows it/,
  ])
    assert.match(out, part);
  assert.ok((await stat(join(home, "receipts", "ticket-1.json"))).isFile());
  assert.equal(existsSync(join(home, "postgres", "data", "postmaster.pid")), false);
  assert.deepEqual(await readdir(join(home, "processes")), []);
});

test("commands that are pasted one after the other find the question that is just being opened, and a backup that nobody listens to is made", async (t) => {
  const home = await temporaryHome(t);
  const loop = loopFor(home);
  try {
    assert.equal((await loop(["up"])).code, 0);
    for (const args of [
      ["send", "--property=warm_taipei_2br", LEAK],
      ["approve", "1"],
      ["ack", "1"],
      ["resolve", "1"],
    ]) {
      const { code, err } = await loop(args);
      assert.equal(code, 0, `${args.join(" ")}: ${err}`);
    }
    const file = join(home, "out.loopwright-backup");
    const backup = `"$1" backup "$2" 2>&1 | head -n 1`;
    const { stdout } = await promisify(execFile)("sh", ["-c", backup, "sh", LOOP, file], { env: { ...bare, LOOP_HOME: home } });
    assert.match(stdout, /^table /);
    await until(async () => (existsSync(file) ? true : undefined));
    assert.equal((await loop(["backup", file])).code, 1); // it is whole, and no other takes its place
  } finally {
    await loop(["down", "--force"]); // before the home goes: it is what names the process
  }
});

test("before the first start a workspace is planned and checked without a server, and the way to start it is said", async (t) => {
  const home = await emptyFolder(t);
  const folder = join(home, "our team");
  const loop = loopFor(join(home, "none"), { LOOP_WORKSPACE: folder }, home);
  assert.match(
    (await loop(["init", folder, "--template", "team"])).out,
    /See what it may do: LOOP_WORKSPACE='.*our team' .*loop'? plan\nServe it: .*loop'? up/,
  );
  const planned = await loop(["plan"]);
  assert.equal(planned.code, 2, planned.err);
  assert.match(
    planned.out,
    /Power widens\n[^]*Power would widen\.\nNothing is in force yet: no server has run for this home\. .*: LOOP_WORKSPACE='.*our team' .*loop'? up\n$/,
  );
  const { isNew, revision } = JSON.parse((await loop(["plan", "--json"])).out) as { isNew: boolean; revision: number };
  assert.deepEqual([isNew, revision], [true, 0]);
  const applied = await loop(["apply"]);
  assert.equal(applied.code, 0, applied.err);
  assert.match(applied.out, /^The files are sound\. Nothing is in force yet/);
  await appendFile(join(folder, "agents", "scribe.yaml"), "\nnmae: scribe\n");
  for (const verb of ["plan", "apply"]) {
    const { code, out } = await loop([verb]);
    assert.equal(code, 1);
    assert.match(out, /agents\/scribe\.yaml:\d+:\d+: .*nmae/);
  }
  assert.equal(existsSync(join(home, "none", "home.json")), false);
});
