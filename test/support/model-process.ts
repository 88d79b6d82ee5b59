// Holds the model: a bad file or a bad grammar can abort the process that runs inference, so it is never the test's own.
// Arguments: the GGUF, the folder of node-llama-cpp. Speaks over IPC: see model-server.ts.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { FromModel, ToModel } from "./model-server.ts";

// The part of node-llama-cpp that is used. It weighs 700 MB with all its platforms, so it is no dependency of ours.
type Token = number & { readonly token: unique symbol };
interface Sequence {
  readonly nextTokenIndex: number;
  adaptStateToTokens(tokens: Token[], allowShift: boolean): Promise<void>;
  evaluate(tokens: Token[], options: { temperature: number; grammarEvaluationState: object }): AsyncIterable<Token>;
}
interface Model {
  tokenize(text: string): Token[];
  detokenize(tokens: Token[], special: boolean, last: Token[]): string;
  createContext(options: { contextSize: number; sequences: number; flashAttention: boolean }): Promise<{
    getSequence(): Sequence;
  }>;
}
interface Llama {
  loadModel(options: { modelPath: string }): Promise<Model>;
  createGrammar(options: { grammar: string }): Promise<object>;
  createGrammarForJsonSchema(schema: object): Promise<object>;
}
interface LlamaModule {
  getLlama: (options: { gpu: false; build: "never"; maxThreads: number; logLevel: unknown }) => Promise<Llama>;
  LlamaGrammarEvaluationState: new (options: { model: Model; grammar: object }) => object;
  LlamaLogLevel: { error: unknown };
}
const library = join(process.argv[3] ?? "", "node_modules/node-llama-cpp/dist/index.js");
const { getLlama, LlamaGrammarEvaluationState, LlamaLogLevel } = (await import(
  pathToFileURL(library).href
)) as LlamaModule;

const CONTEXT_TOKENS = 98_304;

const send = (message: FromModel): void => void process.send?.(message);

// More threads than idle cores make it a thousand times slower.
const llama = await getLlama({ gpu: false, build: "never", maxThreads: 1, logLevel: LlamaLogLevel.error });
const model = await llama.loadModel({ modelPath: process.argv[2] ?? "" });
const context = await model.createContext({ contextSize: CONTEXT_TOKENS, sequences: 1, flashAttention: true });
const sequence = context.getSequence();
const cancelled = new Set<number>();

/** Reads the prompt (what it shares with the last one is still in the context) and writes until the grammar ends. */
async function complete({
  id,
  prompt,
  grammar,
  tokens_max,
  token_ms,
}: Extract<ToModel, { type: "complete" }>): Promise<void> {
  const input = model.tokenize(prompt);
  if (input.length + tokens_max > CONTEXT_TOKENS) {
    send({ type: "overflow", id, tokens: input.length, context: CONTEXT_TOKENS });
    return;
  }
  const built =
    grammar.type === "text"
      ? await llama.createGrammar({ grammar: `root ::= ${literal(grammar.text)}` })
      : await llama.createGrammarForJsonSchema(grammar.schema as object);
  const grammarEvaluationState = new LlamaGrammarEvaluationState({ model, grammar: built });
  const last = input.at(-1);
  await sequence.adaptStateToTokens(input.slice(0, -1), false);
  const fresh = input.slice(sequence.nextTokenIndex);
  const written: Token[] = [];
  let unsent: Token[] = [];
  let finish: "stop" | "length" = "stop";
  if (last === undefined) throw new Error("an empty prompt");
  for await (const token of sequence.evaluate(fresh, { temperature: 0, grammarEvaluationState })) {
    if (cancelled.delete(id)) return;
    written.push(token);
    unsent.push(token);
    const text = model.detokenize(unsent, false, written.slice(0, -unsent.length).slice(-1));
    // A character of several bytes comes as several tokens; it is sent when it is whole.
    if (!text.endsWith("\uFFFD") || unsent.length >= 4) {
      send({ type: "text", id, text });
      unsent = [];
    }
    if (written.length >= tokens_max) {
      finish = "length";
      break;
    }
    if (token_ms > 0) await new Promise((resolve) => setTimeout(resolve, token_ms));
  }
  send({ type: "end", id, finish, input_tokens: input.length, output_tokens: written.length });
}

/** The text as a terminal of GBNF. */
function literal(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n").replaceAll("\r", "\\r").replaceAll("\t", "\\t")}"`;
}

let queue = Promise.resolve();
process.on("message", (message: ToModel) => {
  if (message.type === "cancel") {
    cancelled.add(message.id);
    return;
  }
  queue = queue
    .then(() => complete(message))
    .catch((error: unknown) => send({ type: "failed", id: message.id, message: String(error) }));
});
process.on("disconnect", () => process.exit(0));
send({ type: "ready" });
