import { z } from "zod";
import type { IncomingFile } from "#src/intake/incoming-file.ts";
import { text } from "./query.ts";

const MOST_FILES = 16;
const MOST_BYTES = 7 * 1024 * 1024; // in base64 they must fit a body of 10 MB

/** Files and images in a body: bytes in base64. Nothing is fetched from an address that a body names. */
export const incomingFiles = z
  .array(
    z.strictObject({
      name: text(200).min(1),
      mediaType: z.string().regex(/^[a-z]+\/[a-z0-9.+-]{1,100}$/, "expected a media type such as image/png"),
      data: z.base64("expected the bytes in base64"),
    }),
  )
  .max(MOST_FILES, `expected ${MOST_FILES} files at most`)
  .transform((files) => files.map(({ name, mediaType, data }): IncomingFile => ({ name, mediaType, content: Buffer.from(data, "base64") })))
  .refine((files) => files.reduce((sum, { content }) => sum + content.byteLength, 0) <= MOST_BYTES, `expected ${MOST_BYTES / 1024 / 1024} MB of files at most`);
