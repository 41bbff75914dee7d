/** The public routes as an OpenAPI 3.1 document. `deploy/openapi.yaml` is its text. A test compares the two, and the
 *  document with the routes and the problem codes that exist. */
import { httpCodes } from '../observability/http-words.ts';
import { statusOf, type PublicProblemCode as ProblemCode } from './problem.ts';

/** Members of an OpenAPI object. Tests validate them against OpenAPI. */
type Document = Readonly<Record<string, unknown>>;

interface Operation {
  readonly summary: string;
  readonly security?: readonly Document[];
  readonly parameters?: readonly Document[];
  /** Schema of a JSON body. */
  readonly body?: Document;
  /** Schema of a form. */
  readonly form?: Document;
  readonly answers: Readonly<Record<number, Document>>;
  readonly codes: readonly ProblemCode[];
}

const everyRoute = [
  'ERR_HTTP_MALFORMED',
  'ERR_HTTP_HEADERS',
  'ERR_HTTP_TIMEOUT',
  'ERR_HTTP_OVERLOAD',
  'ERR_INTERNAL',
] as const satisfies readonly ProblemCode[];

const bodyCodes = [
  'ERR_HTTP_BODY_TYPE',
  'ERR_HTTP_BODY_TOO_LARGE',
  'ERR_HTTP_BODY_TIMEOUT',
  'ERR_HTTP_JSON',
  'ERR_HTTP_JSON_DUPLICATE',
  'ERR_HTTP_MEMBER',
] as const satisfies readonly ProblemCode[];

const callerTokenCodes: readonly ProblemCode[] = [
  'ERR_TOKEN_MISSING',
  'ERR_TOKEN_TOO_LARGE',
  'ERR_TOKEN_MALFORMED',
  'ERR_TOKEN_DUPLICATE',
  'ERR_TOKEN_UNSECURED',
  'ERR_TOKEN_ALGORITHM',
  'ERR_TOKEN_CRITICAL',
  'ERR_TOKEN_EMBEDDED_KEY',
  'ERR_TOKEN_TYPE',
  'ERR_TOKEN_KEY_UNKNOWN',
  'ERR_TOKEN_KEY_MISMATCH',
  'ERR_TOKEN_SIGNATURE',
  'ERR_TOKEN_CLAIM_MISSING',
  'ERR_TOKEN_ISSUER',
  'ERR_TOKEN_AUDIENCE',
  'ERR_TOKEN_EXPIRED',
  'ERR_TOKEN_NOT_YET_VALID',
  'ERR_TOKEN_LIFETIME',
  'ERR_KEYS_UNAVAILABLE',
];

const proofCodes: readonly ProblemCode[] = [
  ...callerTokenCodes,
  'ERR_TOKEN_NONCE',
  'ERR_TOKEN_REPLAYED',
  'ERR_TOKEN_CLAIM_UNLISTED',
];

const gatekeeperCodes: readonly ProblemCode[] = [
  'ERR_ENLISTMENT_REFUSED',
  'ERR_ENLISTMENT_CONFLICT',
  'ERR_ENLISTMENT_UNKNOWN',
  'ERR_ATTESTATION_UNAVAILABLE',
  'ERR_ENLISTMENT_API_UNREACHABLE',
  'ERR_ENLISTMENT_API_TIMEOUT',
  'ERR_ENLISTMENT_API_BUSY',
  'ERR_ENLISTMENT_API_ANSWER',
];

const mediaCodes: readonly ProblemCode[] = [
  'ERR_MEDIA_TOKEN',
  'ERR_MEDIA_TOKEN_EXPIRED',
  'ERR_MEDIA_TOKEN_AUDIENCE',
  'ERR_MEDIA_ORIGIN',
  'ERR_MEDIA_ADDRESS',
  'ERR_MEDIA_POLICY',
  'ERR_MEDIA_BUSY',
  'ERR_MEDIA_NOT_FOUND',
  'ERR_MEDIA_REDIRECT',
  'ERR_MEDIA_TOO_LARGE',
  'ERR_MEDIA_UNREACHABLE',
  'ERR_MEDIA_TIMEOUT',
  'ERR_MEDIA_ANSWER',
];

const text: Document = { type: 'string' };

function inPath(name: string, description: string): Document {
  return { name, in: 'path', required: true, description, schema: text };
}

function inHeader(name: string, description: string, required = true): Document {
  return { name, in: 'header', required, description, schema: text };
}

function json(description: string, schema: Document): Document {
  return { description, content: { 'application/json': { schema } } };
}

const bearer = [{ bearer: [] }];
const nonce = inHeader('ownership-nonce', 'The nonce this proof was made with.', false);

const conditions = [
  inHeader('range', 'One range of bytes; several, or another unit, are ignored.', false),
  inHeader('if-range', 'The ETag of the version to resume.', false),
  inHeader('if-none-match', 'ETags the caller has.', false),
  inHeader('if-match', 'ETags the caller wants.', false),
];

const jwks: Operation = {
  summary: "The provider's keys (use: sig) and our attestation keys (use: attestation).",
  answers: { 200: json('A JWK set (RFC 7517).', { type: 'object' }) },
  codes: ['ERR_KEYS_UNAVAILABLE'],
};

const pushCodes: readonly ProblemCode[] = [
  ...bodyCodes,
  ...callerTokenCodes,
  'ERR_PUSH_CALLER',
  'ERR_PUSH_NOTHING_LEFT',
  'ERR_PUSH_BUSY',
  'ERR_STATE_UNAVAILABLE',
  'ERR_PUSH_GONE',
  'ERR_PROVIDER_UNREACHABLE',
  'ERR_PROVIDER_TIMEOUT',
  'ERR_PROVIDER_ANSWER',
];

/** A value in base64url without padding. */
function binary(bytes: number): Document {
  const length = Math.ceil((bytes * 4) / 3);
  return {
    type: 'string',
    minLength: length,
    maxLength: length,
    description: `${bytes} bytes in base64url.`,
  };
}

const media: Operation = {
  summary: 'Streams encrypted media from the media server that the token names.',
  parameters: [inPath('token', 'A sealed media token.'), ...conditions],
  answers: {
    200: { description: 'The whole.', content: { 'application/octet-stream': {} } },
    206: { description: 'The range.', content: { 'application/octet-stream': {} } },
    304: { description: 'The caller has it.' },
    412: { description: 'There is another version.' },
    416: { description: 'The range is beyond the end.' },
  },
  codes: mediaCodes,
};

/** A download by reference. */
const byReference: Operation = {
  ...media,
  summary: 'Streams encrypted media from the media server, by reference. A slash may follow the reference.',
  parameters: [inPath('reference', 'A sealed reference.'), ...conditions],
};

/** The published form without `authkey`, which the proxy adds. */
const publishedForm: Document = {
  type: 'object',
  properties: {
    gatekeeper: text,
    e_keytype: binary(1),
    e_regid: binary(4),
    e_ident: binary(32),
    e_skey_id: binary(3),
    e_skey_val: binary(32),
    e_skey_sig: binary(64),
    token: { type: 'string', maxLength: 4_096, description: 'The ownership token.' },
  },
  required: [
    'gatekeeper',
    'e_keytype',
    'e_regid',
    'e_ident',
    'e_skey_id',
    'e_skey_val',
    'e_skey_sig',
    'token',
  ],
  additionalProperties: false,
};

const operations: Readonly<Record<string, Readonly<Record<string, Operation>>>> = {
  '/.well-known/openid-configuration': {
    get: {
      summary: 'The issuer metadata of the provider.',
      answers: { 200: json('OpenID Connect Discovery §4.2.', { type: 'object' }) },
      codes: ['ERR_METADATA_UNAVAILABLE'],
    },
  },
  '/.well-known/jwks.json': { get: jwks },
  '/.well-known/oauth/openid/jwks': { get: { ...jwks, summary: 'The same at the published path.' } },
  '/.well-known/host-meta': {
    get: {
      summary: 'Where the WebSocket is (XEP-0156).',
      answers: { 200: { description: 'An XRD.', content: { 'application/xrd+xml': {} } } },
      codes: [],
    },
  },
  '/.well-known/host-meta.json': {
    get: {
      summary: 'Where the WebSocket is (XEP-0156).',
      answers: { 200: json('A JRD.', { type: 'object' }) },
      codes: [],
    },
  },
  '/xmpp-websocket': {
    get: {
      summary: 'Opens a WebSocket for XMPP (RFC 7395).',
      answers: { 101: { description: 'The connection is a WebSocket with the subprotocol xmpp.' } },
      codes: ['ERR_WEBSOCKET_UPGRADE', 'ERR_WEBSOCKET_HOST', 'ERR_WEBSOCKET_ORIGIN', 'ERR_WEBSOCKET_LIMIT'],
    },
  },
  '/enlistments': {
    post: {
      summary: 'Opts in to a gatekeeper.',
      security: bearer,
      parameters: [nonce, inHeader('idempotency-key', 'With JSON: 16 to 128 unguessable characters.', false)],
      body: {
        type: 'object',
        properties: { gatekeeper: text },
        required: ['gatekeeper'],
        additionalProperties: false,
      },
      form: publishedForm,
      answers: {
        200: json('Enlisted before; or enlisted by the form.', {
          oneOf: [
            { $ref: '#/components/schemas/Enlistment' },
            { $ref: '#/components/schemas/PublishedEnlistment' },
          ],
        }),
        201: json('Enlisted.', { $ref: '#/components/schemas/Enlistment' }),
      },
      codes: [
        ...bodyCodes,
        'ERR_HTTP_FORM',
        'ERR_ENLISTMENT_SHAPE',
        'ERR_ENLISTMENT_KEY',
        'ERR_ENLISTMENT_INTEGRATOR',
        ...proofCodes,
        ...gatekeeperCodes,
        'ERR_GATEKEEPER_UNKNOWN',
        'ERR_ENLISTMENT_REGION',
        'ERR_IDEMPOTENCY_KEY',
        'ERR_IDEMPOTENCY_MISMATCH',
        'ERR_ENLISTMENT_BUSY',
        'ERR_ENLISTMENT_UNDER_WAY',
        'ERR_STATE_UNAVAILABLE',
      ],
    },
  },
  '/enlistments/{id}': {
    delete: {
      summary: 'Opts out again.',
      security: bearer,
      parameters: [inPath('id', 'What enlisting gave.'), nonce],
      answers: { 204: { description: 'Withdrawn.' } },
      codes: [...proofCodes, ...gatekeeperCodes, 'ERR_ENLISTMENT_WITHDRAWAL', 'ERR_STATE_UNAVAILABLE'],
    },
  },
  '/push': {
    post: {
      summary: 'Notifies the provider in the published shape; the token names the gatekeeper.',
      security: bearer,
      body: {
        type: 'object',
        properties: { to: { type: 'string', maxLength: 1_024, description: 'The user-visible identifier.' } },
        required: ['to'],
        additionalProperties: false,
      },
      answers: { 200: { description: 'The provider took it.' } },
      codes: [...pushCodes, 'ERR_TOKEN_REPLAYED'],
    },
  },
  '/push/{gatekeeper}': {
    post: {
      summary: 'Notifies the provider, as far as the policy allows.',
      security: [{ bearer: [] }, { certificate: [] }],
      parameters: [inPath('gatekeeper', 'The name the gatekeeper was given.')],
      body: {
        type: 'object',
        properties: {
          id: { type: 'string', description: 'Of this notification; the same when sent again.' },
        },
        required: ['id'],
        additionalProperties: { type: ['string', 'number', 'boolean'] },
      },
      answers: { 202: { description: 'The provider took it.' } },
      codes: [...pushCodes, 'ERR_GATEKEEPER_UNKNOWN'],
    },
  },
  '/media/references': {
    post: {
      summary: 'Issues a reference to a stored file, for one gatekeeper.',
      security: [{ certificate: [] }, { secret: [] }],
      body: {
        type: 'object',
        properties: {
          gatekeeper: text,
          address: { type: 'string', format: 'uri', description: 'Of the file, without a fragment.' },
        },
        required: ['gatekeeper', 'address'],
        additionalProperties: false,
      },
      answers: { 200: json('Issued, now or before.', { $ref: '#/components/schemas/Reference' }) },
      codes: [
        ...bodyCodes,
        'ERR_TOKEN_MISSING',
        'ERR_GATEKEEPER_UNKNOWN',
        'ERR_MEDIA_REFERENCE_CALLER',
        'ERR_MEDIA_REFERENCE_LENGTH',
        'ERR_MEDIA_REFERENCE_RATE',
        'ERR_MEDIA_ORIGIN',
        'ERR_MEDIA_ADDRESS',
      ],
    },
  },
  '/media/references/{reference}': {
    get: byReference,
    head: { ...byReference, summary: 'As GET, without the body.' },
  },
  '/media/{token}': { get: media, head: { ...media, summary: 'As GET, without the body.' } },
};

export function openApiDocument(): Document {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Narthex, public HTTP plane',
      version: '1',
      description:
        'A path or method that is not listed answers ERR_HTTP_NOT_FOUND or ERR_HTTP_METHOD. ' +
        'A request that cannot be read is answered before a route is found, and its connection closed.',
    },
    paths: mapValues(operations, (methods) => mapValues(methods, renderOperation)),
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        certificate: { type: 'mutualTLS' },
        secret: { type: 'http', scheme: 'bearer' },
      },
      schemas: {
        Enlistment: {
          type: 'object',
          properties: { id: text },
          required: ['id'],
          additionalProperties: { type: ['string', 'number', 'boolean'] },
        },
        Reference: {
          type: 'object',
          properties: {
            reference: { type: 'string', description: 'One segment of a path.' },
            url: { type: 'string', format: 'uri', description: 'Where the gatekeeper fetches by it.' },
            expiresAt: { type: 'string', format: 'date-time' },
          },
          required: ['reference', 'url', 'expiresAt'],
          additionalProperties: false,
        },
        PublishedEnlistment: {
          type: 'object',
          properties: { status: { const: 'ok' }, login: text },
          required: ['status', 'login'],
          additionalProperties: false,
        },
        Problem: {
          description: 'RFC 9457. Further members are numbers: the limit that was reached.',
          type: 'object',
          properties: {
            status: { type: 'integer' },
            code: { enum: httpCodes },
            detail: text,
          },
          required: ['status', 'code', 'detail'],
          additionalProperties: { type: 'number' },
        },
      },
    },
  };
}

function renderOperation({ summary, security, parameters, body, form, answers, codes }: Operation): Document {
  return {
    summary,
    ...(security && { security }),
    ...(parameters && { parameters }),
    ...(body && { requestBody: { required: true, content: contentOf(body, form) } }),
    responses: { ...answers, ...refusals([...codes, ...everyRoute], answers) },
  };
}

function contentOf(body: Document, form: Document | undefined): Document {
  return {
    'application/json': { schema: body },
    ...(form && { 'application/x-www-form-urlencoded': { schema: form } }),
  };
}

/** Returns one answer per status, with its codes. */
function refusals(codes: readonly ProblemCode[], answers: Operation['answers']): Document {
  const byStatus = Map.groupBy(codes, statusOf);
  return Object.fromEntries(
    [...byStatus]
      .filter(([status]) => !(status in answers))
      .map(([status, listed]) => [status, problem(listed)]),
  );
}

function problem(codes: readonly ProblemCode[]): Document {
  const only = { properties: { code: { enum: codes } } };
  const schema = { allOf: [{ $ref: '#/components/schemas/Problem' }, only] };
  return { description: codes.join(', '), content: { 'application/problem+json': { schema } } };
}

function mapValues<T>(from: Readonly<Record<string, T>>, change: (value: T) => Document): Document {
  return Object.fromEntries(Object.entries(from).map(([name, value]) => [name, change(value)]));
}
