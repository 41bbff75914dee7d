/** `policy`: which audience may see which piece of metadata. */
import { z } from 'zod';

/** Form of a shipped policy's name; any other text is a file. */
export const shippedPolicyName = /^[a-z][a-z0-9-]{0,62}$/;

const file = z.string().min(1).max(4_096);

const enforced =
  'The policy to enforce: a file, or the name of a shipped one (passthrough, balanced, strict).';
const shadow = file
  .optional()
  .describe('A second policy, whose decisions are counted and not carried out; a file or a shipped name.');

/** Policies for shares of the accounts. ERR_CONFIG_VALUE */
const shareMax = 8;

const share = z
  .array(
    z.strictObject({
      file: file.describe('The policy of these accounts; a file or a shipped name.'),
      percent: z
        .number()
        .gt(0)
        .max(100)
        .describe('How many of a hundred accounts it is for; 0.5 is one in two hundred.'),
    }),
  )
  .max(shareMax)
  .refine(
    (shares) => sum(shares.map(({ percent }) => percent)) <= 100,
    'shares of at most 100 percent together',
  )
  .optional()
  .describe(
    'Other policies for a part of the accounts, to try them; `file` is for the rest. An account stays with its policy: ' +
      'it is chosen by a hash of the account under the key of `shareKeyFile`. Until the client has authenticated, of each ' +
      `field the strictest of these policies holds. At most ${shareMax}.`,
  );

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

/** `gatekeepers[].policy`. */
export const gatekeeperPolicy = z
  .strictObject({ file: file.describe(enforced), shadow, share })
  .describe(
    'The policy for this gatekeeper only. Without this section the one at the top of the file holds; with it, nothing of ' +
      '`file`, `shadow` and `share` there does. `catalogue`, `obligations`, `keyFiles` and `shareKeyFile` are those of the ' +
      'top in either case.',
  );

export const policySection = z
  .strictObject({
    file: file.default('balanced').describe(enforced),
    shadow,
    share,
    shareKeyFile: file
      .optional()
      .describe(
        'Secret that says which accounts a `share` is for, 32 bytes at least (openssl rand 32), read at the start only. ' +
          'Replicas need the same. Without it one is generated at the start, and a restart gives accounts other policies.',
      ),
    catalogue: z
      .array(file)
      .max(100)
      .default([])
      .describe('Files or folders with more catalogue entries. They are read at the start only.'),
    obligations: file
      .optional()
      .describe('File or folder with the rules of the gatekeepers; by default those shipped.'),
    keyFiles: z
      .array(file)
      .max(16)
      .default([])
      .describe(
        'Secrets of pseudonyms, 32 bytes at least each (openssl rand 32). The first one makes new pseudonyms, the ' +
          'others are recognised until they are taken away. Replicas need the same. Without any, a secret is generated ' +
          'at the start, and pseudonyms change with every restart.',
      ),
  })
  .prefault({})
  .describe('The metadata policy. Files are read again when they change; a broken one changes nothing.');
