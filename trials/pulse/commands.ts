import { until } from "../harness/wait.ts";
import type { Agent } from "./agent.ts";
import type { Checks } from "./checks.ts";

/** Commands, notices and costs: acts of the root agent, through the gate. */
export async function commands(loop: Agent, check: Checks): Promise<void> {
  check.ended("a command runs", await loop("_", "run", "echo hello", "--reason", "see whether it works"), {
    code: 0,
    said: /^run-shell · see whether it works\n$/,
  });
  const { last_run: last } = await loop.json<{ last_run: { output: string; exit_code: number } | null }>("_", "state");
  check.that("and what it printed is there for the next decision", last?.output.trim() === "hello" && last.exit_code === 0, last);
  check.ended("one that fails says with what", await loop("_", "run", "exit 7"), { code: 1, said: /7/ });
  check.ended("one that nobody may take back is refused for everybody", await loop("_", "run", "sudo true"), { code: 1 });
  check.ended("also in a shell within", await loop("_", "run", "bash -c 'rm -rf /'"), { code: 1 });
  check.ended("a blank one is refused", await loop("_", "run", " "), { code: 1 });
  check.ended("it reaches no network", await loop("_", "run", "exec 3<>/dev/tcp/127.0.0.1/80"), { code: 1 });

  check.ended("a notice goes out", await loop("_", "notify", "the release is out"), { code: 0 });
  check.ended("a blank one is refused", await loop("_", "notify", " "), { code: 1 });
  const journal = async (): Promise<string> => (await loop("_", "journal")).out;
  check.that(
    "both stand in the journal",
    await until(async () => /run-shell · see whether it works[^]*the release is out/.test(await journal()), { limitMs: 5_000 }),
    await journal(),
  );

  for (const mode of ["today", "all"]) check.ended(`loop cost ${mode} answers`, await loop("cost", mode), { code: 0 });
  check.ended("another mode is refused", await loop("cost", "yesterday"), { code: 1, said: /today/ });
}
