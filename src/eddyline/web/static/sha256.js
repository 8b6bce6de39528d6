// SHA-256 (FIPS 180-4) over data that arrives in parts: SubtleCrypto hashes only what is in memory as a whole.

const primes = [];
for (let n = 2; primes.length < 64; n += 1) if (primes.every((p) => n % p)) primes.push(n);
const fraction = (value) => ((value - Math.floor(value)) * 2 ** 32) | 0;
const K = new Int32Array(primes.map((p) => fraction(Math.cbrt(p))));
const START = primes.slice(0, 8).map((p) => fraction(Math.sqrt(p)));
const BLOCK = 64;

export class Sha256 {
  constructor() {
    this.state = new Int32Array(START);
    this.words = new Int32Array(64);
    this.rest = new Uint8Array(BLOCK);
    this.used = 0;
    this.bytes = 0;
  }

  /** Add bytes (Uint8Array). */
  update(data) {
    this.bytes += data.length;
    let at = 0;
    if (this.used) {
      at = Math.min(BLOCK - this.used, data.length);
      this.rest.set(data.subarray(0, at), this.used);
      this.used += at;
      if (this.used < BLOCK) return this;
      this.block(this.rest, 0);
      this.used = 0;
    }
    for (; at + BLOCK <= data.length; at += BLOCK) this.block(data, at);
    this.rest.set(data.subarray(at));
    this.used = data.length - at;
    return this;
  }

  /** The hash as 64 hexadecimal digits. Nothing can be added afterwards. */
  digest() {
    const length = this.bytes;
    const padding = new Uint8Array(((this.used < 56 ? 56 : 120) - this.used) + 8);
    padding[0] = 0x80;
    const view = new DataView(padding.buffer);
    view.setUint32(padding.length - 8, Math.floor(length / 2 ** 29));
    view.setUint32(padding.length - 4, (length << 3) >>> 0);
    this.update(padding);
    return [...this.state].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }

  block(data, offset) {
    const { state, words } = this;
    for (let i = 0, at = offset; i < 16; i += 1, at += 4) {
      words[i] = (data[at] << 24) | (data[at + 1] << 16) | (data[at + 2] << 8) | data[at + 3];
    }
    for (let i = 16; i < 64; i += 1) {
      const x = words[i - 15];
      const y = words[i - 2];
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      words[i] = (words[i - 16] + s0 + words[i - 7] + s1) | 0;
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 64; i += 1) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i] + words[i]) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
  }
}
