import type { Db } from "#src/database/open.ts";
import type { ApplyRequest } from "./request.ts";
import { selectLatest } from "./store/requests.ts";

/** The last change of the workspace that somebody asked for or returned to; null: none ever. */
export const latestRequest = (db: Db): Promise<ApplyRequest | null> => selectLatest(db);
