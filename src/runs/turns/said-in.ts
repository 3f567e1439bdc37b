import type { ThreadMessage } from "#src/tickets/thread.ts";
import type { Said } from "../create.ts";

/** What a message of a thread says, for a transcript. */
export const saidIn = ({ text, author, trust, attachments }: ThreadMessage): Said => ({ text, source: author, trust, attachments });
