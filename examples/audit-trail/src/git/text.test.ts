import { shown, textOf } from './text.js';

test.each([
  [Buffer.from('plain'), 'plain'],
  [Buffer.from('größe 😀'), 'größe 😀'],
  [Buffer.from('really \ufffd'), 'really \ufffd'],
  [Buffer.from('caf\xe9', 'latin1'), 'caf\udce9'],
  [Buffer.from([0xf0, 0x9f, 0x98]), '\udcf0\udc9f\udc98'],
  [Buffer.from([0xc3, 0xa9, 0xff, 0xc3, 0xa9]), 'é\udcffé'],
  [Buffer.from([0xed, 0xb3, 0xa9]), '\udced\udcb3\udca9'], // half a surrogate pair is no UTF-8
])('%p is %p', (bytes, text) => {
  expect(textOf(bytes)).toBe(text);
});

test('different bytes are different texts', () => {
  const texts = new Set<string>();
  for (let a = 0; a < 256; a++) for (let b = 0; b < 256; b++) texts.add(textOf(Buffer.from([a, b])));
  expect(texts.size).toBe(65_536);
});

test.each([
  ['plain', 'plain'],
  ['größe 😀', 'größe 😀'],
  ['two words', 'two words'],
  ['a "b"\\', '"a \\"b\\"\\\\"'],
  ['new\nline', '"new\\nline"'],
  ['\u001b[31mred\u009b', '"\\u001b[31mred\\u009b"'],
  ['caf\udce9', '"caf\\351"'],
  ['\u202etxt.exe', '"\\u202etxt.exe"'],
])('%p is shown as %s', (name, text) => {
  expect(shown(name)).toBe(text);
});
