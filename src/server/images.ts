import type { VariantOptions } from '../serve/variants/variants.ts';
import type { StartWorker } from '../transform/process.ts';
import { createTransformer } from '../transform/transformer.ts';
import type { NodeOptions } from './node.ts';
import { rarely } from './warnings.ts';

/** What transforms images on this machine. */
export interface TransformMeans {
  readonly start: StartWorker;
  /** Transforms at a time. */
  readonly concurrency: number;
}

/** What makes the variants of a node. */
export interface Images {
  readonly options: VariantOptions;
  /** Ends what is under way, and the process. */
  close(): Promise<void>;
}

/** The process is started when the first variant is asked for. Undefined without the means. */
export function createImages({ config, clock, log, transforms }: NodeOptions): Images | undefined {
  if (transforms === undefined) return undefined;
  const { images } = config;
  const transformer = createTransformer({
    limits: {
      inputBytes: images.maxInputBytes,
      pixels: images.maxPixels,
      frames: images.maxFrames,
      outputPixels: images.maxOutputPixels,
      timeoutMs: images.timeoutMs,
      memoryBytes: images.memoryBytes,
    },
    concurrency: transforms.concurrency,
    queue: images.queue,
    clock,
    log,
    start: transforms.start,
  });
  const warn = rarely(clock, (message, facts) => log.warn(message, facts));
  let isClosing = false;
  const options: VariantOptions = {
    transformer,
    inputBytesMax: images.maxInputBytes,
    onFailure: ({ cause, detail }, key) => {
      // What is cut off by the end of the node is nobody's fault.
      if (isClosing) return;
      const facts = { cause: `image-${cause}`, detail, variant: key };
      warn(`variant ${cause}`, 'a variant could not be made', facts);
    },
  };
  return {
    options,
    close: () => {
      isClosing = true;
      return transformer.close();
    },
  };
}
