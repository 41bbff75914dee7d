/** The section `tracing`: where spans go, and what is said of the process that sends them. */
import { z } from 'zod';
import { file } from '../values.ts';

const otlpEndpoint = z
  .string()
  .refine(isHttpUrl, 'an http or https URL without user, query or fragment, such as http://collector:4318');

/** Whether a text is usable as the base address of an OTLP/HTTP collector. */
export function isHttpUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) return false;
  return url.username === '' && url.password === '' && url.search === '' && url.hash === '';
}

/** Attributes of the process; the names of OpenTelemetry's conventions, such as `k8s.pod.name`. */
const resource = z
  .record(
    z.string().regex(/^[a-z][a-z0-9_.]{0,63}$/, 'lower-case letters, digits, dots and underscores'),
    z.string().regex(/^[\x20-\x7e]{1,255}$/, '1 to 255 printable characters of ASCII'),
  )
  .refine((attributes) => Object.keys(attributes).length <= 32, 'at most 32 attributes');

export const tracing = z
  .strictObject({
    otlpEndpoint: otlpEndpoint
      .optional()
      .describe(
        'Base URL of an OTLP/HTTP collector; spans go to its /v1/traces. Without it, and without ' +
          'OTEL_EXPORTER_OTLP_ENDPOINT in the environment, nothing is traced.',
      ),
    headersFile: file
      .optional()
      .describe(
        'Headers of every export, `name: value` on a line each, such as a token that the collector asks for. The file ' +
          'is for its owner and its group only.',
      ),
    caFile: file
      .optional()
      .describe(
        'Certificate authorities in PEM form to trust at the collector, in place of the public ones.',
      ),
    sampleRatio: z
      .number()
      .min(0)
      .max(1)
      .default(1)
      .describe('Share of sessions and requests that are traced, 0 to 1; whole traces, chosen at random.'),
    resource: resource
      .default({})
      .describe(
        'Attributes of this process in every export, such as `k8s.pod.name`; those of OTEL_RESOURCE_ATTRIBUTES in the ' +
          'environment are added. `service.name` is narthex by default, `service.instance.id` a random one.',
      ),
  })
  .prefault({})
  .describe('Spans of the life of a session.');

/** Reads OTEL_RESOURCE_ATTRIBUTES: `name=value` separated by commas, values percent-encoded.
 *  Returns undefined for anything else. */
export function parseResourceAttributes(text: string): Readonly<Record<string, string>> | undefined {
  const attributes: Record<string, string> = {};
  for (const member of text.split(',')) {
    const [, name, value] = /^\s*([^=\s]+)\s*=\s*(\S*)\s*$/.exec(member) ?? [];
    const decoded = value === undefined ? undefined : percentDecoded(value);
    if (name === undefined || decoded === undefined) return undefined;
    attributes[name] = decoded;
  }
  const { success, data } = resource.safeParse(attributes);
  return success ? data : undefined;
}

function percentDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
