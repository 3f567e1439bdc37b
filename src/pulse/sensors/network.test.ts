import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { hostSandbox, sensorWorld } from "#src/testing/sensor-world.ts";

const answer = await hostSandbox().available();
const skip = answer.ok ? false : answer.why;

/** A server of this machine that says what it was asked; gives `127.0.0.1:port`. */
async function asked(t: TestContext): Promise<{ readonly host: string; readonly lines: string[] }> {
  const lines: string[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      lines.push(`${request.method} ${request.url} ${request.headers.host} ${request.headers.authorization ?? "-"} ${body}`);
      response.end(JSON.stringify({ signal: `answer to ${request.url}` }));
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => server.close());
  return { host: `127.0.0.1:${(server.address() as { port: number }).port}`, lines };
}

describe("the network of sensors", { skip, timeout: 120_000 }, () => {
  test("curl, Python and Node reach the host that is declared, and no other port of it", async (t) => {
    const [open, closed] = [await asked(t), await asked(t)];
    const world = await sensorWorld(t);
    const head = `# loop:network=${open.host}\n`;
    const py = `import urllib.request\nprint(urllib.request.urlopen("http://HOST/py").read().decode())`;
    const node = `const answer = await fetch("http://HOST/node", { method: "POST", body: "said" });\nif (!answer.ok) throw new Error(await answer.text());\nconsole.log(await answer.text());`;
    await world.apply({
      "curl.sh": `${head}curl -sS --fail -H 'authorization: Bearer x' http://${open.host}/curl`,
      "curl-closed.sh": `${head}curl -sS --fail http://${closed.host}/curl`,
      "py.py": head + py.replace("HOST", open.host),
      "py-closed.py": head + py.replace("HOST", closed.host),
      "node.ts": head.replace("#", "//") + node.replace("HOST", open.host),
      "node-closed.ts": head.replace("#", "//") + node.replace("HOST", closed.host),
      "undeclared.sh": `curl -sS --fail http://${open.host}/undeclared`,
    });
    const found = await world.beat();
    assert.deepEqual([found["curl"]!.signal, found["py"]!.signal, found["node"]!.signal], ["answer to /curl", "answer to /py", "answer to /node"]);
    assert.deepEqual(open.lines.toSorted(), [`GET /curl ${open.host} Bearer x `, `GET /py ${open.host} - `, `POST /node ${open.host} - said`]);
    assert.deepEqual(closed.lines, []);
    for (const name of ["curl-closed", "py-closed", "node-closed"]) {
      assert.equal(found[name]!.failed, true);
      const { stderr } = found[name]!.detail as { stderr: string };
      assert.match(stderr, new RegExp(`loop: ${closed.host} is not one of the hosts that it declares`));
    }
    assert.equal(found["undeclared"]!.failed, true);
  });

  test("a tunnel leads to a declared host too, with the encryption of the client", async (t) => {
    const world = await sensorWorld(t);
    const [key, cert] = [join(world.home, "key.pem"), join(world.folder, "cert.pem")];
    const made = [
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-keyout",
      key,
      "-out",
      cert,
      "-days",
      "2",
      "-subj",
      "/CN=127.0.0.1",
      "-addext",
      "subjectAltName=IP:127.0.0.1",
    ];
    execFileSync("openssl", made, { stdio: "ignore" });
    const server = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) =>
      response.end(JSON.stringify({ signal: request.url })),
    );
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    t.after(() => server.close());
    const host = `127.0.0.1:${(server.address() as { port: number }).port}`;
    await world.apply({
      "tls.sh": `# loop:network=${host}\ncurl -sS --fail --cacert cert.pem https://${host}/tls`,
      "tls-closed.sh": `# loop:network=example.com\ncurl -sS --fail --cacert cert.pem https://${host}/tls`,
      "tls.ts.sh": `# loop:network=${host}\nNODE_EXTRA_CA_CERTS=cert.pem "${process.execPath}" -e 'fetch("https://${host}/node").then(async (a) => console.log(await a.text()))'`,
    });
    const found = await world.beat();
    assert.deepEqual([found["tls"]!.signal, found["tls.ts"]!.signal], ["/tls", "/node"]);
    assert.equal(found["tls-closed"]!.failed, true);
    assert.match((found["tls-closed"]!.detail as { stderr: string }).stderr, /403/);
  });
});
