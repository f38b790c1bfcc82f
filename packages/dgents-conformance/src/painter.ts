/** Colours, where they are wanted. */
export type Tone = 'good' | 'bad' | 'dim';
export type Paint = (tone: Tone, text: string) => string;

const CODES: Record<Tone, number> = { good: 32, bad: 31, dim: 2 };

export const plain: Paint = (_, text) => text;

/** Paints on a terminal, unless NO_COLOR is set to anything. */
export function painter(
  out: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
): Paint {
  const wanted = out.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  return wanted ? (tone, text) => `\u001b[${CODES[tone]}m${text}\u001b[0m` : plain;
}
