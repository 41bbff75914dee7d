/** Milestone 1: the keys of the provider, and enlistment. */
import type { HttpAnswer } from '../../simulator/http/message.ts';
import type { Row } from '../row.ts';
import { documentOf } from '../deployment.ts';
import { expectThat } from '../finding.ts';

const tokenBytesMax = 4_096;

export const identityRows: readonly Row[] = [
  {
    id: 'keys',
    milestone: 1,
    title: "the provider's keys are at the published path, and one is that of the token",
    needs: [],
    async run(deployment) {
      const answer = await deployment.get('/.well-known/oauth/openid/jwks');
      expectThat(answer.status === 200, `the key set is answered with ${answer.status}${codeOf(answer)}`);
      const { keys } = documentOf(answer);
      expectThat(Array.isArray(keys), 'the document is no JWK set');
      const kid = kidOf(deployment.options.token());
      const isListed = (keys as readonly unknown[]).some(
        (key) => typeof key === 'object' && key !== null && 'kid' in key && key.kid === kid,
      );
      expectThat(kid !== undefined && isListed, 'the key that signed the token is not in the set');
    },
  },
  {
    id: 'token',
    milestone: 1,
    title: 'the ownership token has a subject and is not too long',
    needs: [],
    async run({ options }) {
      const token = options.token();
      expectThat(token.length <= tokenBytesMax, `the token has more than ${tokenBytesMax} bytes`);
      const { sub } = partOf(token, 1);
      expectThat(typeof sub === 'string' && sub !== '', 'the token has no subject');
    },
  },
  {
    id: 'enlist',
    milestone: 1,
    title: 'a client is enlisted by the published form',
    needs: ['token'],
    async run(deployment) {
      const answer = await deployment.enlist();
      expectThat(answer.status === 200, `enlisting is answered with ${answer.status}${codeOf(answer)}`);
      const { status, login } = documentOf(answer);
      const isLogin = typeof login === 'string' && /^\d{1,5}-[\w.+-]{1,128}@interop$/.test(login);
      expectThat(status === 'ok' && isLogin, 'the answer has no login of the published form');
    },
  },
  {
    id: 'enlist-forged',
    milestone: 1,
    title: 'a forged token is not enlisted',
    needs: ['enlist'],
    async run(deployment) {
      const answer = await deployment.enlist({ token: forged(deployment.options.token()) });
      expectThat(answer.status === 401, `a forged token is answered with ${answer.status}, not with 401`);
    },
  },
  {
    id: 'enlist-key',
    milestone: 1,
    title: 'a key of the wrong size is not passed on',
    needs: ['enlist'],
    async run(deployment) {
      const answer = await deployment.enlist({ e_ident: Buffer.alloc(31).toString('base64url') });
      expectThat(answer.status === 400, `a key of 31 bytes is answered with ${answer.status}, not with 400`);
    },
  },
];

/** Returns a token with another signature. */
export function forged(token: string): string {
  const [header, payload, signature = ''] = token.split('.');
  const bytes = Buffer.from(signature, 'base64url');
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  return `${header}.${payload}.${bytes.toString('base64url')}`;
}

function kidOf(token: string): unknown {
  return partOf(token, 0)['kid'];
}

/** Returns a part of a token as an object; an empty one for what is none. */
function partOf(token: string, index: 0 | 1): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(token.split('.')[index] ?? '', 'base64url').toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** Returns the code of a problem document, with a comma before it; nothing for another answer. */
function codeOf(answer: HttpAnswer): string {
  const { code } = documentOf(answer);
  return typeof code === 'string' && /^ERR_[A-Z_]{1,60}$/.test(code) ? `, ${code}` : '';
}
