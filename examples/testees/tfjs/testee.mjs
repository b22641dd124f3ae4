// TensorFlow.js (CPU backend, float32) as a testee of fiducial: its operations, and its gradients of them.
//
//     npm install
//     fiducial check 'exec:node testee.mjs'
//
// The catalogue's images are (N, C, H, W), TensorFlow.js's (N, H, W, C): arrays are transposed on the way in and out.
import tf from '@tensorflow/tfjs';
import {serve, Unsupported} from './wire.mjs';

tf.env().set('PROD', true);  // no advice on the console
await tf.setBackend('cpu');
const version = tf.version.tfjs;

const pair = (value) => Array.isArray(value) ? value : [value, value];
const limit = (refused, why) => { if (refused) throw new Unsupported(`TensorFlow.js ${why}`); };
const channelsLast = (x) => tf.transpose(x, [0, 2, 3, 1]);
const channelsFirst = (x) => tf.transpose(x, [0, 3, 1, 2]);
const REDUCTIONS = {mean: tf.Reduction.MEAN, sum: tf.Reduction.SUM, none: tf.Reduction.NONE};

/** A loss with its reduction; the mean of TensorFlow.js is the mean over all elements. */
const loss = (f) => (y, t, {reduction}) => f(t, y, REDUCTIONS[reduction]);

function conv2d(x, w, b, {stride = 1, padding = 0, dilation = 1, groups = 1}) {
  limit(groups !== 1, 'has no groups here');
  const [strides, dilations, pads] = [pair(stride), pair(dilation), pair(padding)];
  limit(Math.max(...strides) > 1 && Math.max(...dilations) > 1, 'takes no stride together with a dilation');
  const pad = [[0, 0], [pads[0], pads[0]], [pads[1], pads[1]], [0, 0]];
  const filter = tf.transpose(w, [2, 3, 1, 0]);
  const y = channelsFirst(tf.conv2d(channelsLast(x), filter, strides, pad, 'NHWC', dilations));
  return b === null ? y : tf.add(y, tf.reshape(b, [1, -1, 1, 1]));
}

function pooled(f, x, {kernel_size, stride = null, padding = 0}) {
  limit(pair(padding).some((p) => p !== 0), 'leaves padding out of the count of an average');
  return channelsFirst(f(channelsLast(x), pair(kernel_size), pair(stride ?? kernel_size), 'valid'));
}

/** The axis must be the last one where the library takes no other. */
const overLast = (f) => (x, {axis = -1}) => {
  limit(axis !== -1 && axis !== x.rank - 1, 'takes the last axis alone');
  return f(x, -1);
};

// Each takes tensors and the attributes; `of` names the attributes, `data` how many of the first inputs are integers.
const OPERATIONS = {
  sigmoid: {f: tf.sigmoid},
  tanh: {f: tf.tanh},
  relu: {f: tf.relu},
  elu: {f: tf.elu},
  softplus: {f: tf.softplus},
  log_sigmoid: {f: tf.logSigmoid},
  leaky_relu: {f: (x, {negative_slope}) => tf.leakyRelu(x, negative_slope), of: ['negative_slope']},
  add: {f: tf.add},
  subtract: {f: tf.sub},
  multiply: {f: tf.mul},
  divide: {f: tf.div},
  maximum: {f: tf.maximum},
  matmul: {f: (a, b) => { limit(a.rank < 2 || b.rank < 2, 'multiplies matrices'); return tf.matMul(a, b); }},
  affine: {f: (x, W, b) => tf.add(tf.matMul(x, W), b)},
  sum: {f: (x, {axis, keepdims}) => tf.sum(x, axis, keepdims), of: ['axis', 'keepdims']},
  mean: {f: (x, {axis, keepdims}) => tf.mean(x, axis, keepdims), of: ['axis', 'keepdims']},
  amax: {f: (x, {axis, keepdims}) => tf.max(x, axis, keepdims), of: ['axis', 'keepdims']},
  norm: {f: (x, {axis = -1}) => tf.norm(x, 'euclidean', axis), of: ['axis']},
  softmax: {f: overLast(tf.softmax), of: ['axis']},
  log_softmax: {f: overLast(tf.logSoftmax), of: ['axis']},
  logsumexp: {f: (x, {axis = -1}) => tf.logSumExp(x, axis), of: ['axis']},
  mse_loss: {f: loss((t, y, r) => tf.losses.meanSquaredError(t, y, undefined, r)), of: ['reduction']},
  l1_loss: {f: loss((t, y, r) => tf.losses.absoluteDifference(t, y, undefined, r)), of: ['reduction']},
  huber_loss: {
    f: (y, t, {delta, reduction}) => tf.losses.huberLoss(t, y, undefined, delta, REDUCTIONS[reduction]),
    of: ['delta', 'reduction'],
  },
  embedding: {f: (W, indices) => tf.gather(W, indices)},
  conv2d: {f: conv2d, of: ['stride', 'padding', 'dilation', 'groups']},
  max_pool2d: {f: (x, a) => pooled(tf.maxPool, x, a), of: ['kernel_size', 'stride', 'padding']},
  avg_pool2d: {f: (x, a) => pooled(tf.avgPool, x, a), of: ['kernel_size', 'stride', 'padding']},
};

function tensor(array) {
  if (array === null) return null;
  if (array.dtype === 'float64') throw new Unsupported('TensorFlow.js has no float64');
  const integers = array.dtype === 'int64';
  return tf.tensor(integers ? Int32Array.from(array.values, Number) : array.values, array.shape, integers ? 'int32' : 'float32');
}

const array = (t) => ({dtype: t.dtype, shape: t.shape, values: t.dataSync()});

function call({operation, attributes}, inputs) {
  return tf.tidy(() => array(OPERATIONS[operation].f(...inputs.map(tensor), attributes)));
}

function gradient({operation, attributes}, cotangent, inputs) {
  return tf.tidy(() => {
    const given = inputs.map(tensor);
    const floats = given.filter((x) => x !== null && x.dtype === 'float32');
    const f = (...xs) => OPERATIONS[operation].f(...given.map((x) => floats.includes(x) ? xs.shift() : x), attributes);
    return tf.grads(f)(floats, tensor(cotangent)).map(array);
  });
}

const operations = Object.fromEntries(
  Object.entries(OPERATIONS).map(([name, {of = []}]) => [name, {attributes: of, gradient: true}]));
await serve({name: 'tensorflow.js', version, dtypes: ['float32'], operations}, {call, gradient});
