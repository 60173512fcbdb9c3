// ask.mjs FOLDER: asks servers of models by their providers' own clients, which are in FOLDER (see
// tools/fetch-npm). Reads an order a line from its input, and prints its outcome as a line:
//
//   {"sdk": "openai" | "anthropic", "base_url", "params": what the client's method takes, "retries",
//    "way": "whole"      create(), without a stream
//           "iterated"   create() with one: {"events": [...]} as they came
//           "collected"  stream(), which puts the events together: {"answer", "told": pieces of text}
//           "tools"      the client's own loop over tools; "streamed", and "results": {name: text}:
//                        {"answer", "calls": [[name, arguments]]}}
//
// or {"error": {"classes": of the error and those that it extends, "status", "type", "code",
// "message", "request_id", "retry_after"}}.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { join } from 'node:path';

const require = createRequire(join(process.argv[2], 'package.json'));
const OpenAI = require('openai');
const Anthropic = require('@anthropic-ai/sdk');
const { betaTool } = require('@anthropic-ai/sdk/helpers/beta/json-schema');

const KEY = 'sk-test-0123456789abcdefSECRET';
const CALL_MS = 60000;

function clientOf(order) {
  const options = {
    apiKey: KEY,
    baseURL: order.base_url,
    maxRetries: order.retries ?? 0,
    timeout: CALL_MS,
    logLevel: 'off',
  };
  return order.sdk === 'openai' ? new OpenAI(options) : new Anthropic(options);
}

async function collect(events) {
  const all = [];
  for await (const event of events) all.push(event);
  return { events: all };
}

async function askOpenAI(client, order) {
  const { params, way } = order;
  const completions = client.chat.completions;
  if (way === 'whole') return { answer: await completions.create(params) };
  if (way === 'iterated') return collect(await completions.create({ ...params, stream: true }));
  const told = [];
  if (way === 'collected') {
    const stream = completions.stream(params).on('content', (piece) => told.push(piece));
    return { answer: await stream.finalChatCompletion(), told };
  }
  const calls = [];
  const tools = params.tools.map((tool) => ({
    type: 'function',
    function: {
      ...tool.function,
      parse: JSON.parse,
      function: (given) => {
        calls.push([tool.function.name, given]);
        return order.results[tool.function.name];
      },
    },
  }));
  const runner = completions.runTools({ ...params, tools, stream: order.streamed });
  return { answer: await runner.finalChatCompletion(), calls };
}

async function askAnthropic(client, order) {
  const { params, way } = order;
  if (way === 'whole') return { answer: await client.messages.create(params) };
  if (way === 'iterated') return collect(await client.messages.create({ ...params, stream: true }));
  const told = [];
  if (way === 'collected') {
    const stream = client.messages.stream(params).on('text', (piece) => told.push(piece));
    return { answer: await stream.finalMessage(), told };
  }
  const calls = [];
  const tools = params.tools.map((tool) =>
    betaTool({
      name: tool.name,
      description: tool.description,
      inputSchema: tool.input_schema,
      run: (given) => {
        calls.push([tool.name, given]);
        return order.results[tool.name];
      },
    }),
  );
  // thread: the whole conversation goes out each time, and none is kept by the server.
  const settings = { tools, stream: order.streamed, thread: false };
  const runner = client.beta.messages.toolRunner({ ...params, ...settings });
  return { answer: await runner.runUntilDone(), calls };
}

function classesOf(error) {
  const names = [];
  for (let c = error.constructor; c && c.name; c = Object.getPrototypeOf(c)) names.push(c.name);
  return names;
}

async function outcomeOf(order) {
  try {
    const client = clientOf(order);
    return await (order.sdk === 'openai' ? askOpenAI(client, order) : askAnthropic(client, order));
  } catch (error) {
    return {
      error: {
        classes: classesOf(error),
        status: error.status ?? null,
        type: error.type ?? null,
        code: error.code ?? null,
        message: String(error.message),
        request_id: error.requestID ?? null,
        retry_after: error.headers?.get('retry-after') ?? null,
      },
    };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(await outcomeOf(JSON.parse(line))) + '\n');
}
