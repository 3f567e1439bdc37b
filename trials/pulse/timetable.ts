import type { Agent } from "./agent.ts";
import type { Checks } from "./checks.ts";

interface Listed {
  readonly schedules: readonly { readonly name: string; readonly signal: unknown }[];
}

/** Schedules, claims, costs and the journal. */
export async function timetable(loop: Agent, check: Checks): Promise<void> {
  const write = (...args: string[]) => loop("_", "schedule", "write", ...args);
  check.ended("a schedule each 59 s is refused", await write("often", "--every", "59"), { code: 1, said: /60/ });
  check.ended("one that is further away than anybody lives is refused", await write("far", "--in", "1e12"), { code: 1 });
  for (const seconds of ["-1", "NaN", "Infinity", "soon", "1e400"]) check.that(`--in ${seconds} is refused`, (await write("odd", "--in", seconds)).code !== 0);
  check.ended("two ways at once are refused", await write("two", "--in", "60", "--every", "60"), { code: 1 });
  check.ended("cron of four fields is refused", await write("odd", "--cron", "* * * *"), { code: 1 });
  check.ended("each 60 s is taken", await write("minute", "--every", "60", "--note", "look"), { code: 0, said: /^write-schedule minute\n$/ });
  check.ended("and once in an hour", await write("hour", "--in", "3600"), { code: 0 });
  const { schedules } = await loop.json<Listed>("_", "schedule", "list");
  check.that("list has those two, and nothing that was refused", schedules.map(({ name }) => name).join() === "hour,minute", schedules);
  check.ended("rm takes one away", await loop("_", "schedule", "rm", "minute"), { code: 0, said: /^drop-schedule minute\n$/ });
  check.ended("what is not there cannot be taken away", await loop("_", "schedule", "rm", "minute"), { code: 1 });

  check.ended("a claim is taken", await loop("_", "claim", "release"), { code: 0, said: /^claimed release\n$/ });
  check.ended("again by its holder", await loop("_", "claim", "release"), { code: 0 });
  check.ended("and by nobody else", await loop("_", "claim", "release", "--session", "other"), { code: 1, said: /release is claimed by/ });
  check.ended("nor given back by somebody else", await loop("_", "unclaim", "release", "--session", "other"), { code: 1 });
  check.ended("it is given back by its holder", await loop("_", "unclaim", "release"), { code: 0 });
  check.ended("which is fine twice", await loop("_", "unclaim", "release"), { code: 0 });

  for (const usd of ["NaN", "0", "-1", "junk"])
    check.ended(`a cost of ${usd} is dropped without a word`, await loop("_", "cost", "root", "root", "pi", "--", usd), { code: 0, said: /^$/ });
  const journal = await loop("_", "journal");
  check.that(
    "the journal has a line for each thing that was done",
    /write-schedule minute[^]*drop-schedule minute/.test(journal.out) && !journal.out.includes("odd"),
    journal.out,
  );
}
