import type { MessagePort, OutboundMessage } from "#src/acts/ports/message-port.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { WorkspaceManifest } from "#src/workspace/manifest/workspace.ts";
import { runBounded } from "#src/processes/bounded-process.ts";
import { processGroup } from "#src/processes/process-group.ts";

export interface NotificationWorld {
  /** What the workspace in force says. */
  readonly settings: () => Promise<WorkspaceManifest["notification"]>;
  /** The environment of the server: what a desktop needs is taken from it, and nothing else. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** @throws LoopError secret_unavailable */
  readonly secret: (reference: string) => Promise<string>;
  /** Posts once. @throws LoopError surface_unavailable | surface_refused */
  readonly post: (request: {
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
    readonly hosts: readonly string[];
    readonly signal: AbortSignal;
  }) => Promise<void>;
}

const TIMEOUT_MS = 20_000;
const OUTPUT_BYTES = 4_096;
const FOR_A_DESKTOP = ["PATH", "HOME", "LANG", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"];

/**
 * `command` and `webhook`: where notices go beside the messages of people, as `notification` of loop.yaml says. Neither can tell what it has shown, so acts of them
 * are idempotent: after a crash a notice may be shown again. A webhook carries the same `webhook-id` then.
 */
export function notificationSurfaces(world: NotificationWorld): MessagePort[] {
  const nothing = (): Promise<undefined> => Promise.resolve(undefined);
  const port = (name: "command" | "webhook", post: (message: OutboundMessage, key: string) => Promise<void>): MessagePort => ({
    name,
    find: nothing,
    async post(message, key) {
      await post(message, key);
      return { surface: name, messageId: key };
    },
  });
  return [port("command", (message) => run(world, message)), port("webhook", (message, key) => send(world, message, key))];
}

async function run({ settings, env }: NotificationWorld, message: OutboundMessage): Promise<void> {
  const command = (await settings())?.command;
  if (!command) throw refused("loop.yaml names no command in `notification` any more");
  const about = aboutOf(message);
  const argv = command.map((word) => filled(word, { message: message.text, id: about })) as [string, ...string[]];
  const own = Object.fromEntries(FOR_A_DESKTOP.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
  const bounds = { argv, env: { ...own, LOOP_MESSAGE: message.text, LOOP_ID: about }, timeoutMs: TIMEOUT_MS, maxOutputBytes: OUTPUT_BYTES };
  const ended = await runBounded(bounds, processGroup, new AbortController().signal);
  if (!ended.started) throw refused(`${argv[0]} could not be started (${ended.code})`);
  if (ended.exitCode !== 0)
    throw refused(`${argv[0]} ended with ${ended.timedOut ? "no end within 20 s" : (ended.exitCode ?? "a signal")}: ${ended.stderr.trim().slice(0, 200)}`);
}

/** What stands alone in a word of the command cannot become an option of the program. */
function filled(word: string, { message, id }: { readonly message: string; readonly id: string }): string {
  const text = word.replaceAll("{{message}}", () => message).replaceAll("{{id}}", () => id);
  return word.startsWith("{{") && text.startsWith("-") ? ` ${text}` : text;
}

async function send({ settings, secret, post }: NotificationWorld, message: OutboundMessage, key: string): Promise<void> {
  const webhook = (await settings())?.webhook;
  if (!webhook) throw refused("loop.yaml names no webhook in `notification` any more");
  const headers: Record<string, string> = { "content-type": "application/json", "webhook-id": key };
  for (const [name, value] of Object.entries(webhook.headers)) headers[name] = value.startsWith("secret:") ? await secret(value) : value;
  const body = JSON.stringify({ id: key, about: aboutOf(message), subject: message.subject, message: message.text });
  await post({ url: webhook.url, headers, body, hosts: [new URL(webhook.url).host], signal: AbortSignal.timeout(TIMEOUT_MS) });
}

const aboutOf = ({ facts }: OutboundMessage): string => (typeof facts["about"] === "string" ? facts["about"] : "");

const refused = (why: string): LoopError => new LoopError("surface_refused", `The notice was not shown: ${why}.`);
