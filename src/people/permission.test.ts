import assert from "node:assert/strict";
import { test } from "node:test";
import { LoopError } from "#src/kernel/errors.ts";
import { may, type Permission, PERMISSIONS, requirePermission } from "./permission.ts";
import { type Role, ROLES } from "./role.ts";

const permissionsOf = (roles: readonly Role[], scopes?: readonly string[]): Permission[] =>
  PERMISSIONS.filter((permission) => may(scopes === undefined ? { roles } : { roles, scopes }, permission));

test("each role gives exactly what its table says, through a token for everything", () => {
  assert.deepEqual(Object.fromEntries(ROLES.map((role) => [role, permissionsOf([role], ["*"])])), {
    owner: [...PERMISSIONS],
    admin: [...PERMISSIONS],
    approver: ["read", "asks:answer"],
    operator: ["read", "tickets:write", "asks:answer", "runs:control", "workspace:propose", "models:call", "services:call", "pulse:steer", "pulse:work"],
    viewer: ["read"],
    agent: [],
    worker: [],
  });
});

test("an agent may do only what its token names, and nothing that is for people", () => {
  assert.deepEqual(permissionsOf(["agent"], ["read", "tickets:write", "asks:answer", "tokens:manage"]), ["read", "tickets:write"]);
  assert.deepEqual(permissionsOf(["worker"], [...PERMISSIONS]), ["read", "pulse:work"]);
  assert.deepEqual(permissionsOf(["agent"]), []);
});

test("the scopes of a token take away and never add", () => {
  assert.deepEqual(permissionsOf(["owner"], ["read"]), ["read"]);
  assert.deepEqual(permissionsOf(["viewer"], ["read", "tickets:write"]), ["read"]);
  assert.deepEqual(permissionsOf(["owner"], []), []);
  assert.deepEqual(permissionsOf(["owner"], ["tickets:*", "READ", ""]), []);
});

test("without a token the roles alone count, and without a role nothing", () => {
  assert.deepEqual(permissionsOf(["approver", "viewer"]), ["read", "asks:answer"]);
  assert.deepEqual(permissionsOf([]), []);
});

test("a refusal names who, what is needed and what there is", () => {
  assert.throws(
    () => requirePermission({ handle: "vera", roles: ["viewer"], scopes: ["*"] }, "tickets:write"),
    (error: LoopError) => {
      assert.equal(error.code, "permission_missing");
      assert.equal(error.message, "vera may not do this: it needs tickets:write. Roles: viewer; scopes of the token: *.");
      return true;
    },
  );
});
