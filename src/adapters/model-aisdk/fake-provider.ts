import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

export interface FakeRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** An HTTP server on loopback that answers every request by `answer`, for headers and faults that a mock provider has no word for. Stops with the test. */
export async function fakeProvider(t: TestContext, answer: (response: ServerResponse, request: FakeRequest) => void) {
  const requests: FakeRequest[] = [];
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const request = { path: incoming.url ?? "", headers: incoming.headers, body: Buffer.concat(chunks).toString() };
      requests.push(request);
      answer(response, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

/** A whole JSON answer. */
export function sendJson(response: ServerResponse, body: unknown, how: { status?: number; headers?: Record<string, string> } = {}): void {
  response.writeHead(how.status ?? 200, { "content-type": "application/json", ...how.headers }).end(JSON.stringify(body));
}
