/** Answers documents on standard input with descriptions on standard output (test/oracles/description.ts), each after its
 *  length in four bytes, big-endian. An answer that begins with an exclamation mark is the error that ended a document. */
export function serve(read) {
  let pending = Buffer.alloc(0);
  process.stdin.on('data', (chunk) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    while (pending.length >= 4 && pending.length >= 4 + pending.readUInt32BE(0)) {
      const end = 4 + pending.readUInt32BE(0);
      const answer = Buffer.from(answerTo(read, pending.subarray(4, end)));
      pending = pending.subarray(end);
      const head = Buffer.alloc(4);
      head.writeUInt32BE(answer.length);
      process.stdout.write(head);
      process.stdout.write(answer);
    }
  });
}

function answerTo(read, document) {
  try {
    return read(document);
  } catch (error) {
    return `!${error.message}`;
  }
}

/** An element with its attributes: [namespace, local name, value]. */
export function describeTag(namespace, local, attributes) {
  const written = attributes.map(([uri, name, value]) => `\u0003${uri}\u0002${name}\u0002${value}`);
  if (written.length > 1) written.sort();
  return `\u0001${namespace}\u0002${local}${written.join('')}`;
}
