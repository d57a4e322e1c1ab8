// Tiny ONNX models, built with protobufjs from the part of onnx.proto that they need, and what the tests use of onnxruntime-node.

import { loadPeer } from './peer';

const SCHEMA = `
syntax = "proto3";
message ModelProto { int64 ir_version = 1; GraphProto graph = 7; repeated OperatorSetIdProto opset_import = 8; }
message OperatorSetIdProto { string domain = 1; int64 version = 2; }
message GraphProto {
  repeated NodeProto node = 1; string name = 2; repeated TensorProto initializer = 5;
  repeated ValueInfoProto input = 11; repeated ValueInfoProto output = 12;
}
message NodeProto { repeated string input = 1; repeated string output = 2; string op_type = 4; repeated AttributeProto attribute = 5; }
message AttributeProto { string name = 1; int64 i = 3; repeated int64 ints = 8; int32 type = 20; }
message TensorProto { repeated int64 dims = 1; int32 data_type = 2; repeated float float_data = 4; string name = 8; }
message ValueInfoProto { string name = 1; TypeProto type = 2; }
message TypeProto { TensorTypeProto tensor_type = 1; }
message TensorTypeProto { int32 elem_type = 1; TensorShapeProto shape = 2; }
message TensorShapeProto { repeated DimensionProto dim = 1; }
message DimensionProto { int64 dim_value = 1; }
`;

const ELEMENT_TYPES = { float32: 1, uint8: 2 } as const;
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_INTS = 7;

interface Protobuf {
  parse(
    source: string,
    options: { keepCase: boolean },
  ): {
    root: { lookupType(name: string): { fromObject(value: object): object; encode(message: object): { finish(): Uint8Array } } };
  };
}

interface Value {
  readonly name: string;
  readonly type: keyof typeof ELEMENT_TYPES;
  readonly shape: readonly number[];
}

interface Node {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
}

/** A graph: its inputs and outputs, its nodes in order, and its weights (float32). */
export interface Graph {
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly nodes: readonly Node[];
  readonly weights?: readonly { readonly name: string; readonly shape: readonly number[]; readonly values: readonly number[] }[];
}

/** The bytes of an ONNX file. */
export function encodeModel(protobuf: Protobuf, graph: Graph): Uint8Array {
  const value = ({ name, type, shape }: Value) => ({
    name,
    type: {
      tensor_type: { elem_type: ELEMENT_TYPES[type], shape: { dim: shape.map((extent) => ({ dim_value: extent })) } },
    },
  });
  const attribute = ([name, given]: [string, number | readonly number[]]) =>
    typeof given === 'number' ? { name, i: given, type: ATTRIBUTE_INT } : { name, ints: given, type: ATTRIBUTE_INTS };
  const model = {
    ir_version: 8,
    opset_import: [{ domain: '', version: 13 }],
    graph: {
      name: 'tiny',
      input: graph.inputs.map(value),
      output: graph.outputs.map(value),
      node: graph.nodes.map(({ op, inputs, outputs, attributes = {} }) => ({
        op_type: op,
        input: inputs,
        output: outputs,
        attribute: Object.entries(attributes).map(attribute),
      })),
      initializer: (graph.weights ?? []).map(({ name, shape, values }) => ({
        name,
        dims: shape,
        data_type: ELEMENT_TYPES.float32,
        float_data: values,
      })),
    },
  };
  const type = protobuf.parse(SCHEMA, { keepCase: true }).root.lookupType('ModelProto');
  return type.encode(type.fromObject(model)).finish();
}

type Data = Float32Array | Uint8Array;

/** What the tests use of onnxruntime-node. */
export interface OnnxTensor {
  readonly data: Data;
  readonly dims: readonly number[];
}
export interface Session {
  run(feeds: Record<string, OnnxTensor>, fetches?: Record<string, OnnxTensor>): Promise<Record<string, OnnxTensor>>;
  release(): Promise<void>;
}
export interface OnnxRuntime {
  readonly InferenceSession: { create(model: Uint8Array, options?: object): Promise<Session> };
  readonly Tensor: new (type: 'float32' | 'uint8', data: Data, shape: readonly number[]) => OnnxTensor;
}

export interface Onnx {
  readonly runtime: OnnxRuntime;
  readonly Tensor: OnnxRuntime['Tensor'];
  /** A session on one thread: these models are too small for more. */
  session(graph: Graph): Promise<Session>;
}

/** The runtime and the encoder; null, with a printed line, when one is not installed. */
export function loadOnnx(): Onnx | null {
  const runtime = loadPeer<OnnxRuntime>('onnxruntime-node');
  const protobuf = loadPeer<Protobuf>('protobufjs');
  if (runtime === null || protobuf === null) return null;
  return {
    runtime,
    Tensor: runtime.Tensor,
    session: (graph) =>
      runtime.InferenceSession.create(encodeModel(protobuf, graph), { intraOpNumThreads: 1, interOpNumThreads: 1 }),
  };
}

/** y = x W + b, with x [4, 3], W [3, 2] and b [2]: three numbers of a row become two. */
export const LINEAR: Graph = {
  inputs: [{ name: 'x', type: 'float32', shape: [4, 3] }],
  outputs: [{ name: 'y', type: 'float32', shape: [4, 2] }],
  weights: [
    { name: 'W', shape: [3, 2], values: [1, -1, 2, 0.5, 4, 0.25] },
    { name: 'b', shape: [2], values: [100, -100] },
  ],
  nodes: [
    { op: 'MatMul', inputs: ['x', 'W'], outputs: ['xW'] },
    { op: 'Add', inputs: ['xW', 'b'], outputs: ['y'] },
  ],
};

/** LINEAR in JavaScript. */
export function linear(x: ArrayLike<number>): Float32Array {
  const y = new Float32Array(8);
  for (let row = 0; row < 4; row++) {
    const [a, b, c] = [x[3 * row], x[3 * row + 1], x[3 * row + 2]] as [number, number, number];
    y[2 * row] = a + 2 * b + 4 * c + 100;
    y[2 * row + 1] = -a + 0.5 * b + 0.25 * c - 100;
  }
  return y;
}

/** A 4 x 3 input whose results are exact in float32. */
export function observation(seed: number): Float32Array {
  return Float32Array.from({ length: 12 }, (_, i) => ((i * 5 + seed * 3) % 17) - 8);
}

/**
 * Whether the runtime takes typed arrays over shared memory here, tried with a SharedArrayBuffer of its own, no pool: null, or the
 * error it gives.
 */
export async function sharedRefusal({ Tensor }: Onnx, session: Session): Promise<Error | null> {
  const x = new Float32Array(new SharedArrayBuffer(48));
  try {
    await session.run({ x: new Tensor('float32', x, [4, 3]) });
    return null;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}
