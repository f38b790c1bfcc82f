/** JSON texts, chosen and random, that a parse and a stringify in between would change. */
import fc from 'fast-check';

const EVERY_ESCAPE = '\\u0000\\u001f\\"\\\\\\/\\b\\f\\n\\r\\t';
const UNUSUAL = '\u2028\u2029\u007f\u0085\ufeff\ue000\uffff\u{1f600}\u{10ffff}é';
const LONE_SURROGATES = '\\ud800\\udc00\\ud83d \\udfff\\ud800';

/** By what is difficult about each. */
export const DIFFICULT_TEXTS: Readonly<Record<string, string>> = {
  'white space': '{ "a" : [ 1 , 2 ] }',
  'numbers in other notations': '[1.0,1e2,-0,1E-7,12345678901234567890]',
  'the order and repetition of names': '{"b":1,"a":2,"10":3,"9":4,"b":5}',
  'names that mean something to JavaScript': '{"__proto__":{"polluted":1},"constructor":2,"toString":3}',
  escapes: `"${EVERY_ESCAPE}"`,
  'characters that need no escape': `"${UNUSUAL}"`,
  'lone surrogates as escapes': `"${LONE_SURROGATES}"`,
  'quotes of other languages': `"'; drop table logs; -- \${x} %s \\\\ $1"`,
  'one letter composed and decomposed': '["caf\u00e9","cafe\u0301"]',
  null: 'null',
  zero: '0',
  'an empty string': '""',
  false: 'false',
  'an empty object': '{}',
  'an empty array': '[]',
};

/** At least so many characters of what is difficult. */
export function difficultText(length: number): string {
  const unit = `${EVERY_ESCAPE}${UNUSUAL}${LONE_SURROGATES}`;
  return `"${unit.repeat(Math.ceil(length / unit.length))}"`;
}

const space = fc.constantFrom('', '', '', ' ', '  ');

const number = fc.oneof(
  fc.constantFrom('0', '-0', '0.0', '1.50', '1e2', '1E+2', '-1.0e-7', '1e400', '12345678901234567890'),
  fc.integer().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
);

const character = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 4 }).map(escaped) },
  { weight: 1, arbitrary: fc.constantFrom(...UNUSUAL) },
  { weight: 1, arbitrary: fc.constantFrom('\\/', '\\u0041', '\\u00E9', '\\u0000', '\\ud800', '\\"', '\\\\') },
);

const string = fc.array(character, { maxLength: 6 }).map((parts) => `"${parts.join('')}"`);

/** One line of JSON text, in any notation that JSON allows. */
export const jsonText: fc.Arbitrary<string> = fc.letrec<{ value: string; array: string; object: string }>(
  (tie) => ({
    value: fc
      .tuple(
        space,
        fc.oneof(
          { depthSize: 'small', withCrossShrink: true },
          fc.constantFrom('null', 'true', 'false'),
          number,
          string,
          tie('array'),
          tie('object'),
        ),
        space,
      )
      .map((parts) => parts.join('')),
    array: fc.array(tie('value'), { maxLength: 4 }).map((items) => `[${items.join(',')}]`),
    object: fc
      .array(fc.tuple(space, string, space, tie('value')), { maxLength: 4 })
      .map((members) => `{${members.map(([a, name, b, value]) => `${a}${name}${b}:${value}`).join(',')}}`),
  }),
).value;

function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
