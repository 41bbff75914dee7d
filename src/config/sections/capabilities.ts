/** `capabilities`: the profiles that clients are advertised under, and the table of content kinds. */
import { z } from 'zod';

const file = z.string().min(1).max(4_096);

const section = z.strictObject({
  contentKinds: file.describe('Table of content kinds, such as policies/content-kinds.yaml.'),
  profiles: z
    .union([file, z.array(file).min(1).max(1_000)])
    .describe('Capability profiles: a folder, whose .yaml files are read, or a list of files.'),
  holdMs: z
    .int()
    .min(0)
    .max(60_000)
    .default(3_000)
    .describe(
      'How long a presence waits for what the client says of itself. Milliseconds, 0 to 60000; then the baseline of ' +
        'the profile is advertised.',
    ),
  readvertiseJitterMs: z
    .int()
    .min(0)
    .max(3_600_000)
    .default(30_000)
    .describe('A changed profile is advertised after a random part of this. Milliseconds, 0 to 3600000.'),
});

/** What clients can receive: the profiles of the provider and the table of content kinds. */
export const capabilities = section.describe(
  'Rewriting of capabilities and the content filter. Without this section clients advertise themselves. Files are ' +
    'read again when they change; a new file in the folder is found at the next start.',
);

/** `gatekeepers[].capabilities`. */
export const gatekeeperCapabilities = section.describe(
  'Capabilities of clients at this gatekeeper only. Without this section the one at the top of the file holds; with it, ' +
    'nothing of that does.',
);
