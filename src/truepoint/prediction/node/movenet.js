/**
 * MoveNet MultiPose for prelabel.py: reads images from standard input, writes one line of numbers for each.
 *
 * An image is its height and width (32-bit integers, little-endian) and then its RGB bytes, row by row. A line is a JSON
 * list of 336 numbers, the model's output.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const tf = require("@tensorflow/tfjs-core");
const { loadGraphModel } = require("@tensorflow/tfjs-converter");
const { setWasmPaths } = require("@tensorflow/tfjs-backend-wasm");

const HEADER_BYTES = 8;

/** The model's files, which are read from disk: the library would fetch them. */
function filesOf(topologyPath) {
  const { modelTopology, weightsManifest, signature } = JSON.parse(readFileSync(topologyPath, "utf8"));
  const parts = weightsManifest.flatMap((group) =>
    group.paths.map((path) => readFileSync(join(dirname(topologyPath), path))),
  );
  const bytes = Buffer.concat(parts);
  return {
    load: async () => ({
      modelTopology,
      signature,
      weightSpecs: weightsManifest.flatMap((group) => group.weights),
      weightData: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength),
    }),
  };
}

/** Reads exactly so many bytes at a time from standard input; null at its end. */
function reader() {
  const chunks = process.stdin[Symbol.asyncIterator]();
  let rest = Buffer.alloc(0);
  return async (count) => {
    const parts = [rest];
    let length = rest.length;
    while (length < count) {
      const { value, done } = await chunks.next();
      if (done) return null;
      parts.push(value);
      length += value.length;
    }
    const all = Buffer.concat(parts);
    rest = all.subarray(count);
    return all.subarray(0, count);
  };
}

const wasm = dirname(require.resolve("@tensorflow/tfjs-backend-wasm/package.json"));
setWasmPaths(join(wasm, "dist/"));
await tf.setBackend("wasm");
const model = await loadGraphModel(filesOf(process.argv[2]));
const read = reader();
for (let header = await read(HEADER_BYTES); header; header = await read(HEADER_BYTES)) {
  const height = header.readUInt32LE(0);
  const width = header.readUInt32LE(4);
  const pixels = await read(height * width * 3);
  if (!pixels) break;
  const input = tf.tensor4d(Int32Array.from(pixels), [1, height, width, 3], "int32");
  const output = await model.executeAsync(input);
  process.stdout.write(`${JSON.stringify(Array.from(await output.data()))}\n`);
  input.dispose();
  output.dispose();
}
