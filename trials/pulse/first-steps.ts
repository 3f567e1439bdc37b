import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Agent, agentOf } from "./agent.ts";
import type { Checks } from "./checks.ts";

/** Before there is a server, and the first start. */
export async function firstSteps(loop: Agent, check: Checks): Promise<void> {
  check.ended("without a server a verb says so, and how to start one", await loop("_", "asks"), { code: 1, said: /No server runs[^]*loop up/ });
  check.ended("`loop _` prints the contract without a server", await loop("_"), { code: 0, said: /loop _ wait[^]*loop _ answer <ask>[^]*Exit codes/ });
  check.ended("`loop help` names it in a line", await loop("help"), { code: 0, said: /loop _ help/ });
  check.ended("an unknown verb is exit 1", await loop("frobnicate"), { code: 1, said: /unknown command 'frobnicate'/ });
  check.ended("an unknown machine verb too", await loop("_", "frobnicate"), { code: 1, said: /unknown command '_ frobnicate'/ });
  check.ended("-V is the version", await loop("-V"), { code: 0, said: /^loopwright \d+\.\d+\.\d+/ });
  check.ended("config zsh is completion, with the machine verbs", await loop("config", "zsh"), { code: 0, said: /#compdef loop[^]*'_ claim'/ });
  check.ended("config of another shell is refused with those there are", await loop("config", "tcsh"), { code: 2, said: /bash, zsh, fish/ });
  check.ended("down is fine where nothing runs", await loop("down"), { code: 0 });
  check.ended("an unknown flag of up is usage", await loop("up", "--fast"), { code: 2, said: /no flag --fast/ });
  const two = agentOf(loop.home, { LOOP_DATA_DIR: "/somewhere", LOOP_WORKSPACE: "/elsewhere" });
  check.ended("two folders of data that differ are refused with both", await two("up"), { code: 1, said: /\/elsewhere[^]*\/somewhere/ });
  check.ended("watch without a terminal names what to use instead", await loop("watch"), { code: 2, said: /loop asks --json/ });
  check.ended("init seeds the personal workspace", await loop("init", "--template", "personal"), { code: 0, said: /is a workspace now/ });
  const seeded = ["PLAYBOOK.md", "goals/setup.md", "goals/playbook-daily.md", "sensors/today.sh", "agents/root.yaml"];
  check.that(
    "with a playbook, two goals, a sensor and the root agent",
    seeded.every((file) => existsSync(join(loop.home, "workspace", file))),
  );
  check.ended("and never writes over it", await loop("init", "--template", "personal"), { code: 1, said: /not empty/ });
  check.ended("up starts the pulse", await loop("up"), { code: 0, said: /\nloop: pulse started\n/ });
  check.ended("up again says that it runs", await loop("up"), { code: 0, said: /\nloop: pulse already running\n/ });
  check.that("and so does up --json", (await loop.json<{ pulse: string }>("up")).pulse === "already running");
}
