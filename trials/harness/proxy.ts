import { connect, createServer, type Socket } from "node:net";

type Direction = "toServer" | "toClient";

/** Stands between engines and Postgres and makes the line bad. */
export interface Proxy {
  /** The given URL, by way of the proxy. */
  readonly url: string;
  /** From now on each piece arrives so much later, in both directions; the order stays. */
  delay(ms: number): void;
  /** Nothing arrives any more in these directions, and nobody is told; what was sent waits. `only`: connections whose application name contains it; those that listen count as ` listening`. Gives how many. */
  freeze(directions: readonly Direction[], only?: string): number;
  /** What waited arrives. */
  thaw(): void;
  /** Lines now open. */
  readonly lines: () => number;
  close(): Promise<void>;
}

interface Pipe {
  frozen: boolean;
  pieces: (() => void)[];
}

interface Line {
  application: string;
  readonly sockets: readonly Socket[];
  readonly pipes: Readonly<Record<Direction, Pipe>>;
}

export async function openProxy(url: string): Promise<Proxy> {
  const target = new URL(url);
  const lines = new Set<Line>();
  let delayMs = 0;

  const forward = (from: Socket, to: Socket, pipe: Pipe): void => {
    from.on("data", (data: Buffer) => {
      const deliver = (): void => void (pipe.frozen ? pipe.pieces.push(deliver) : to.destroyed || to.write(data));
      if (pipe.frozen) pipe.pieces.push(deliver);
      else if (delayMs > 0) setTimeout(deliver, delayMs);
      else deliver();
    });
    const end = (): void => {
      const close = (): void => void to.destroy();
      if (pipe.frozen) pipe.pieces.push(close);
      else if (delayMs > 0) setTimeout(close, delayMs);
      else close();
    };
    from.on("close", end).on("error", () => undefined);
  };

  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    const line: Line = {
      application: "",
      sockets: [client, upstream],
      pipes: { toServer: { frozen: false, pieces: [] }, toClient: { frozen: false, pieces: [] } },
    };
    lines.add(line);
    client.setNoDelay(true);
    upstream.setNoDelay(true);
    client.on("data", (data: Buffer) => {
      const text = data.toString("latin1");
      if (line.application === "") line.application = /application_name\0([^\0]*)\0/.exec(text)?.[1] ?? "";
      if (text.startsWith("Q") && text.includes("listen loopwright")) line.application += " listening";
    });
    forward(client, upstream, line.pipes.toServer);
    forward(upstream, client, line.pipes.toClient);
    client.on("close", () => lines.delete(line));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const through = new URL(url);
  through.port = String((server.address() as { port: number }).port);

  return {
    url: through.toString(),
    delay: (ms) => void (delayMs = ms),
    freeze(directions, only = "") {
      const chosen = [...lines].filter((line) => line.application.includes(only));
      for (const line of chosen) for (const direction of directions) line.pipes[direction].frozen = true;
      return chosen.length;
    },
    thaw() {
      for (const { pipes } of lines) {
        for (const pipe of Object.values(pipes)) {
          pipe.frozen = false;
          for (const deliver of pipe.pieces.splice(0)) deliver();
        }
      }
    },
    lines: () => lines.size,
    async close() {
      for (const { sockets } of lines) for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
