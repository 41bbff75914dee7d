/** Milestones 5 and 6: deletion of the enlistment, which ends the account's logins, and reachability. The published
 *  framework has deletion as a request over the chat channel; its form is open, and this one is the simulator's. */
import type { Row } from '../row.ts';
import { request } from '../exchange.ts';
import { expectThat, Finding } from '../finding.ts';
import { nodesIn } from './features.ts';

export const deletionRows: readonly Row[] = [
  {
    id: 'delete',
    milestone: 5,
    title: 'the request for deletion is answered',
    needs: ['login'],
    async run(deployment) {
      const attrs = { to: 's.whatsapp.net', type: 'set', xmlns: 'md' };
      const content = [{ tag: 'remove-companion-device', attrs: { reason: 'user_initiated' } }];
      const answer = await request(deployment, { tag: 'iq', attrs, content }, 'the request for deletion');
      expectThat(answer.attrs['type'] === 'result', 'the request for deletion is refused');
    },
  },
  {
    id: 'deleted',
    milestone: 5,
    title: 'a deleted client does not log in',
    needs: ['delete'],
    async run(deployment) {
      try {
        const client = await deployment.connect(deployment.options.token());
        client.destroy();
      } catch (error) {
        if (error instanceof Finding && error.message.startsWith('the login was refused')) return;
        throw error;
      }
      throw new Finding('a client that was deleted logs in');
    },
  },
  {
    id: 'enlist-again',
    milestone: 5,
    title: 'a deleted client is enlisted again, and logs in',
    needs: ['deleted'],
    async run(deployment) {
      const { status } = await deployment.enlist();
      expectThat(status === 200, `enlisting again is answered with ${status}`);
      await deployment.logIn();
    },
  },
  {
    id: 'reachability',
    milestone: 6,
    title: 'the gatekeeper says whether a user can be reached',
    needs: ['enlist-again'],
    async run(deployment) {
      const { peer } = deployment.options;
      const usync = {
        tag: 'usync',
        attrs: { sid: deployment.id(), mode: 'query', last: 'true', index: '0', context: 'interactive' },
        content: [
          { tag: 'query', attrs: {}, content: [{ tag: 'contact', attrs: {} }] },
          { tag: 'list', attrs: {}, content: [{ tag: 'user', attrs: { jid: peer } }] },
        ],
      };
      const attrs = { to: 's.whatsapp.net', type: 'get', xmlns: 'usync' };
      const answer = await request(deployment, { tag: 'iq', attrs, content: [usync] }, 'the query');
      expectThat(answer.attrs['type'] === 'result', 'the query is refused');
      const user = nodesIn(answer).find(({ tag, attrs: found }) => tag === 'user' && found['jid'] === peer);
      const contact = user && nodesIn(user).find(({ tag }) => tag === 'contact');
      expectThat(contact?.attrs['type'] === 'in', 'the peer is not said to be reachable');
    },
  },
];
