import type { Db } from "#src/database/open.ts";
import type { Principal } from "./principal.ts";
import { findByIdentity, principalByHandle } from "./store/principals.ts";

/** Faces of our own, where a sender is a handle. */
const OWN_FACES: readonly string[] = ["cli", "http"];

/** Who a sender is on a surface; undefined: somebody outside. */
export async function whoIs(db: Db, surface: string, sender: string): Promise<Principal | undefined> {
  const known = (await findByIdentity(db, surface, sender)) ?? (OWN_FACES.includes(surface) ? await principalByHandle(db, sender) : undefined);
  return known?.disabledAtMs === null ? known : undefined; // who left the team is somebody outside
}
