/** The line protocol of ../client.ts, for programs in JavaScript. */
import { createInterface } from 'node:readline';

export function say(...words) {
  process.stdout.write(`${words.join(' ')}\n`);
}

export function encode(text) {
  return Buffer.from(text, 'utf8').toString('base64');
}

export function fail(error) {
  say('failed', encode(`${error.name}: ${error.message}`));
}

/** How a client has come back from each lost connection; a question waits for the next. */
export class Returns {
  #waiting = [];
  #came = [];

  came(how) {
    this.#came.push(how);
    this.#tell();
  }

  next() {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#tell();
    });
  }

  #tell() {
    while (this.#came.length > 0 && this.#waiting.length > 0) this.#waiting.shift()([this.#came.shift()]);
  }
}

/** Obeys the test until its input ends. `steps` has a function for each verb of ../table/program.ts. */
export function obey({ send, steps, leave }) {
  const answer = async (number, verb, words) => {
    try {
      // The second word of an upload is its bytes.
      const decoded = words.map((word, at) => {
        const bytes = Buffer.from(word, 'base64');
        return verb === 'upload' && at === 1 ? bytes : bytes.toString('utf8');
      });
      say('done', number, ...(await steps[verb](...decoded)).map(encode));
    } catch (error) {
      say('refused', number, encode(`${error.name}: ${error.message}`));
    }
  };
  createInterface({ input: process.stdin })
    .on('line', (line) => {
      const [verb, ...words] = line.split(' ');
      if (verb === 'ask') void answer(words[0], words[1], words.slice(2));
      else if (verb === 'send') send(words[0], Buffer.from(words[1], 'base64').toString('utf8'));
    })
    .on('close', () => void leave().then(() => process.exit(0)));
}
