/** Milestone 2: the handshake, which the proxy does for the client, and the binary protocol with a ping. */
import type { Row } from '../row.ts';
import { expectThat, Finding } from '../finding.ts';
import { request } from '../exchange.ts';
import { forged } from './identities.ts';

export const streamRows: readonly Row[] = [
  {
    id: 'login',
    milestone: 2,
    title: 'the client logs in with its token, and has the success of the gatekeeper',
    needs: ['enlist'],
    run: (deployment) => deployment.logIn(),
  },
  {
    id: 'login-forged',
    milestone: 2,
    title: 'a forged token does not log in',
    needs: ['login'],
    async run(deployment) {
      try {
        const client = await deployment.connect(forged(deployment.options.token()));
        client.destroy();
      } catch (error) {
        if (error instanceof Finding && error.message.startsWith('the login was refused')) return;
        throw error;
      }
      throw new Finding('a forged token logs in');
    },
  },
  {
    id: 'ping',
    milestone: 2,
    title: 'a ping is answered',
    needs: ['login'],
    async run(deployment) {
      const attrs = { to: 's.whatsapp.net', type: 'get', xmlns: 'w:p' };
      const { attrs: answered } = await request(deployment, { tag: 'iq', attrs }, 'the ping');
      expectThat(answered['type'] === 'result', 'the ping is answered with an error');
    },
  },
];
