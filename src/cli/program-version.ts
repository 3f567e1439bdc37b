import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./context.ts";

/** Of the checkout or package that this file belongs to. */
export const programVersion = (): string => (JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string }).version;
