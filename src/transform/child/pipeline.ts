import { sniff } from '../../image/sniff.ts';
import type { Variant } from '../../image/variant.ts';
import type { TransformLimits } from '../messages.ts';
import { bake, canvasOf, shownSize } from './canvas.ts';
import { CLEAR } from './colour.ts';
import { type Original, openOriginal, scaledSvg } from './decode.ts';
import { mayBeAnimated } from './format.ts';
import { boxOf, layoutOf } from './geometry.ts';
import { infoOf } from './info.ts';
import { paint } from './paint.ts';
import { asPlaceholder, hashOf, LQIP_SIDE, lqipOf, THUMB_SIDE } from './placeholder.ts';
import { failureOf, Refusal } from './refusal.ts';
import { cutAndTurned, laidFor } from './shape.ts';
import { checkLayout, type Deadline, deadlineIn, type Product, type Task } from './task.ts';
import { endsEarly } from './wholeness.ts';

/**
 * Makes a variant. Throws {@link Refusal} with the one named failure, whatever goes wrong.
 *
 * @param nowMs a clock that never goes back.
 */
export async function make(job: Omit<Task, 'deadline'>, nowMs: () => number): Promise<Product> {
  let deadline: Deadline | undefined;
  try {
    const { variant, limits } = job;
    const isAnimated = mayBeAnimated(variant);
    const opened = await openOriginal(job.bytes, isAnimated, limits);
    // Only now: until here it may have waited for a thread.
    deadline = deadlineIn(limits.timeoutMs, nowMs);
    const task: Task = { ...job, deadline };
    const original = opened.format === 'svg' ? await drawn(opened, variant, limits) : opened;
    switch (variant.output) {
      case 'json': {
        const info = await infoOf(opened, original, limits, task.deadline);
        return fact('application/json', new TextEncoder().encode(`${JSON.stringify(info)}\n`));
      }
      case 'thumbhash':
      case 'lqip':
        return await placeholder(task, original);
      default:
        return await paint(task, variant.output, original, isAnimated ? original.frames : 1);
    }
  } catch (thrown) {
    if (thrown instanceof Refusal) throw thrown;
    const { cause, detail } = failureOf(thrown, {
      endsEarly: () => endsEarly(sniff(job.bytes), job.bytes),
      isLate: () => deadline?.isOver() ?? false,
    });
    throw new Refusal(cause, detail);
  }
}

/** A drawing at the size that the variant needs, so that it is sharp there. */
async function drawn(svg: Original, variant: Variant, limits: TransformLimits): Promise<Original> {
  const cut = boxOf(variant.rect, svg.size) ?? svg.size;
  const isSmall = ['json', 'thumbhash', 'lqip'].includes(variant.output);
  const layout = layoutOf(cut, {
    ...(isSmall ? asPlaceholder(variant, THUMB_SIDE) : variant),
    enlarge: true,
  });
  checkLayout(layout, 1, limits);
  return scaledSvg(svg, layout.scaled.width / cut.width, limits);
}

async function placeholder(task: Task, original: Original): Promise<Product> {
  const { deadline, limits } = task;
  const isHash = task.variant.output === 'thumbhash';
  const variant = asPlaceholder(task.variant, isHash ? THUMB_SIDE : LQIP_SIDE);
  const canvas = await cutAndTurned(canvasOf(original, 1, limits), variant, CLEAR, deadline);
  const laid = await laidFor(canvas, variant, false, (layout) => checkLayout(layout, 1, limits), deadline);
  const small = await bake(laid.canvas, laid.layout, deadline);
  if (isHash) return fact('text/plain', new TextEncoder().encode(hashOf(small.pixels!)));
  const { made, body } = fact('image/webp', await lqipOf(small, variant.grey, deadline));
  return { body, made: { ...made, ...shownSize(small), frames: 1 } };
}

function fact(contentType: string, body: Uint8Array): Product {
  const made = { contentType, width: 0, height: 0, frames: 0, isOriginal: false, provisional: false };
  return { made, body };
}
