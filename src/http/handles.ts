import type { Db } from "#src/database/open.ts";
import { listPrincipals } from "#src/people/store/principals.ts";

/** The handle where the record keeps the id of somebody; what else it keeps, such as `system`, stays as it is. */
export async function handlesOf(db: Db): Promise<(author: string) => string> {
  const known = new Map((await listPrincipals(db)).map(({ id, handle }) => [id as string, handle]));
  return (author) => known.get(author) ?? author;
}
