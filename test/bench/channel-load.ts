/** The load of the channel bench, a process of its own: clients, and a gatekeeper of each protocol that answers every
 *  message with one stanza of the same size. Both protocols run the same code where they can; the gatekeeper of the chat
 *  channel is made of the simulator's handshake and encryption. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { connect, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { ChatAuthority } from '../../src/simulator/chat/authority.ts';
import { packNode, unpackNode, type ChatNode } from '../../src/simulator/chat/node.ts';
import { newServerKey, ServerHandshake, type FrameEncryption } from '../../src/simulator/chat/noise.ts';
import { ns } from '../../src/stanza/namespaces.ts';

export type Protocol = 'xmpp' | 'chat-channel';

/** What the bench asks for, one at a time; each is answered by a message. */
export type LoadRequest =
  | { readonly kind: 'start'; readonly cert: string; readonly key: string; readonly ca: string }
  | {
      readonly kind: 'open';
      readonly protocol: Protocol;
      readonly port: number;
      readonly sessions: number;
      readonly token: string;
    }
  | { readonly kind: 'close'; readonly protocol: Protocol }
  | { readonly kind: 'shape'; readonly byteLength: number }
  | {
      readonly kind: 'run';
      readonly protocol: Protocol;
      readonly milliseconds: number;
      readonly rate: number;
    };

/** Answer to `start`. */
export interface Started {
  readonly ports: Readonly<Record<Protocol, number>>;
  readonly rootKey: string;
  readonly rootSerial: number;
}

/** Answer to `run`. */
export interface Ran {
  readonly roundTrips: number;
  readonly elapsedMs: number;
}

const domain = 'im.example';
const concurrency = 8;
let ca = '';
let byteLength = 300;

// ---- gatekeepers ----------------------------------------------------------------------------------------------------

/** A stream that answers by what has arrived so far. */
function scripted(socket: Socket, steps: readonly (readonly [end: string, answer: string])[]): void {
  let step = 0;
  let text = '';
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    for (let current = steps[step]; current !== undefined; current = steps[step]) {
      const at = text.indexOf(current[0]);
      if (at === -1) return;
      text = text.slice(at + current[0].length);
      socket.write(current[1]);
      step += 1;
    }
    for (let at = text.indexOf('</message>'); at !== -1; at = text.indexOf('</message>')) {
      text = text.slice(at + '</message>'.length);
      socket.write(xmppReply());
    }
    // What is left of a closing tag is not a message.
    if (text.startsWith('</stream:stream>')) socket.end('</stream:stream>');
  });
}

const xmppHeader = `<stream:stream xmlns='${ns.client}' xmlns:stream='${ns.streams}' from='${domain}' id='1' version='1.0'>`;
const offers = `<stream:features><mechanisms xmlns='${ns.sasl}'><mechanism>OAUTHBEARER</mechanism></mechanisms></stream:features>`;
const binding = `<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>`;
const bound = `<iq type='result' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>juliet@${domain}/balcony</jid></bind></iq>`;

async function startXmpp({ cert, key }: { readonly cert: string; readonly key: string }): Promise<number> {
  const settings = { cert, key, ALPNProtocols: ['xmpp-client'], noDelay: true };
  const server = createTlsServer(settings, (socket) =>
    scripted(socket, [
      ['<stream:stream', xmppHeader + offers],
      ['</auth>', `<success xmlns='${ns.sasl}'/>`],
      ['<stream:stream', xmppHeader + binding],
      ['</iq>', bound],
    ]),
  );
  return listening(server.listen(0, '127.0.0.1'));
}

const serverKey = newServerKey();
const authority = new ChatAuthority();
const intro = 4;

async function startChat(): Promise<number> {
  const server = createServer({ noDelay: true }, (socket) => serveChat(socket));
  return listening(server.listen(0, '127.0.0.1'));
}

function serveChat(socket: Socket): void {
  const handshake = new ServerHandshake(serverKey, Buffer.from('WA\u0006\u0003', 'latin1'));
  let encryption: FrameEncryption | undefined;
  let read = Buffer.alloc(0);
  let from = intro;
  const frame = (bytes: Uint8Array): void => {
    const header = Buffer.alloc(3);
    header.writeUIntBE(bytes.length, 0, 3);
    socket.write(Buffer.concat([header, bytes]));
  };
  let frames = 0;
  const take = (bytes: Buffer): void => {
    frames += 1;
    if (frames === 1) frame(handshake.hello(bytes, authority.chain(serverKey.publicKey, Date.now())));
    else if (encryption === undefined) {
      encryption = handshake.finish(bytes).encryption;
      frame(encryption.seal(packNode({ tag: 'success', attrs: { t: '1', lid: '1@lid' } })));
    } else if (unpackNode(encryption.open(bytes)).tag === 'message')
      frame(encryption.seal(packNode(chatReply())));
  };
  socket.on('error', () => {});
  socket.on('end', () => socket.end());
  socket.on('data', (chunk: Buffer) => {
    read = Buffer.concat([read, chunk]);
    while (read.length >= from + 3) {
      const end = from + 3 + read.readUIntBE(from, 3);
      if (read.length < end) return;
      const bytes = read.subarray(from + 3, end);
      read = read.subarray(end);
      from = 0;
      take(bytes);
    }
  });
}

async function listening(server: ReturnType<typeof createServer>): Promise<number> {
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

// ---- stanzas, all of the same number of bytes in XML ----------------------------------------------------------------

function filled(before: string, after: string): string {
  return (
    before + 'A'.repeat(Math.max(4, Math.floor((byteLength - before.length - after.length) / 4) * 4)) + after
  );
}

function xmppReply(): string {
  return filled(
    `<message from='romeo@${domain}/orchard' to='juliet@${domain}/balcony' type='chat'><body>`,
    '</body></message>',
  );
}

/** A stanza that needs no acknowledgement, so that a round trip is two stanzas in both protocols. */
function chatReply(): ChatNode {
  const xml = filled("<chatstate from='15550002@s.whatsapp.net'><composing>", '</composing></chatstate>');
  const content = Buffer.from(/A{4,}/.exec(xml)![0], 'base64');
  return {
    tag: 'chatstate',
    attrs: { from: '15550002@s.whatsapp.net' },
    content: [{ tag: 'composing', attrs: {}, content }],
  };
}

const requests: Readonly<Record<Protocol, () => string>> = {
  xmpp: () => filled(`<message to='romeo@${domain}/orchard' type='chat' id='m1'><body>`, '</body></message>'),
  'chat-channel': () =>
    filled(
      "<message to='15550002@s.whatsapp.net' type='text' id='3EB0C431D26A1916E07E'><enc v='2' type='msg'>",
      '</enc></message>',
    ),
};

const replyEnds: Readonly<Record<Protocol, string>> = { xmpp: '</message>', 'chat-channel': '</chatstate>' };

// ---- clients --------------------------------------------------------------------------------------------------------

interface Session {
  readonly socket: TLSSocket;
  /** Resolves when the text has arrived. */
  until(text: string): Promise<void>;
}

const sessions: Record<Protocol, Session[]> = { xmpp: [], 'chat-channel': [] };

function sessionOn(socket: TLSSocket): Session {
  let text = '';
  let wanted = '';
  let arrived: () => void = () => {};
  const look = (): void => {
    const at = wanted === '' ? -1 : text.indexOf(wanted);
    if (at === -1) return;
    text = text.slice(at + wanted.length);
    wanted = '';
    arrived();
  };
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    if (/<failure|<stream:error/.test(text)) throw new Error(`a client was refused: ${text}`);
    look();
  });
  return {
    socket,
    until: (end) =>
      new Promise((resolve) => {
        [wanted, arrived] = [end, resolve];
        look();
      }),
  };
}

async function logIn(protocol: Protocol, port: number, token: string): Promise<Session> {
  const socket = connect({ host: '127.0.0.1', port, ca, servername: domain, ALPNProtocols: ['xmpp-client'] });
  socket.setNoDelay(true);
  await once(socket, 'secureConnect');
  const session = sessionOn(socket);
  const content = protocol === 'xmpp' ? ns.client : `${ns.chat}' xmlns:n='${ns.chatMarks}`;
  const header = `<stream:stream to='${domain}' version='1.0' xmlns='${content}' xmlns:stream='${ns.streams}'>`;
  socket.write(header);
  await session.until('</stream:features>');
  const message = Buffer.from(`n,,\u0001auth=Bearer ${token}\u0001\u0001`).toString('base64');
  socket.write(`<auth xmlns='${ns.sasl}' mechanism='OAUTHBEARER'>${message}</auth>`);
  await session.until('<success');
  socket.write(header);
  if (protocol === 'xmpp') {
    await session.until('</stream:features>');
    socket.write(`<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>`);
    await session.until('</iq>');
  } else await session.until('lid=');
  return session;
}

async function open({
  protocol,
  port,
  sessions: count,
  token,
}: Extract<LoadRequest, { kind: 'open' }>): Promise<void> {
  for (let opened = 0; opened < count; opened += concurrency) {
    const batch = Array.from({ length: Math.min(concurrency, count - opened) }, () =>
      logIn(protocol, port, token),
    );
    sessions[protocol].push(...(await Promise.all(batch)));
  }
}

async function close(protocol: Protocol): Promise<void> {
  const open = sessions[protocol].splice(0);
  await Promise.all(
    open.map(({ socket }) => {
      const closed = once(socket, 'close');
      socket.end('</stream:stream>');
      return closed;
    }),
  );
}

/** Sends messages at a fixed rate, over all sessions in turn, and waits for each answer. */
async function run({ protocol, milliseconds, rate }: Extract<LoadRequest, { kind: 'run' }>): Promise<Ran> {
  const open = sessions[protocol];
  const request = requests[protocol]();
  const started = performance.now();
  const periodMs = (open.length * 1000) / rate;
  const counts = await Promise.all(
    open.map(async ({ socket, until }, index) => {
      let roundTrips = 0;
      for (let dueMs = (index * periodMs) / open.length; dueMs < milliseconds; dueMs += periodMs) {
        await pastMs(started + dueMs);
        const answered = until(replyEnds[protocol]);
        socket.write(request);
        await answered;
        roundTrips += 1;
      }
      return roundTrips;
    }),
  );
  return { roundTrips: counts.reduce((sum, each) => sum + each, 0), elapsedMs: performance.now() - started };
}

async function pastMs(due: number): Promise<void> {
  const wait = due - performance.now();
  if (wait > 0) await new Promise((resolve) => void setTimeout(resolve, wait));
}

async function answer(request: LoadRequest): Promise<Started | Ran | string> {
  switch (request.kind) {
    case 'start': {
      ({ ca } = request);
      const { root } = authority;
      return {
        ports: { xmpp: await startXmpp(request), 'chat-channel': await startChat() },
        rootKey: root.key.toString('hex'),
        rootSerial: root.serial,
      };
    }
    case 'open':
      await open(request);
      return 'opened';
    case 'close':
      await close(request.protocol);
      return 'closed';
    case 'shape':
      ({ byteLength } = request);
      return 'shaped';
    case 'run':
      return run(request);
  }
}

process.on('message', (request: LoadRequest) => void answer(request).then((result) => process.send!(result)));
process.once('disconnect', () => process.exit());
