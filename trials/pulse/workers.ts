import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../harness/wait.ts";
import type { Agent } from "./agent.ts";
import type { Checks } from "./checks.ts";
import { isOpen } from "./mailbox.ts";

/** A worker that is a script: it asks, says what it heard, tries what it may not, and ends. */
const SCRIPT = `cat "$1" | tail -n 1
"$LOOP_BIN" _ claim build && echo "claim: $?"
answer=$("$LOOP_BIN" _ ask --prompt "May I go on?" --options yes,no)
echo "answer: $answer"
"$LOOP_BIN" _ goal write mine "I want this" >/dev/null 2>&1; echo "goal: $?"
"$LOOP_BIN" _ kill other >/dev/null 2>&1; echo "kill: $?"
"$LOOP_BIN" _ cost worker "$LOOP_SESSION_ID" script 0.25
[ "$answer" = "$(printf 'no')" ] && sleep 600
exit 0
`;

interface Worker {
  readonly name: string;
  readonly health: string;
  readonly state: string;
  readonly alive: boolean;
  readonly exitCode: number | null;
  readonly verify: string | null;
}

const find = async (loop: Agent, name: string): Promise<Worker | undefined> =>
  (await loop.json<{ workers: readonly Worker[] }>("_", "worker", "list", "-a")).workers.find((worker) => worker.name === name);

const becomes = (loop: Agent, name: string, is: (worker: Worker) => boolean): Promise<boolean> =>
  until(
    async () => {
      const found = await find(loop, name);
      return found !== undefined && is(found);
    },
    { limitMs: 20_000, everyMs: 200 },
  );

/** Puts another program into the file of the agent, as a person does. */
async function choose(loop: Agent, command: object): Promise<void> {
  const file = join(loop.home, "workspace", "agents", "worker.yaml");
  const text = readFileSync(file, "utf8");
  writeFileSync(file, `${text.slice(0, text.indexOf("\ncommand:") + 1)}command: ${JSON.stringify(command)}\n`);
  const applied = await loop("apply", "--yes");
  if (applied.code !== 0) throw new Error(applied.out + applied.err);
}

const start = (loop: Agent, name: string, ...more: string[]) => loop("_", "worker", "start", name, "Look why it fails", ...more);
const log = async (loop: Agent, name: string): Promise<string> => (await loop("_", "worker", "log", name)).out;

/** Programs that work: chosen, started, asked by, told, killed, and found again after kill -9 of the server. */
export async function workers(loop: Agent, check: Checks, kill: () => Promise<void>): Promise<void> {
  await start(loop, "unset");
  check.that(
    "a worker of which nobody chose the program ends and says so",
    (await becomes(loop, "unset", ({ exitCode }) => exitCode === 64)) && (await log(loop, "unset")).includes("No program is chosen"),
    await find(loop, "unset"),
  );
  await choose(loop, { preset: "gemini" });
  check.ended("a program that is missing is refused with the line that installs it", await start(loop, "absent"), {
    code: 1,
    said: /npm install -g @google\/gemini-cli/,
  });
  check.ended("and what needs no program goes on", await loop("_", "state"), { code: 0 });

  const folder = join(loop.home, "..", "checkout");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "agent.sh"), SCRIPT);
  await choose(loop, { preset: "custom", run: `sh ${join(folder, "agent.sh")} {{prompt_file}}`, folder });
  check.ended("a worker starts", await start(loop, "fix-login", "--verify", "true"), { code: 0, said: /^start-worker fix-login\n$/ });
  check.that("what it asks has its name and a number", await isOpen(loop, "fix-login-1"));
  check.ended("the same name while it lives is refused", await start(loop, "fix-login"), { code: 1, said: /already running/ });
  check.ended("and so is pulse", await start(loop, "pulse"), { code: 1, said: /pulse/ });
  check.ended("list has its columns and says what it waits for", await loop("worker"), {
    code: 0,
    said: /ID +HEALTH +STATE +IDLE +UP +ASK +VERIFY\nfix-login +waiting-ask +running .* fix-login-1 /,
  });
  check.ended("what it holds nobody else can claim", await loop("_", "claim", "build"), { code: 1, said: /fix-login/ });
  check.ended("it is told something", await loop("_", "tell", "fix-login", "the release is on Thursday"), { code: 0 });
  check.ended("nobody who does not live is told anything", await loop("_", "tell", "unset", "hello"), { code: 1 });

  await kill();
  check.ended("after kill -9 of the server up takes the worker over", await loop("up"), { code: 0 });
  check.that("it is the same one, and still asks", (await becomes(loop, "fix-login", ({ alive }) => alive)) && (await isOpen(loop, "fix-login-1")));
  check.ended("its question is answered", await loop("answer", "fix-login-1", "yes"), { code: 0 });
  check.that(
    "it ends, and its check is run",
    await becomes(loop, "fix-login", ({ state, verify }) => state === "exited" && verify === "passed"),
    await find(loop, "fix-login"),
  );
  const said = await log(loop, "fix-login");
  check.that("it heard the answer and what it was told", /answer: yes/.test(said) && said.includes("the release is on Thursday"), said);
  check.that("it may not steer, and may not end others", /goal: [1-9]/.test(said) && /kill: [1-9]/.test(said), said);
  check.ended("what it reported as spent is in the ledger", await loop("cost"), { code: 0, said: /0\.25/ });
  check.ended("its claim is free with its end", await loop("_", "claim", "build"), { code: 0 });

  check.ended("its name can be used again", await start(loop, "fix-login", "--verify", "false"), { code: 0 });
  check.that("numbers of asks go on", await isOpen(loop, "fix-login-2"));
  check.ended("it is killed", await loop("_", "worker", "kill", "fix-login"), { code: 0, said: /^kill-worker fix-login/ });
  check.that("and is dead", await becomes(loop, "fix-login", ({ alive }) => !alive));
  check.that("killing is safe to repeat, or says that it is over", (await loop("_", "worker", "kill", "fix-login")).code < 70);
  const stranded = await until(async () => (await loop("_", "asks")).out.includes("fix-login-2 (fix-login) STRANDED"), { limitMs: 10_000 });
  check.that("its question is stranded", stranded, (await loop("_", "asks")).out);
  check.ended("and can still be answered", await loop("_", "answer", "fix-login-2", "no"), { code: 0 });

  await start(loop, "night");
  await isOpen(loop, "night-2");
  check.ended("down --keep-workers names who goes on", await loop("down", "--keep-workers"), {
    code: 0,
    said: /loop: pulse stopped\n[^]*night \(process \d+\)/,
  });
  await loop("up");
  check.that("and the next start takes it up", await becomes(loop, "night", ({ alive }) => alive));
  check.ended("down ends it, and says so", await loop("down"), { code: 0, said: /loop: stopped 1 worker \(night\)\n[^]*loop: pulse stopped/ });
}
