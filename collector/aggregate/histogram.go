package aggregate

import (
	"math"
	"slices"
)

// NativeSchema is the resolution of the native buckets: 2^3 of them between one
// power of two and the next.
const NativeSchema = 3

// Histogram counts non-negative integers in classic and native buckets.
type Histogram struct {
	Count  uint64
	Sum    float64
	Max    int64    // the largest value; meaningless while Count is 0
	Bucket []uint64 // per upper bound, not cumulated; values above the last are in none; nil while Count is 0
	Zero   uint64   // values of 0, which are in the native zero bucket
	Native []uint64 // by index of the native bucket: i has those from above 2^((i-1)/8) to 2^(i/8), up to the largest value's
}

// observe counts a value, at least 0. bounds are the upper bounds of the
// classic buckets.
func (d *Histogram) observe(v int64, bounds []int64) {
	if d.Count == 0 || v > d.Max {
		d.Max = v
	}
	d.Count++
	d.Sum += float64(v)
	if d.Bucket == nil {
		d.Bucket = make([]uint64, len(bounds))
	}
	// The number of bounds below v, without a branch that nobody can predict.
	bucket := 0
	for _, bound := range bounds {
		bucket += int(uint64(bound-v) >> 63)
	}
	if bucket < len(d.Bucket) {
		d.Bucket[bucket]++
	}
	if v == 0 {
		d.Zero++
		return
	}
	i := nativeIndex(v)
	if i >= len(d.Native) {
		d.Native = append(d.Native, make([]uint64, i+1-len(d.Native))...)
	}
	d.Native[i]++
}

// wholeBounds returns the largest whole numbers that bounds above 0 let in.
func wholeBounds(bounds []float64) []int64 {
	whole := make([]int64, len(bounds))
	for i, bound := range bounds {
		whole[i] = math.MaxInt64
		if bound < math.MaxInt64 {
			whole[i] = int64(bound)
		}
	}
	return whole
}

// add counts what other has counted, with the same bounds.
func (d *Histogram) add(other *Histogram) {
	if other.Count == 0 {
		return
	}
	if d.Count == 0 || other.Max > d.Max {
		d.Max = other.Max
	}
	d.Count += other.Count
	d.Sum += other.Sum
	d.Zero += other.Zero
	d.Bucket = addCounts(d.Bucket, other.Bucket)
	d.Native = addCounts(d.Native, other.Native)
}

func addCounts(a, b []uint64) []uint64 {
	if len(a) < len(b) {
		a = append(slices.Clip(a), make([]uint64, len(b)-len(a))...)
	}
	for i, n := range b {
		a[i] += n
	}
	return a
}

const mantissaBits = 52

// nativeMantissas are the bounds, within a power of two, of the buckets of
// NativeSchema, 2^(i/8), by the mantissas of their floating-point numbers.
var nativeMantissas = func() (m [1 << NativeSchema]uint64) {
	for i := range m {
		m[i] = math.Float64bits(math.Exp2(float64(i)/float64(len(m)))) & (1<<mantissaBits - 1)
	}
	return m
}()

// nativeIndex returns the index of the native bucket that holds v ≥ 1: the
// smallest i with v ≤ 2^(i/8).
func nativeIndex(v int64) int {
	bits := math.Float64bits(float64(v))
	i := (int(bits>>mantissaBits) - 1023) * len(nativeMantissas)
	mantissa := bits & (1<<mantissaBits - 1)
	for _, bound := range nativeMantissas {
		i += int((bound - mantissa) >> 63) // 1 if the bound is less
	}
	return i
}
