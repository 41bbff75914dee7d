/** Drives converse.js without its views in a page, by its API (../table/browser.ts). */
/* global heard */
import converse from './converse.js';

(() => {
  const returns = [];
  const waiting = [];
  let api;
  let internals;

  const tell = () => {
    while (returns.length > 0 && waiting.length > 0) waiting.shift()(returns.shift());
  };

  converse.plugins.add('peer', {
    initialize() {
      internals = this._converse;
      api = internals.api;
      api.listen.on('message', ({ attrs }) => {
        if (attrs?.type === 'chat' && attrs.body && !attrs.is_archived && attrs.sender !== 'me')
          heard(attrs.from, attrs.body);
      });
      api.listen.on('reconnected', () => {
        returns.push(internals.session.get('smacks_resumed') ? 'resumed' : 'again');
        tell();
      });
    },
  });

  const bodiesOf = ({ messages = [] }) =>
    messages.map((message) => message.querySelector('forwarded body')?.textContent).filter(Boolean);

  window.peer = {
    async logIn(url, jid, password) {
      await converse.initialize({
        authentication: 'login',
        auto_login: true,
        auto_reconnect: true,
        assets_path: '/',
        discover_connection_methods: false,
        enable_smacks: true,
        i18n: 'en',
        jid,
        password,
        websocket_url: url,
        whitelisted_plugins: ['peer'],
      });
      await api.waitUntil('connected');
      await api.waitUntil('statusInitialized');
    },
    async send(to, body) {
      const chat = await api.chats.open(to, {}, true);
      await chat.sendMessage({ body });
    },
    async sendEncrypted(to, body) {
      await api.waitUntil('OMEMOInitialized');
      const chat = await api.chats.open(to, {}, true);
      await api.omemo.send(chat, body);
    },
    async join(room, nick) {
      const opened = await api.rooms.open(room, { nick });
      for (
        let turn = 0;
        turn < 200 && opened.session.get('connection_status') !== converse.ROOMSTATUS.ENTERED;
        turn += 1
      )
        await new Promise((resolve) => setTimeout(resolve, 50));
      if (opened.session.get('connection_status') !== converse.ROOMSTATUS.ENTERED)
        throw new Error('did not enter');
    },
    async say(room, body) {
      const opened = await api.rooms.get(room);
      await opened.sendMessage({ body });
    },
    async upload(bytes, name) {
      const chat = await api.chats.open(internals.session.get('bare_jid'), {}, true);
      const file = new File([new Uint8Array(bytes)], name, { type: 'image/png' });
      await chat.sendFiles([file]);
      for (let turn = 0; turn < 200; turn += 1) {
        const found = chat.messages.find((message) => message.get('oob_url'));
        if (found) return found.get('oob_url');
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      throw new Error(
        `not uploaded: ${chat.messages.map((message) => message.get('message') ?? message.get('error')).join()}`,
      );
    },
    archive: async (contact) => bodiesOf(await api.archive.query({ mam: { with: contact } })),
    back: () =>
      new Promise((resolve) => {
        waiting.push(resolve);
        tell();
      }),
  };
})();
