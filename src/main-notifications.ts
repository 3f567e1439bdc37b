import { sendCallback } from "#src/adapters/callback-http/send.ts";
import { notificationSurfaces } from "#src/adapters/surface-notification/surfaces.ts";
import type { MessagePort } from "#src/acts/ports/message-port.ts";
import type { Base } from "#src/main-api.ts";

/** Where notices go beside the messages of people. */
export const notificationsOf = ({ workspaces, env, secrets }: Pick<Base, "workspaces" | "env" | "secrets">): MessagePort[] =>
  notificationSurfaces({
    settings: async () => (await workspaces.current()).workspace.manifest.notification,
    env,
    secret: secrets.resolve,
    post: sendCallback,
  });
