import type { Json } from "#src/kernel/canonical-json.ts";
import type { Service } from "#src/workspace/model.ts";
import type { RunEnd } from "#src/runs/run.ts";
import { SET_UP_MODEL } from "#src/runs/think/set-up-model.ts";

/** What a call came to. `status`: as HTTP counts it. */
export interface CallResult {
  readonly status: number;
  readonly state: "done" | "failed" | "waiting" | "working";
  readonly output?: Json;
  readonly code?: string;
  readonly error?: string;
}

const STILL_WORKING = "It is still at work. Ask again with GET, or give a callback_url.";

/** The result of a call, from how its run stands; undefined: no run has begun yet. */
export function resultOf(service: Service, run: RunEnd | undefined): CallResult {
  if (run?.state === "done") return { status: 200, state: "done", output: outputOf(service, run) };
  if (run?.isOver) return failed(service, run);
  if (run && (run.state === "waiting" || run.state === "paused" || run.state === "quarantined"))
    return { status: 202, state: "waiting", code: "waiting_for_person", error: "A person is asked before it goes on." };
  return { status: 504, state: "working", code: "still_working", error: STILL_WORKING };
}

function outputOf(service: Service, { answer }: RunEnd): Json {
  if (answer?.value !== undefined) return answer.value;
  const text = answer?.said ?? "";
  return service.reply === "messages" ? [{ text, role: "assistant", html: htmlOf(text) }] : { text };
}

const htmlOf = (text: string): string =>
  text
    .split(/\n{2,}/)
    .map((part) => `<p>${part.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("\n", "<br>")}</p>`)
    .join("");

/** Codes under which a provider may answer another time, or once it is set up. */
const UNAVAILABLE = /^(model_(not_authorised|rate_limited|overloaded|usage_limit|network|timed_out|server_error)|denied_by_(model|budget))$/;

function failed(service: Service, { state, reason }: RunEnd): CallResult {
  if (state !== "failed") return { status: 409, state: "failed", code: `run_${state}`, error: reason ?? `The run is ${state}.` };
  const [, code = "run_failed", message = reason ?? ""] = /^(\w[\w-]*): ([^]*)$/.exec(reason ?? "") ?? [];
  const error = code === service.unusable ? message : `${message} ${UNAVAILABLE.test(code) ? SET_UP_MODEL : ""}`.trim();
  return { status: UNAVAILABLE.test(code) ? 503 : 502, state: "failed", code, error };
}
