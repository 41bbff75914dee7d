/** `policy`: which audience may see which piece of metadata. */
import { z } from 'zod';

/** Form of a shipped policy's name; any other text is a file. */
export const shippedPolicyName = /^[a-z][a-z0-9-]{0,62}$/;

const file = z.string().min(1).max(4_096);

export const policySection = z
  .strictObject({
    file: file
      .default('balanced')
      .describe(
        'The policy to enforce: a file, or the name of a shipped one (passthrough, balanced, strict).',
      ),
    shadow: file
      .optional()
      .describe(
        'A second policy, whose decisions are counted and not carried out; a file or a shipped name.',
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
