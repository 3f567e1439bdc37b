import { until } from "../harness/wait.ts";
import type { Agent } from "./agent.ts";
import type { Checks } from "./checks.ts";

interface Asked {
  readonly alias: string;
  readonly answer: string | null;
  readonly stranded: boolean;
}

export const isOpen = (loop: Agent, alias: string): Promise<boolean> =>
  until(async () => (await loop.json<{ asks: readonly Asked[] }>("_", "asks")).asks.some((ask) => ask.alias === alias), { limitMs: 15_000 });

/** Questions of a worker: put, seen on every face, answered once. */
export async function mailbox(loop: Agent, check: Checks): Promise<void> {
  const asking = loop.waiting("_", "ask", "shop", "--prompt", "Which colour?", "--options", "red, blue", "--ref", "https://git.example/7");
  check.that("an ask is there with its name", await isOpen(loop, "shop-1"));
  const waited = await loop.json<{ changed: string[] }>("_", "wait");
  check.that("wait ends at once while an ask is open", waited.changed.includes("asks"), waited.changed);
  check.ended("state shows it to people", await loop("_", "state"), { code: 0, said: /asks: 1[^]*⚑ shop-1 \(shop\): Which colour\?/ });
  check.ended("and so does loop asks", await loop("asks"), { code: 0, said: /Which colour\?[^]*answer shop-1/ });
  check.ended("an answer that is not among the options is refused with them", await loop("_", "answer", "shop-1", "green"), { code: 1, said: /red[^]*blue/ });
  check.ended("a blank answer is refused", await loop("_", "answer", "shop-1", "  "), { code: 1 });
  check.that("whoever asked still waits", !asking.isOver());
  check.ended("an option answers it", await loop("_", "answer", "shop-1", "blue"), { code: 0, said: /answered shop-1: blue/ });
  check.ended("and unblocks whoever asked with the answer alone", await asking.done, { code: 0, said: /^blue\n$/ });
  check.ended("another answer comes too late", await loop("_", "answer", "shop-1", "red"), { code: 1, said: /before you|already|answered/ });
  check.ended("what nobody asked cannot be answered", await loop("_", "answer", "shop-77", "red"), { code: 1, said: /shop-77/ });
  check.ended("a blank question is refused", await loop("_", "ask", "shop", "--prompt", " "), { code: 1, said: /blank/ });
  check.ended("nobody asks nothing", await loop("_", "ask", "--prompt", "x"), { code: 1, said: /LOOP_SESSION_ID/ });

  const second = loop.waiting("_", "ask", "shop", "--prompt", "- How many?");
  check.that("numbers are never used twice", await isOpen(loop, "shop-2"));
  check.ended("a person answers by the name of the ask", await loop("answer", "shop-2", "three"), { code: 0 });
  check.ended("and whoever asked hears it", await second.done, { code: 0, said: /^three\n$/ });

  const third = loop.waiting("_", "ask", "shop", "--prompt", "Who wins?");
  await isOpen(loop, "shop-3");
  const answers = ["ana", "ben", "cem", "dua"];
  const race = await Promise.all(answers.map(async (name) => ({ name, ...(await loop("_", "answer", "shop-3", name)) })));
  const won = race.filter(({ code }) => code === 0);
  check.that("of four first answers at once one wins", won.length === 1, race);
  check.ended("and it is the one that was heard", await third.done, { code: 0, said: new RegExp(`^${won[0]?.name}\\n$`) });
}

/** kill -9 of the server while somebody asks and somebody waits. */
export async function killed(loop: Agent, check: Checks, kill: () => Promise<void>): Promise<void> {
  const asking = loop.waiting("_", "ask", "night", "--prompt", "Still there?");
  await isOpen(loop, "night-1");
  const { cursor } = await loop.json<{ cursor: string }>("_", "state");
  const waiting = loop.waiting("_", "wait", "--since", cursor, "--json");
  await kill();
  check.ended("with the server killed a verb says that none runs", await loop("_", "asks"), { code: 1, said: /No server runs/ });
  check.that("whoever asked waits on", !asking.isOver());
  check.ended("up heals the lock that the dead one held", await loop("up"), { code: 0, said: /loop: pulse started/ });
  check.that("the ask is there again", await isOpen(loop, "night-1"));
  check.that("whoever asked waits on after the start", !asking.isOver());
  const gone = await loop.json<{ cursor: string }>("_", "state");
  check.that("the world is the one from before", gone.cursor === cursor, [cursor, gone.cursor]);
  check.ended("the answer is taken", await loop("_", "answer", "night-1", "yes"), { code: 0 });
  check.ended("and reaches whoever asked before the kill", await asking.done, { code: 0, said: /^yes\n$/ });
  const ended = await waiting.done;
  check.that("a wait over the kill either goes on or says that the pulse was down", ended.code === 0 || ended.code === 2, ended);
}
