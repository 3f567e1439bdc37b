import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import type { WorkerPort, WorkerSpec, WorkerStatus } from "#src/acts/ports/worker-port.ts";

/** What a test lets a worker do. `spec` goes into `start`; the rest happens to the worker of that key. */
export interface WorkerScript {
  readonly spec: WorkerSpec;
  /** Makes it print this and a line end. Gives when it has. */
  print(text: string): Promise<void>;
  /** Makes it end with this code. Gives when it has. */
  exit(exitCode: number): Promise<void>;
}

export interface WorkerPortSubject {
  readonly port: WorkerPort;
  /** A worker that waits for what it is told. `stubborn`: it does not end when it is asked to. */
  worker(key: string, how?: { readonly stubborn?: boolean }): WorkerScript;
  /** A worker whose program is nowhere. */
  readonly missing: { readonly spec: WorkerSpec; readonly program: string };
  /** From now on nobody can say who lives. */
  breakFleet(): Promise<void>;
}

export interface WorkerPortSuite {
  readonly name: string;
  readonly subject: (t: TestContext) => Promise<WorkerPortSubject>;
  /** Why it cannot run here. */
  readonly skip?: string | false;
}

/** What every place that runs workers owes its callers. */
export function workerPortSuite({ name, subject, skip = false }: WorkerPortSuite): void {
  describe(`a worker port: ${name}`, { skip }, () => {
    starts(subject);
    ends(subject);
    output(subject);
  });
}

const GRACE_MS = 300;

function starts(subject: WorkerPortSuite["subject"]): void {
  test("a worker that was started runs, and is found by its key and in the list", async (t) => {
    const { port, worker } = await subject(t);
    assert.deepEqual([await port.find("act_1"), await port.list()], [undefined, []]);
    const { spec } = worker("act_1");
    const status = await port.start("act_1", spec);
    assert.deepEqual(
      { key: status.key, name: status.name, state: status.state, exitCode: status.exitCode, signal: status.signal, endedAtMs: status.endedAtMs },
      { key: "act_1", name: spec.name, state: "running", exitCode: null, signal: null, endedAtMs: null },
    );
    assert.ok(status.pid > 0 && status.startedAtMs > 0 && status.lastOutputAtMs >= status.startedAtMs, JSON.stringify(status));
    assert.deepEqual((await port.find("act_1"))?.state, "running");
    assert.deepEqual(keysOf(await port.list()), ["act_1"]);
  });

  test("the same key is one worker, one after the other and at the same moment; another key is another", async (t) => {
    const { port, worker } = await subject(t);
    const together = await Promise.all(Array.from({ length: 4 }, () => port.start("act_1", worker("act_1").spec)));
    for (const status of together) assert.equal(status.pid, together[0]!.pid);
    const other = await port.start("act_2", worker("act_2").spec);
    assert.notEqual(other.pid, together[0]!.pid);
    await worker("act_1").exit(0);
    assert.equal((await port.start("act_1", worker("act_1").spec)).state, "exited", "an ended one is given, not begun again");
    assert.deepEqual(keysOf(await port.list()), ["act_1", "act_2"]);
  });

  test("a program that is missing is said by name, and nothing is left of the try", async (t) => {
    const { port, missing } = await subject(t);
    await assert.rejects(port.start("act_1", missing.spec), (error: { code?: string; message: string }) => {
      assert.equal(error.code, "worker_unavailable");
      assert.ok(error.message.includes(missing.program), error.message);
      return true;
    });
    assert.deepEqual([await port.find("act_1"), await port.list()], [undefined, []]);
  });

  test("when nobody can say who lives, the list fails", async (t) => {
    const { port, worker, breakFleet } = await subject(t);
    await port.start("act_1", worker("act_1").spec);
    await breakFleet();
    await assert.rejects(port.list(), { code: "worker_unavailable" });
  });
}

function ends(subject: WorkerPortSuite["subject"]): void {
  test("the code it ends with is kept, and whoever watches is told", async (t) => {
    const { port, worker } = await subject(t);
    const told: string[] = [];
    t.after(port.watch((key) => void told.push(key)));
    await port.start("act_1", worker("act_1").spec);
    await worker("act_1").exit(7);
    const status = (await port.find("act_1"))!;
    assert.deepEqual([status.state, status.exitCode, status.signal], ["exited", 7, null]);
    assert.ok(status.endedAtMs !== null && status.endedAtMs >= status.startedAtMs);
    while (!told.includes("act_1")) await new Promise(setImmediate);
  });

  test("a stop asks first; it is safe to repeat, and a worker that has ended stays as it is", async (t) => {
    const { port, worker } = await subject(t);
    assert.equal(await port.stop("act_9", GRACE_MS), undefined);
    await port.start("act_1", worker("act_1").spec);
    await port.start("act_2", worker("act_2").spec);
    await worker("act_2").exit(3);
    const stopped = (await port.stop("act_1", 10_000))!;
    assert.deepEqual([stopped.state, stopped.signal], ["killed", "SIGTERM"]);
    assert.deepEqual(await port.stop("act_1", 10_000), stopped);
    assert.deepEqual([(await port.stop("act_2", 10_000))!.state, (await port.find("act_2"))!.exitCode], ["exited", 3]);
  });

  test("a worker that does not listen is ended by force", async (t) => {
    const { port, worker } = await subject(t);
    const stubborn = worker("act_1", { stubborn: true });
    await port.start("act_1", stubborn.spec);
    await stubborn.print("ready");
    const stopped = (await port.stop("act_1", GRACE_MS))!;
    assert.deepEqual([stopped.state, stopped.signal], ["killed", "SIGKILL"]);
  });

  test("one that has ended can be forgotten, one that runs cannot", async (t) => {
    const { port, worker } = await subject(t);
    await port.start("act_1", worker("act_1").spec);
    await assert.rejects(port.forget("act_1"), { code: "worker_unavailable" });
    await worker("act_1").exit(0);
    await port.forget("act_1");
    await port.forget("act_1");
    assert.deepEqual([await port.find("act_1"), await port.list()], [undefined, []]);
  });
}

function output(subject: WorkerPortSuite["subject"]): void {
  test("what it printed is kept as text, and its terminal can be seen", async (t) => {
    const { port, worker } = await subject(t);
    assert.deepEqual([await port.screen("act_1"), await port.log("act_1", 1_000)], [[], ""]);
    const script = worker("act_1");
    const begun = await port.start("act_1", script.spec);
    await script.print("first 冷氣");
    await script.print("second");
    assert.match(await port.log("act_1", 1_000), /first 冷氣\nsecond\n$/);
    assert.equal(await port.log("act_1", 4), "ond\n");
    const screen = await port.screen("act_1");
    assert.ok(screen.includes("first 冷氣") && screen.includes("second"), JSON.stringify(screen));
    assert.ok((await port.find("act_1"))!.lastOutputAtMs >= begun.lastOutputAtMs);
    await script.exit(0);
    assert.match(await port.log("act_1", 1_000), /second\n$/, "it stays after the end");
  });
}

const keysOf = (statuses: readonly WorkerStatus[]): readonly string[] => statuses.map(({ key }) => key).toSorted();
