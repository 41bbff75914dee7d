/** `narthex chat decode | encode`: the binary protocol of the chat channel, one frame a line. */
import { createReadStream } from 'node:fs';
import { type Command, Option } from 'commander';
import { createLineCodec } from '../app/tools/line-codec.ts';
import { ChatError } from '../chat/error.ts';
import type { LineCodec, LineFormat } from '../chat/line-codec.ts';
import { StreamError } from '../stanza/error.ts';
import { boundedLines } from '../documents/bounded-lines.ts';
import { exitCodes } from '../errors/exit.ts';
import { unreadable } from './input-error.ts';

interface ChatOptions {
  readonly format?: LineFormat;
  readonly interopServer?: 'omit' | 'send';
}

/** Files and output of the commands, so that tests need no process. */
export interface ChatIo {
  /** Yields the bytes of a file, or of standard input for `-`. */
  read(path: string): AsyncIterable<Uint8Array>;
  write(text: string): void;
}

/** Bytes of the longest line: twice the largest frame in hexadecimal, or its XML form. */
const lineBytesMax = 4_194_304;

const help = `
FILE is text, one node a line; - or nothing reads standard input. Empty lines are skipped.

  decode reads decrypted frames in hexadecimal, flag byte included, and prints XML or, with --format json,
         {"tag":…,"attrs":{…},"content":null|[…]|"base64"|{"text":…}}
  encode reads either of the two and prints frames in hexadecimal; attributes get one order.

A line that cannot be read is answered by {"error":"ERR_…"}; ERRORS.md explains the codes.

Examples:
  $ echo 00f8031308fc0131 | narthex chat decode
  $ echo '{"tag":"message","attrs":{"id":"1"},"content":null}' | narthex chat encode

Exit codes: 0 every line was answered, 64 wrong usage, 65 some lines have an error, 66 no such file.
docs/chat-channel.md describes the protocol and its XML form.`;

/** Adds the commands to the program. */
export function register(program: Command, io: ChatIo = processIo): void {
  const chat = program.command('chat').description('Read and write the binary protocol of the chat channel.');
  const add = (name: 'decode' | 'encode', description: string): void => {
    chat
      .command(name)
      .description(description)
      .argument('[file]', 'one node a line, - for standard input', '-')
      .addOption(
        new Option(
          '--format <format>',
          'of the nodes: xml (the default of decode) or json; encode tells them apart by itself',
        ).choices(['xml', 'json']),
      )
      .addOption(
        new Option(
          '--interop-server <how>',
          'whether the server of an interop JID is written; it is read either way',
        )
          .choices(['omit', 'send'])
          .default('omit'),
      )
      .addHelpText('after', help)
      .action(async (file: string, options: ChatOptions) => {
        process.exitCode = await runChat(name, file, options, io);
      });
  };
  add('decode', 'Print the nodes of decrypted frames.');
  add('encode', 'Print the frames of nodes.');
}

/** Decodes or encodes each line.
 *  @returns the exit code
 *  @throws InputError ERR_FILE */
export async function runChat(
  direction: 'decode' | 'encode',
  file: string,
  { format, interopServer = 'omit' }: ChatOptions,
  io: ChatIo,
): Promise<number> {
  const codec = createLineCodec({ interopServer: { read: 'either', write: interopServer } });
  let exitCode: number = exitCodes.ok;
  for await (const line of linesOf(file, io)) {
    if (line.kind === 'line' && line.text.trim() === '') continue;
    const answer =
      line.kind === 'line'
        ? answerTo(line.text.trim(), direction, format, codec)
        : refused('ERR_CHAT_LINE_SIZE');
    if (!answer.answered) exitCode = exitCodes.dataError;
    io.write(`${answer.text}\n`);
  }
  return exitCode;
}

interface Answer {
  readonly answered: boolean;
  readonly text: string;
}

function answerTo(
  line: string,
  direction: 'decode' | 'encode',
  format: LineFormat | undefined,
  codec: LineCodec,
): Answer {
  try {
    const text =
      direction === 'decode'
        ? codec.decode(line, format ?? 'xml')
        : codec.encode(line, format ?? (line.startsWith('{') ? 'json' : 'xml'));
    return { answered: true, text };
  } catch (error) {
    if (error instanceof ChatError || error instanceof StreamError) return refused(error.code);
    throw error;
  }
}

function refused(code: string): Answer {
  return { answered: false, text: JSON.stringify({ error: code }) };
}

async function* linesOf(file: string, io: ChatIo): ReturnType<typeof boundedLines> {
  try {
    yield* boundedLines(io.read(file), lineBytesMax);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall !== undefined) throw unreadable(file);
    throw error;
  }
}

const processIo: ChatIo = {
  read: (path) => (path === '-' ? process.stdin : createReadStream(path)),
  write: (text) => process.stdout.write(text),
};
