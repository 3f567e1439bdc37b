import { createHash } from "node:crypto";
import type { StoredFile } from "#src/tickets/store/attachments.ts";
import type { Attachment } from "#src/tickets/thread.ts";

/** A file or image as it came: bytes and what they are said to be. */
export interface IncomingFile {
  readonly name: string;
  readonly mediaType: string;
  readonly content: Uint8Array;
}

/** What is kept of files that came: the bytes under their digest, and what a message says of them. */
export function keptFiles(files: readonly IncomingFile[]): { readonly attachments: readonly Attachment[]; readonly stored: readonly StoredFile[] } {
  const kept = files.map((file) => ({ ...file, digest: createHash("sha256").update(file.content).digest("hex") }));
  return {
    attachments: kept.map(({ digest, name, mediaType, content }) => ({ digest, name, mediaType, sizeBytes: content.byteLength })),
    stored: kept.map(({ digest, mediaType, content }) => ({ digest, mediaType, content })),
  };
}
