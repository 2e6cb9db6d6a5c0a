import { type Clock, epochS } from '../../base/clock.ts';
import { parseCacheControl } from '../../http/cache-control.ts';
import { isPassing, type TransformFailure } from '../../image/failures.ts';
import type { TransformBooks } from '../../monitor/transform-books.ts';
import type { OriginExchange, OriginRequest } from '../../origin/origin.ts';
import type { Buffers } from '../../transform/buffers.ts';
import type { Transformed, Transformer, TransformTicket } from '../../transform/transform.ts';
import type { ImageRoute } from '../1-route.ts';
import type { FlightSink, SourceHead } from '../4-origin.ts';
import { TextPayload } from '../flight-body.ts';
import { isFailureCode } from '../ledger.ts';
import type { Ask, VariantAsk } from './ask.ts';
import type { VariantFailures } from './failures.ts';
import {
  describeBody,
  etagOf,
  fallbackFields,
  freshForS,
  identityOf,
  identityOfBytes,
  inheritedFields,
  mayBeImage,
  passedFields,
  shorten,
} from './fields.ts';
import { type LookUp, type Original, type OriginalAsk, openOriginal } from './original.ts';
import { Pipe } from './pipe.ts';

/** What the making of a variant needs. */
export interface MakingParts {
  readonly lookUp: LookUp;
  /** Undefined where nothing is transformed. */
  readonly transformer?: Transformer;
  /** Largest original, in bytes. */
  readonly inputBytesMax?: number;
  readonly clock: Clock;
  readonly books: TransformBooks;
  readonly failures: VariantFailures;
  readonly buffers: Buffers;
  /** Where an overlay is served; undefined for nowhere. */
  readonly overlay: (host: string, path: string) => OriginalAsk | undefined;
  /** Told of each variant that could not be made. */
  readonly onFailure?: (failure: TransformFailure, key: string) => void;
  readonly onFault: (error: unknown) => void;
}

/** What is to be made, and under which circumstances. */
export interface MakingPlan {
  readonly ask: Ask & { readonly variant: VariantAsk };
  readonly images: ImageRoute;
  readonly host: string;
  /** A stored variant answers if this fails. */
  readonly hasStandIn: boolean;
}

/**
 * The making of one variant, as the flight that waits for it sees it: an exchange that ends with a head and a body, or with one
 * failure. Head of the original, confirmation or room, its body, the overlay, the transform, the variant's head and body.
 */
export class Making implements OriginExchange {
  readonly #parts: MakingParts;
  readonly #plan: MakingPlan;
  readonly #request: OriginRequest;
  readonly #sink: FlightSink;
  #over = false;
  /** What has to be given back, whatever way it ends. */
  #abandonOriginal: (() => void) | undefined;
  #original: Original | undefined;
  #overlay: Original | undefined;
  #room: (() => void) | undefined;
  #ticket: TransformTicket | undefined;
  #pipe: Pipe | undefined;
  #isPaused = false;

  constructor(parts: MakingParts, plan: MakingPlan, request: OriginRequest, sink: FlightSink) {
    this.#parts = parts;
    this.#plan = plan;
    this.#request = request;
    this.#sink = sink;
  }

  /** Never calls the sink before it returned. */
  start(): void {
    this.#parts.clock.after(0, () => this.#guard(() => this.#begin()));
  }

  pause(): void {
    this.#isPaused = true;
    this.#pipe?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#pipe?.resume();
  }

  abort(): void {
    if (this.#over) return;
    this.#over = true;
    this.#release();
  }

  #begin(): void {
    if (this.#over) return;
    const { ask, host } = this.#plan;
    const { lookUp, clock } = this.#parts;
    const known = this.#parts.failures.of(ask.variant.key);
    // With the original as stand-in it has to be fetched in any case.
    if (known !== undefined && !this.#fallsBack(known)) {
      this.#fail(known);
      return;
    }
    const original = { route: ask.originals, host, resource: ask.resource, primary: ask.primary };
    this.#abandonOriginal = openOriginal(lookUp, original, 'original', clock.monotonicMs(), (opened) => {
      this.#abandonOriginal = undefined;
      this.#original = opened;
      if (this.#over) this.#release();
      else this.#guard(() => this.#onOriginal(opened, known));
    });
  }

  #onOriginal(original: Original, known: TransformFailure | undefined): void {
    const { cause, outcome, status, fields } = original;
    // A stale one says nothing of the origin: a stale variant, where there is one, tells the client why.
    const isLeftOver = outcome === 'stale' && this.#plan.hasStandIn;
    if ((outcome === 'failed' || isLeftOver) && isFailureCode(cause)) {
      this.#end(() => this.#sink.onFail({ code: cause, detail: 'the original was not delivered' }));
      return;
    }
    // RFC 9110 section 7.7: who says so gets what the origin sent.
    if (status !== 200 || parseCacheControl(fields.get('cache-control')).noTransform) {
      this.#passOn(original);
      return;
    }
    if (known !== undefined) {
      if (mayBeImage(fields)) this.#fallBack(original, known);
      else this.#fail(known);
      return;
    }
    const identity = identityOf(fields, original.bodyBytes);
    if (identity !== undefined && this.#isConfirmed(original, identity)) return;
    const { overlay } = this.#plan.ask.variant.variant;
    if (overlay === undefined) this.#whenRoom(original, undefined, identity);
    else this.#openOverlay(overlay.path, (opened) => this.#whenRoom(original, opened, identity));
  }

  /** An answer that nothing is to be made of, a 404 above all, is the answer for the variant as well. */
  #passOn(original: Original): void {
    const { status, bodyBytes } = original;
    const { vary } = this.#plan.ask.variant;
    const framing = bodyBytes === undefined ? 'chunked' : 'length';
    this.#emit({ status, fields: passedFields(original.fields, vary), framing, bodyBytes }, original);
  }

  /** The stored variant was made of this very original. */
  #isConfirmed(original: Original, identity: string): boolean {
    const { variant } = this.#plan.ask;
    const etag = etagOf(identity, variant.spec, false);
    if (variant.variant.overlay !== undefined || this.#request.fields.get('if-none-match') !== etag)
      return false;
    const fields = inheritedFields(original.fields, etag, variant.vary);
    this.#parts.books.ended('confirmed');
    this.#end(() => {
      this.#sink.onHead({ status: 304, fields, framing: 'none', bodyBytes: 0 });
      this.#sink.onEnd();
    });
    return true;
  }

  /** Room for both at once: one that held some and waited for more could keep all others waiting. */
  #whenRoom(original: Original, overlay: Original | undefined, identity: string | undefined): void {
    const { transformer, inputBytesMax = 0 } = this.#parts;
    const sizeOf = ({ bodyBytes }: Original): number => bodyBytes ?? Math.min(inputBytesMax, UNKNOWN_BYTES);
    const bytes = sizeOf(original);
    if (transformer === undefined) {
      this.#onFailure({ cause: 'unavailable', detail: 'this node transforms no images' });
    } else if (bytes > inputBytesMax) {
      this.#onFailure(tooManyBytes(bytes, inputBytesMax));
    } else {
      this.#room = transformer.reserve(
        overlay === undefined ? bytes : bytes + Math.min(sizeOf(overlay), inputBytesMax),
        this.#request.background === true,
        () => this.#guard(() => this.#read(original, overlay, identity)),
        (failure) => this.#guard(() => this.#onFailure(failure)),
      );
      // It may have been there, and all over, at once.
      if (this.#over) this.#release();
    }
  }

  #read(original: Original, overlay: Original | undefined, known: string | undefined): void {
    const { inputBytesMax = 0, buffers } = this.#parts;
    original.readAll(inputBytesMax, buffers, (body) =>
      this.#guard(() => {
        if (this.#over) return;
        if (body === 'too-large') {
          this.#onFailure(tooManyBytes(inputBytesMax, inputBytesMax));
          return;
        }
        if (body === undefined) {
          this.#brokeOff();
          return;
        }
        const identity = known ?? identityOfBytes(body);
        if (known === undefined && this.#isConfirmed(original, identity)) return;
        if (overlay === undefined) this.#transform(original, body, undefined, identity);
        else this.#readOverlay(original, body, overlay, identity);
      }),
    );
  }

  /** The overlay is a path of this node, fetched as any client would get it, and within what the route allows. */
  #openOverlay(path: string, then: (opened: Original) => void): void {
    const ask = this.#parts.overlay(this.#plan.host, path);
    if (ask === undefined) {
      this.#failOverlay('is served by no route');
      return;
    }
    const { lookUp, clock } = this.#parts;
    this.#abandonOriginal = openOriginal(lookUp, ask, 'overlay', clock.monotonicMs(), (opened) => {
      this.#abandonOriginal = undefined;
      this.#overlay = opened;
      if (this.#over) this.#release();
      else {
        this.#guard(() => {
          if (opened.status === 200) then(opened);
          else this.#failOverlay(`answers ${opened.status}`);
        });
      }
    });
  }

  #readOverlay(original: Original, body: Buffer, overlay: Original, identity: string): void {
    const { inputBytesMax = 0, buffers } = this.#parts;
    overlay.readAll(inputBytesMax, buffers, (bytes) =>
      this.#guard(() => {
        if (this.#over) return;
        if (bytes === undefined || bytes === 'too-large') this.#failOverlay(bytes ?? 'broke off', body);
        else this.#transform(original, body, bytes, `${identity} ${identityOfBytes(bytes)}`);
      }),
    );
  }

  #failOverlay(why: string, body?: Buffer): void {
    const { overlay } = this.#plan.ask.variant.variant;
    this.#onFailure({ cause: 'overlay', detail: `the overlay ${overlay?.path} ${why}` }, body);
  }

  #transform(original: Original, body: Buffer, overlay: Buffer | undefined, identity: string): void {
    const { ask, images } = this.#plan;
    const { variant } = ask.variant;
    const background = this.#request.background === true;
    const job = {
      original: body,
      variant,
      overlay,
      background,
      provisional: !background && images.provisional.length > 0,
    };
    this.#ticket = this.#parts.transformer!.transform(job, (result) => {
      this.#ticket = undefined;
      this.#guard(() => {
        if (result.ok) {
          this.#book(result, body.length);
          // The process has read it to its end. After a failure it may still be about to.
          if (!result.isOriginal) this.#parts.buffers.give(body);
          if (overlay !== undefined) this.#parts.buffers.give(overlay);
        }
        if (this.#over) return;
        if (result.ok) this.#onMade(original, body, result, identity);
        else this.#onFailure(result.failure, body);
      });
    });
  }

  #book(made: Transformed, originalBytes: number): void {
    const { books } = this.#parts;
    books.ended(made.isOriginal ? 'original' : made.provisional ? 'provisional' : 'made');
    books.made(made.durationMs, originalBytes, made.body.length);
  }

  #onMade(original: Original, body: Buffer, made: Transformed, identity: string): void {
    const { ask, images } = this.#plan;
    const { spec, vary } = ask.variant;
    const fields = inheritedFields(original.fields, etagOf(identity, spec, made.provisional), vary);
    describeBody(fields, made, body.length);
    const head = { status: 200, fields, framing: 'length', bodyBytes: made.body.length } as const;
    if (!made.provisional) {
      this.#emit(head, made.body);
      return;
    }
    const usableS = this.#freshForS(original);
    const lifetimeS = Math.min(images.provisionalLifetimeS, usableS);
    shorten(fields, lifetimeS);
    this.#emit({ ...head, lifetimeS, usableS }, made.body);
  }

  #freshForS({ fields }: Original): number {
    return freshForS(fields, this.#plan.ask.originals, epochS(this.#parts.clock));
  }

  /** The variant cannot be made: a stored one stands in for it, or the original, or it is an error. */
  #onFailure(failure: TransformFailure, body?: Buffer): void {
    if (this.#over) return;
    const { key } = this.#plan.ask.variant;
    const { failures, books, onFailure } = this.#parts;
    books.ended(failure.cause);
    // In the background something better was to come in the place of what is there: no reason not to make that one again.
    if (this.#request.background !== true) failures.add(key, failure);
    onFailure?.(failure, key);
    if (this.#original !== undefined && this.#fallsBack(failure) && mayBeImage(this.#original.fields))
      this.#fallBack(this.#original, failure, body);
    else this.#fail(failure);
  }

  /** What is no image is no stand-in for one. */
  #fallsBack({ cause }: TransformFailure): boolean {
    const { hasStandIn, images } = this.#plan;
    return images.onFailure === 'original' && !hasStandIn && cause !== 'not-image';
  }

  /** @param body of the original, where it has been read already. */
  #fallBack(original: Original, { cause }: TransformFailure, body?: Buffer): void {
    const { images, ask } = this.#plan;
    const code = `image-${cause}` as const;
    const lifetimeS = Math.min(images.fallbackLifetimeS, this.#freshForS(original));
    const fields = fallbackFields(original.fields, ask.variant.vary, lifetimeS, code);
    const bodyBytes = body?.length ?? original.bodyBytes;
    const framing = bodyBytes === undefined ? 'chunked' : 'length';
    this.#emit({ status: 200, fields, framing, bodyBytes, standsInFor: code }, body ?? original);
  }

  #fail({ cause, detail }: TransformFailure): void {
    const retry = isPassing(cause) ? { retryAfterS: 1 } : {};
    const failure = { code: `image-${cause}` as const, detail, ...retry };
    this.#end(() => this.#sink.onFail(failure));
  }

  #brokeOff(): void {
    this.#end(() => this.#sink.onFail({ code: 'origin-truncated', detail: 'the original broke off' }));
  }

  /** Head and body to the flight, at its pace. */
  #emit(head: SourceHead, body: Uint8Array | Original): void {
    this.#sink.onHead(head);
    if (this.#over) return;
    if (body instanceof Uint8Array) this.#release();
    const sink = {
      onData: (chunk: Uint8Array) => this.#sink.onData(chunk),
      onEnd: () => this.#end(() => this.#sink.onEnd()),
    };
    const onBroken = (): void => this.#brokeOff();
    const later = (fn: () => void): void => void this.#parts.clock.after(0, fn);
    this.#pipe =
      body instanceof Uint8Array
        ? new Pipe(new TextPayload(body), 0, undefined, sink, onBroken, later)
        : body.pipeTo(sink, onBroken, later);
    if (this.#isPaused) this.#pipe.pause();
    this.#pipe.run();
  }

  #end(last: () => void): void {
    if (this.#over) return;
    this.#over = true;
    this.#release();
    last();
  }

  #release(): void {
    this.#pipe?.stop();
    this.#ticket?.abandon();
    this.#abandonOriginal?.();
    this.#original?.close();
    this.#overlay?.close();
    this.#room?.();
    this.#room = undefined;
    this.#ticket = undefined;
    this.#abandonOriginal = undefined;
  }

  /** A fault of our own ends this one variant. */
  #guard(fn: () => void): void {
    try {
      fn();
    } catch (error) {
      this.#parts.onFault(error);
      this.#end(() => this.#sink.onFail({ code: 'internal', detail: 'a fault of our own' }));
    }
  }
}

/** Taken for an original whose length is not known. */
const UNKNOWN_BYTES = 8 * 1024 * 1024;

function tooManyBytes(bytes: number, maxBytes: number): TransformFailure {
  return {
    cause: 'too-many-bytes',
    detail: `the original has ${bytes} bytes or more, and ${maxBytes} are allowed`,
  };
}
