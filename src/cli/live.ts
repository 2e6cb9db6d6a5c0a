import type { Snapshot } from '../monitor/snapshot.ts';
import { plainLine, renderLive, type ViewSize } from './live-view.ts';

/** Samples kept: a graph shows one column per interval between two. */
const HISTORY_SAMPLES = 61;

/** A terminal taken over for a live view; see terminal.ts. */
export interface Screen {
  size(): ViewSize;
  /** Replaces what is shown. */
  draw(lines: readonly string[]): void;
  /** Gives the terminal back as it was. Idempotent. */
  close(): void;
}

/** What a screen tells its owner. */
export interface ScreenEvents {
  /** The user wants to leave: q, Ctrl-C, or the process was asked to end. */
  onQuit(): void;
  onResize(): void;
}

export interface LiveOptions {
  /** Undefined: plain lines go to `out`. */
  readonly screen: Screen | undefined;
  readonly out: (text: string) => void;
  readonly color: boolean;
  readonly notes: readonly string[];
}

/** What `holdfast top` and `holdfast demo` show while they run: the latest minute, redrawn with every snapshot. */
export class Live {
  readonly #options: LiveOptions;
  #window: Snapshot[] = [];
  #alert: string | undefined;
  #notes: readonly string[];

  constructor(options: LiveOptions) {
    this.#options = options;
    this.#notes = options.notes;
  }

  /** Adds the newest snapshot and shows it. The history starts anew when the node did. */
  push(snapshot: Snapshot): void {
    const previous = this.#window[this.#window.length - 1];
    if (previous !== undefined && previous.startedAtMs !== snapshot.startedAtMs) this.#window = [];
    this.#window.push(snapshot);
    if (this.#window.length > HISTORY_SAMPLES) this.#window.shift();
    this.#alert = undefined;
    if (this.#options.screen === undefined) {
      this.#options.out(`${plainLine(this.#window[this.#window.length - 2], snapshot)}\n`);
    } else {
      this.redraw();
    }
  }

  /** Shows trouble above the notes until the next snapshot. Only on a screen. */
  alert(text: string): void {
    this.#alert = text;
    this.redraw();
  }

  /** Replaces the lines at the bottom. */
  notes(lines: readonly string[]): void {
    this.#notes = lines;
    this.redraw();
  }

  redraw(): void {
    const { screen, color } = this.#options;
    screen?.draw(renderLive(this.#window, screen.size(), { color, notes: this.#notes, alert: this.#alert }));
  }

  /** Gives the terminal back. */
  close(): void {
    this.#options.screen?.close();
  }
}
