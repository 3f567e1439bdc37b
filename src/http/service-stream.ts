import type { Json } from "#src/kernel/canonical-json.ts";
import { callDelivered, endOfCall } from "#src/services/end.ts";
import { resultOf } from "#src/services/result.ts";
import { readState } from "#src/runs/store/state.ts";
import { callerOf } from "./app.ts";
import { bodyOf, type Settling, waitFor } from "./service-answer.ts";

const LOOK_MS = 250;

/** The call as server-sent events: `run` when it has begun, `message` for each thing that an agent said, `result` at the end, as the answer would be. */
export async function streamCall(settling: Settling): Promise<void> {
  const { deps, service, called, request, reply } = settling;
  const { call } = called;
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
  });
  const say = (event: string, data: Json): void => void (raw.destroyed || raw.writableEnded || raw.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`));
  const release = request.server.revocations.watch({
    tokenId: callerOf(request).tokenId,
    needs: "services:call",
    end: (code) => {
      say("end", { code });
      raw.end();
    },
  });
  raw.once("close", release);
  let seen = 0;
  let begun: string | undefined;
  const look = async (): Promise<void> => {
    const run = await endOfCall(deps.db, call);
    if (!run) return;
    if (begun === undefined) say("run", { run_id: (begun = run.id), session_id: call.sessionId });
    for (const { seq, role, source, content } of (await readState(deps.db, run.id)).messages.filter((message) => message.seq > seen)) {
      seen = seq;
      if (role === "thought" && typeof content === "object" && content !== null && "text" in content && content.text !== "")
        say("message", { from: source, text: content.text as string });
    }
  };
  let waiting = settling;
  const endsAt = performance.now() + service.limits.timeout;
  for (;;) {
    const leftMs = endsAt - performance.now();
    const run = await waitFor(waiting, Math.max(1, Math.min(LOOK_MS, leftMs)));
    waiting = { ...settling, called: { ...called, isHere: false } }; // between two waits nobody is told: the next one looks first
    await look();
    if (raw.writableEnded) return; // its token counts no more
    const result = resultOf(service, run);
    if (result.state === "working" && leftMs > 0 && !request.signal.aborted) continue;
    say("result", bodyOf(result, { bare: false, runId: run?.id ?? null, sessionId: call.sessionId }) as Json);
    if (result.state === "done" && !request.signal.aborted) await callDelivered(deps.db, call, run!.id);
    raw.end();
    return;
  }
}
