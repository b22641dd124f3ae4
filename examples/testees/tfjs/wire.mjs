// fiducial's wire protocol (docs/wire.md) for Node: one line of JSON in, one line of JSON out.
import {createInterface} from 'node:readline';

/** What a program does not support: the case is reported so, and is no fault. */
export class Unsupported extends Error {}

/** An array of the wire as {dtype, shape, values}; values are a typed array. */
function decoded(value) {
  if (Array.isArray(value)) return value.map(decoded);
  if (value === null || typeof value !== 'object') return value;
  if ('number' in value) return Number(value.number.replace('inf', 'Infinity').replace('nan', 'NaN'));
  const bytes = new Uint8Array(Buffer.from(value.data, 'base64')).buffer;
  const kinds = {float32: Float32Array, float64: Float64Array, int64: BigInt64Array};
  if (!(value.dtype in kinds)) throw new Unsupported(`dtype ${value.dtype}`);
  return {dtype: value.dtype, shape: value.shape, values: new kinds[value.dtype](bytes)};
}

function encoded(value) {
  if (Array.isArray(value)) return value.map(encoded);
  if (value === null) return null;
  const {buffer, byteOffset, byteLength} = value.values;
  const data = Buffer.from(buffer, byteOffset, byteLength).toString('base64');
  return {dtype: value.dtype, shape: value.shape, data};
}

/** Answers until the input ends: `hello` is the introduction, `call` and `gradient` take (question, ...arrays). */
export async function serve(hello, {call, gradient}) {
  for await (const line of createInterface({input: process.stdin, crlfDelay: Infinity})) {
    const question = JSON.parse(line);
    process.stdout.write(JSON.stringify({id: question.id, ...answer(question)}) + '\n');
  }

  function answer(question) {
    if (question.do === 'hello') return {protocol: 1, ...hello};
    try {
      const inputs = decoded(question.inputs);
      for (const name in question.attributes) question.attributes[name] = decoded(question.attributes[name]);
      if (question.do === 'call') return {result: encoded(call(question, inputs))};
      return {result: encoded(gradient(question, decoded(question.cotangent), inputs))};
    } catch (error) {
      return {error: error instanceof Unsupported ? 'unsupported' : 'crashed', message: String(error.message ?? error)};
    }
  }
}
