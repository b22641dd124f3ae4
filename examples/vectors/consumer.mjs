// Five operations in JavaScript, judged by fiducial's vectors: no dependency beyond Node 18.
//
//    node consumer.mjs ../../vectors [--results FILE]
//
// Two comparisons judge a number: accept_lo <= r && r <= accept_hi. Exit status: 0 all are right; 1 one is not;
// 2 a file cannot be used; 3 fewer cases were run than the manifest lists.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

// --- numbers: hexadecimal floats, exactly ---

function number(text) {
  if (!/^-?0x/.test(text)) return { inf: Infinity, "-inf": -Infinity, nan: NaN }[text];
  const [, sign, whole, fraction = "", power] = /^(-?)0x([0-9a-f]+)(?:\.([0-9a-f]*))?p([+-]?\d+)$/.exec(text);
  const digits = Number(`0x${whole}${fraction}`);
  const exponent = Number(power) - 4 * fraction.length;
  // 2 ** -1077 is 0: below the normal numbers the power is taken in two steps.
  const size = exponent < -1000 ? digits * 2 ** (exponent + 200) * 2 ** -200 : digits * 2 ** exponent;
  return sign ? -size : size;
}

function text(value) {
  if (!Number.isFinite(value)) return String(value).replace("Infinity", "inf").toLowerCase();
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, value);
  const all = bits.getBigUint64(0);
  const fraction = (all & 0xfffffffffffffn).toString(16).padStart(13, "0");
  const exponent = Number((all >> 52n) & 0x7ffn);
  const sign = all >> 63n ? "-" : "";
  if (exponent === 0) return `${sign}0x0.${fraction}p-1022`;
  return `${sign}0x1.${fraction}p${exponent - 1023}`;
}

// --- files ---

const folder = process.argv[2];
if (!folder || (process.argv.length > 3 && (process.argv[3] !== "--results" || !process.argv[4]))) {
  console.error("consumer: FOLDER [--results FILE] is required");
  process.exit(2);
}

function contents(name) {
  try {
    return readFileSync(join(folder, name));
  } catch (error) {
    console.error(`consumer: ${error.message}`);
    process.exit(2);
  }
}

const tensors = {};

// A tensor of OPERATION.safetensors: numbers in C order, little-endian.
function tensor(operation, key) {
  tensors[operation] ??= contents(`${operation}.safetensors`);
  const data = tensors[operation];
  const length = Number(data.readBigUInt64LE(0));
  const { dtype, data_offsets: [first, last] } = JSON.parse(data.toString("utf8", 8, 8 + length))[key];
  const bytes = Uint8Array.prototype.slice.call(data, 8 + length + first, 8 + length + last).buffer;
  return Array.from(dtype === "F64" ? new Float64Array(bytes) : new Float32Array(bytes));
}

function read(operation, { shape, hex, tensor: key }) {
  const data = key === undefined ? hex.map(number) : tensor(operation, key);
  if (data.length !== shape.reduce((a, b) => a * b, 1)) throw new Error(`${operation}: numbers do not fit their shape`);
  return { shape, data };
}

// --- the implementations under judgement: in double arithmetic, rounded to the dtype at the end ---

const implementations = {
  sigmoid: ([x]) => x.data.map((v) => (v < 0 ? Math.exp(v) : 1) / (1 + Math.exp(v < 0 ? v : -v))),
  relu: ([x]) => x.data.map((v) => (v <= 0 ? 0 : v)), // NaN stays
  softmax([x], { axis }) {
    const a = axis < 0 ? axis + x.shape.length : axis;
    const n = x.shape[a];
    const inner = x.shape.slice(a + 1).reduce((p, q) => p * q, 1);
    const y = new Array(x.data.length);
    for (let row = 0; n && row < x.data.length / n; row++) {
      const start = Math.floor(row / inner) * inner * n + (row % inner);
      const places = Array.from({ length: n }, (_, k) => start + k * inner);
      const most = Math.max(...places.map((p) => x.data[p]));
      const powers = places.map((p) => Math.exp(x.data[p] - most));
      const sum = powers.reduce((p, q) => p + q);
      places.forEach((p, k) => (y[p] = powers[k] / sum));
    }
    return y;
  },
  affine([x, W, b]) {
    const [N, D] = x.shape;
    const M = W.shape[1];
    const y = [];
    for (let n = 0; n < N; n++)
      for (let m = 0; m < M; m++) {
        let sum = b.data[m];
        for (let d = 0; d < D; d++) sum += x.data[n * D + d] * W.data[d * M + m];
        y.push(sum);
      }
    return y;
  },
  mse_loss([y, t], { reduction }) {
    const squares = y.data.map((v, i) => (v - t.data[i]) ** 2);
    if (reduction === "none") return squares;
    const sum = squares.reduce((p, q) => p + q, 0);
    return [reduction === "sum" ? sum : sum / squares.length];
  },
};
const roundings = { float64: (v) => v, float32: Math.fround };

// --- judging ---

function accepted(r, lo, hi, orNaN) {
  if (lo === null) return true; // the specification says nothing here
  if (Number.isNaN(r)) return orNaN || lo === "nan";
  return number(lo) <= r && r <= number(hi);
}

function right(operation, output, y) {
  if (output.tensors) {
    const [lo, hi] = ["accept_lo", "accept_hi"].map((part) => tensor(operation, output.tensors[part]));
    return lo.length === y.length && y.every((r, i) => lo[i] <= r && r <= hi[i]);
  }
  const { accept_lo: lo, accept_hi: hi, or_nan: orNaN = false } = output;
  return lo.length === y.length && y.every((r, i) => accepted(r, lo[i], hi[i], orNaN));
}

const text_of_manifest = contents("manifest.json");
const manifest = JSON.parse(text_of_manifest);
const results = {};
let wrong = 0;
let missing = 0;
for (const [operation, implementation] of Object.entries(implementations)) {
  const { cases } = JSON.parse(contents(`${operation}.json`));
  for (const [dtype, rounding] of Object.entries(roundings)) {
    const chosen = cases.filter((one) => one.dtype === dtype && one.what === "value");
    const levels = Object.values(manifest.counts[operation]?.[dtype] ?? {});
    const listed = levels.reduce((sum, kinds) => sum + (kinds.value ?? 0), 0);
    let passed = 0;
    for (const one of chosen) {
      const y = implementation(one.inputs.map((input) => read(operation, input)), one.attributes).map(rounding);
      results[one.id] = [y.map(text)];
      if (right(operation, one.outputs[0], y)) passed++;
      else console.log(`wrong: ${one.id}`);
    }
    console.log(`${operation.padEnd(10)} ${dtype}: ${passed} of ${listed} right`);
    wrong += chosen.length - passed;
    missing += chosen.length !== listed;
  }
}
if (process.argv[4]) {
  const vectors = createHash("sha256").update(text_of_manifest).digest("hex");
  const scope = { operations: Object.keys(implementations), dtypes: Object.keys(roundings), what: ["value"] };
  const subject = { name: "consumer.mjs", version: "1" };
  writeFileSync(process.argv[4], JSON.stringify({ format: 1, vectors, subject, scope, results }));
}
if (missing) console.error("consumer: fewer or more cases were run than the manifest lists");
process.exit(missing ? 3 : wrong ? 1 : 0);
