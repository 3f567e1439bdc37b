import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../harness/wait.ts";
import type { Agent } from "./agent.ts";
import type { Checks } from "./checks.ts";

interface State {
  readonly world_hash: string;
  readonly cursor: string;
  readonly goals: readonly string[];
  readonly journal_tail: readonly string[];
  readonly snapshots: Readonly<Record<string, unknown>>;
}

const state = (loop: Agent): Promise<State> => loop.json<State>("_", "state");

/** Goals, the playbook and sensors, written by the verbs and read as files. */
export async function direction(loop: Agent, check: Checks): Promise<void> {
  const file = (path: string): string => join(loop.home, "workspace", path);
  const text = (path: string): string => (existsSync(file(path)) ? readFileSync(file(path), "utf8") : "");
  const before = await state(loop);

  check.ended("goal write takes its body as words", await loop("_", "goal", "write", "fix-login", "People can log in."), {
    code: 0,
    said: /^write-goal fix-login\n$/,
  });
  check.that("the goal is a file with one line feed at its end", text("goals/fix-login.md") === "People can log in.\n", text("goals/fix-login.md"));
  const moved = await state(loop);
  check.that("the world moved", moved.world_hash !== before.world_hash && moved.goals.includes("fix-login"));
  check.that(
    "and the journal has a line",
    moved.journal_tail.some((line) => /^- \d{4}-\d\d-\d\d \d\d:\d\d write-goal fix-login$/.test(line)),
    moved.journal_tail,
  );
  check.ended("without a body it is standard input", await loop.given("from stdin\n\n", "_", "goal", "write", "by-stdin"), { code: 0 });
  check.that("whole, with one line feed", text("goals/by-stdin.md") === "from stdin\n", text("goals/by-stdin.md"));
  check.ended("a lone - is standard input too", await loop.given("from a dash\n", "_", "goal", "write", "by-dash", "-"), { code: 0 });
  check.that("and never the text of the goal", text("goals/by-dash.md") === "from a dash\n", text("goals/by-dash.md"));
  check.ended("a body that begins with - is refused as a flag", await loop("_", "goal", "write", "by-flag", "-a list"), { code: 1, said: /--/ });
  check.ended("and taken after --", await loop("_", "goal", "write", "by-flag", "--", "-a list"), { code: 0 });
  check.that("as it stands", text("goals/by-flag.md") === "-a list\n", text("goals/by-flag.md"));
  check.ended("an empty body is refused", await loop.given("", "_", "goal", "write", "empty"), { code: 1, said: /blank/ });
  check.ended("--journal is the line instead", await loop("_", "goal", "write", "fix-login", "All can log in.", "--journal", "made the goal wider"), {
    code: 0,
  });
  check.that(
    "in the journal",
    (await state(loop)).journal_tail.some((line) => line.endsWith(" made the goal wider")),
  );
  check.ended("archive moves it away", await loop("_", "goal", "archive", "by-dash"), { code: 0 });
  check.that("into goals/archive", !existsSync(file("goals/by-dash.md")) && text("goals/archive/by-dash.md") !== "");
  check.ended("archiving what is not there is refused", await loop("_", "goal", "archive", "nothing-here"), { code: 1, said: /nothing-here/ });

  const playbook = text("PLAYBOOK.md");
  check.ended("playbook write", await loop.given("# Playbook\n\nAsk first.\n", "_", "playbook", "write"), { code: 0 });
  check.that("is in force as it is written", text("PLAYBOOK.md") === "# Playbook\n\nAsk first.\n");
  check.ended("loop playbook diff shows what changed", await loop("playbook", "diff"), { code: 0, said: /\+ ?Ask first\./ });
  check.ended("playbook write - does not write a dash", await loop.given(playbook, "_", "playbook", "write", "-"), { code: 0 });
  check.that("but what came in", text("PLAYBOOK.md") === playbook);

  const sensor = '#!/bin/sh\nprintf \'{"signal":{"open":3}}\'\n';
  check.ended("sensor write says that a person puts it in force", await loop.given(sensor, "_", "sensor", "write", "tickets"), {
    code: 0,
    said: /loop (apply|accept)/,
  });
  await until(async () => (await state(loop)).snapshots["sensor-today"] !== undefined, { limitMs: 30_000, everyMs: 500 });
  const sensed = await state(loop);
  check.that(
    "it does not run before, while those in force do",
    sensed.snapshots["sensor-tickets"] === undefined && sensed.snapshots["sensor-today"] !== undefined,
    sensed.snapshots,
  );
}
