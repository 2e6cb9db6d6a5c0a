import { openTerminal } from './terminal.ts';

// Run in a pseudo-terminal by terminal.test.ts: shows its size, and ends in the way that a key asks for.

let quits = 0;
const screen = openTerminal(process, {
  onQuit: () => {
    quits += 1;
    screen?.close();
    process.exitCode = 40 + quits;
  },
  onResize: () => draw(),
});

function draw(): void {
  const size = screen?.size();
  screen?.draw([size === undefined ? 'no screen' : `size ${size.columns}x${size.rows}`, 'second line']);
}

if (screen === undefined) process.stdout.write('no screen\n');
else {
  process.stdin.on('data', (keys: Buffer) => {
    if (keys.toString() === 'e') process.exit(3);
    if (keys.toString() === 't') throw new Error('thrown on purpose');
    if (keys.toString() === 'r') void Promise.reject(new Error('rejected on purpose'));
  });
  draw();
}
