import { EXIT } from './io.ts';
import type { World } from './world.ts';

/** The commands: one file each, loaded when asked for. Arguments are those behind the command's name. */
const COMMANDS: Readonly<Record<string, { readonly about: string; readonly load: () => Promise<Command> }>> =
  {
    serve: {
      about: 'run a node: serve -c holdfast.yaml, or serve <origin>',
      load: async () => (await import('./serve.ts')).serve,
    },
    demo: {
      about: 'a node, an origin with images, and traffic, in one command',
      load: async () => (await import('./demo/demo.ts')).demo,
    },
    init: {
      about: 'write a commented starter file: init <origin>',
      load: async () => (await import('./init.ts')).init,
    },
    config: {
      about: 'check a configuration; print its schema or the reference',
      load: async () => (await import('./config.ts')).config,
    },
    purge: {
      about: 'forget images: by address, prefix, tag or route',
      load: async () => (await import('./purge.ts')).purge,
    },
    warm: {
      about: 'fill the cache from a list or a sitemap',
      load: async () => (await import('./warm.ts')).warm,
    },
    traffic: {
      about: 'records of traffic: import logs, look at them, take parts',
      load: async () => (await import('./traffic.ts')).traffic,
    },
    sign: {
      about: 'sign the address of an image: sign <url> -c holdfast.yaml',
      load: async () => (await import('./sign.ts')).sign,
    },
    explain: {
      about: 'why an image is served, stale or missing',
      load: async () => (await import('./explain.ts')).explain,
    },
    status: {
      about: 'a running node on one screen',
      load: async () => (await import('./status.ts')).status,
    },
    reload: {
      about: 'let a node read its configuration again',
      load: async () => (await import('./reload.ts')).reload,
    },
    simulate: {
      about: 'what configurations would have done to recorded traffic',
      load: async () => (await import('./simulate.ts')).simulate,
    },
    plan: {
      about: 'the sizes and the policy that meet a target at peak',
      load: async () => (await import('./plan.ts')).plan,
    },
    top: { about: 'what a running node does, live', load: async () => (await import('./top.ts')).top },
  };

type Command = (args: readonly string[], world: World) => Promise<number>;

/**
 * The `holdfast` command.
 *
 * @returns the exit code: 0 done, 1 refused or failed, 2 unusable arguments.
 */
export async function holdfast(args: readonly string[], world: World): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    world.out(helpText());
    return EXIT.ok;
  }
  if (name === 'version' || name === '--version' || name === '-v') {
    world.out(`holdfast ${world.version}\n`);
    return EXIT.ok;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    world.err(`holdfast: there is no command "${name}"\n\n${helpText()}`);
    return EXIT.unusable;
  }
  const run = await command.load();
  return run(rest, world);
}

function helpText(): string {
  const lines = Object.entries(COMMANDS).map(([name, { about }]) => `  holdfast ${name.padEnd(8)} ${about}`);
  return `Holdfast: an image cache that cannot be misconfigured into an outage.\n\n${lines.join('\n')}\n\nAn origin is an address (https://images.example.com), a bucket (s3://bucket/prefix) or a directory.\nEach command explains itself with --help; "holdfast --version" says which this is.\n`;
}
