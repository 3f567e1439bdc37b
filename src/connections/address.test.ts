import assert from "node:assert/strict";
import { test } from "node:test";
import { type Reach, reachOf } from "./address.ts";

const REACH: Readonly<Record<Reach, readonly string[]>> = {
  public: ["1.1.1.1", "93.184.215.14", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"],
  own: ["127.0.0.1", "127.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "198.18.0.1", "::1", "fc00::1", "fd12:3456::1"],
  never: [
    "0.0.0.0",
    "0.1.2.3",
    "169.254.169.254",
    "::ffff:169.254.169.254",
    "::FFFF:A9FE:A9FE",
    "0:0:0:0:0:ffff:a9fe:a9fe",
    "64:ff9b::a9fe:a9fe",
    "168.63.129.16",
    "100.100.100.200",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "ff02::1",
    "fd00:ec2::254",
    "2002:a9fe:a9fe::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "64:ff9b:1::a9fe:a9fe",
    "::169.254.169.254",
    "0177.0.0.1",
    "2130706433",
    "localhost",
    "",
  ],
};

for (const [reach, addresses] of Object.entries(REACH)) {
  test(`${reach}: ${addresses.length} addresses, in every spelling that wraps one`, () => {
    assert.deepEqual(
      addresses.map((address) => [address, reachOf(address)]),
      addresses.map((address) => [address, reach]),
    );
  });
}

test("an own address wrapped in another family stays an own address", () => {
  assert.deepEqual(["::ffff:127.0.0.1", "::ffff:10.1.2.3", "64:ff9b::7f00:1"].map(reachOf), ["own", "own", "own"]);
});
