/** Drives strophe.js in a page: what a web client of it would do (../table/browser.ts). */
/* global Strophe, $pres, $msg, $iq, heard */
(() => {
  const muc = 'http://jabber.org/protocol/muc';
  const mam = 'urn:xmpp:mam:2';
  const upload = 'urn:xmpp:http:upload:0';
  const ns = {
    info: 'http://jabber.org/protocol/disco#info',
    items: 'http://jabber.org/protocol/disco#items',
  };
  let connection;
  const returns = [];
  const waiting = [];

  const tell = () => {
    while (returns.length > 0 && waiting.length > 0) waiting.shift()(returns.shift());
  };

  const ask = (iq) =>
    new Promise((resolve, reject) => {
      connection.sendIQ(iq, resolve, (error) => reject(new Error(error?.outerHTML ?? 'no answer')));
    });

  /** All that comes in: handlers of the library end with the connection, and a resumed stream begins with messages. */
  const onInput = (element) => {
    const message = element.nodeName === 'message' ? element : element.querySelector(':scope > message');
    const body = message?.querySelector(':scope > body');
    if (body && message.getAttribute('type') !== 'groupchat')
      heard(message.getAttribute('from'), body.textContent);
  };

  const uploadService = async (domain) => {
    const found = await ask($iq({ type: 'get', to: domain }).c('query', { xmlns: ns.items }));
    const jids = [...found.querySelectorAll('item')].map((item) => item.getAttribute('jid'));
    for (const jid of [domain, ...jids]) {
      const info = await ask($iq({ type: 'get', to: jid }).c('query', { xmlns: ns.info }));
      if (info.querySelector(`feature[var='${upload}']`) !== null) return jid;
    }
    throw new Error('no upload service');
  };

  window.peer = {
    logIn: (url, jid, password) =>
      new Promise((resolve, reject) => {
        connection = new Strophe.Connection(url, { enableStreamManagement: true });
        connection.xmlInput = onInput;
        let online = false;
        const connect = () => connection.connect(jid, password, changed);
        const changed = (status, condition) => {
          if (status === Strophe.Status.CONNECTED) {
            if (!connection.hasResumed()) connection.send($pres());
            if (online) returns.push(connection.hasResumed() ? 'resumed' : 'again');
            online = true;
            tell();
            resolve();
          } else if (status === Strophe.Status.AUTHFAIL) reject(new Error(String(condition)));
          // As web clients do; the library leaves it to them.
          else if (status === Strophe.Status.DISCONNECTED) setTimeout(connect, 300);
        };
        connect();
      }),
    send: (to, body) => connection.send($msg({ to, type: 'chat' }).c('body').t(body)),
    join: (room, nick) =>
      new Promise((resolve, reject) => {
        const joined = (presence) => {
          if (presence.getAttribute('type') === 'error') reject(new Error(presence.outerHTML));
          else resolve();
        };
        connection.addHandler(joined, null, 'presence', null, null, `${room}/${nick}`);
        connection.send($pres({ to: `${room}/${nick}` }).c('x', { xmlns: muc }));
      }),
    say: (room, body) => connection.send($msg({ to: room, type: 'groupchat' }).c('body').t(body)),
    async upload(bytes, filename) {
      const service = await uploadService(Strophe.getDomainFromJid(connection.jid));
      const request = { xmlns: upload, filename, size: String(bytes.length), 'content-type': 'image/png' };
      const slot = await ask($iq({ type: 'get', to: service }).c('request', request));
      const put = slot.querySelector('put');
      const headers = [...put.querySelectorAll('header')].map((each) => [
        each.getAttribute('name'),
        each.textContent,
      ]);
      const response = await fetch(put.getAttribute('url'), {
        method: 'PUT',
        headers: { 'content-type': 'image/png', ...Object.fromEntries(headers) },
        body: new Uint8Array(bytes),
      });
      if (!response.ok) throw new Error(`PUT was answered with ${response.status}`);
      return slot.querySelector('get').getAttribute('url');
    },
    async archive(contact) {
      const bodies = [];
      const collect = (message) => {
        const body = message.querySelector('result forwarded body');
        if (body !== null) bodies.push(body.textContent);
        return true;
      };
      const handler = connection.addHandler(collect, mam, 'message');
      const query = $iq({ type: 'set' })
        .c('query', { xmlns: mam })
        .c('x', { xmlns: 'jabber:x:data', type: 'submit' });
      for (const [name, value] of [
        ['FORM_TYPE', mam],
        ['with', contact],
      ])
        query.c('field', { var: name }).c('value').t(value).up().up();
      await ask(query);
      connection.deleteHandler(handler);
      return bodies;
    },
    back: () =>
      new Promise((resolve) => {
        waiting.push(resolve);
        tell();
      }),
  };
})();
