// From pixels to the network's input, bit for bit as snippets/data/image.py does it with numpy.
// `pixels`: uint8, side x side x 3; `scale` and `offset`: one float32 a channel. Returns float32, 3 x side x side.
export function preprocess(pixels, side, scale, offset) {
  const area = side * side;
  const out = new Float32Array(3 * area);
  for (let channel = 0; channel < 3; channel += 1) {
    const s = scale[channel], o = offset[channel];
    for (let i = 0; i < area; i += 1) {
      out[channel * area + i] = Math.fround(pixels[3 * i + channel] * s) - o;
    }
  }
  return out;
}
