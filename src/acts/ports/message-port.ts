import type { Json } from "#src/kernel/canonical-json.ts";

/** A place where messages to people go. Delivery is findable, so a message is never sent twice and never lost. */
export interface MessagePort {
  readonly name: string;
  /** Safe to repeat: `deliveryKey` is the same on every try. @throws LoopError surface_refused | surface_unavailable */
  post(message: OutboundMessage, deliveryKey: string): Promise<PostedRef>;
  /** The message of this key if it was posted, else undefined. @throws LoopError surface_unavailable */
  find(deliveryKey: string): Promise<PostedRef | undefined>;
  /**
   * Puts another text in the place of a message that was posted. Present only where the place can do that; elsewhere a short message follows the first one.
   * Safe to repeat with the same key. @throws LoopError surface_refused | surface_unavailable
   */
  edit?(posted: PostedRef, message: OutboundMessage, deliveryKey: string): Promise<void>;
}

export interface OutboundMessage {
  /** An address in the terms of the surface. */
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly facts: { readonly [key: string]: Json };
}

export interface PostedRef {
  readonly surface: string;
  readonly messageId: string;
}
